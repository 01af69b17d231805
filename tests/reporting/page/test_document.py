"""What the page shows, and what it reports as missing."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.reporting.page import pictures as page_pictures
from rm_mm.reporting.page.document import _coordinate
from tests.reporting.made import RECORD, record, several, write, write_pictures

ROOT = Path(__file__).parents[3]


def page_of(folder, records):
    write(folder, records)
    assert main(['report', str(folder), '--html', str(folder / 'page.html')]) == 0
    return (folder / 'page.html').read_text()


def titles(page):
    return re.findall(r'<section id="([\w-]+)"', page)


def runs_in(page):
    return json.loads(re.search(r'id="runs">(.*?)</script>', page)[1])


#: Fields added after schema 2.
SINCE_3 = ('seconds_an_iteration', 'memory_mb', 'checkpoint', 'config_diff', 'per_class')


def test_records_of_schema_2_without_pictures(tmp_path):
    for path in (ROOT / 'docs' / 'mini' / 'records').glob('*.json'):
        values = json.loads(path.read_text()) | {'schema_version': 2}
        older = {name: value for name, value in values.items() if name not in SINCE_3}
        (tmp_path / 'records').mkdir(exist_ok=True)
        (tmp_path / 'records' / path.name).write_text(json.dumps(older))
    assert main(['report', str(tmp_path), '--html', str(tmp_path / 'page.html')]) == 0
    page = (tmp_path / 'page.html').read_text()
    assert titles(page) == ['results', 'curves', 'gains', 'prediction', 'runs-list', 'left-out']
    assert 'Classes: left out, no record has figures of classes on both sides.' in page
    assert 'Pictures: left out, no pictures of predictions.' in page
    assert '53.800' in page
    assert '\N{MINUS SIGN}2.20' in page


def test_every_figure_of_the_table_leads_to_its_runs(tmp_path):
    page = page_of(tmp_path, several(['baseline', 'rm'], seeds=(0, 1)))
    shown = runs_in(page)['runs']
    assert [run['is']['Seed'] for run in shown] == [0] * 6 + [1] * 6
    assert shown[4]['is']['Checkpoint'] == 'atss_r18_rm_mini/best.pth'
    assert shown[4]['is']['Record'].endswith('records/run 0004.json')
    assert runs_in(page)['shared'][shown[4]['diff']] == RECORD.config_diff
    # rm's detection: 21.1 with seed 0, 21.5 with seed 1, which are records 4 and 10.
    number = re.search(r'data-runs="([\d ]+)">21.30 ± 0.28<', page)[1]
    assert number == '4 10'
    # The paper's figure leads to the same runs, a verdict also to the baseline's.
    cell = page[page.index('>21.30 ± 0.28<') :]
    assert re.search(r'· paper <button [^>]*data-runs="4 10"', cell)
    assert re.search(r'data-runs="4 10 1 7"><span class="verdict', cell)
    # On a phone the head is hidden, and each cell names its column.
    assert 'data-column="box AP %"' in page


def test_the_config_of_a_run_is_named_where_it_is_kept(tmp_path):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'run 0000.py').touch()
    shown = runs_in(page_of(tmp_path, several(['baseline'], seeds=(0,))))['runs']
    assert shown[0]['is']['Config of the run'] == str(tmp_path / 'configs' / 'run 0000.py')
    assert 'Config of the run' not in shown[1]['is']


def test_the_headline_counts_the_verdicts(tmp_path):
    page = page_of(tmp_path, several(['baseline', 'rm'], tasks=('detection',)))
    # rm's gains are 1.1, 1.1, 0.8 where the paper has 1; the baseline is 20, 20.4, 20.8 for 20.
    assert 'Of 2 cells, judged against the paper: 1 reproduced and 1 not significant.' in page


def test_one_seed_claims_nothing(tmp_path):
    records = [record('detection', method, 0, 12.0) for method in ('baseline', 'rm')]
    assert 'with one seed (0)' in page_of(tmp_path / 'a', records)
    judged = [replace(each, published=40.0) for each in records]
    assert 'Of 2 cells, judged against the paper: 2 without a claim' in page_of(
        tmp_path / 'b', judged
    )


class Texts(HTMLParser):
    """Elements, attribute values and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.values = set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data):
        self.values.append(data)


def test_names_stay_text(tmp_path):
    hostile, quoted = '</script><img src=x onerror=hacked()>', '"o\'brien" & <b>'
    records = [
        replace(r, per_class={quoted: 1.0}, environment={hostile: quoted}, source=quoted)
        for r in several(['baseline', hostile, quoted])
    ]
    for path, each in zip(write(tmp_path, records), records, strict=True):
        write_pictures(path, each)
    page = page_of(tmp_path, records)
    found = Texts(page)
    # <b> holds the paper's figures.
    assert not found.elements & {'img', 'i'}
    assert page.count('<b>') == page.count('<b>2')
    # As text of the table and the legend, and in descriptions of the charts.
    for name in (hostile, quoted):
        assert found.values.count(name) > 3
        assert any(value.startswith(f'{name}, 3 seeds: ') for value in found.values if value)
    assert runs_in(page)['shared'][0] == {hostile: quoted}


def test_coordinates_are_short():
    values = [0.0, -0.0, -0.04, 12.04, -3.0, -0.5, 100, 'x']
    assert [str(_coordinate(v)) for v in values] == ['0', '0', '0', '12', '-3', '-0.5', '100', 'x']


@pytest.mark.parametrize(
    'records',
    [
        [replace(RECORD, curve=[[0, 10.0]], best=10.0, last=10.0)],
        [replace(RECORD, curve=[])],
        several(['rm']),
        several(['baseline', 'rm', 'mine'], seeds=(0, 7)),
        [record('detection', m, s, 12.0) for m in ('baseline', 'rm') for s in (0, 1)],
        several([f'own {i}' for i in range(60)], seeds=(0,)),
        [replace(each, settings=[s]) for s in ('paper', 'controlled')
         for each in several(['baseline', 'rm'])],
        [replace(RECORD, best=0.0, last=0.0, curve=[[1, 0.0], [2, 0.0]])],
        [replace(RECORD, column='', settings=[], schema_version=1)],
    ],
    ids=['a point', 'no curve', 'no baseline', 'own names', 'all equal', 'sixty', 'two settings',
         'zero', 'schema 1'],
)  # fmt: skip
def test_unusual_records_have_a_page(tmp_path, records):
    page = page_of(tmp_path, records)
    assert 'nan' not in re.sub(r'<script.*?</script>', '', page, flags=re.DOTALL).lower()
    assert {'results', 'curves', 'runs-list'} <= set(titles(page))


def test_pictures_are_in_the_page_once(tmp_path):
    records = several(['baseline', 'rm'], seeds=(0,))
    for path, each in zip(write(tmp_path, records), records, strict=True):
        write_pictures(path, each)
    page = page_of(tmp_path, records)
    # mixed.png, image_0.png and image_1.png, however often they are shown.
    assert page.count('data:image/png;base64,') == 3
    assert {'mixed', 'predictions'} <= set(titles(page))
    assert 'aria-label="Image 2, iteration 5: pasted at x 30 to 60, y 0 to 20, lam 0.75"' in page
    assert 'aria-label="0000.jpg, predicted by rm: coat 0.88"' in page
    assert 'aria-label="0001.jpg, truth: bag"' in page
    assert 'bag 90 %, dress 10 %' in page
    assert re.search(r'<rect x="30" y="0" width="30" height="20" class="frame"', page)


def test_predictions_are_of_the_first_seed_that_has_pictures(tmp_path):
    records = several(['baseline', 'rm'], tasks=('detection',), seeds=(0, 1))
    for path, each in zip(write(tmp_path, records), records, strict=True):
        if each.seed == 1:
            write_pictures(path, each)
    assert 'aria-label="0000.jpg, predicted by rm: coat 0.88"' in page_of(tmp_path, records)


def test_damaged_pictures_are_left_out(tmp_path):
    records = several(['baseline', 'rm'], seeds=(0,))
    folders = [write_pictures(p, r) for p, r in zip(write(tmp_path, records), records, strict=True)]
    image = folders[1] / 'image_0.png'
    image.write_bytes(image.read_bytes()[:60])
    (folders[1] / 'prediction_1.json').write_text('{"kind": "detec')
    (folders[2] / 'prediction_0.json').write_text(
        json.dumps({'config_sha256': 'c' * 64, 'name': 'x', 'size': 'big', 'kind': 'segmentation'})
    )
    (folders[0] / 'mixed.json').write_text(json.dumps({'config_sha256': 'c' * 64, 'steps': [1]}))
    page = page_of(tmp_path, records)
    for problem in ('not a whole picture', 'not understood', 'not readable'):
        assert problem in page
    assert 'aria-label="0000.jpg, predicted by rm: coat 0.88"' in page


@pytest.mark.parametrize(
    'wrong',
    [
        {'predicted_percent': 5}, {'palette': [5]}, {'palette': None}, {'classes': None},
        {'predicted_percent': [[99, 50.0]]}, {'predicted_percent': [[1e999, 50.0]]},
        {'predicted_percent': {'a': 'b'}}, {'truth_percent': [None]},
    ],
    ids=str,
)  # fmt: skip
def test_a_malformed_map_is_left_out(tmp_path, wrong):
    records = several(['rm'], seeds=(0,))
    folders = [write_pictures(p, r) for p, r in zip(write(tmp_path, records), records, strict=True)]
    changed = 0
    for path in (path for folder in folders for path in folder.glob('prediction_*.json')):
        entry = json.loads(path.read_text())
        if entry['kind'] == 'segmentation':
            path.write_text(json.dumps(entry | wrong))
            changed += 1
    assert changed
    page = page_of(tmp_path, records)
    assert 'aria-label="0000.jpg, predicted by rm: coat 0.88"' in page


def test_pictures_of_another_run_are_left_out(tmp_path):
    records = several(['rm'], seeds=(0,))
    for path, each in zip(write(tmp_path, records), records, strict=True):
        write_pictures(path, replace(each, config_sha256='e' * 64))
    page = page_of(tmp_path, records)
    assert 'pictures of another run' in page
    assert 'data:image' not in page


def test_no_picture_from_outside_the_folder(tmp_path):
    records = several(['rm'], seeds=(0,), tasks=('detection',))
    folder = write_pictures(write(tmp_path, records)[0], records[0])
    (folder / 'image_0.png').rename(tmp_path / 'secret.png')
    text = (folder / 'prediction_0.json').read_text()
    (folder / 'prediction_0.json').write_text(text.replace('image_0.png', '../../secret.png'))
    assert 'not readable' in page_of(tmp_path, records)


def test_pictures_beyond_the_limit_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(page_pictures, 'LARGEST_TOTAL', 150)
    records = several(['rm'], seeds=(0,), tasks=('detection',))
    folder = write_pictures(write(tmp_path, records)[0], records[0])
    assert sum((folder / f'image_{i}.png').stat().st_size for i in range(2)) > 150
    page = page_of(tmp_path, records)
    assert page.count('data:image') == 1
    assert 'left out, because a page holds' in page


def test_a_page_replaces_no_record(tmp_path, capsys):
    path = write(tmp_path, several(['rm'], seeds=(0,)))[0]
    assert main(['report', str(tmp_path), '--html', str(path)]) == 2
    assert 'write the table elsewhere' in capsys.readouterr().err


def test_logs_have_a_page_too(tmp_path):
    log = ROOT / 'tests' / 'data' / 'evaluations' / 'coco_atss_r50_rm.json'
    assert main(['report', str(log), '--html', str(tmp_path / 'page.html')]) == 0
    shown = runs_in((tmp_path / 'page.html').read_text())['runs']
    assert shown[0]['is']['Log'] == str(log)


def test_a_thousand_records_need_no_framework(tmp_path):
    methods = ['scratch', 'baseline', 'mixup', 'cutmix', 'rm', *(f'own {i}' for i in range(62))]
    records = several(methods, seeds=range(5))
    assert len(records) > 1000
    write(tmp_path, records)
    formats = [w for n in ('md', 'csv', 'latex', 'html') for w in (f'--{n}', str(tmp_path / n))]
    command = [sys.executable, '-X', 'importtime', '-m', 'rm_mm.cli', 'report', str(tmp_path)]
    done = subprocess.run([*command, *formats], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(runs_in((tmp_path / 'html').read_text())['runs']) == len(records)
    assert len((tmp_path / 'csv').read_text().splitlines()) == 1 + len(methods)
    imported = set(re.findall(r'\| +([\w.]+)$', done.stderr, flags=re.MULTILINE))
    assert 'numpy' in imported
    assert not imported & {'torch', 'mmengine', 'matplotlib', 'pandas', 'rich'}


def test_infinity_in_a_record_becomes_text(tmp_path):
    path = write(tmp_path, [record('detection', 'rm', 0, 12.0, environment={'a': [1.5, '</b>']})])[
        0
    ]
    path.write_text(path.read_text().replace('1.5', '1e999'))
    assert main(['report', str(tmp_path), '--html', str(tmp_path / 'page.html')]) == 0
    data = runs_in((tmp_path / 'page.html').read_text())
    assert data['shared'][data['runs'][0]['env']] == {'a': ['inf', '</b>']}


def test_a_path_that_is_not_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b'caf\xe9')
    try:
        write(folder, [RECORD])
    except OSError:
        pytest.skip('this file system takes no such name')
    assert main(['report', str(folder), '--html', str(tmp_path / 'page.html')]) == 0
    shown = runs_in((tmp_path / 'page.html').read_text())['runs'][0]['is']['Record']
    assert shown == str(folder / 'records' / 'run 0000.json')


def test_a_folder_is_not_replaced_by_a_page(tmp_path, capsys):
    write(tmp_path, [RECORD])
    (tmp_path / 'there').mkdir()
    assert main(['report', str(tmp_path), '--html', str(tmp_path / 'there')]) == 2
    assert 'is a folder' in capsys.readouterr().err


def test_classes_missing_from_one_seed(tmp_path):
    names = [f'class {i}' for i in range(40)]
    records = [
        record('detection', m, s, 12.0, per_class=dict.fromkeys(names[: 10 if s else 40], 5.0 + s))
        for m in ('baseline', 'rm') for s in (0, 1)
    ]  # fmt: skip
    page = page_of(tmp_path, records)
    assert 'of 40 classes' in page
    # One row per class, and one for the method itself.
    assert page.count('<td class="figure">+0.00</td>') == 40 + 1
