import json
from dataclasses import asdict, replace

import pytest

from rm_mm.errors import RefusedError
from rm_mm.suite.metrics import Metric
from rm_mm.suite.records import Record, read_curve, read_floor, read_record

RECORD = Record(
    preset='mini',
    task='detection',
    method='rm',
    seed=0,
    metric='box_ap_percent',
    best=41.5,
    best_step=11,
    last=41.3,
    last_step=12,
    step_unit='epoch',
    curve=[[11, 41.5], [12, 41.3]],
    published=None,
    source=None,
    config='detection/atss_r18_rm_mini.py',
    config_sha256='0' * 64,
    schedule_scale=1.0,
    backbone_sha256=None,
    data_fingerprint=None,
    seconds=1.5,
    column='atss_r18_mini',
    settings=['mini'],
)
BOX_AP = Metric('coco/bbox_mAP', 100.0, 'box_ap_percent')
MIOU = Metric('mIoU', 1.0, 'miou_percent')
TOP1 = Metric('accuracy/top1', 1.0, 'top1_percent')


def log(directory, name, *lines):
    path = directory / name / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(lines))


def test_curve_of_a_run_that_was_killed_and_resumed(tmp_path):
    log(
        tmp_path,
        '20260101_000000',
        '{"lr": 0.1, "loss": 2.0, "step": 50}',
        '{"coco/bbox_mAP": 0.25, "step": 1}',
        '{"coco/bbox_mAP": 0.26, "step": 2}',
        '{"coco/bbox_mA',
    )
    log(
        tmp_path,
        '20260102_000000',
        '{"coco/bbox_mAP": 0.31, "step": 2}',
        '{"coco/bbox_mAP": 0.415, "step": 3}',
    )
    # Per cent; of the two entries for step 2 the resumed run's counts.
    assert read_curve(tmp_path, BOX_AP) == [(1, 25.0), (2, 31.0), (3, 41.5)]
    assert read_curve(tmp_path, MIOU) == []


def test_the_floor_is_one_point(tmp_path):
    (tmp_path / 'metrics.json').write_text('{"accuracy/top1": 10.5}')
    assert read_floor(tmp_path / 'metrics.json', TOP1) == [(0, 10.5)]


def test_records_come_back_as_written(tmp_path):
    RECORD.write(tmp_path / 'records' / 'a.json')
    assert read_record(tmp_path / 'records' / 'a.json') == RECORD


@pytest.mark.parametrize(
    ('content', 'word'),
    [('{', 'not a record'), ('[]', 'not a record'), ('{"schema_version": 99}', 'upgrade')],
)
def test_what_is_not_a_record_is_refused(tmp_path, content, word):
    path = tmp_path / 'a.json'
    path.write_text(content)
    with pytest.raises(RefusedError, match=word):
        read_record(path)


@pytest.mark.parametrize(
    'change',
    [
        {'best': 'x'}, {'best': None}, {'last': float('nan')}, {'task': 'nope'}, {'method': 3},
        {'settings': 'paper'}, {'settings': None}, {'settings': [1]}, {'seed': '0'}, {'extra': 1},
        {'published': 'much'}, {'schedule_scale': None},
    ],
)  # fmt: skip
def test_a_record_of_wrong_values_is_refused(tmp_path, change):
    values = {**asdict(RECORD), **change}
    (tmp_path / 'a.json').write_text(json.dumps(values))
    with pytest.raises(RefusedError, match='is not a record'):
        read_record(tmp_path / 'a.json')


def test_no_record_holds_a_nan(tmp_path):
    with pytest.raises(ValueError, match='JSON'):
        replace(RECORD, best=float('nan')).write(tmp_path / 'a.json')
    assert list(tmp_path.iterdir()) == []
