import json
import re
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from rm_mm.errors import RejectedError
from rm_mm.recipe.metric import Metric
from rm_mm.records import SCHEMA_VERSION, Record, read_record
from rm_mm.reporting.table import build_table
from rm_mm.suite.cell.result import facts_of, read_curve, read_environment, read_floor, read_pace

SCHEMAS = Path(__file__).parent / 'data' / 'records'

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


def test_old_versions_still_read():
    first, second, third = (read_record(SCHEMAS / f'schema{v}.json') for v in (1, 2, 3))
    assert (first.schema_version, first.column, first.settings, first.batch) == (1, '', [], None)
    assert (second.schema_version, second.column, second.settings) == (2, 'atss_r18_mini', ['mini'])
    assert (third.schema_version, third.memory_mb, third.seconds_an_iteration) == (3, 900.5, 0.4)
    for record in (first, second, third):
        assert (record.checkpoint, record.config_diff, record.per_class) == (None, None, {})
        assert (record.best, record.last_step, record.curve[-1]) == (9.9, 4, [4, 9.9])
    for record in (first, second):
        assert (record.memory_mb, record.seconds_an_iteration) == (None, None)
    build_table([first, second, third])


def test_every_field_is_documented():
    page = (Path(__file__).parents[1] / 'docs' / 'records.md').read_text()
    rows = re.findall(r'^\| `(\w+)` \|', page, flags=re.MULTILINE)
    assert rows == [field.name for field in fields(Record)]
    assert f'schema is {SCHEMA_VERSION}' in page


def test_what_a_run_left_about_itself(tmp_path):
    assert read_pace(tmp_path) == (None, None)
    assert read_environment(tmp_path) == {}
    log(
        tmp_path,
        '20260101_000000',
        '{"iter": 10, "time": 0.5, "memory": 100, "step": 10}',
        '{"iter": 20, "time": 0.75, "memory": 300, "step": 20}',
        '{"mIoU": 50.0, "time": 9.0, "step": 20}',
        '{"iter": 30, "time": 8.5, "memory": 200, "step": 30}',
        '{"iter": 40, "ti',
    )
    # An evaluation's time is not training's, and a start that took long moves no median.
    assert read_pace(tmp_path) == (0.75, 300)
    environment = {
        'versions': {'torch': '2.14.1'}, 'device': 'cpu', 'processes': 2, 'peak_memory_mb': 512.5,
        'config': 'elsewhere/x.py',
    }  # fmt: skip
    (tmp_path / 'environment.json').write_text(json.dumps(environment))
    assert facts_of(read_environment(tmp_path)) == {
        'torch': '2.14.1', 'device': 'cpu', 'processes': 2
    }  # fmt: skip
    (tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json').write_text('{"iter": 1}')
    assert read_pace(tmp_path) == (None, 512.5)


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
    with pytest.raises(RejectedError, match=word):
        read_record(path)


@pytest.mark.parametrize(
    'change',
    [
        {'best': 'x'}, {'best': None}, {'last': float('nan')}, {'task': 'nope'}, {'method': 3},
        {'method': ''}, {'seed': -1}, {'seed': 2**32}, {'memory_mb': 'q'}, {'seconds': [1]},
        {'settings': 'paper'}, {'settings': None}, {'settings': [1]}, {'seed': '0'}, {'seed': True},
        {'method': '\x1b[31m'}, {'extra': 1},
        {'published': 'much'}, {'schedule_scale': None}, {'curve': [[1, None]]}, {'curve': [[1]]},
        {'curve': 'x'}, {'per_class': {'bag': 'x'}}, {'per_class': []}, {'config_diff': {'a': [1]}},
        {'environment': []}, {'config_sha256': None}, {'backbone_sha256': ['x']}, {'step_unit': 1},
        {'best': 250}, {'last': -5}, {'step_unit': 'foo'}, {'best_step': {'a': 1}},
        {'last_step': '3'}, {'schedule_scale': -1}, {'schedule_scale': float('nan')},
        {'seconds': float('inf')}, {'seconds': -5}, {'seconds': True}, {'column': ''},
        {'settings': ['']},
    ],
)  # fmt: skip
def test_a_record_of_wrong_values_is_refused(tmp_path, change):
    values = {**asdict(RECORD), **change}
    (tmp_path / 'a.json').write_text(json.dumps(values))
    with pytest.raises(RejectedError, match='is not a record'):
        read_record(tmp_path / 'a.json')


def test_what_is_missing_and_what_is_left_over_is_named(tmp_path):
    values = {**asdict(RECORD), 'typo': 1}
    del values['best'], values['column']
    (tmp_path / 'a.json').write_text(json.dumps(values))
    with pytest.raises(RejectedError, match="found best, column missing and 'typo' left over"):
        read_record(tmp_path / 'a.json')


def test_a_mark_at_its_beginning_is_no_damage(tmp_path):
    RECORD.write(tmp_path / 'a.json')
    text = (tmp_path / 'a.json').read_text()
    (tmp_path / 'a.json').write_text(text, encoding='utf-8-sig')
    assert read_record(tmp_path / 'a.json') == RECORD


@pytest.mark.parametrize('kind', ['folder', 'broken link'])
def test_what_cannot_be_read_is_no_record(tmp_path, kind):
    path = tmp_path / 'a.json'
    path.mkdir() if kind == 'folder' else path.symlink_to(tmp_path / 'nowhere')
    with pytest.raises(RejectedError, match=r'a\.json is not a record: expected a file'):
        read_record(path)


def test_no_record_holds_a_nan(tmp_path):
    with pytest.raises(ValueError, match='JSON'):
        replace(RECORD, best=float('nan')).write(tmp_path / 'a.json')
    assert list(tmp_path.iterdir()) == []
