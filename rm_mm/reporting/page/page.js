'use strict';
(() => {
  const data = JSON.parse(document.getElementById('runs').textContent);
  const panel = document.getElementById('panel');
  const content = document.getElementById('panel-content');
  const hint = document.getElementById('hint');
  let from = null;

  const runsOf = (mark) => mark.dataset.runs.split(' ').map((number) => data.runs[Number(number)]);
  const markOf = (event) => event.target.closest ? event.target.closest('[data-runs]') : null;

  // Text only: no name can become markup.
  function make(name, text, ...children) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    made.append(...children);
    return made;
  }
  const shown = (value) =>
    value === null ? '—' : typeof value === 'string' ? value : JSON.stringify(value);

  function list(values) {
    const made = make('dl');
    for (const [name, value] of Object.entries(values)) {
      made.append(make('dt', name), make('dd', shown(value)));
    }
    return made;
  }

  function difference(diff) {
    if (diff === null) return make('p', 'Unknown: the record has an earlier schema, or was made from a log.');
    const keys = Object.keys(diff);
    if (!keys.length) return make('p', 'None: this is the recipe.');
    const table = make('table');
    const head = make('tr');
    for (const name of ['Key', 'Recipe', 'This run']) {
      const cell = make('th', name);
      cell.scope = 'col';
      head.append(cell);
    }
    const body = make('tbody');
    for (const key of keys) {
      const name = make('th', key);
      name.scope = 'row';
      body.append(make('tr', null, name, ...diff[key].map((value) => make('td', shown(value)))));
    }
    table.append(make('thead', null, head), body);
    return table;
  }

  function folded(title, made) {
    return make('details', null, make('summary', title), made);
  }

  function article(run) {
    const made = make('article', null, make('h3', run.is.Record), list(run.is));
    made.append(make('h4', 'Config: differences from the recipe'), difference(data.shared[run.diff]));
    made.append(folded('Environment', list(data.shared[run.env])));
    return made;
  }

  function open(mark) {
    const runs = runsOf(mark);
    from = mark;
    hide();
    content.replaceChildren(
      make('p', mark.getAttribute('aria-label') || mark.textContent),
      ...(runs.length > 1
        ? runs.map((run) => folded(`${run.is.Method}, seed ${run.is.Seed}: ${run.is.Best}`, article(run)))
        : runs.map(article)),
    );
    panel.showModal();
    content.scrollTop = 0;
  }

  function tell(mark, x, y) {
    const runs = runsOf(mark);
    const lines = runs.slice(0, 4).map((run) => `${run.is.Record}, seed ${run.is.Seed}, best ${run.is.Best}`);
    if (runs.length > 4) lines.push(`and ${runs.length - 4} more`);
    const label = mark.getAttribute('aria-label');
    hint.textContent = [...(label ? [label] : []), ...lines].join('\n');
    hint.hidden = false;
    const box = hint.getBoundingClientRect();
    hint.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
    hint.style.top = `${y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18}px`;
  }
  function hide() { hint.hidden = true; }

  document.addEventListener('click', (event) => {
    const mark = markOf(event);
    if (mark) open(mark);
    else if (event.target === panel) panel.close();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide();
    const mark = markOf(event);
    // HTML buttons turn these keys into clicks themselves.
    if (mark && mark.tagName !== 'BUTTON' && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      open(mark);
    }
  });
  document.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'touch' || panel.open) return;
    const mark = markOf(event);
    if (mark) tell(mark, event.clientX, event.clientY); else hide();
  });
  document.addEventListener('focusin', (event) => {
    const mark = markOf(event);
    if (!mark || panel.open || !mark.matches(':focus-visible')) return hide();
    const box = mark.getBoundingClientRect();
    tell(mark, box.left, Math.min(box.bottom, innerHeight) - 8);
  });
  document.addEventListener('focusout', hide);
  document.getElementById('panel-close').addEventListener('click', () => panel.close());
  panel.addEventListener('close', () => { if (from) from.focus(); });
})();
