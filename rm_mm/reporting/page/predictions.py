"""Detections and segmentations of the methods, side by side on the same images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rm_mm.records import Record
from rm_mm.reporting.page.chart import section
from rm_mm.reporting.page.markup import Child, Markup, tag
from rm_mm.reporting.page.pictures import Pictures, folder_of, read_description
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.results import Column, Results

#: As the evaluation leaves, and columns that a reader can compare.
_IMAGES = 6
_METHODS = 12
_PARTS = 6

Entry = dict[str, Any]
#: What a description that is not sound raises wherever it is read.
_UNSOUND = (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError)


def predictions(results: Results, runs: Runs, pictures: Pictures) -> Markup | None:
    """The section of the predictions; None where no run has left any."""
    tables = []
    for index, column in enumerate(results.columns):
        found: dict[str, tuple[Record, dict[str, tuple[Entry, Path]]]] = {}
        for row in results.rows:
            for record in sorted(row.cells[index].records, key=lambda record: record.seed):
                if row.method in found:
                    break
                if entries := _entries(record, runs, pictures):
                    found[row.method] = (record, entries)
        if found:
            tables.append(_table(column, dict(list(found.items())[:_METHODS]), runs, pictures))
    if not tables:
        return None
    return section(
        'predictions',
        'Predictions on the same images',
        tag(
            'p',
            'The first images of the evaluation, by the best checkpoint of the first seed that '
            'has pictures.',
        ),
        tables,
    )


def _entries(record: Record, runs: Runs, pictures: Pictures) -> dict[str, tuple[Entry, Path]]:
    """Descriptions by the name of the image, with their folder."""
    folder, found = folder_of(runs.path_of(record)), {}
    for number in range(_IMAGES):
        path = folder / f'prediction_{number}.json'
        if (entry := read_description(path)) is None:
            if path.exists():
                pictures.problems[f'{path}: not understood'] = None
            continue
        if entry.get('config_sha256') != record.config_sha256:
            pictures.problems[f'{folder}: pictures of another run'] = None
            continue
        found[str(entry.get('name'))] = (entry, folder)
    return found


def _table(
    column: Column,
    found: dict[str, tuple[Record, dict[str, tuple[Entry, Path]]]],
    runs: Runs,
    pictures: Pictures,
) -> Markup:
    names = list(dict.fromkeys(name for _, entries in found.values() for name in entries))
    head = [
        tag('th', 'Truth', scope='col'),
        *(
            tag('th', runs.button([record], method, label='the run'), scope='col')
            for method, (record, _) in found.items()
        ),
    ]
    rows = []
    labels: dict[str, tuple[int, int, int]] = {}
    for name in names[:_IMAGES]:
        here = {method: entries.get(name) for method, (_, entries) in found.items()}
        some = next(entry for entry in here.values() if entry is not None)
        cells = [_drawn('truth', name, *some, pictures)]
        cells += [
            _drawn(f'predicted by {method}', name, *entry, pictures) if entry else 'not there'
            for method, entry in here.items()
        ]
        rows.append(tag('tr', [tag('td', cell) for cell in cells]))
        for entry in here.values():
            labels |= _colours(entry[0]) if entry else {}
    caption = tag('caption', f'{column.name}, {len(rows)} images. {_said(found)}')
    table = tag(
        'table', caption, tag('thead', tag('tr', head)), tag('tbody', rows), class_='sheet wide'
    )
    name = f'Predictions of {column.name}'
    box = tag('div', table, class_='scroll', tabindex='0', role='region', aria_label=name)
    return tag('div', box, _legend(labels))


def _said(found: dict[str, tuple[Record, dict[str, tuple[Entry, Path]]]]) -> str:
    entry = next(entry for _, entries in found.values() for entry, _ in entries.values())
    if entry.get('kind') == 'detection':
        return f'Boxes with a score of {entry.get("threshold")} or more.'
    return 'Share of the pixels under each picture.'


def _drawn(what: str, name: str, entry: Entry, folder: Path, pictures: Pictures) -> Child:
    """One picture with what is on it, and the same in words."""
    key = 'truth' if what == 'truth' else 'predicted'
    try:
        width, height = (float(side) for side in entry['size'])
        base = pictures.use(folder / Path(str(entry['image'])).name, width, height)
        if base is None:
            return 'not readable'
        if entry['kind'] == 'detection':
            above, words = _boxes(entry, key, max(width, height))
        else:
            above, words = _map(entry, key, folder, width, height, pictures)
    except _UNSOUND:
        pictures.problems[f'{folder}: {name} not understood'] = None
        return 'not understood'
    svg = tag(
        'svg', base, above, viewBox=f'0 0 {width:g} {height:g}', role='img', class_='picture',
        aria_label=f'{name}, {what}: {"; ".join(words) or "nothing"}',
    )  # fmt: skip
    more = f' and {len(words) - _PARTS} more' if len(words) > _PARTS else ''
    return [svg, tag('p', ', '.join(words[:_PARTS]) + more or 'nothing', class_='under')]


def _boxes(entry: Entry, key: str, side: float) -> tuple[list[Markup], list[str]]:
    drawn, words = [], []
    for label, box, *score in entry[key]:
        x1, y1, x2, y2 = (float(edge) for edge in box)
        text = str(entry['classes'][int(label)]) + ''.join(f' {float(s):.2f}' for s in score)
        drawn += [
            tag('rect', x=x1, y=y1, width=x2 - x1, height=y2 - y1, class_=look)
            for look in ('halo', f'frame {key}')
        ]
        drawn.append(
            tag('text', text, x=x1 + side / 100, y=max(y1, side / 20) - side / 100,
                font_size=side / 20, class_='name')
        )  # fmt: skip
        words.append(text)
    return drawn, words


def _map(
    entry: Entry, key: str, folder: Path, width: float, height: float, pictures: Pictures
) -> tuple[list[Markup], list[str]]:
    if key not in entry:
        return [], ['the evaluation does not load it']
    painted = pictures.use(folder / Path(str(entry[key])).name, width, height, 'map')
    words = [
        f'{entry["classes"][int(label)]} {float(share):.0f} %'
        for label, share in entry[f'{key}_percent']
        if float(share) >= 0.5
    ]
    return [painted] if painted else [], words


def _colours(entry: Entry) -> dict[str, tuple[int, int, int]]:
    """Classes that occur, with their colours; none of a description that is not sound."""
    try:
        return _sound_colours(entry)
    except _UNSOUND:
        return {}


def _sound_colours(entry: Entry) -> dict[str, tuple[int, int, int]]:
    if entry.get('kind') != 'segmentation':
        return {}
    found = {}
    for key in ('truth_percent', 'predicted_percent'):
        for label, share in entry.get(key, []):
            palette = entry.get('palette', [])
            if int(label) < len(palette) and float(share) >= 0.5:
                red, green, blue = (int(channel) & 255 for channel in palette[int(label)])
                if red or green or blue:
                    found[str(entry['classes'][int(label)])] = (red, green, blue)
    return found


def _legend(labels: dict[str, tuple[int, int, int]]) -> Markup | None:
    if not labels:
        return None
    entries = [
        tag(
            'li',
            tag('svg', tag('rect', width='14', height='14', fill=f'rgb({",".join(map(str, c))})'),
                viewBox='0 0 14 14', width='14', height='14', class_='key', aria_hidden='true'),
            tag('span', name),
        )
        for name, c in labels.items()
    ]  # fmt: skip
    return tag('ul', entries, class_='legend', aria_label='Classes')
