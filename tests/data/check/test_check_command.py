import json
import os
import signal
import subprocess
import sys
import time

import pytest
from check_sets import custom_classes, image, imagenet

from rm_mm.cli import main
from rm_mm.data.progress import ProgressLine


def test_complete_data_set(tmp_path, capsys):
    custom_classes(tmp_path)
    assert main(['data', 'check', 'custom', str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    *lines, last = out.splitlines()
    assert lines == [
        f'custom in {tmp_path} (class folders)',
        'train: 2 images',
        'val: 2 images',
        '2 classes',
    ]
    assert last.startswith('ok, fingerprint ')
    assert len(last.split()[-1]) == 64
    assert err == ''


@pytest.mark.usefixtures('small')
def test_twenty_problems_and_the_total_are_shown(tmp_path, capsys):
    imagenet(tmp_path)
    for number in range(30):
        (tmp_path / f'train/n01440764/{number}.txt').write_text('x')
    (tmp_path / 'val/n01440764/ILSVRC2012_val_00000001.JPEG').write_bytes(b'')
    assert main(['data', 'check', 'imagenet', str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    # A title, two splits and the classes; 20 problems; the total.
    assert len(lines) == 4 + 20 + 1
    assert lines[23] == 'val/n01440764/ILSVRC2012_val_00000001.JPEG is empty (0 bytes)'
    assert lines[-1] == '31 problems in all: 30 extra files, 1 empty files'


def test_problem_in_json(tmp_path, capsys):
    custom_classes(tmp_path)
    (tmp_path / 'train/cat/1.jpg').write_bytes(b'')
    assert main(['data', 'check', 'custom', str(tmp_path), '--json', '--jobs', '1']) == 1
    assert json.loads(capsys.readouterr().out) == {
        'name': 'custom',
        'root': str(tmp_path),
        'kind': 'class folders',
        'counts': {'train': 2, 'val': 2},
        'classes': 2,
        'problems': ['train/cat/1.jpg is empty (0 bytes)'],
        'total': 1,
        'causes': {'empty files': 1},
        'notes': [],
        'subset': False,
        'fingerprint': None,
    }


def test_invalid_root(tmp_path, capsys):
    (tmp_path / 'file').write_text('x')
    for name, message in (('nowhere', 'No such file'), ('file', 'Not a directory')):
        assert main(['data', 'check', 'coco', str(tmp_path / name)]) == 2
        out, err = capsys.readouterr()
        assert out == ''
        assert err.count('\n') == 1
        assert f'{tmp_path / name} cannot be checked' in err
        assert message in err


def many(root):
    """More images than one process handles."""
    for number in range(100):
        image(root / f'train/cat/{number}.jpg', (200, 200))
        (root / 'val/cat').mkdir(parents=True, exist_ok=True)
    image(root / 'val/cat/1.jpg')


def call(root, *options):
    return [sys.executable, '-m', 'rm_mm.cli', 'data', 'check', 'custom', str(root), *options]


def test_many_images_in_processes(tmp_path):
    many(tmp_path)
    broken = tmp_path / 'train/cat/50.jpg'
    broken.write_bytes(broken.read_bytes()[:2000])
    run = subprocess.run(call(tmp_path, '--deep', '--jobs', '2'), capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == ''
    assert 'train/cat/50.jpg is damaged: image file is truncated' in run.stdout
    assert '1 problem in all\n' in run.stdout


def test_ctrl_c_prints_one_line(tmp_path):
    many(tmp_path)
    code = (
        'import signal, sys, time; from rm_mm import cli; from rm_mm.data.check import images\n'
        # A shell starts background jobs with SIGINT ignored.
        'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
        'def slow(*a):\n'
        '    for result in real(*a): print("at work", flush=True); time.sleep(60); yield result\n'
        'real = images.map_in_processes; images.map_in_processes = slow\n'
        'if __name__ == "__main__":\n'
        f'    sys.exit(cli.main(["data", "check", "custom", {str(tmp_path)!r}, "--jobs", "2"]))\n'
    )
    script = tmp_path / 'call.py'
    script.write_text(code)
    run = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, 'PYTHONPATH': os.getcwd()},
    )
    assert run.stdout.readline() == 'at work\n'
    # A terminal sends Ctrl-C to all processes.
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert err == 'rm-mm data: stopped\n'
    assert run.returncode == 130


def test_progress_on_a_terminal_is_removed_at_the_end(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)
    line = ProgressLine()
    line('train: 1 of 2')
    line('train: 2 of 2')
    line.clear()
    # The second came too soon after the first.
    assert capsys.readouterr().err == '\r\x1b[Ktrain: 1 of 2\r\x1b[K'


def test_progress_escapes_control_characters(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)
    ProgressLine()('reading \x1b[2J.json')
    assert capsys.readouterr().err == '\r\x1b[Kreading \\x1b[2J.json'


def test_progress_in_a_log_is_a_line_every_30_seconds(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    line = ProgressLine()
    for second in range(100):
        now[0] = float(second)
        line(f'{second}')
    line.clear()
    assert capsys.readouterr().err == '30\n60\n90\n'
