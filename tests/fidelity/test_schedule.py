"""Length of a logged run, and what its log does not show."""

import json
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.fidelity.schedule import differing_length, missing_from
from rm_mm.logs.recipe_log import LoggedRate, RecipeLog, read_recipe_log
from rm_mm.recipe.config import read_config

LOGS = Path(__file__).parents[1] / 'data/logs'
CIFAR = 'classification/pyramidnet200_rm_cifar10.py'
RATES_ONLY = 'the log has learning rates only and no config: no setting is compared'


def log(epochs, **attributes):
    """Epochs of ten iterations; the first and the last of them are logged."""
    rates = [LoggedRate(epoch, number, 0.1, 1) for epoch in epochs for number in (0, 9)]
    return RecipeLog(Path('x.log'), rates, 10, **{'length': 4, **attributes})


@pytest.mark.parametrize(
    ('found', 'expected'),
    [
        (log([1, 2, 3, 4]), []),
        (
            log([1, 2]),
            ['the log ends after epoch 2 of 4: it shows nothing of the rest of the run'],
        ),
        (log([3, 4]), ['2 of the first 4 epochs have no line in the log']),
        (log([1, 2, 3, 4], length=None), ['the log does not state the length of the run']),
    ],
)
def test_what_is_missing(found, expected):
    assert missing_from(found) == [RATES_ONLY, *expected]


def test_an_epoch_that_was_cut_off():
    found = log([1, 2, 3, 4])
    found.rates.pop()
    assert 'the log ends in epoch 4 of 4' in missing_from(found)[1]


@pytest.mark.parametrize(
    ('length', 'ends'),
    # Logged every 50 iterations until 200: the next line would have been at 250.
    [(200, False), (249, False), (250, True)],
)
def test_iterations(length, ends):
    rates = [LoggedRate(1, number - 1, 0.1, 1) for number in (50, 100, 150, 200)]
    found = RecipeLog(Path('x'), rates, 200, length=length, by_epoch=False, config={'runner': {}})
    assert missing_from(found) == (
        ['the log ends after iteration 200 of 250: it shows nothing of the rest of the run']
        if ends
        else []
    )


@pytest.fixture
def config(tmp_path):
    """A changed config of CIFAR-10, and the command on it."""

    def run(change, path=LOGS / 'cifar10_pyramidnet200_rm.log'):
        changed = read_config(CIFAR)
        changed.merge_from_dict(change)
        changed.dump(tmp_path / 'changed.py')
        return main(['fidelity', str(tmp_path / 'changed.py'), str(path)])

    return run


def test_a_longer_run_is_another(config, capsys):
    assert config({'train_cfg.max_epochs': 400}) == 1
    assert 'run length: theirs 300 epochs, ours 400' in capsys.readouterr().err


def test_another_global_batch_makes_other_epochs(config, capsys):
    # 50,000 / 64 = 781.25, 50,000 / 128 = 390.6.
    assert config({'auto_scale_lr.base_batch_size': 128}) == 1
    output = capsys.readouterr().err
    assert 'epoch length: theirs 782 iterations, ours 391' in output


def test_half_a_log_is_not_the_whole_run(config, capsys, tmp_path):
    lines = (LOGS / 'cifar10_pyramidnet200_rm.log').read_text().splitlines(keepends=True)
    (tmp_path / 'half.log').write_text(''.join(lines[:300]))
    assert config({}, tmp_path / 'half.log') == 0
    output = capsys.readouterr().out
    assert '300 of 300 learning rates agree' in output
    assert 'the log ends after epoch 150 of 300: it shows nothing of the rest of the run' in output
    assert RATES_ONLY in output


def test_half_a_log_with_a_config(capsys, tmp_path):
    lines = (LOGS / 'coco_atss_r50_rm.json').read_text().splitlines(keepends=True)
    # The config, then 146 lines an epoch.
    (tmp_path / 'half.json').write_text(''.join(lines[: 1 + 6 * 146 + 3]))
    assert main(['fidelity', 'detection/atss_r50_rm_coco.py', str(tmp_path / 'half.json')]) == 0
    output = capsys.readouterr().out
    assert 'the log ends in epoch 7 of 12' in output
    assert 'an epoch is assumed to have 7300 iterations, the last one in the log' in output


def test_a_json_log_without_a_config(tmp_path):
    rate = {'mode': 'train', 'epoch': 1, 'iter': 50, 'lr': 0.1}
    (tmp_path / 'a.json').write_text(json.dumps(rate))
    found = read_recipe_log(tmp_path / 'a.json')
    assert missing_from(found) == [RATES_ONLY, 'the log does not state the length of the run']
    assert differing_length(read_config(CIFAR), found) == []
