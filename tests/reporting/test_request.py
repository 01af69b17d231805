"""Requests for reports, and the files they write."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.reporting import Report, ReportRequest, report
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


def test_help_needs_no_library_of_reports():
    command = [sys.executable, '-X', 'importtime', '-m', 'rm_mm.cli', 'report', '--help']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = set(re.findall(r'\| +([\w.]+)$', done.stderr, flags=re.MULTILINE))
    assert 'argparse' in imported
    assert not imported & {'pydantic', 'jinja2', 'rich', 'numpy', 'rm_mm.records'}


def test_no_record_is_overwritten(folder, capsys):
    record = folder / 'records' / 'a.json'
    before = record.read_text()
    assert main(['report', str(folder), '--md', str(record)]) == 2
    assert 'write the table elsewhere' in capsys.readouterr().err
    assert record.read_text() == before


def test_no_log_is_overwritten_but_its_folder_may_be_used(tmp_path, capsys):
    log = tmp_path / 'rm' / '20260101_1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"coco/bbox_mAP": 0.5, "step": 1}\n')
    before = log.read_text()
    assert main(['report', str(tmp_path / 'rm'), '--md', str(log)]) == 2
    assert 'write the table elsewhere' in capsys.readouterr().err
    assert log.read_text() == before
    assert main(['report', str(tmp_path / 'rm'), '--md', str(tmp_path / 'rm' / 'table.md')]) == 0


def test_a_run_does_not_count_in_addition_to_its_record(folder, capsys):
    log = folder / 'atss_r18_rm_mini' / '20260101_1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"coco/bbox_mAP": 0.5, "step": 1}\n')
    assert main(['report', str(folder), str(folder / 'atss_r18_rm_mini')]) == 2
    assert 'whose records are already in the table: drop one' in capsys.readouterr().err
    assert main(['report', str(folder / 'records' / 'a.json')]) == 2
    assert 'is a record: name the folder above' in capsys.readouterr().err


def test_an_impossible_folder_is_found_before_anything_is_read(folder, capsys, monkeypatch):
    monkeypatch.setattr('rm_mm.reporting.request.read_files', None)
    (folder / 'file').touch()
    assert main(['report', str(folder), '--md', str(folder / 'file' / 'below' / 'x')]) == 2
    assert 'expected a writable folder, found' in capsys.readouterr().err


def test_every_damaged_record_is_named(folder, capsys):
    (folder / 'records' / 'b.json').write_text('{"schema_version": 4, "odd": 1}')
    (folder / 'records' / 'c.json').write_text('[]')
    assert main(['report', str(folder), '--md', str(folder / 'x')]) == 2
    errors = capsys.readouterr().err
    assert '2 mistakes, and no table was made' in errors
    assert "missing and 'odd' unknown" in errors
    assert 'c.json is not a record: expected an entry "schema_version", found none' in errors
    assert not (folder / 'x').exists()


def test_two_tables_do_not_share_a_file(folder, capsys):
    assert main(['report', str(folder), '--md', str(folder / 'x'), '--csv', str(folder / 'x')]) == 2
    assert 'give each format its own file' in capsys.readouterr().err


def test_a_folder_as_target_is_rejected_and_nothing_is_written(folder, capsys):
    targets = ['--md', str(folder / 'x'), '--html', str(folder / 'y')]
    (folder / 'y').mkdir()
    assert main(['report', str(folder), *targets]) == 2
    assert 'y is a folder: expected the name of a file' in capsys.readouterr().err
    assert not (folder / 'x').exists()


def test_markdown_escapes_html_in_a_name(folder):
    replace(RECORD, method='<b>|a&').write(folder / 'records' / 'b.json')
    assert main(['report', str(folder), '--md', str(folder / 'x')]) == 0
    text = (folder / 'x').read_text()
    assert '&lt;b&gt;\\|a&amp;' in text
    assert '<b>' not in text


@pytest.mark.parametrize('version', [0, -5, True, float('nan'), None, '2'])
def test_a_record_without_a_valid_version_is_rejected(folder, capsys, version):
    replace(RECORD, schema_version=1).write(folder / 'records' / 'b.json')
    text = (folder / 'records' / 'b.json').read_text()
    broken = json.dumps({**json.loads(text), 'schema_version': version})
    (folder / 'records' / 'b.json').write_text(broken)
    assert main(['report', str(folder)]) == 2
    assert 'is not a record' in capsys.readouterr().err


def test_a_report_is_a_value(folder, capsys):
    made = report(folder, csv=folder / 'x.csv')
    assert isinstance(made, Report)
    assert made.files == [folder / 'x.csv']
    assert made.text.splitlines()[2].split()[:3] == ['rm', 'mini', '41.50']
    assert [record.best for record in made.records] == [41.5]
    assert (made.notes, made.table.rows[0][0]) == ([], 'rm')
    # Printing is for the command line.
    assert capsys.readouterr().out == ''
    request = ReportRequest([folder], csv=str(folder / 'x.csv'))
    assert report(request) == made
    assert report([str(folder)], csv=folder / 'x.csv') == made


@pytest.mark.parametrize(
    ('call', 'words'),
    [
        (lambda: report([]), 'expected one or more paths'),
        (lambda: report(5), 'expected one or more paths, found 5'),
        (lambda: report([5]), 'expected paths as str or Path, found int 5'),
        (lambda: report('a', md=True), 'expected paths as str or Path, found bool True'),
        (lambda: report('a', md=''), "found str ''"),
        (lambda: ReportRequest(['a'], md='x', html='x'), 'two formats share a file'),
        (lambda: report(ReportRequest(['a']), md='x'), 'not in both'),
    ],
)
def test_a_wrong_request_is_rejected_when_it_is_built(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_the_piped_table_is_plain_and_as_wide_as_it_is(folder, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '20')
    assert main(['report', str(folder)]) == 0
    assert capsys.readouterr().out == report(folder).text + '\n'


def test_a_terminal_wraps_verdicts_but_no_figures(tmp_path, capsys, monkeypatch):
    for seed in range(3):
        for method, best in (('baseline', 40.0), ('[rm]', 41.0)):
            made = replace(RECORD, method=method, seed=seed, best=best + 0.1 * seed**2)
            made.write(tmp_path / 'records' / f'{method}{seed}.json')
    table = report(tmp_path).table
    monkeypatch.setattr('sys.stdout.isatty', lambda: True, raising=False)
    monkeypatch.setenv('COLUMNS', '110')
    assert main(['report', str(tmp_path)]) == 0
    lines = re.sub('\x1b\\[[\\d;]*m', '', capsys.readouterr().out).splitlines()
    assert all(len(line) <= 110 for line in lines[:4])
    text = '\n'.join(lines)
    for cell in (cell for row in table.rows for cell in row[:5]):
        assert cell in text
    # Too narrow for the figures: the plain table, however long its lines are.
    monkeypatch.setenv('COLUMNS', '40')
    assert main(['report', str(tmp_path)]) == 0
    assert capsys.readouterr().out == report(tmp_path).text + '\n'
