"""mmengine's `scalars.json` in the work directory of a run."""

import json

import pytest

from rm_mm.errors import RejectedError
from rm_mm.logs.scalars import evaluation_curve, read_scalars, training_pace, untrained_curve
from rm_mm.recipe.metric import Metric

BOX_AP = Metric('coco/bbox_mAP', 100.0, 'box_ap_percent')
MIOU = Metric('mIoU', 1.0, 'miou_percent')
TOP1 = Metric('accuracy/top1', 1.0, 'top1_percent')


def write_part(directory, name, *lines):
    """One log of a run; lines that are no text are written as JSON."""
    path = directory / name / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    text = '\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text, encoding='utf-8')


def test_the_curve_of_a_run_that_was_killed_and_resumed(tmp_path):
    write_part(
        tmp_path,
        '20260101_000000',
        {'lr': 0.1, 'loss': 2.0, 'step': 50},
        {'coco/bbox_mAP': 0.25, 'step': 1},
        {'coco/bbox_mAP': 0.26, 'step': 2},
        '{"coco/bbox_mA',
    )
    write_part(
        tmp_path,
        '20260102_000000',
        {'coco/bbox_mAP': 0.31, 'step': 2},
        {'coco/bbox_mAP': 0.415, 'step': 3},
    )
    # In percent; of the two values at step 2 the resumed run's counts.
    assert evaluation_curve(tmp_path, BOX_AP) == [(1, 25.0), (2, 31.0), (3, 41.5)]
    assert evaluation_curve(tmp_path, MIOU) == []


def test_the_curve_is_sorted_by_step(tmp_path):
    write_part(tmp_path, 'a', {'mIoU': 30.0, 'step': 20}, {'mIoU': 11.0, 'step': 10})
    assert evaluation_curve(tmp_path, MIOU) == [(10, 11.0), (20, 30.0)]


def test_lines_that_are_no_entries_are_skipped(tmp_path):
    write_part(tmp_path, 'a', '\ufeff{"step": 1}', '', '[1, 2]', '[' * 100_000, '3', '{"step": 2}')
    assert list(read_scalars(tmp_path)) == [{'step': 1}, {'step': 2}]


def test_the_pace_of_a_run_in_parts(tmp_path):
    write_part(
        tmp_path,
        'a',
        {'iter': 1, 'time': 9.0, 'memory': 200},
        {'iter': 2, 'time': 0.5, 'memory': 300},
        # An evaluation: its time is not that of an iteration.
        {'time': 70.0, 'memory': 900, 'accuracy/top1': 1.0, 'step': 1},
    )
    write_part(tmp_path, 'b', {'iter': 3, 'time': 0.75, 'memory': 250}, {'iter': 4})
    # The median of 9, 0.5 and 0.75, and the peak of 200, 300 and 250.
    assert training_pace(tmp_path, process_memory_mb=5.0) == (0.75, 300)


def test_without_a_gpu_the_memory_of_the_process_counts(tmp_path):
    assert training_pace(tmp_path) == (None, None)
    write_part(tmp_path, 'a', {'iter': 1, 'time': 0.5})
    assert training_pace(tmp_path, process_memory_mb=512.5) == (0.5, 512.5)


def test_an_untrained_network_is_one_point(tmp_path):
    metrics = tmp_path / 'metrics.json'
    metrics.write_text('{"accuracy/top1": 10.5}')
    assert untrained_curve(metrics, TOP1) == [(0, 10.5)]
    metrics.write_text('{"accuracy/top1": null}')
    with pytest.raises(RejectedError, match='no value of accuracy/top1'):
        untrained_curve(metrics, TOP1)
