"""Every benchmark runs with small inputs and writes its figures. Bars need not be reached."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from tests.packaging.conftest import ROOT
from tests.pretrain.images import photo

SCRIPTS = ROOT / 'benchmarks'


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    for seed in range(4):
        Image.fromarray(photo(200, 260, seed)).save(folder / f'{seed}.JPEG')
    return folder


def run(name, *options):
    call = [sys.executable, str(SCRIPTS / f'{name}.py'), *map(str, options)]
    # More threads would wait for each other on cores that other tests use.
    environ = {**os.environ, 'OMP_NUM_THREADS': '1'}
    return subprocess.run(call, capture_output=True, text=True, env=environ)


def test_a_folder_without_photographs_is_reported(tmp_path):
    for name in ('loader', 'downstream_loaders', 'scaling'):
        ended = run(name, '--images', tmp_path)
        assert ended.returncode == 2, ended.stderr
        assert ended.stderr.splitlines()[-1].startswith(f'--images {tmp_path}: expected a folder')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'options', 'figures'),
    [
        (
            'startup',
            ['--records=12'],
            ['python', 'rm-mm --help', 'mmpretrain', 'rm_mm and mmpretrain', 'report'],
        ),
        ('step', ['--batch=2', '--size=64'], ['plain', 'rm', 'authors']),
        (
            'loader',
            [],
            [
                'torchvision-PIL',
                "authors' on PIL",
                'mmpretrain stock',
                'mmpretrain stock, OpenCV',
                'recipe',
            ],
        ),
        (
            'downstream_loaders',
            [],
            ['COCO stock', 'COCO ours', 'ADE20K stock', 'ADE20K ours'],
        ),
        ('coco_eval', ['--images-count=20', '--classes=3'], ['pycocotools', 'faster-coco-eval']),
    ],
)
def test_it_runs_and_writes_every_figure(name, options, figures, images, tmp_path):
    target = tmp_path / f'{name}.json'
    if 'loader' in name:
        options = [*options, '--images', images]
    ended = run(name, '--repetitions=2', '--json', target, *options)
    assert ended.returncode in (0, 1), ended.stderr
    assert 'Traceback' not in ended.stderr
    written = json.loads(target.read_text())
    assert set(written['figures']) == set(figures)
    assert written['bars']
    reached = all(bar['reached'] for bar in written['bars'])
    if name == 'step':
        memory = json.loads((tmp_path / 'step_memory.json').read_text())
        assert set(memory['figures']) == {'plain', 'authors', 'rm beyond its history'}
        written['figures'] |= {f'{way}, MB': each for way, each in memory['figures'].items()}
        reached &= all(bar['reached'] for bar in memory['bars'])
        # Almost equal each time, because no freed memory is kept, and at least the parameters.
        low, high = sorted(memory['figures']['plain'])
        assert 25.6e6 * 4 / 2**20 < low <= high < 1.02 * low
    assert all(len(values) == 2 and min(values) > 0 for values in written['figures'].values())
    assert reached == (ended.returncode == 0)


@pytest.mark.slow
@pytest.mark.parametrize('only', ['workers', 'records'])
def test_growth_is_measured_and_drawn(only, images, tmp_path):
    ended = run('scaling', '--images', images, '--repetitions=1', '--out', tmp_path, '--only', only)
    assert ended.returncode == 0, ended.stderr
    name, unit = {'workers': ('workers', 'images/s'), 'records': ('report_by_records', '>s<')}[only]
    written = json.loads((tmp_path / f'{name}.json').read_text())
    assert all(min(values) > 0 for values in written['figures'].values())
    assert run('plot_scaling', tmp_path).returncode == 0
    assert (tmp_path / f'{name}.svg').read_text().count(unit) == 1
