"""The Python API: every block of its page runs as printed, and wrong calls get one sentence."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rm_mm
from rm_mm.data import mini
from rm_mm.errors import InputError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / 'docs' / 'python-api.md'
BLOCKS = re.findall(r'```python\n(.*?)```', PAGE.read_text(encoding='utf-8'), flags=re.S)
#: The last block trains at full size.
QUICK, SLOW = BLOCKS[:-1], BLOCKS[-1]


def run(code, folder):
    return subprocess.run(
        [sys.executable, '-c', code], cwd=folder, capture_output=True, text=True, timeout=900
    )


def test_the_page_runs_as_printed(tmp_path):
    mini.prepare_mini(
        tmp_path / 'data' / 'mini', train_images=64, val_images=20, train_scenes=8, val_scenes=2
    )
    (tmp_path / 'results').mkdir()
    shutil.copytree(ROOT / 'docs' / 'mini' / 'records', tmp_path / 'results' / 'records')
    done = run('\n'.join(QUICK), tmp_path)
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert 'runs/rm/best_accuracy_top1_epoch_1.pth' in out
    # A ResNet-18: 20 convolutions, each with five tensors of batch norm.
    assert '120 of 120 tensors' in out
    assert (tmp_path / 'runs' / 'backbone.json').is_file()
    assert 'rm detection 0 10.1' in out
    assert (tmp_path / 'table.md').read_text().startswith('| method')
    assert '<html' in (tmp_path / 'page.html').read_text()
    assert '2 cells: 0 done, 2 to run.' in out
    assert not (tmp_path / 'runs' / 'suite').exists()


@pytest.mark.slow
def test_the_suite_of_the_page_runs_as_printed(tmp_path):
    done = run(f'import rm_mm\n{SLOW}', tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    # Ten classes, and one epoch of training.
    assert 10 < float(done.stdout.split()[-1]) <= 100
    assert rm_mm.read_records(tmp_path / 'runs' / 'suite')[0].method == 'rm'


def test_importing_it_imports_nothing_heavy():
    code = (
        'import rm_mm, sys; print({"torch", "mmengine", "pydantic"} & set(sys.modules), dir(rm_mm))'
    )
    out = run(code, ROOT).stdout
    assert out.startswith('set()')
    assert "'run_suite'" in out


def test_every_name_of_the_page_is_there():
    names = set(re.findall(r'`rm_mm\.(\w+)\(', PAGE.read_text(encoding='utf-8')))
    assert names <= set(rm_mm.__all__)
    assert all(callable(getattr(rm_mm, name)) for name in names)
    with pytest.raises(AttributeError, match='no attribute'):
        _ = rm_mm.no_such_name


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: rm_mm.train(3), 'config: expected str | Path, got int 3'),
        (lambda: rm_mm.train('a.py', amp='yes'), 'amp: expected bool, got str yes'),
        (lambda: rm_mm.train('a.py', batch_policy='x'), 'batch_policy: expected one of'),
        (lambda: rm_mm.train('a.py', cfg_options=['a=1']), 'cfg_options: expected Mapping'),
        (lambda: rm_mm.test('a.py', None), 'checkpoint: expected str | Path, got None'),
        (lambda: rm_mm.export('a.pth', 3), 'output: expected str | Path, got int 3'),
        (lambda: rm_mm.verify(3), 'checkpoint: expected str | Path, got int 3'),
        (lambda: rm_mm.read_records(3), 'expected the path of a folder, found int'),
        (lambda: rm_mm.report(3), 'expected one or more paths'),
        (lambda: rm_mm.run_suite('nope'), '--preset: expected mini, mini-full, paper'),
        (lambda: rm_mm.run_suite('mini', seeds='0'), '--seeds: expected numbers'),
        (lambda: rm_mm.run_suite('mini', seeds=[-1]), '--seeds: expected numbers'),
        (
            lambda: rm_mm.run_suite('mini', methods=3),
            'methods: expected str | Sequence | None, got int 3',
        ),
        (lambda: rm_mm.run_suite('mini', schedule_scale=2), 'expected a number in (0, 1], got 2'),
        (lambda: rm_mm.run_suite('mini', gpus='8'), 'gpus: expected int | None, got str 8'),
        (lambda: rm_mm.run_suite('mini', cluster='cloud'), '--cluster: expected one of'),
        (lambda: rm_mm.run_transfer('atss coco'), 'target'),
        (lambda: rm_mm.run_suite('mini', plan=True), 'plan_suite returns its plan'),
        (lambda: rm_mm.run_suite('mini', sedes=[0]), "unexpected keyword argument 'sedes'"),
        (
            lambda: rm_mm.run_suite(rm_mm.SuiteRequest('mini'), seeds=[0]),
            'expected a SuiteRequest or its fields, got both',
        ),
        (
            lambda: rm_mm.run_transfer(rm_mm.TransferRequest(('atss', 'mini')), seeds=[0]),
            'expected a TransferRequest or its fields, got both',
        ),
    ],
)
def test_a_wrong_call_gets_one_sentence(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('module', 'name', 'values', 'message'),
    [
        ('rm_mm.data.pack', 'PackRequest', ('coco', 3, 'a.lmdb'), 'root: expected str | Path'),
        ('rm_mm.data.pack', 'PackRequest', ('coco', 'a', 'a.zip'), '--out a.zip: expected a path'),
        ('rm_mm.data.check', 'CheckRequest', ('coco', 3), 'root: expected str | Path, got int 3'),
        ('rm_mm.data.check', 'CheckRequest', ('coco', '.', False, '2'), 'jobs: expected int'),
        ('rm_mm.data.prepare', 'PrepareRequest', ('coco', '.', None, '2'), 'subset: expected int'),
        ('rm_mm.fidelity.comparison', 'FidelityRequest', (3,), 'pairs: expected Sequence, got int'),
    ],
)
def test_requests_of_the_other_commands_check_their_fields_too(module, name, values, message):
    with pytest.raises(InputError) as error:
        getattr(importlib.import_module(module), name)(*values)
    assert message in str(error.value)
