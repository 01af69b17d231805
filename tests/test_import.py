"""What `import rm_mm` does to a process: almost nothing, silently."""

import subprocess
import sys

import pytest

IMPORTS = 'import sys, threading, os, warnings\n'


def run(code):
    done = subprocess.run(
        [sys.executable, '-W', 'error', '-c', IMPORTS + code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize('what', ['rm_mm', 'rm_mm.compat', 'rm_mm.cli'])
def test_it_prints_nothing(what):
    done = run(f'import {what}')
    assert (done.stdout, done.stderr) == ('', '')


def test_it_changes_nothing_but_the_way_modules_are_found():
    run(
        'before = dict(os.environ), os.getcwd(), list(sys.path), list(sys.path_hooks), sys.argv,'
        ' warnings.filters[:], threading.active_count(), sys.excepthook, sys.getrecursionlimit()\n'
        'finders = list(sys.meta_path)\n'
        'import rm_mm\n'
        'after = dict(os.environ), os.getcwd(), list(sys.path), list(sys.path_hooks), sys.argv,'
        ' warnings.filters[:], threading.active_count(), sys.excepthook, sys.getrecursionlimit()\n'
        'assert before == after\n'
        'added = [type(f).__module__ for f in sys.meta_path if f not in finders]\n'
        # wrapt's waits for the libraries that rm_mm registers with; ours for mmcv._ext, last.
        "assert sorted(added) == ['rm_mm.compat.mmcv_ext', 'wrapt.importer'], added\n"
        "assert type(sys.meta_path[-1]).__module__ == 'rm_mm.compat.mmcv_ext'\n"
    )
