"""Learning rates, length and config of a logged run."""

import json

import pytest

from rm_mm.errors import InputError
from rm_mm.logs.recipe_log import LoggedRate, read_recipe_log

TEXT = """\
2021-12-08 22:54:17,688 - INFO - Epoch [1/300][0/2503]\tlr 0.033333\tLoss 7.1 (7.1)
2021-12-08 22:54:50,535 - INFO - Epoch [1/300][2500/2503]\tlr 0.033333\tLoss 7.4 (7.6)
2021-12-08 23:08:09,814 - INFO - Epoch(val) [1/300][0/98]\tAcc@1 0.0762 (0.0762)
2021-12-08 23:09:00,000 - INFO - Epoch [2/300][0/2503]\tlr 0.066667\tLoss 6.9 (6.9)
"""


def test_text(tmp_path):
    path = tmp_path / 'train.log'
    path.write_text(TEXT)
    log = read_recipe_log(path)
    assert log.rates == [
        LoggedRate(1, 0, 0.033333, 6),
        LoggedRate(1, 2500, 0.033333, 6),
        LoggedRate(2, 0, 0.066667, 6),
    ]
    assert (log.epoch_length, log.by_epoch, log.config) == (2503, True, {})
    assert (log.length, log.has_epoch_length) == (300, True)


@pytest.mark.parametrize(
    'line',
    [
        # After the end, before the start, too long to step through, and of another run.
        'Epoch [3/2][0/9]\tlr 0.1',
        'Epoch [1/2][9/9]\tlr 0.1',
        'Epoch [0/2][0/9]\tlr 0.1',
        'Epoch [1/2][0/0]\tlr 0.1',
        'Epoch [1/300][0/999999999]\tlr 0.1',
        'Epoch [1/2][0/9]\tlr 0.1\nEpoch [2/4][0/9]\tlr 0.1',
    ],
)
def test_no_run_has_such_a_line(tmp_path, line):
    (tmp_path / 'a.log').write_text(f'{line}\n')
    with pytest.raises(InputError, match=r'a\.log, line'):
        read_recipe_log(tmp_path / 'a.log')


@pytest.mark.parametrize('number', ['0', '-1', 'Infinity', '1e12', '"x"', 'null'])
def test_no_json_log_has_such_an_iteration(tmp_path, number):
    (tmp_path / 'a.json').write_text(
        f'{{"config": ""}}\n{{"mode": "train", "epoch": 1, "lr": 0.1, "iter": {number}}}\n'
    )
    with pytest.raises(InputError, match='line 2'):
        read_recipe_log(tmp_path / 'a.json')


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        ("runner = dict(type='EpochBasedRunner', max_epochs=12)", (True, 12)),
        ("runner = dict(type='IterBasedRunner', max_iters=80000)", (False, 80_000)),
        ('total_epochs = 24', (True, 24)),
        ('total_iters = 40000', (False, 40_000)),
        ("runner = 'x'", (True, None)),
        ('', (True, None)),
    ],
)
def test_the_planned_length(tmp_path, config, expected):
    path = write_json(
        tmp_path / 'log.json', config, {'mode': 'train', 'epoch': 1, 'iter': 50, 'lr': 0.1}
    )
    log = read_recipe_log(path)
    assert (log.by_epoch, log.length) == expected


def write_json(path, config, *entries):
    lines = [{'config': config}, *entries]
    path.write_text('\n'.join(json.dumps(line) for line in lines))
    return path


def test_json(tmp_path):
    path = write_json(
        tmp_path / 'log.json',
        "optimizer = dict(type='SGD', lr=0.01)\nrunner = dict(type='EpochBasedRunner')\n",
        {'mode': 'train', 'epoch': 1, 'iter': 50, 'lr': 0.00099},
        {'mode': 'val', 'epoch': 1, 'iter': 625, 'lr': 0.01, 'bbox_mAP': 0.2},
        {'mode': 'train', 'epoch': 2, 'iter': 100, 'lr': 0.01},
    )
    log = read_recipe_log(path)
    # The iteration counts from 1 in these logs.
    assert log.rates == [LoggedRate(1, 49, 0.00099, 5), LoggedRate(2, 99, 0.01, 5)]
    assert (log.epoch_length, log.by_epoch) == (100, True)
    assert log.config['optimizer'] == {'type': 'SGD', 'lr': 0.01}


def test_half_a_last_line_is_ignored(tmp_path):
    path = write_json(
        tmp_path / 'log.json', '', {'mode': 'train', 'epoch': 1, 'iter': 1, 'lr': 0.1}
    )
    whole = path.read_text()
    path.write_text(whole + '\n{"mode": "tra')
    assert len(read_recipe_log(path).rates) == 1
    path.write_text('{"config": ""}\n{"mode": "tra\n' + whole)
    with pytest.raises(InputError, match='line 2 is not an entry'):
        read_recipe_log(path)


@pytest.mark.parametrize(('printed', 'decimals'), [('0.05', 2), ('1e-05', 5), ('1.25e-04', 6)])
def test_printed_precision(tmp_path, printed, decimals):
    (tmp_path / 'a.log').write_text(f'Epoch [1/2][0/9]\tlr {printed}\tLoss')
    assert read_recipe_log(tmp_path / 'a.log').rates == [LoggedRate(1, 0, float(printed), decimals)]


def test_json_by_iteration(tmp_path):
    path = write_json(
        tmp_path / 'log.json',
        "runner = dict(type='IterBasedRunner', max_iters=80000)",
        {'mode': 'train', 'epoch': 64, 'iter': 79950, 'lr': 0.0},
    )
    assert read_recipe_log(path).by_epoch is False


def test_a_config_that_is_no_literal_is_rejected(tmp_path):
    with pytest.raises(InputError, match='the config calls a function'):
        read_recipe_log(write_json(tmp_path / 'log.json', "a = open('x')"))


@pytest.mark.parametrize(
    'content', [b'', b'nothing here\n', b'\xff\xfe', b'{"mode": "train"}\n', b'{]']
)
def test_a_file_that_is_no_log(tmp_path, content):
    path = tmp_path / 'x.log'
    path.write_bytes(content)
    with pytest.raises(InputError, match=r'x\.log'):
        read_recipe_log(path)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match='cannot read'):
        read_recipe_log(tmp_path / 'absent.log')


RATE = {'mode': 'train', 'epoch': 1, 'iter': 1, 'lr': 0.1}


@pytest.mark.parametrize('head', [b'\xef\xbb\xbf', b'\n', b'\xef\xbb\xbf\n\n'])
def test_a_byte_order_mark_or_blank_lines_at_the_head(tmp_path, head):
    path = tmp_path / 'a.json'
    path.write_bytes(head + json.dumps(RATE).encode())
    assert read_recipe_log(path).rates == [LoggedRate(1, 0, 0.1, 5)]
    path.write_bytes(head + TEXT.encode())
    assert len(read_recipe_log(path).rates) == 3


def test_bytes_that_are_no_text_between_the_lines(tmp_path):
    path = tmp_path / 'a.log'
    path.write_bytes(b'\xff\xfe\n' + TEXT.encode())
    assert len(read_recipe_log(path).rates) == 3


def test_a_rate_whose_last_digits_are_cut_does_not_count(tmp_path):
    path = tmp_path / 'a.log'
    whole = 'Epoch [1/2][0/9]\tlr 1e-05\nEpoch [1/2][8/9]\tlr 1e-05'
    # `1e` would be read as 1.
    path.write_text(whole[:-3])
    assert read_recipe_log(path).rates == [LoggedRate(1, 0, 1e-05, 5)]
    path.write_text(whole + '\n')
    assert len(read_recipe_log(path).rates) == 2


def test_a_cut_last_line_of_a_text_log(tmp_path):
    path = tmp_path / 'a.log'
    path.write_text(TEXT + '2021-12-08 23:09:00,000 - INFO - Epoch [2/3')
    assert len(read_recipe_log(path).rates) == 3


def test_a_damaged_evaluation_does_not_matter(tmp_path):
    path = write_json(tmp_path / 'a.json', '', RATE, {'mode': 'val', 'epoch': None, 'mIoU': 'x'})
    assert len(read_recipe_log(path).rates) == 1


def test_a_broken_last_line_with_a_line_end(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(RATE) + '\n{"mode": "tra\n')
    assert len(read_recipe_log(path).rates) == 1
    path.write_text(json.dumps(RATE) + '\n{"mode": "train"}\n')
    with pytest.raises(InputError, match='line 2'):
        read_recipe_log(path)


def test_a_log_of_mmengine_is_rejected(tmp_path):
    path = tmp_path / 'scalars.json'
    path.write_text('{"lr": 0.1, "epoch": 1, "iter": 10, "step": 10}\n')
    with pytest.raises(InputError, match='is a log of mmengine: expected'):
        read_recipe_log(path)
