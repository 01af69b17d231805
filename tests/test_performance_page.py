"""The figures in docs/performance.md match the JSON files next to it."""

import json
import re
import statistics

import pytest

from tests.packaging.conftest import ROOT

PAGE = (ROOT / 'docs/performance.md').read_text()
FOLDER = ROOT / 'docs/performance'
#: Beginning of a row in the page, and its file, way and reference.
ROWS = {
    'RecursiveMix step / plain step': ('step', 'rm', 'plain'),
    'the same: peak memory': ('step_memory', 'rm beyond its history', 'plain'),
    'RecursiveMix step / the authors': ('step', 'rm', 'authors'),
    'images/s per loader core / torchvision': ('loader', 'recipe', 'torchvision-PIL'),
    'images/s per loader core / the authors': ('loader', 'recipe', "authors' on PIL"),
    'images/s per loader core / mmpretrain': ('loader', 'recipe', 'mmpretrain stock'),
    'the same with its default': ('loader', 'recipe', 'mmpretrain stock, OpenCV'),
    '`rm-mm --help`': ('startup', 'rm-mm --help', None),
    '`rm-mm report`': ('startup', 'report', None),
    'import of `rm_mm`': ('startup', 'rm_mm and mmpretrain', 'mmpretrain'),
    'COCO pipeline': ('downstream_loaders', 'COCO ours', 'COCO stock'),
    'ADE20K pipeline': ('downstream_loaders', 'ADE20K ours', 'ADE20K stock'),
}


def figures(name):
    found = json.loads((FOLDER / f'{name}.json').read_text())['figures']
    # Fewer repetitions give no reliable median.
    assert min(map(len, found.values())) >= 7
    return found


@pytest.mark.parametrize('row', ROWS)
def test_a_row_shows_the_measured_median(row):
    name, way, reference = ROWS[row]
    found = figures(f'bars/{name}')
    values = found[way]
    if reference:
        values = [one / other for one, other in zip(values, found[reference], strict=True)]
    cells = next(line.split(' | ') for line in PAGE.splitlines() if line.startswith(f'| {row}'))
    printed = re.match(r'[\d.]+', cells[2])
    assert printed, cells
    digits = len(printed.group().partition('.')[2])
    assert printed.group() == f'{statistics.median(values):.{digits}f}'


@pytest.mark.parametrize(
    'name',
    [
        'step_time_by_batch', 'step_memory_by_batch', 'step_time_by_size', 'step_memory_by_size',
        'processes', 'workers', 'report_by_records',
    ],
)  # fmt: skip
def test_growth_has_enough_repetitions_and_a_picture(name):
    assert figures(name)
    assert (FOLDER / f'{name}.svg').is_file()
    assert f'(performance/{name}.svg)' in PAGE
