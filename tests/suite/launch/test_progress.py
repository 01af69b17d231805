import io
from pathlib import Path

from rm_mm.recipe.metric import Metric
from rm_mm.suite.launch.progress import Progress, seconds_left
from rm_mm.suite.plan.cells import Cell
from rm_mm.suite.units import duration

LINE = '11/22 - mmengine - INFO - Epoch(train) [1][ 20/75]  lr: 1e-03  eta: 0:00:25  time: 0.4'


def cell(task, weight):
    return Cell(
        preset='mini', task=task, label=task, column=task, method='rm', row='rm',
        settings=('mini',), seed=0, config='c.py', custom=False, directory=Path('d'),
        record=Path('r'), backbone=None, source=None, network=None, weight=weight,
    )  # fmt: skip


def test_reads_mmengines_estimate():
    assert seconds_left(LINE) == 25
    assert seconds_left('eta: 1 day, 2:00:05  time') == 26 * 3600 + 5
    assert seconds_left('Epoch(val) [1][15/15]  coco/bbox_mAP: 0.01') is None


def test_duration():
    assert [duration(5), duration(65.4), duration(3661)] == ['0:05', '1:05', '1:01:01']


def test_time_left_is_scaled_by_weight(monkeypatch):
    now = [0.0]
    monkeypatch.setattr('rm_mm.suite.launch.progress.time.monotonic', lambda: now[0])
    stream = io.StringIO()
    cells = [cell('classification', 2.0), cell('detection', 1.0), cell('segmentation', 1.0)]
    progress = Progress(cells, stream=stream)
    progress.start(cells[0])
    now[0] = 35.0
    progress.line(cells[0], LINE)
    # 35 s gone and 25 s left make 60 s for weight 2: the other two take 30 s each.
    assert stream.getvalue().splitlines()[-1] == (
        '[0/3 done] classification rm [1][20/75], about 1:25 left'
    )
    now[0] = 60.0
    progress.finish(cells[0], 'best 1.00')
    progress.start(cells[1])
    assert stream.getvalue().splitlines()[-2:] == [
        '[1/3 done] classification rm: best 1.00, 1:00',
        '[1/3 done] detection rm: starting, about 1:00 left',
    ]


def test_two_at_a_time_halve_what_is_left(monkeypatch):
    monkeypatch.setattr('rm_mm.suite.launch.progress.time.monotonic', lambda: 0.0)
    stream = io.StringIO()
    cells = [cell(task, 1.0) for task in ('a', 'b', 'c', 'd')]
    progress = Progress(cells, jobs=2, stream=stream)
    progress.start(cells[0])
    progress.start(cells[1])
    monkeypatch.setattr('rm_mm.suite.launch.progress.time.monotonic', lambda: 35.0)
    progress.line(cells[0], LINE)
    # 60 s a cell: 25 + 25 running and 60 + 60 waiting, on two at a time.
    assert stream.getvalue().splitlines()[-1].endswith('about 1:25 left')


def test_how_each_cell_does(monkeypatch):
    monkeypatch.setattr('rm_mm.suite.launch.progress.time.monotonic', lambda: 0.0)
    stream = io.StringIO()
    cells = [cell('detection', 1.0)]
    progress = Progress(cells, stream=stream)
    progress.start(cells[0], Metric('coco/bbox_mAP', 100.0, 'box_ap_percent'))
    monkeypatch.setattr('rm_mm.suite.launch.progress.time.monotonic', lambda: 35.0)
    for line in (
        'Epoch(val) [1][15/15]    coco/bbox_mAP_50: 0.9000  coco/bbox_mAP: 0.1230  time: 0.1',
        'Epoch(val) [1][15/15]    coco/bbox_mAP: nan  coco/bbox_mAP_75: 0.5',
        'some other line with coco/bbox_mAP: 0.9',
        LINE,
    ):
        progress.line(cells[0], line)
    assert stream.getvalue().splitlines()[-1] == (
        '[0/1 done] detection rm [1][20/75] 12.30 %, about 0:25 left'
    )


def test_what_failed_is_not_done():
    stream, cells = io.StringIO(), [cell('classification', 1.0), cell('detection', 1.0)]
    progress = Progress(cells, stream=stream)
    progress.start(cells[0])
    progress.finish(cells[0], 'failed', failed=True)
    progress.start(cells[1])
    progress.finish(cells[1], 'best 1.00, last 1.00')
    lines = stream.getvalue().splitlines()
    assert lines[1].startswith('[0/2 done, 1 failed] classification')
    assert lines[3].startswith('[1/2 done, 1 failed] detection')


def test_what_was_stopped_is_neither_done_nor_failed():
    stream, only = io.StringIO(), cell('classification', 1.0)
    progress = Progress([only], stream=stream)
    progress.start(only)
    progress.finish(only, 'stopped', stopped=True)
    assert stream.getvalue().splitlines()[-1].startswith('[0/1 done] classification')
