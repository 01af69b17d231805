"""Modules that crash, hang, warn or were built for another NumPy, imported in a real child."""

import json
import time

import pytest
import torch

from rm_mm import cli, doctor
from rm_mm.compat import ops_in_use
from rm_mm.doctor import packages
from rm_mm.doctor.imports import ImportResult, import_in_child

NUMPY_1 = (
    'A module that was compiled using NumPy 1.x cannot be run in\\nNumPy 2.2.6 as it may crash.'
)
MODULES = {
    'fine': "__version__ = '1.2'\nprint('noise on stdout')",
    'warns': f"import sys\nsys.stderr.write('{NUMPY_1}')",
    'fails': "raise ImportError('two\\nlines')",
    'exits': 'raise SystemExit(3)',
    'crashes': 'import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)',
    'quits': 'import os\nos._exit(7)',
    'hangs': 'import time\ntime.sleep(60)',
}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        (tmp_path / f'{name}.py').write_text(text)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    # `-c` looks in the working directory first.
    monkeypatch.chdir(tmp_path)


def test_each_import_has_a_result_whatever_the_others_do(modules):
    names = ['fine', 'crashes', 'warns', 'quits', 'fails', 'exits', 'absent', 'fine']
    results = import_in_child(names)
    assert results['fine'] == ImportResult('', '', {'version': '1.2'})
    assert results['crashes'].error == 'killed its process (SIGSEGV)'
    assert results['quits'].error == 'ended its process with exit code 7'
    assert results['fails'].error == 'ImportError: two lines'
    assert results['exits'].error == 'SystemExit: 3'
    assert results['absent'].error == "ModuleNotFoundError: No module named 'absent'"
    assert 'compiled using NumPy 1' in results['warns'].stderr
    assert not results['warns'].error


def test_an_import_that_hangs_is_reported_and_the_rest_continues(modules):
    start = time.monotonic()
    results = import_in_child(['fine', 'hangs', 'warns'], timeout=1)
    assert time.monotonic() - start < 20
    assert results['hangs'].error == 'did not finish within 1 s'
    assert results['fine'].error == results['warns'].error == ''


def test_json_stays_json_whatever_is_printed(modules, capfd, monkeypatch):
    monkeypatch.setattr(doctor, 'MODULES', ('fine', 'warns', 'crashes'))
    # A check without the import result that it needs reports this as a finding.
    assert cli.main(['doctor', '--json']) in (0, 1)
    findings = json.loads(capfd.readouterr().out)
    assert {'name', 'state', 'found', 'mend'} == set(findings[0])
    assert any('cannot be checked' in finding['found'] for finding in findings)


def test_facts_about_torch_and_the_ops():
    results = import_in_child(['=torch', '=ops'])
    assert results['=torch'].error == results['=ops'].error == ''
    assert results['=torch'].facts['version'] == torch.__version__
    assert results['=torch'].facts['available'] == torch.cuda.is_available()
    assert results['=ops'].facts == {'kind': ops_in_use()}


@pytest.mark.parametrize(
    'message',
    [
        'A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0',
        'ImportError: numpy.core.multiarray failed to import',
        'ValueError: numpy.dtype size changed, may indicate binary incompatibility',
        'UserWarning: Failed to initialize NumPy: _ARRAY_API not found',
    ],
)
@pytest.mark.parametrize('channel', ['error', 'stderr'])
def test_binaries_for_numpy_1_are_reported(message, channel, monkeypatch):
    monkeypatch.setattr(packages, 'installed', lambda name: True)
    monkeypatch.setattr(packages, 'version_of', lambda name: '1.0')
    results = {name: ImportResult('') for name in (*packages.BINARIES, 'torch', 'cv2')}
    results['numpy'] = ImportResult('', facts={'version': '2.2.6'})
    assert {finding.state for finding in packages.check_binaries(results)} == {'ok'}
    broken = ImportResult(**{'error': '', channel: message})
    results['pycocotools.mask'] = broken
    found = {finding.name: finding for finding in packages.check_binaries(results)}
    assert found['pycocotools'].state == 'broken'
    assert 'compiled for another NumPy than 2.2.6' in found['pycocotools'].found
    assert found['pycocotools'].fix.startswith('pip install --upgrade --force-reinstall')
    results['pycocotools.mask'], results['torch'] = ImportResult(''), broken
    found = {finding.name: finding for finding in packages.check_binaries(results)}
    assert found['torch and numpy'].state == 'broken'


@pytest.mark.parametrize(
    ('installed', 'result', 'state', 'words', 'fix'),
    [
        (
            {'opencv-python': '4.12'},
            ImportResult('', facts={'version': '4.12'}), 'ok', 'opencv-python 4.12', '',
        ),
        (
            {'opencv-python': '4.12', 'opencv-python-headless': '4.12'},
            ImportResult(''), 'ok', 'do not uninstall only one', '',
        ),
        (
            {'opencv-python': '4.12', 'opencv-python-headless': '4.8'},
            ImportResult('', facts={'version': '4.8.0'}), 'note', 'which holds 4.8.0',
            'pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python',
        ),
        (
            {'opencv-python': '4.12', 'opencv-python-headless': '4.12'},
            ImportResult("AttributeError: no attribute 'dnn'"), 'broken', 'have overwritten files',
            'pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python',
        ),
        (
            {'opencv-python': '4.12'},
            ImportResult('ImportError: libGL.so.1: cannot open shared object file'),
            'broken', 'libGL',
            'pip uninstall -y opencv-python && pip install opencv-python-headless',
        ),
        (
            {}, ImportResult('ModuleNotFoundError'),
            'broken', 'not installed', 'pip install opencv-python',
        ),
    ],
)  # fmt: skip
def test_packages_that_share_cv2(installed, result, state, words, fix, monkeypatch):
    monkeypatch.setattr(packages, 'installed', lambda name: name in installed)
    monkeypatch.setattr(packages, 'version_of', installed.get)
    results = {'cv2': result, 'numpy': ImportResult('', facts={'version': '2.2.6'})}
    (finding,) = packages.check_opencv(results)
    assert (finding.state, finding.fix) == (state, fix)
    assert words in finding.found


def test_compiled_ops_for_another_torch_are_reported(tmp_path, monkeypatch):
    """With a package mmcv whose _ext this torch cannot load."""
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').write_text("__version__ = '2.1.0'")
    (package / '_ext.py').write_text(
        "raise ImportError('mmcv/_ext.so: undefined symbol: _ZNK3c105Error4whatEv')"
    )
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    results = import_in_child(['mmcv', 'mmcv._ext'])
    results['=ops'] = ImportResult('', facts={'kind': 'compiled'})
    (finding,) = packages.check_mmcv_ops(results)
    assert finding.state == 'broken'
    assert 'undefined symbol' in finding.found


def test_both_lines_at_once_are_reported(tmp_path, monkeypatch):
    """With metadata of the other line's package on the path, as after `pip install mmcv`."""
    metadata = tmp_path / 'mmcv-2.1.0.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text('Metadata-Version: 2.1\nName: mmcv\nVersion: 2.1.0\n')
    both = [name for name in packages.DISTRIBUTIONS['mmcv'] if packages.installed(name)]
    monkeypatch.syspath_prepend(tmp_path)
    results = {module: ImportResult('') for module in packages.DISTRIBUTIONS}
    found = {finding.name: finding for finding in packages.check_stack(results)}
    if both == ['mmcv']:
        pytest.skip('on the upstream line it is the installed one')
    assert found['mmcv'].state == 'broken'
    assert found['mmcv'].found.startswith('two packages own this module')
    assert 'pip uninstall -y' in found['mmcv'].fix
