"""The page: one HTML file that loads nothing from the network."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from rm_mm.records import Record
from rm_mm.reporting.page import panel
from rm_mm.reporting.page.curves import curves
from rm_mm.reporting.page.gains import CLASS_NAME, CLASS_ROW, GAP, NAME, ROW, classes, forest
from rm_mm.reporting.page.pictures import Pictures
from rm_mm.reporting.page.prediction import scatter
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.page.samples import mixed_images, predictions
from rm_mm.reporting.results import Results
from rm_mm.reporting.table import gain_text, mean_text
from rm_mm.reporting.verdict import Kind

#: Sections in order: name in the contents, and why it can be missing; empty if it never is.
_SECTIONS = {
    'results': ('Results', ''),
    'curves': ('Curves', ''),
    'gains': ('Gains', 'no method has a baseline to compare with'),
    'prediction': ('Prediction', 'no pretraining run together with its transfer'),
    'classes': ('Classes', 'no record has figures of classes on both sides'),
    'mixed': ('Mixed images', 'no pictures of training'),
    'predictions': ('Pictures', 'no pictures of predictions'),
    'runs-list': ('Runs', ''),
}
#: Shape of each kind of verdict, and its words in the headline, which lists them in this order.
_VERDICTS: dict[Kind, tuple[str, str]] = {
    'reproduced': ('\N{CHECK MARK}', 'reproduced'),
    'better': ('\N{BLACK UP-POINTING TRIANGLE}', 'significantly better than the baseline'),
    'worse': ('\N{BLACK DOWN-POINTING TRIANGLE}', 'significantly worse than the baseline'),
    'insignificant': ('\N{ALMOST EQUAL TO}', 'not significant'),
    'off': ('\N{BALLOT X}', 'off'),
    'silent': ('\N{WHITE CIRCLE}', 'without a claim'),
    'unpublished': ('\N{WHITE CIRCLE}', 'with nothing to compare with'),
    'absent': ('\N{EN DASH}', 'not run'),
}
#: Most names listed in the headline.
_NAMES = 8


def to_page(results: Results, notes: Sequence[str], located: Sequence[tuple[Path, Record]]) -> str:
    """The page of some results, with the notes of their table.

    ``located`` holds the records, each with its file; pictures are looked for next to it.
    """
    records = [record for _, record in located]
    runs, pictures = Runs(located), Pictures()
    methods = list(dict.fromkeys(row.method for row in results.rows))
    looks = panel.looks(methods)
    points, paired = scatter(results, records, looks)
    content: dict[str, Any] = {
        'results': [(k, list(rows)) for k, rows in groupby(results.rows, key=lambda r: r.setting)],
        'curves': curves(results, looks),
        'gains': forest(results, looks),
        'prediction': points,
        'classes': classes(results, looks),
        'mixed': mixed_images(records, runs, pictures),
        'predictions': predictions(results, runs, pictures),
        'runs-list': records,
    }
    present = [key for key, (_, why) in _SECTIONS.items() if content[key] or not why]
    missing = [
        f'{title}: left out, {why}.'
        for key, (title, why) in _SECTIONS.items()
        if key not in present
    ]
    style, script = (_read(name) for name in ('style.css', 'page.js'))
    environment = _environment(runs, looks)
    page = environment.get_template('page.html').render(
        style=style,
        script=script,
        # Only what this file contains may be loaded or run.
        policy=(
            f"default-src 'none'; img-src data:; style-src {_digest(style)}; "
            f"script-src {_digest(script)}; base-uri 'none'; form-action 'none'"
        ),
        titles={key: _SECTIONS[key][0] for key in present},
        missing=missing + list(pictures.problems),
        answer=answer(results, sorted({record.seed for record in records})),
        facts=_facts(results, records, methods),
        results=results,
        notes=notes,
        methods=methods,
        paired=paired,
        content=content,
        symbols={key: url for key, url in pictures.symbols.items() if url},
    )
    # Paths that are not UTF-8 hold surrogates, which no file can.
    return page.encode('utf-8', 'backslashreplace').decode('utf-8') + '\n'


def _environment(runs: Runs, looks: dict[str, panel.Look]) -> Environment:
    """Templates of this folder. Floats in them are coordinates."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_coordinate,
    )
    environment.globals |= {
        'runs': runs,
        'looks': looks,
        'verdicts': {kind: shape for kind, (shape, _) in _VERDICTS.items()},
        'mean': mean_text,
        'signed': panel.signed,
        'gain': lambda *cell: gain_text(*cell).replace('-', '\N{MINUS SIGN}'),
        'zip': zip,
        'size': {
            'width': panel.WIDTH, 'left': panel.LEFT, 'right': panel.WIDTH - panel.RIGHT,
            'top': panel.TOP, 'bottom': panel.BOTTOM, 'row': ROW, 'name': NAME,
            'class_row': CLASS_ROW, 'gap': GAP, 'class_name': CLASS_NAME,
        },
    }  # fmt: skip
    return environment


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding='utf-8')


def _coordinate(value: Any) -> Any:
    """A float as text: a tenth of a pixel is enough, and there is no ``-0``."""
    if not isinstance(value, float):
        return value
    return f'{value:.1f}'.removesuffix('.0').replace('-0', '0', 1 if value > -0.05 else 0)


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')
    return f"'sha256-{digest}'"


def _facts(results: Results, records: Sequence[Record], methods: Sequence[str]) -> dict[str, str]:
    """What was compared, for the head of the page."""
    return {
        'Methods': _listed(methods),
        'On': _listed([column.name or column.task for column in results.columns]),
        'Seeds': _listed([str(seed) for seed in sorted({record.seed for record in records})]),
        'Runs': str(len(records)),
        'Settings': _listed(results.settings),
    }


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    shown = ', '.join(names[:_NAMES])
    return f'{shown} and {more} more' if more > 0 else shown


def answer(results: Results, seeds: Sequence[int]) -> str:
    """The result in one sentence, counted from the verdicts."""
    cells = [cell for row in results.rows for cell in row.cells]
    ran = sum(bool(cell.records) for cell in cells)
    if not results.judged:
        return (
            f'{ran} of {len(cells)} cells were run with one seed ({seeds[0]}), and nothing is '
            'published to compare with: the figures stand, and no claim is made.'
        )
    counts = Counter(v.kind for row in results.rows for v in row.verdicts if v.text)
    found = [f'{counts[kind]} {words}' for kind, (_, words) in _VERDICTS.items() if counts[kind]]
    against = 'against the paper' if results.published else 'against the baseline'
    if not found:
        return f'{ran} of {len(cells)} cells were run; there is nothing to judge {against}.'
    *first, last = found
    listed = f'{", ".join(first)} and {last}' if first else last
    return f'Of {len(cells)} cells, judged {against}: {listed}.'
