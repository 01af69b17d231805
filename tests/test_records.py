import json
import re
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from rm_mm.errors import InputError, RejectedError
from rm_mm.logs.scalars import evaluation_curve, training_pace, untrained_curve
from rm_mm.recipe.metric import Metric
from rm_mm.records import (
    SCHEMA_VERSION,
    Record,
    read_record,
    read_records,
    record_schema,
    require_sound,
)
from rm_mm.reporting.table import build_table
from rm_mm.suite.cell.result import read_environment, run_facts

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
    # In percent. Of the two entries for step 2 the one of the resumed run counts.
    assert evaluation_curve(tmp_path, BOX_AP) == [(1, 25.0), (2, 31.0), (3, 41.5)]
    assert evaluation_curve(tmp_path, MIOU) == []


def test_the_floor_is_one_point(tmp_path):
    (tmp_path / 'metrics.json').write_text('{"accuracy/top1": 10.5}')
    assert untrained_curve(tmp_path / 'metrics.json', TOP1) == [(0, 10.5)]


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


def test_pace_and_environment_of_a_run(tmp_path):
    assert training_pace(tmp_path) == (None, None)
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
    # Times of evaluations do not count, and a slow start does not move the median.
    assert training_pace(tmp_path) == (0.75, 300)
    environment = {
        'versions': {'torch': '2.14.1'}, 'device': 'cpu', 'processes': 2, 'peak_memory_mb': 512.5,
        'config': 'elsewhere/x.py',
    }  # fmt: skip
    (tmp_path / 'environment.json').write_text(json.dumps(environment))
    assert run_facts(read_environment(tmp_path)) == {
        'torch': '2.14.1', 'device': 'cpu', 'processes': 2
    }  # fmt: skip
    (tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json').write_text('{"iter": 1}')
    assert training_pace(tmp_path, read_environment(tmp_path)['peak_memory_mb']) == (None, 512.5)


def test_records_come_back_as_written(tmp_path):
    RECORD.write(tmp_path / 'records' / 'a.json')
    assert read_record(tmp_path / 'records' / 'a.json') == RECORD


@pytest.mark.parametrize(
    ('content', 'word'),
    [('{', 'not a record'), ('[]', 'not a record'), ('{"schema_version": 99}', 'upgrade')],
)
def test_other_files_are_rejected(tmp_path, content, word):
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
def test_a_record_with_wrong_values_is_rejected(tmp_path, change):
    values = {**asdict(RECORD), **change}
    (tmp_path / 'a.json').write_text(json.dumps(values))
    with pytest.raises(RejectedError, match='is not a record'):
        read_record(tmp_path / 'a.json')


def test_missing_and_unknown_fields_are_named(tmp_path):
    values = {**asdict(RECORD), 'typo': 1}
    del values['best'], values['column']
    (tmp_path / 'a.json').write_text(json.dumps(values))
    with pytest.raises(RejectedError, match="found best, column missing and 'typo' unknown"):
        read_record(tmp_path / 'a.json')


def test_a_byte_order_mark_is_accepted(tmp_path):
    RECORD.write(tmp_path / 'a.json')
    text = (tmp_path / 'a.json').read_text()
    (tmp_path / 'a.json').write_text(text, encoding='utf-8-sig')
    assert read_record(tmp_path / 'a.json') == RECORD


@pytest.mark.parametrize('kind', ['folder', 'broken link'])
def test_an_unreadable_file_is_no_record(tmp_path, kind):
    path = tmp_path / 'a.json'
    path.mkdir() if kind == 'folder' else path.symlink_to(tmp_path / 'nowhere')
    with pytest.raises(RejectedError, match=r'a\.json is not a record: expected a readable file'):
        read_record(path)


def test_no_record_holds_a_nan(tmp_path):
    with pytest.raises(ValueError, match='JSON'):
        replace(RECORD, best=float('nan')).write(tmp_path / 'a.json')
    assert list(tmp_path.iterdir()) == []


def test_the_published_schema_is_that_of_the_model():
    page = Path(__file__).parents[1] / 'docs' / 'record.schema.json'
    assert json.loads(page.read_text()) == record_schema()
    properties = record_schema()['properties']
    assert list(properties) == [field.name for field in fields(Record)]
    assert all(entry['description'] for entry in properties.values())


def test_a_wrong_value_is_named_with_its_place():
    wrong = replace(RECORD, curve=[[1, 2.0], [2, None]], seed='0')
    with pytest.raises(ValueError, match=r"^seed: .*, found '0' \(and 1 more\)$"):
        require_sound(wrong)
    with pytest.raises(ValueError, match=r'^curve\.1\.1: .*, found None$'):
        require_sound(replace(wrong, seed=0))
    require_sound(RECORD)


def test_a_path_that_is_not_utf8_is_read(tmp_path):
    made = replace(RECORD, checkpoint='caf\udce9/best.pth', environment={'a': ['\udce9']})
    made.write(tmp_path / 'a.json')
    assert read_record(tmp_path / 'a.json') == made


def test_all_records_of_a_folder(tmp_path):
    later = replace(RECORD, seed=1, best=42.0)
    RECORD.write(tmp_path / 'records' / 'a.json')
    later.write(tmp_path / 'records' / 'b.json')
    found = read_records(tmp_path)
    assert list(found) == [RECORD, later]
    assert found == read_records(str(tmp_path / 'records'))
    frame = found.to_frame()
    assert list(frame.columns) == [field.name for field in fields(Record)]
    assert frame[['seed', 'best']].values.tolist() == [[0, 41.5], [1, 42.0]]


def test_wrong_folders_are_rejected_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match='expected the path of a folder, found int'):
        read_records(5)
    with pytest.raises(InputError, match=r'no records in .*nowhere'):
        read_records(tmp_path / 'nowhere')
    for name in ('a', 'b'):
        (tmp_path / f'{name}.json').write_text('{}')
    with pytest.raises(InputError, match='2 mistakes, and nothing was read'):
        read_records(tmp_path)


def test_a_frame_needs_pandas(tmp_path, monkeypatch):
    RECORD.write(tmp_path / 'a.json')
    monkeypatch.setitem(sys.modules, 'pandas', None)
    with pytest.raises(InputError, match='pip install pandas'):
        read_records(tmp_path).to_frame()
