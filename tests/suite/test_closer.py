"""What a record holds beside its figures, and that nothing of it costs a result."""

import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from rm_mm.errors import RejectedError
from rm_mm.suite import closer
from rm_mm.suite.cells import Options, prepare
from rm_mm.suite.config_diff import config_diff
from rm_mm.suite.planning.plan import plan
from rm_mm.suite.planning.presets import PRESETS


@pytest.fixture
def cells(tmp_path):
    planned = plan(PRESETS['mini'], ('rm',), ('classification', 'detection'), (3,), tmp_path)
    _, left = prepare(planned, Options())
    for prepared in left:
        prepared.cell.directory.mkdir()
        (prepared.cell.directory / 'epoch_4.pth').touch()
        (prepared.cell.directory / 'best_x_epoch_3.pth').touch()
    return left


def folder_of(arguments):
    return Path(arguments[arguments.index('--details') + 1])


def test_one_more_evaluation_of_the_best_checkpoint(cells, tmp_path):
    calls = []

    def evaluate(arguments):
        calls.append(arguments)
        folder_of(arguments).mkdir(parents=True)
        (folder_of(arguments) / 'per_class.json').write_text('{"bag": 12.5}')

    fields = closer.look_closer(cells[1], evaluate)
    assert fields['per_class'] == {'bag': 12.5}
    assert fields['checkpoint'] == 'atss_r18_rm_mini_seed3/best_x_epoch_3.pth'
    action, config, checkpoint, *_ = calls[0]
    assert (action, Path(config).name) == ('test', 'atss_r18_rm_mini_seed3.py')
    assert checkpoint == str(tmp_path / fields['checkpoint'])
    assert folder_of(calls[0]) == tmp_path / 'pictures' / 'atss_r18_rm_mini_seed3'
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
    fields = closer.look_closer(cells[0], lambda arguments: pytest.fail('evaluated'))
    assert 'per_class' not in fields
    assert (tmp_path / 'pictures' / 'r18_rm_mini_seed3' / 'mixed.json').exists()


@pytest.mark.parametrize(
    'error', [RejectedError('exit code 1'), OSError(28, 'No space left'), None]
)
def test_an_evaluation_that_fails_loses_nothing(cells, error):
    def evaluate(arguments):
        if error is not None:
            raise error
        folder_of(arguments).mkdir(parents=True, exist_ok=True)
        (folder_of(arguments) / 'per_class.json').write_text('{"bag": ')

    fields = closer.look_closer(cells[1], evaluate)
    assert set(fields) == {'config_diff', 'checkpoint'}
    log = (cells[1].cell.directory / 'output.log').read_text()
    # It is tried once more.
    assert len(re.findall('no figures of classes, no pictures: .', log)) == 2


def test_an_evaluation_that_is_killed_is_run_once_more(cells):
    tries = []

    def evaluate(arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise RejectedError('exit code -9')
        folder_of(arguments).mkdir(parents=True)
        (folder_of(arguments) / 'per_class.json').write_text('{"bag": 12.5}')

    assert closer.look_closer(cells[1], evaluate)['per_class'] == {'bag': 12.5}


def test_a_call_that_is_stopped_leaves_no_record(cells, monkeypatch):
    monkeypatch.setattr(closer, 'is_stopping', lambda: True)

    def evaluate(arguments):
        raise RejectedError('exit code -15')

    with pytest.raises(RejectedError, match='stopped'):
        closer.look_closer(cells[1], evaluate)


def test_the_names_are_those_that_the_run_writes():
    from rm_mm.run.details.mixed import FOLDER
    from rm_mm.run.details.per_class import PER_CLASS

    assert (closer.MIXED_IMAGES, closer.PER_CLASS) == (FOLDER, PER_CLASS)


def test_a_difference_names_each_key_once(tmp_path):
    recipe = Config(dict(a=1, b=dict(c=[1, 2], d='x'), gone=True))
    run = Config(dict(a=1, b=dict(c=[1, 3], d=str(tmp_path / 'x.pth')), new='y'))
    assert config_diff(recipe, run, tmp_path) == {
        'b.c': [[1, 2], [1, 3]], 'b.d': ['x', 'x.pth'], 'new': [None, 'y'], 'gone': [True, None]
    }  # fmt: skip
    assert config_diff(recipe, recipe, tmp_path) == {}
