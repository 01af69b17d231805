// What a checker of accessibility looks for, as far as a page says it itself: a list of problems.
(() => {
  const problems = [];
  const say = (what, element) => problems.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
  const all = (selector) => [...document.querySelectorAll(selector)];

  const ids = all('[id]').map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) problems.push(`id twice: ${id}`);
  if (!document.documentElement.lang) problems.push('no language');
  if (!document.title) problems.push('no title');
  for (const name of ['main', 'body > header', 'nav', 'footer', 'h1']) {
    if (all(name).length !== 1) problems.push(`expected one ${name}, found ${all(name).length}`);
  }
  let level = 0;
  for (const heading of all('h1, h2, h3, h4')) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) say('a level of headings is skipped', heading);
    if (!heading.textContent.trim()) say('an empty heading', heading);
    level = own;
  }
  for (const table of all('table')) if (!table.querySelector('caption')) say('no caption', table);
  for (const cell of all('th')) if (!cell.scope) say('no scope', cell);
  for (const image of all('img')) if (!image.hasAttribute('alt')) say('no alt', image);
  for (const svg of all('svg')) {
    if (svg.getAttribute('aria-hidden') === 'true') continue;
    const role = svg.getAttribute('role');
    if (!['img', 'group'].includes(role)) say('no role', svg);
    if (!svg.getAttribute('aria-label')) say('no name', svg);
    // What is inside of an image is not told to anybody.
    if (role === 'img' && svg.querySelector('[tabindex], a, button')) say('something to reach in an image', svg);
  }
  for (const element of all('button, a, [role=button], [role=region], [tabindex="0"], summary')) {
    const label = element.getAttribute('aria-label') || element.textContent.trim();
    if (!label) say('no name', element);
  }
  for (const button of all('button, a')) {
    if (button.querySelector('button, a, [tabindex]') || button.parentElement.closest('button, a, [role=button]')) {
      say('one inside another', button);
    }
  }
  for (const element of all('[tabindex]')) if (element.tabIndex > 0) say('an order of its own', element);
  for (const name of ['aria-labelledby', 'aria-describedby']) {
    for (const element of all(`[${name}]`)) {
      if (!document.getElementById(element.getAttribute(name))) say(`${name} of nothing`, element);
    }
  }
  for (const link of all('a, use')) {
    const to = link.getAttribute('href');
    if (!to.startsWith('#') || !document.getElementById(to.slice(1))) say('leads nowhere', link);
  }
  for (const list of all('ul, ol')) {
    for (const child of list.children) if (child.tagName !== 'LI') say('no item of a list', child);
  }
  for (const wide of all('.scroll')) if (wide.tabIndex !== 0) say('scrolls for mice alone', wide);
  for (const styled of all('[style], [onclick], [onload], [onerror]')) {
    // The script moves the hint.
    if (styled.id !== 'hint') say('style or script in an attribute', styled);
  }
  return problems;
})();
