"""Sample images: the first mixed batches of training, and predictions on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rm_mm.records import Record
from rm_mm.reporting.page.pictures import Pictures, folder_of, read_description
from rm_mm.reporting.page.runs import Runs
from rm_mm.reporting.results import Column, Results

#: Most images of the evaluation, methods side by side, and labels below an image.
_IMAGES = 6
_METHODS = 12
_LABELS = 6
#: What reading a malformed description raises.
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError)

#: Description of a picture, as the suite writes it.
Entry = dict[str, Any]
Head = tuple[str, str, list[Record]]
#: Run of each method, with the description and folder of each of its predictions by image.
_Found = dict[str, tuple[Record, dict[str, tuple[Entry, Path]]]]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the image, with a label; ``font`` is the height of its text."""

    x: float
    y: float
    width: float
    height: float
    label: str = ''
    font: float = 0.0


@dataclass(frozen=True)
class Drawing:
    """An image with what is drawn on it.

    Attributes:
        key: Picture of the page.
        width: In pixels.
        height: In pixels.
        label: Description for screen readers.
        boxes: Rectangles over the image.
        look: CSS class of the boxes.
        overlay: Second picture over the first; empty if there is none.
        words: Text below the image; None for no text.
    """

    key: str
    width: float
    height: float
    label: str
    boxes: list[Box] = field(default_factory=list)
    look: str = 'frame'
    overlay: str = ''
    words: str | None = None


@dataclass(frozen=True)
class Sheet:
    """Images side by side.

    Attributes:
        label: Description for screen readers.
        caption: Text above the images.
        heads: Heading of each column, text below it, and the runs it leads to.
        rows: Images; text where one cannot be shown.
        record: The run of all images, if it is a single one.
        legend: Colours of classes.
    """

    label: str
    caption: str
    heads: list[Head]
    rows: list[list[Drawing | str]]
    record: Record | None = None
    legend: dict[str, str] = field(default_factory=dict)


def mixed_images(records: Sequence[Record], runs: Runs, pictures: Pictures) -> list[Sheet]:
    """The contact sheet of each method, from its first seed that has one."""
    sheets: dict[str, Sheet] = {}
    for record in sorted(records, key=lambda record: record.seed):
        if record.task != 'classification' or record.method in sheets:
            continue
        folder = folder_of(runs.path_of(record))
        if (description := read_description(folder / 'mixed.json')) is None:
            continue
        if description.get('config_sha256') != record.config_sha256:
            pictures.report(f'{folder}: pictures of another run')
            continue
        try:
            sheets[record.method] = _sheet(record, description['steps'], folder, pictures)
        except _MALFORMED:
            pictures.report(f'{folder / "mixed.json"}: not understood')
    return list(sheets.values())


def _sheet(record: Record, steps: list[Entry], folder: Path, pictures: Pictures) -> Sheet:
    positions = range(max(len(step['images']) for step in steps))
    heads: list[Head] = [
        (f'Iteration {int(step["step"])}', f'lam {float(step["lam"]):.2f}', []) for step in steps
    ]
    rows = [[_mixed(step, position, folder, pictures) for step in steps] for position in positions]
    label, caption = f'Mixed images of {record.method}', f'{record.method}, seed {record.seed}'
    return Sheet(label, caption, heads, rows, record)


def _mixed(step: Entry, position: int, folder: Path, pictures: Pictures) -> Drawing | str:
    if position >= len(step['images']):
        return '\N{EN DASH}'
    width, height = (float(side) for side in step['size'])
    if (key := _add(folder, step['images'][position], pictures)) is None:
        return 'not readable'
    x1, y1, x2, y2 = (float(edge) for edge in step['box_xyxy'])
    pasted = x2 > x1 and y2 > y1 and position < int(step['rows'])
    words = f'pasted at x {x1:g} to {x2:g}, y {y1:g} to {y2:g}' if pasted else 'nothing pasted'
    number, lam = int(step['step']), float(step['lam'])
    label = f'Image {position + 1}, iteration {number}: {words}, lam {lam:.2f}'
    boxes = [Box(x1, y1, x2 - x1, y2 - y1)] if pasted else []
    return Drawing(key, width, height, label, boxes)


def _add(folder: Path, name: object, pictures: Pictures) -> str | None:
    """Add a picture by its name, so that nothing outside the folder is read."""
    return pictures.add(folder / Path(str(name)).name)


def predictions(results: Results, runs: Runs, pictures: Pictures) -> list[Sheet]:
    """A sheet for each column in which a run left predictions."""
    sheets = []
    for index, column in enumerate(results.columns):
        found: _Found = {}
        for row in results.rows:
            for record in sorted(row.cells[index].records, key=lambda record: record.seed):
                if row.method in found:
                    break
                if entries := _entries(record, runs, pictures):
                    found[row.method] = (record, entries)
        if found:
            sheets.append(_comparison(column, dict(list(found.items())[:_METHODS]), pictures))
    return sheets


def _entries(record: Record, runs: Runs, pictures: Pictures) -> dict[str, tuple[Entry, Path]]:
    """Description and folder of each prediction of a run, by the name of the image."""
    folder, found = folder_of(runs.path_of(record)), {}
    if not folder.is_dir():
        return {}
    for number in range(_IMAGES):
        path = folder / f'prediction_{number}.json'
        if (entry := read_description(path)) is None:
            if path.exists():
                pictures.report(f'{path}: not understood')
        elif entry.get('config_sha256') != record.config_sha256:
            pictures.report(f'{folder}: pictures of another run')
        else:
            found[str(entry.get('name'))] = (entry, folder)
    return found


def _comparison(column: Column, found: _Found, pictures: Pictures) -> Sheet:
    names = dict.fromkeys(name for _, entries in found.values() for name in entries)
    rows, legend = [], dict[str, str]()
    for name in list(names)[:_IMAGES]:
        here = {method: entries.get(name) for method, (_, entries) in found.items()}
        first = next(entry for entry in here.values() if entry is not None)
        row = [_drawing('truth', name, *first, pictures)]
        for method, entry in here.items():
            what = f'predicted by {method}'
            row.append(_drawing(what, name, *entry, pictures) if entry else 'not there')
            legend |= _colours(entry[0]) if entry else {}
        rows.append(row)
    some, _ = next(entry for _, entries in found.values() for entry in entries.values())
    caption = 'Share of the pixels under each picture.'
    if some.get('kind') == 'detection':
        caption = f'Boxes with a score of {some.get("threshold")} or more.'
    caption = f'{column.name}, {len(rows)} images. {caption}'
    runs = [(method, '', [record]) for method, (record, _) in found.items()]
    heads: list[Head] = [('Truth', '', []), *runs]
    return Sheet(f'Predictions of {column.name}', caption, heads, rows, legend=legend)


def _drawing(what: str, name: str, entry: Entry, folder: Path, pictures: Pictures) -> Drawing | str:
    """One image with its boxes or map, and the same in words."""
    source = 'truth' if what == 'truth' else 'predicted'
    boxes, words, overlay = [], [], None
    try:
        width, height = (float(side) for side in entry['size'])
        if (key := _add(folder, entry['image'], pictures)) is None:
            return 'not readable'
        if entry['kind'] == 'detection':
            boxes = _boxes(entry, source, max(width, height))
            words = [box.label for box in boxes]
        elif source in entry:
            overlay = _add(folder, entry[source], pictures)
            words = [
                f'{entry["classes"][int(label)]} {float(share):.0f} %'
                for label, share in entry[f'{source}_percent']
                if float(share) >= 0.5
            ]
        else:
            words = ['the evaluation does not load it']
    except _MALFORMED:
        pictures.report(f'{folder}: {name} not understood')
        return 'not understood'
    more = f' and {len(words) - _LABELS} more' if len(words) > _LABELS else ''
    return Drawing(
        key, width, height, f'{name}, {what}: {"; ".join(words) or "nothing"}', boxes,
        f'frame {source}', overlay or '', ', '.join(words[:_LABELS]) + more or 'nothing',
    )  # fmt: skip


def _boxes(entry: Entry, source: str, side: float) -> list[Box]:
    found = []
    for label, box, *score in entry[source]:
        x1, y1, x2, y2 = (float(edge) for edge in box)
        text = str(entry['classes'][int(label)]) + ''.join(f' {float(s):.2f}' for s in score)
        found.append(Box(x1, y1, x2 - x1, y2 - y1, text, side / 20))
    return found


def _colours(entry: Entry) -> dict[str, str]:
    """Colours of the classes that occur in a map; none if its description is malformed."""
    if entry.get('kind') != 'segmentation':
        return {}
    found = {}
    try:
        palette = entry.get('palette', [])
        for label, share in (*entry.get('truth_percent', []), *entry.get('predicted_percent', [])):
            if int(label) < len(palette) and float(share) >= 0.5:
                red, green, blue = (int(channel) & 255 for channel in palette[int(label)])
                if red or green or blue:
                    found[str(entry['classes'][int(label)])] = f'rgb({red},{green},{blue})'
    except _MALFORMED:
        return {}
    return found
