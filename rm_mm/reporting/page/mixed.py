"""The contact sheet: mixed training images over the first steps of the recursion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rm_mm.records import Record
from rm_mm.reporting.page.chart import section
from rm_mm.reporting.page.markup import Markup, tag
from rm_mm.reporting.page.pictures import Pictures, folder_of, read_description
from rm_mm.reporting.page.runs import Runs


def mixed_images(records: Sequence[Record], runs: Runs, pictures: Pictures) -> Markup | None:
    """The section of the contact sheets, one a method, of its first seed; None if there is none."""
    sheets, shown = [], set()
    for record in sorted(records, key=lambda record: record.seed):
        folder = folder_of(runs.path_of(record))
        description = read_description(folder / 'mixed.json')
        if description is None or record.method in shown or record.task != 'classification':
            continue
        if description.get('config_sha256') != record.config_sha256:
            pictures.problems[f'{folder}: pictures of another run'] = None
            continue
        try:
            sheets.append(_sheet(record, description['steps'], folder, runs, pictures))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
            pictures.problems[f'{folder / "mixed.json"}: not understood'] = None
            continue
        shown.add(record.method)
    if not sheets:
        return None
    return section(
        'mixed',
        'Mixed training images',
        tag('p', 'The first iterations of training, the same positions of the batch each time: '
            'the frame is where the previous, already mixed image was pasted, and lam is the '
            'fraction of the current image that is still visible.'),
        sheets,
    )  # fmt: skip


def _sheet(
    record: Record, steps: list[dict[str, Any]], folder: Path, runs: Runs, pictures: Pictures
) -> Markup:
    positions = range(max(len(step['images']) for step in steps))
    head = [tag('th', 'Image', scope='col')]
    for step in steps:
        lam = tag('span', f'lam {float(step["lam"]):.2f}', class_='under')
        head.append(tag('th', f'Iteration {int(step["step"])}', lam, scope='col'))
    rows = [
        tag('tr', tag('th', str(position + 1), scope='row'),
            [tag('td', _image(step, position, folder, pictures)) for step in steps])
        for position in positions
    ]  # fmt: skip
    caption = tag(
        'caption', runs.button([record], f'{record.method}, seed {record.seed}', label='the run')
    )
    table = tag('table', caption, tag('thead', tag('tr', head)), tag('tbody', rows), class_='sheet')
    name = f'Mixed images of {record.method}'
    return tag('div', table, class_='scroll', tabindex='0', role='region', aria_label=name)


def _image(step: dict[str, Any], position: int, folder: Path, pictures: Pictures) -> Markup | str:
    if position >= len(step['images']):
        return '\N{EN DASH}'
    width, height = (float(side) for side in step['size'])
    # A name, not a path: nothing outside of the folder is read.
    picture = pictures.use(folder / Path(str(step['images'][position])).name, width, height)
    if picture is None:
        return 'not readable'
    x1, y1, x2, y2 = (float(edge) for edge in step['box_xyxy'])
    pasted = x2 > x1 and y2 > y1 and position < int(step['rows'])
    frame = [
        tag('rect', x=x1, y=y1, width=x2 - x1, height=y2 - y1, class_=look)
        for look in ('halo', 'frame')
    ]
    words = f'pasted at x {x1:g} to {x2:g}, y {y1:g} to {y2:g}' if pasted else 'nothing pasted'
    return tag(
        'svg', picture, frame if pasted else None, viewBox=f'0 0 {width:g} {height:g}', role='img',
        class_='picture', aria_label=f'Image {position + 1}, iteration {int(step["step"])}: '
        f'{words}, lam {float(step["lam"]):.2f}',
    )  # fmt: skip
