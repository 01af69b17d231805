"""Runs from logs of each format: whole, cut, restarted, resumed, damaged, long."""

import gzip
import json
import tracemalloc

import pytest

from rm_mm.errors import InputError
from rm_mm.logs import lines, logged_run
from rm_mm.logs.lines import read_lines
from rm_mm.logs.logged_run import read_run


def text(*entries):
    """The authors' format: ``(3, 100)`` is a line of training, ``(3, '0.5')`` an evaluation."""
    written = []
    for epoch, what in entries:
        when = f'2021-12-08 22:{epoch:02}:00,500 - INFO - '
        if isinstance(what, str):
            rest = f'Epoch(val) [{epoch}]\tTest Acc@1: {what}\tTest Acc@5: 1.0'
        else:
            rest = f'Epoch [{epoch}/300][{what}/2503]\tlr 0.033333\tLoss 7.1 (7.1)'
        written.append(when + rest)
    return '\n'.join(written) + '\n'


def mmcv(*entries, **first):
    """mmcv's format: ``(epoch, iteration)`` of training, ``(epoch, {…})`` of an evaluation."""
    written = [json.dumps({'env_info': 'x', 'exp_name': 'atss_r50_coco_rm.py', **first})]
    for epoch, what in entries:
        values = {'mode': 'val', 'iter': 7, **what} if isinstance(what, dict) else {'iter': what}
        entry = {'mode': 'train', 'time': 0.5, 'memory': 100, 'epoch': epoch, **values}
        written.append(json.dumps(entry))
    return '\n'.join(written) + '\n'


@pytest.fixture
def log(tmp_path):
    def write(content, name='run.log'):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_the_authors_text(log):
    run = read_run(log(text((1, 0), (1, 100), (1, '0.5'), (2, 0), (2, '0.625'))))
    assert run.curve('top1_percent') == [(1, 50.0), (2, 62.5)]
    assert (run.step_unit, run.restarts, run.unread_count) == ('epoch', 0, 0)


def test_a_restart_discards_later_evaluations(log):
    content = text(
        (1, 0), (1, '0.1'), (2, 0), (2, '0.9'), (3, 0), (3, '0.8'),
        # Resumes from the checkpoint of the first epoch, and is cut again.
        (2, 0), (2, '0.2'), (3, 0),
    )  # fmt: skip
    run = read_run(log(content))
    assert run.curve('top1_percent') == [(1, 10.0), (2, 20.0)]
    assert run.restarts == 1
    # Restarted at the beginning: no evaluation above belongs to this run.
    run = read_run(log(content + text((1, 0), (1, '0.3'))))
    assert run.curve('top1_percent') == [(1, 30.0)]
    assert run.restarts == 2


def test_the_time_before_a_restart_is_not_training(log):
    lines_of_a_run = [
        f'2021-12-08 {clock},000 - INFO - Epoch [1/300][{iteration}/2503]\tlr 0.1\tLoss 7.1\n'
        # 20 s for a hundred iterations; restarted an hour later, 40 s for a hundred.
        for clock, iteration in [
            ('22:00:00', 0),
            ('22:00:20', 100),
            ('23:00:00', 0),
            ('23:00:40', 100),
        ]
    ]
    run = read_run(log(''.join(lines_of_a_run)))
    assert (run.seconds, run.seconds_an_iteration) == (60, pytest.approx(0.3))


def test_a_cut_number_does_not_count(log):
    whole = text((1, 0), (1, '0.5'), (2, 0), (2, '0.7911'))
    cut = whole[: whole.rindex('0.7911') + 3]
    assert cut.endswith('0.7')
    assert read_run(log(cut)).curve('top1_percent') == [(1, 50.0)]


def test_mmcv_of_epochs_and_of_iterations(log):
    epochs = [(1, 50), (1, {'bbox_mAP': 0.1}), (2, 50), (2, {'bbox_mAP': 0.415})]
    run = read_run(log(mmcv(*epochs)))
    assert run.curve('box_ap_percent') == [(1, 10.0), (2, 41.5)]
    assert (run.step_unit, run.memory_mb, run.seconds) == ('epoch', 100, 50)
    iterations = [(1, 50), (2, 100), (2, {'mIoU': 0.3}), (3, 150), (3, 200), (3, {'mIoU': 0.423})]
    run = read_run(log(mmcv(*iterations)))
    assert run.curve('miou_percent') == [(100, 30.0), (200, 42.3)]
    assert (run.step_unit, run.seconds, run.seconds_an_iteration) == ('iteration', 100, 0.5)


def test_the_config_of_an_mmcv_log_determines_what_it_counts(log):
    # One line an epoch, at growing iterations: only the config shows that they start anew.
    entries = [(1, 40), (1, {'bbox_mAP': 0.1}), (2, 50), (2, {'bbox_mAP': 0.2})]
    assert read_run(log(mmcv(*entries))).step_unit == 'iteration'
    config = "runner = dict(type='EpochBasedRunner', max_epochs=2)\n"
    assert read_run(log(mmcv(*entries, config=config))).step_unit == 'epoch'


def test_mmcv_restarted_in_one_file(log):
    first = mmcv((1, 50), (1, {'mIoU': 0.1}), (2, 100), (2, {'mIoU': 0.5}), (3, 150))
    run = read_run(log(first + mmcv((2, 100), (2, {'mIoU': 0.2}), (3, 150), (3, {'mIoU': 0.3}))))
    assert run.curve('miou_percent') == [(50, 10.0), (100, 20.0), (150, 30.0)]
    assert (run.restarts, run.discarded) == (1, 1)


def test_missing_lines_of_an_mmcv_log_are_no_restart(log):
    content = mmcv(
        (1, 50), (1, {'bbox_mAP': 0.3}), (2, 100), (2, {'bbox_mAP': 0.4}), (3, 50),
        (3, {'bbox_mAP': 0.35}),
    )  # fmt: skip
    run = read_run(log(content))
    assert run.curve('box_ap_percent') == [(1, 30.0), (2, 40.0), (3, 35.0)]
    assert run.restarts == 0


def test_repeated_evaluations_are_counted(log):
    values = [(epoch, {'mIoU': 0.1 * n}) for n, epoch in enumerate((1, 1, 2, 2), 1)]
    run = read_run(log(mmcv(*values)))
    assert run.curve('miou_percent') == [(1, 20.0), (2, 40.0)]
    assert run.repeated == 2


def test_of_two_runs_in_a_folder_the_later_one_is_read(tmp_path):
    for folder, value in (('20260101_1', 30.0), ('20260101_2', 31.0)):
        path = tmp_path / folder / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        train = {'iter': 1, 'epoch': 1, 'step': 1, 'time': 0.5}
        path.write_text(mmengine(train, {'accuracy/top1': value, 'step': 1}))
    run = read_run(*sorted(tmp_path.glob('*/*/*')))
    assert run.curve('top1_percent') == [(1, 31.0)]
    assert (run.path, run.earlier, run.restarts) == (path, 1, 0)
    # The time of the earlier run does not count.
    assert run.seconds == pytest.approx(0.5)


def mmengine(*entries):
    return ''.join(json.dumps(entry) + '\n' for entry in entries)


def test_mmengine_of_epochs_and_of_iterations(log):
    train = {'lr': 0.1, 'loss': 1.0, 'time': 0.25, 'memory': 512}
    run = read_run(
        log(
            mmengine(
                {**train, 'epoch': 1, 'iter': 10, 'step': 10},
                {'accuracy/top1': 40.5, 'time': 0.1, 'step': 1},
                {**train, 'epoch': 2, 'iter': 20, 'step': 20},
                {'accuracy/top1': 50.25, 'time': 0.1, 'step': 2},
            )
        )
    )
    assert run.curve('top1_percent') == [(1, 40.5), (2, 50.25)]
    assert (run.step_unit, run.seconds, run.memory_mb) == ('epoch', 5, 512)
    run = read_run(
        log(
            mmengine(
                {**train, 'iter': 100, 'step': 100},
                {'mIoU': 30.5, 'aAcc': 70.0, 'step': 100},
                {**train, 'iter': 200, 'step': 200},
                {'mIoU': 40.5, 'aAcc': 70.0, 'step': 200},
            )
        )
    )
    assert run.curve('miou_percent') == [(100, 30.5), (200, 40.5)]
    assert run.step_unit == 'iteration'


def test_a_run_of_mmengine_that_was_resumed(log):
    def epoch(number, value):
        return mmengine(
            {'loss': 1.0, 'epoch': number, 'iter': number * 10, 'step': number * 10},
            {'coco/bbox_mAP': value, 'step': number},
        )

    first = log(epoch(1, 0.1) + epoch(2, 0.9), 'a.json')
    second = log(epoch(2, 0.2) + epoch(3, 0.3), 'b.json')
    run = read_run(first, second)
    assert run.curve('box_ap_percent') == [(1, 10.0), (2, 20.0), (3, 30.0)]


@pytest.mark.parametrize(
    'line',
    [
        b'{"mode": "val", "epoch": 2, "bbox_m',
        b'{"mode": "val", "epoch": 2, "bbox_mAP": NaN}\n',
        b'{"mode": "val", "epoch": 2, "bbox_mAP": 41.5}\n',
        b'{"mode": "val", "epoch": 2, "bbox_mAP": "high"}\n',
        b'{"mode": "val", "epoch": null, "bbox_mAP": 0.5}\n',
        b'{"mode": "train", "epoch": 2}\n',
        b'{"mode": "train", "epoch": 1e999, "iter": 3}\n',
        b'[1, 2]\n',
        b'\xff\xfe\x00\n',
        b'[' * 100_000 + b'\n',
    ],
)  # fmt: skip
def test_a_damaged_line_is_noted_and_skipped(log, line):
    good = mmcv((1, 50), (1, {'bbox_mAP': 0.1})).encode()
    run = read_run(log(good + line))
    assert run.curve('box_ap_percent') == [(1, 10.0)]
    assert (run.unread_count, run.unread[0][0]) == (1, 4)
    if line.endswith(b'\n'):
        rest = mmcv((2, 50), (2, {'bbox_mAP': 0.2})).encode()
        assert read_run(log(good + line + rest)).curve('box_ap_percent')[-1] == (2, 20.0)


@pytest.mark.parametrize(
    ('content', 'problem'),
    [
        (b'', 'is empty'),
        (b'hello\n', 'is not a log in a known format'),
        (b'{"a": 1}\n', 'is not a log in a known format'),
        (gzip.compress(b'Epoch', mtime=0), 'is compressed: unpack it'),
        (b'\x00' * 10**6, 'is not a log in a known format'),
    ],
)
def test_a_file_that_is_no_log(log, content, problem):
    with pytest.raises(InputError, match=problem) as caught:
        read_run(log(content))
    assert '\n' not in str(caught.value)


def test_a_folder_or_nothing_is_no_log(tmp_path):
    for path in (tmp_path, tmp_path / 'absent'):
        with pytest.raises(InputError, match='cannot read the log'):
            read_run(path)


def test_a_long_log_is_not_held_in_memory(log):
    block = mmcv(*[(1, iteration) for iteration in range(1, 2000)]).encode()
    path = log(block)
    with path.open('ab') as file:
        for _ in range(60):
            file.write(block)
        file.write(mmcv((2, 1), (2, {'bbox_mAP': 0.5})).encode())
    assert path.stat().st_size > 8_000_000
    read_run(log(block, 'warm.json'))
    tracemalloc.start()
    run = read_run(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert run.curve('box_ap_percent') == [(2, 50.0)]
    assert peak < 1_000_000


def test_a_line_that_is_too_long_is_cut(log, monkeypatch):
    monkeypatch.setattr(lines, 'LONGEST_LINE', 10)
    found = list(read_lines(log(b'short\n' + b'x' * 35 + b'\nlast')))
    assert [(line.number, line.text, line.cut) for line in found] == [
        (1, 'short', False), (2, 'x' * 10, True), (3, 'last', True),
    ]  # fmt: skip


def test_several_evaluations_in_one_epoch(log):
    entries = [(1, 20), (1, {'bbox_mAP': 0.4}), (1, 40), (1, {'bbox_mAP': 0.3}), (2, 20)]
    config = "runner = dict(type='EpochBasedRunner', max_epochs=2)\n"
    run = read_run(log(mmcv(*entries, config=config)))
    assert run.curve('box_ap_percent') == [(1, 40.0), (1, 30.0)]
    # Cut in its first epoch, without a config: all evaluations would have one step.
    run = read_run(log(mmcv(*entries[:-1])))
    assert run.curve('box_ap_percent') == [(20, 40.0), (40, 30.0)]
    # Restarted after the first of the two.
    run = read_run(log(mmcv(*entries[:3], (1, 60), (1, {'bbox_mAP': 0.9}), (1, 50))))
    assert [value for _, value in run.curve('box_ap_percent')] == [40.0]


@pytest.mark.parametrize('head', [b'\xef\xbb\xbf', b'\n', b'w, "x": 3}\n'])
def test_a_damaged_head(log, head):
    run = read_run(log(head + mmcv((1, 50), (1, {'bbox_mAP': 0.4})).encode()))
    assert run.curve('box_ap_percent') == [(1, 40.0)]


def test_a_wrong_metric_does_not_affect_the_others(log):
    lines_of_a_run = [
        {'iter': 10, 'epoch': 1, 'step': 10},
        {'coco/bbox_mAP': 0.5, 'coco/segm_mAP': -1.0, 'step': 1},
        {'iter': 20, 'epoch': 2, 'step': 20},
        {'coco/bbox_mAP': 0.25, 'coco/segm_mAP': 7.0, 'step': 2},
    ]
    run = read_run(log(mmengine(*lines_of_a_run)))
    assert run.curve('box_ap_percent') == [(1, 50.0), (2, 25.0)]
    assert run.unread == [
        (2, 'mask_ap_percent is -100, not a percentage'),
        (4, 'mask_ap_percent is 700, not a percentage'),
    ]


def test_the_curve_is_sorted_by_step(log):
    entries = [{'iter': 10, 'epoch': 1, 'step': 10}, {'mIoU': 10.0, 'step': 10}]
    entries += [{'iter': 20, 'step': 20}, {'mIoU': 30.0, 'step': 20}, {'mIoU': 11.0, 'step': 10}]
    assert read_run(log(mmengine(*entries))).curve('miou_percent') == [(10, 11.0), (20, 30.0)]


def test_the_cut_end_of_a_text_log_is_noted(log):
    content = text((1, 0), (1, '0.5'), (2, 0), (2, '0.7911'))
    run = read_run(log(content[: content.rindex('0.7911') + 3]))
    assert run.unread == [(4, 'cut')]


def test_notes_name_the_log_of_a_resumed_run(tmp_path):
    for name, end in (('1', ''), ('2', '{"a')):
        folder = tmp_path / name / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text(mmengine({'mIoU': 1.0, 'step': int(name)}) + end)
    run = read_run(*sorted(tmp_path.glob('*/vis_data/scalars.json')))
    assert run.unread == [(2, '2: cut')]


def test_an_evaluation_is_not_compared_with_all_before_it(log, monkeypatch):
    class Step(int):
        uses = 0

        def __eq__(self, other):
            Step.uses += 1
            return int(self) == other

        def __hash__(self):
            Step.uses += 1
            return hash(int(self))

    monkeypatch.setattr(logged_run, 'checked_count', Step)
    entries = [{'mIoU': 1.0, 'step': step} for step in range(1000)]
    assert len(read_run(log(mmengine(*entries))).evaluations) == 1000
    # Each step is looked up and stored; a search or a copy at each would use 500 times as many.
    assert 1000 <= Step.uses < 10_000


@pytest.mark.parametrize(('by_epoch', 'unit'), [('True', 'epoch'), ('False', 'iteration')])
def test_the_config_of_an_mmengine_run_determines_the_unit_of_steps(tmp_path, by_epoch, unit):
    (tmp_path / 'config.py').write_text(
        'train_cfg = dict(max_epochs=12)\n'
        f'default_hooks = dict(logger=dict(log_metric_by_epoch={by_epoch}))\n'
    )
    (tmp_path / 'scalars.json').write_text(mmengine({'accuracy/top1': 40.0, 'step': 100}))
    assert read_run(tmp_path / 'scalars.json').step_unit == unit


@pytest.mark.parametrize(('stated', 'seed'), [(7, 7), (None, None), (True, None), ('7', None)])
def test_only_an_integer_is_a_seed(log, stated, seed):
    assert read_run(log(mmcv((1, {'bbox_mAP': 0.4}), seed=stated))).seed == seed
