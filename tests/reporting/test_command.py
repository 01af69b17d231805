"""Where tables are written."""

import json
from dataclasses import replace

import pytest

from rm_mm.cli import main
from tests.test_records import RECORD


@pytest.fixture
def folder(tmp_path):
    RECORD.write(tmp_path / 'records' / 'a.json')
    return tmp_path


def test_every_format_is_written(folder):
    targets = [
        word
        for name in ('md', 'csv', 'latex', 'html')
        for word in (f'--{name}', str(folder / name))
    ]
    assert main(['report', str(folder), *targets]) == 0
    for name in ('md', 'csv', 'latex', 'html'):
        assert '41.5' in (folder / name).read_text()


def test_no_record_is_overwritten(folder, capsys):
    record = folder / 'records' / 'a.json'
    before = record.read_text()
    assert main(['report', str(folder), '--md', str(record)]) == 2
    assert 'write the table elsewhere' in capsys.readouterr().err
    assert record.read_text() == before


def test_no_log_is_overwritten_and_its_folder_is_free(tmp_path, capsys):
    log = tmp_path / 'rm' / '20260101_1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"coco/bbox_mAP": 0.5, "step": 1}\n')
    before = log.read_text()
    assert main(['report', str(tmp_path / 'rm'), '--md', str(log)]) == 2
    assert 'write the table elsewhere' in capsys.readouterr().err
    assert log.read_text() == before
    assert main(['report', str(tmp_path / 'rm'), '--md', str(tmp_path / 'rm' / 'table.md')]) == 0


def test_a_run_whose_record_is_there_does_not_count_twice(folder, capsys):
    log = folder / 'atss_r18_rm_mini' / '20260101_1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"coco/bbox_mAP": 0.5, "step": 1}\n')
    assert main(['report', str(folder), str(folder / 'atss_r18_rm_mini')]) == 2
    assert 'whose records are in the table already: leave one out' in capsys.readouterr().err
    assert main(['report', str(folder / 'records' / 'a.json')]) == 2
    assert 'is a record: name the folder above' in capsys.readouterr().err


def test_a_folder_that_is_none_is_found_before_anything_is_read(folder, capsys, monkeypatch):
    monkeypatch.setattr('rm_mm.reporting.command.read_record', None)
    (folder / 'file').touch()
    assert main(['report', str(folder), '--md', str(folder / 'file' / 'below' / 'x')]) == 2
    assert 'expected a folder that can be written to, found' in capsys.readouterr().err


def test_every_damaged_record_is_named(folder, capsys):
    (folder / 'records' / 'b.json').write_text('{"schema_version": 4, "odd": 1}')
    (folder / 'records' / 'c.json').write_text('[]')
    assert main(['report', str(folder), '--md', str(folder / 'x')]) == 2
    said = capsys.readouterr().err
    assert '2 mistakes, and no table was made' in said
    assert "missing and 'odd' left over" in said
    assert 'c.json is not a record: expected an entry "schema_version", found none' in said
    assert not (folder / 'x').exists()


def test_two_tables_do_not_share_a_file(folder, capsys):
    assert main(['report', str(folder), '--md', str(folder / 'x'), '--csv', str(folder / 'x')]) == 2
    assert 'give each its own' in capsys.readouterr().err


def test_a_folder_is_no_table_and_nothing_is_written(folder, capsys):
    targets = ['--md', str(folder / 'x'), '--html', str(folder / 'y')]
    (folder / 'y').mkdir()
    assert main(['report', str(folder), *targets]) == 2
    assert 'y is a folder: expected the name of a file' in capsys.readouterr().err
    assert not (folder / 'x').exists()


def test_markdown_has_no_html_of_a_record(folder):
    replace(RECORD, method='<b>|a&').write(folder / 'records' / 'b.json')
    assert main(['report', str(folder), '--md', str(folder / 'x')]) == 0
    text = (folder / 'x').read_text()
    assert '&lt;b&gt;\\|a&amp;' in text
    assert '<b>' not in text


@pytest.mark.parametrize('version', [0, -5, True, float('nan'), None, '2'])
def test_a_record_of_no_version_is_refused(folder, capsys, version):
    replace(RECORD, schema_version=1).write(folder / 'records' / 'b.json')
    text = (folder / 'records' / 'b.json').read_text()
    broken = json.dumps({**json.loads(text), 'schema_version': version})
    (folder / 'records' / 'b.json').write_text(broken)
    assert main(['report', str(folder)]) == 2
    assert 'is not a record' in capsys.readouterr().err
