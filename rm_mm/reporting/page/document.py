"""The whole page, in one file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rm_mm.records import Record
from rm_mm.reporting.page.chart import plain_table, section
from rm_mm.reporting.page.classes import classes
from rm_mm.reporting.page.curves import curves
from rm_mm.reporting.page.forest import forest
from rm_mm.reporting.page.headline import headline
from rm_mm.reporting.page.look import looks
from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.page.mixed import mixed_images
from rm_mm.reporting.page.pictures import Pictures
from rm_mm.reporting.page.predictions import predictions
from rm_mm.reporting.page.results_table import results_table
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.page.scatter import scatter
from rm_mm.reporting.results import Results

#: Sections, what the contents call them, and why one is not there.
_SECTIONS = {
    'results': ('Results', ''),
    'curves': ('Curves', ''),
    'gains': ('Gains', 'no method has a baseline beside it'),
    'prediction': ('Prediction', 'no pretraining beside its transfer'),
    'classes': ('Classes', 'no record has figures of classes on both sides'),
    'mixed': ('Mixed images', 'no pictures of training'),
    'predictions': ('Pictures', 'no pictures of predictions'),
    'runs-list': ('Runs', ''),
}


def to_page(results: Results, notes: list[str], found: Sequence[tuple[Path, Record]]) -> str:
    """The page of some records.

    Args:
        results: Arranged and judged.
        notes: What a reader of the table has to know.
        found: The records, and where each was read from; pictures lie beside them.
    """
    records = [record for _, record in found]
    runs, pictures = Runs(found), Pictures()
    known = looks(list(dict.fromkeys(row.method for row in results.rows)))
    sections = {
        'results': results_table(results, notes, runs, known),
        'curves': curves(results, runs, known),
        'gains': forest(results, runs, known),
        'prediction': scatter(results, records, runs, known),
        'classes': classes(results, runs, known),
        'mixed': mixed_images(records, runs, pictures),
        'predictions': predictions(results, runs, pictures),
        'runs-list': _runs_list(records, runs),
    }
    body = [
        tag('a', 'Skip to the results', href='#results', class_='skip'),
        headline(results, records),
        _contents({key: part for key, part in sections.items() if part is not None}),
        tag('main', list(sections.values()), _left_out(sections, pictures), id='main'),
        tag('footer', tag('p', 'Made by rm-mm report from the records that each figure leads to.')),
        _panel(),
        pictures.symbols(),
        runs.data(),
    ]
    return _whole(body)


def _contents(sections: dict[str, Markup]) -> Markup:
    links = [tag('li', tag('a', _SECTIONS[key][0], href=f'#{key}')) for key in sections]
    return tag('nav', tag('ul', links), aria_label='Contents')


def _left_out(sections: dict[str, Markup | None], pictures: Pictures) -> Markup | None:
    """A word about what is not on the page."""
    said = [
        f'{_SECTIONS[key][0]}: left out, {_SECTIONS[key][1]}.'
        for key, part in sections.items()
        if part is None
    ]
    said += pictures.problems
    if not said:
        return None
    return section('left-out', 'Not on this page', tag('ul', [tag('li', word) for word in said]))


def _runs_list(records: Sequence[Record], runs: Runs) -> Markup:
    header = ['Run', 'Method', 'Task', 'Seed', 'Best', 'Last', 'Config SHA-256']
    rows = [
        [
            runs.button([record], runs.path_of(record).stem, label='all of the run'),
            record.method,
            record.column or record.task,
            str(record.seed),
            f'{record.best:g}',
            f'{record.last:g}',
            record.config_sha256[:12],
        ]
        for record in records
    ]
    table = tag(
        'details',
        tag('summary', f'All {len(records)} runs'),
        plain_table('Runs', header, rows, text_columns=3),
    )
    return section('runs-list', 'Runs', table)


def _panel() -> Markup:
    """What shows where a figure comes from; filled by the script."""
    close = tag('button', 'Close', type='button', id='panel-close')
    title = tag('h2', 'Where this comes from', id='panel-title', tabindex='-1')
    head = tag('div', title, close, class_='panel-head')
    box = tag('div', '', id='panel-content', tabindex='0', role='region', aria_label='Runs')
    dialog = tag('dialog', head, box, id='panel', aria_labelledby='panel-title')
    hint = tag('div', '', id='hint', role='tooltip', hidden=True)
    without = tag(
        'noscript',
        tag('p', 'Without scripts the figures do not lead to their runs; the records are the files '
            'listed under Runs.'),
    )  # fmt: skip
    return Markup(dialog + hint + without)


def _whole(body: Sequence[Markup | None]) -> str:
    style, script = (
        files(__package__).joinpath(name).read_text(encoding='utf-8')
        for name in ('style.css', 'page.js')
    )
    # Nothing but what is in this file: no address is ever asked.
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; "
        f"script-src {_digest(script)}; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        'head',
        tag('meta', charset='utf-8'),
        tag('meta', http_equiv='Content-Security-Policy', content=policy),
        tag('meta', name_='viewport', content='width=device-width, initial-scale=1'),
        tag('meta', name_='color-scheme', content='light dark'),
        tag('meta', name_='referrer', content='no-referrer'),
        tag('title', 'Does it transfer? rm_mm'),
        tag('link', rel='icon', href='data:,'),
        tag('style', Markup(style)),
    )
    page = tag('html', head, tag('body', body, tag('script', Markup(script))), lang='en')
    # A path of other bytes than UTF-8 comes with halves of characters, which no file holds.
    return f'<!doctype html>\n{page}\n'.encode('utf-8', 'backslashreplace').decode('utf-8')


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')
    return f"'sha256-{digest}'"
