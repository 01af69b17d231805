"""What a record holds beside its figures, and that nothing of it costs a result."""

import json
import re

import pytest
from mmengine.config import Config

from rm_mm.errors import RejectedError
from rm_mm.suite.cell import running
from rm_mm.suite.cell.config import config_diff
from rm_mm.suite.cell.prepared import CellOptions
from rm_mm.suite.cell.running import collect_details
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from tests.suite.cells import prepare_cells


@pytest.fixture
def cells(tmp_path):
    planned = plan_cells(PRESETS['mini'], ('rm',), ('classification', 'detection'), (3,), tmp_path)
    _, left = prepare_cells(planned, CellOptions())
    for prepared in left:
        prepared.cell.directory.mkdir()
        (prepared.cell.directory / 'epoch_4.pth').touch()
        (prepared.cell.directory / 'best_x_epoch_3.pth').touch()
    return left


def details_of(prepared, evaluate):
    return collect_details(prepared, CellOptions(), evaluate)


def test_one_more_evaluation_of_the_best_checkpoint(cells, tmp_path):
    calls = []

    def evaluate(step):
        calls.append(step)
        step.request.details.mkdir(parents=True)
        (step.request.details / 'per_class.json').write_text('{"bag": 12.5}')

    fields = details_of(cells[1], evaluate)
    assert fields['per_class'] == {'bag': 12.5}
    assert fields['checkpoint'] == 'atss_r18_rm_mini_seed3/best_x_epoch_3.pth'
    (step,) = calls
    assert (step.command, step.request.config.name) == ('test', 'atss_r18_rm_mini_seed3.py')
    assert step.request.checkpoint == tmp_path / fields['checkpoint']
    assert step.request.details == tmp_path / 'pictures' / 'atss_r18_rm_mini_seed3'
    # Away from the logs that the curve is read from.
    assert not list((tmp_path / 'atss_r18_rm_mini_seed3').glob('*/vis_data'))
    diff = fields['config_diff']
    assert diff['randomness.seed'] == [0, 3]
    assert diff['model.backbone.init_cfg.checkpoint'][1] == 'r18_rm_mini_seed3/backbone.pth'
    assert str(tmp_path) not in json.dumps(diff)


def test_pretraining_keeps_its_mixed_images_and_is_not_evaluated(cells, tmp_path):
    mixed = cells[0].cell.directory / 'mixed_images'
    mixed.mkdir()
    (mixed / 'mixed.json').write_text('{}')
    fields = details_of(cells[0], lambda step: pytest.fail('evaluated'))
    assert 'per_class' not in fields
    assert (tmp_path / 'pictures' / 'r18_rm_mini_seed3' / 'mixed.json').exists()


@pytest.mark.parametrize(
    'error', [RejectedError('exit code 1'), OSError(28, 'No space left'), None]
)
def test_an_evaluation_that_fails_loses_nothing(cells, error):
    def evaluate(step):
        if error is not None:
            raise error
        step.request.details.mkdir(parents=True, exist_ok=True)
        (step.request.details / 'per_class.json').write_text('{"bag": ')

    fields = details_of(cells[1], evaluate)
    assert set(fields) == {'config_diff', 'checkpoint'}
    log = (cells[1].cell.directory / 'output.log').read_text()
    # It is tried once more.
    assert len(re.findall('no per-class figures, no pictures: .', log)) == 2


def test_an_evaluation_that_is_killed_is_run_once_more(cells):
    tries = []

    def evaluate(step):
        tries.append(step)
        if len(tries) == 1:
            raise RejectedError('exit code -9')
        step.request.details.mkdir(parents=True)
        (step.request.details / 'per_class.json').write_text('{"bag": 12.5}')

    assert details_of(cells[1], evaluate)['per_class'] == {'bag': 12.5}


def test_a_call_that_is_stopped_leaves_no_record(cells, monkeypatch):
    monkeypatch.setattr(running, 'is_stopping', lambda: True)

    def evaluate(step):
        raise RejectedError('exit code -15')

    with pytest.raises(RejectedError, match='stopped'):
        details_of(cells[1], evaluate)


def test_the_names_are_those_that_the_run_writes():
    """Runs of earlier versions wrote them, too."""
    from rm_mm.run.details import mixed, per_class

    names = ('mixed_images', 'per_class.json')
    assert names == (mixed.MIXED_IMAGES, per_class.PER_CLASS)
    assert names == (running.MIXED_IMAGES, running.PER_CLASS)


def test_a_difference_names_each_key_once(tmp_path):
    recipe = Config(dict(a=1, b=dict(c=[1, 2], d='x'), gone=True))
    run = Config(dict(a=1, b=dict(c=[1, 3], d=str(tmp_path / 'x.pth')), new='y'))
    assert config_diff(recipe, run, tmp_path) == {
        'b.c': [[1, 2], [1, 3]], 'b.d': ['x', 'x.pth'], 'new': [None, 'y'], 'gone': [True, None]
    }  # fmt: skip
    assert config_diff(recipe, recipe, tmp_path) == {}
