// Every text whose contrast with what is behind it is too low by WCAG 2.2 AA, in its real colours.
(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  function colour(css) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  function luminance(rgb) {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function behind(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      layers.push(found);
      if (found[3] === 1) break;
    }
    const paper = colour(getComputedStyle(document.body).backgroundColor);
    return layers.reverse().reduce((below, layer) => over(layer, below), paper);
  }
  const problems = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const isText = walker.currentNode.textContent.trim() && !element.closest('script, style, noscript, title');
    // Letters on a picture have an outline of their own.
    if (!isText || element.closest('.picture, .unseen') || !element.checkVisibility()) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const isSvg = element instanceof SVGElement;
    const back = behind(element);
    const front = over(colour(isSvg ? style.fill : style.color), back);
    const [high, low] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) {
      problems.push(`${ratio.toFixed(2)}: ${walker.currentNode.textContent.trim().slice(0, 40)}, ${element.outerHTML.slice(0, 80)}`);
    }
  }
  // Lines, markers and frames against the paper: 3 to 1.
  const paper = behind(document.body);
  for (const shape of document.querySelectorAll('.chart .point, .chart .line, .chart .bar, .chart .zero, .chart .paper')) {
    const style = getComputedStyle(shape);
    const drawn = colour(style.stroke !== 'none' && !shape.matches('.point, .bar:not(.loss)') ? style.stroke : style.fill);
    const [high, low] = [luminance(over(drawn, paper)), luminance(paper)].sort((a, b) => b - a);
    if ((high + 0.05) / (low + 0.05) < 3) problems.push(`shape: ${shape.outerHTML.slice(0, 100)}`);
  }
  return { seen, problems };
})();
