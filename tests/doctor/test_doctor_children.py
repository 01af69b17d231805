"""Modules that crash, hang, complain or are of another NumPy, really imported in a child."""

import json
import time

import pytest

from rm_mm.doctor import binaries, stack
from rm_mm.doctor.children import Answer, ask

NUMPY_1 = (
    'A module that was compiled using NumPy 1.x cannot be run in\\nNumPy 2.2.6 as it may crash.'
)
MODULES = {
    'fine': "__version__ = '1.2'\nprint('noise on stdout')",
    'complains': f"import sys\nsys.stderr.write('{NUMPY_1}')",
    'fails': "raise ImportError('two\\nlines')",
    'leaves': 'raise SystemExit(3)',
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


def test_each_import_is_answered_whatever_the_others_do(modules):
    names = ['fine', 'crashes', 'complains', 'quits', 'fails', 'leaves', 'absent', 'fine']
    answers = ask(names)
    assert answers['fine'] == Answer('', '', {'version': '1.2'})
    assert answers['crashes'].error == 'killed its process (SIGSEGV)'
    assert answers['quits'].error == 'ended its process with 7'
    assert answers['fails'].error == 'ImportError: two lines'
    assert answers['leaves'].error == 'SystemExit: 3'
    assert answers['absent'].error == "ModuleNotFoundError: No module named 'absent'"
    assert 'compiled using NumPy 1' in answers['complains'].said
    assert not answers['complains'].error


def test_an_import_that_hangs_is_named_and_the_rest_is_answered(modules):
    start = time.monotonic()
    answers = ask(['fine', 'hangs', 'complains'], timeout=1)
    assert time.monotonic() - start < 20
    assert answers['hangs'].error == 'did not come to an end in 1 s'
    assert answers['fine'].error == answers['complains'].error == ''


def test_json_stays_json_whatever_is_printed(modules, capfd, monkeypatch):
    from rm_mm import doctor

    monkeypatch.setattr(doctor, '_ASKED', ('fine', 'complains', 'crashes'))
    # What nobody answered is a finding of the check that asks for it.
    assert doctor.run_doctor(as_json=True) in (0, 1)
    findings = json.loads(capfd.readouterr().out)
    assert {'name', 'state', 'found', 'mend'} == set(findings[0])
    assert any('cannot be told' in finding['found'] for finding in findings)


@pytest.mark.parametrize(
    'said',
    [
        'A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0',
        'ImportError: numpy.core.multiarray failed to import',
        'ValueError: numpy.dtype size changed, may indicate binary incompatibility',
        'UserWarning: Failed to initialize NumPy: _ARRAY_API not found',
    ],
)
@pytest.mark.parametrize('by', ['error', 'said'])
def test_old_binaries_beside_numpy_2_are_told(said, by, monkeypatch):
    monkeypatch.setattr(binaries, 'installed', lambda name: True)
    monkeypatch.setattr(binaries, 'version_of', lambda name: '1.0')
    answers = {name: Answer('') for name in (*binaries.BINARIES, 'torch', 'cv2')}
    answers['numpy'] = Answer('', facts={'version': '2.2.6'})
    assert {finding.state for finding in binaries.binaries(answers)} == {'ok'}
    broken = Answer(**{'error': '', by: said})
    answers['pycocotools.mask'] = broken
    found = {finding.name: finding for finding in binaries.binaries(answers)}
    assert found['pycocotools'].state == 'broken'
    assert 'compiled for another NumPy than 2.2.6' in found['pycocotools'].found
    assert found['pycocotools'].mend.startswith('pip install --upgrade --force-reinstall')
    answers['pycocotools.mask'], answers['torch'] = Answer(''), broken
    found = {finding.name: finding for finding in binaries.binaries(answers)}
    assert found['torch and numpy'].state == 'broken'


@pytest.mark.parametrize(
    ('there', 'answer', 'state', 'words', 'mend'),
    [
        (
            {'opencv-python': '4.12'},
            Answer('', facts={'version': '4.12'}), 'ok', 'opencv-python 4.12', '',
        ),
        (
            {'opencv-python': '4.12', 'opencv-python-headless': '4.12'},
            Answer(''), 'ok', 'do not uninstall one alone', '',
        ),
        (
            {'opencv-python': '4.12', 'opencv-python-headless': '4.8'},
            Answer('', facts={'version': '4.8.0'}), 'note', 'in which 4.8.0 is',
            'pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python',
        ),
        (
            {'opencv-python': '4.12', 'opencv-python-headless': '4.12'},
            Answer("AttributeError: no attribute 'dnn'"), 'broken', 'has taken files',
            'pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python',
        ),
        (
            {'opencv-python': '4.12'},
            Answer('ImportError: libGL.so.1: cannot open shared object file'), 'broken', 'libGL',
            'pip uninstall -y opencv-python && pip install opencv-python-headless',
        ),
        ({}, Answer('ModuleNotFoundError'), 'broken', 'not installed', 'pip install opencv-python'),
    ],
)  # fmt: skip
def test_packages_that_share_cv2(there, answer, state, words, mend, monkeypatch):
    monkeypatch.setattr(binaries, 'installed', lambda name: name in there)
    monkeypatch.setattr(binaries, 'version_of', there.get)
    answers = {'cv2': answer, 'numpy': Answer('', facts={'version': '2.2.6'})}
    (finding,) = binaries.opencv(answers)
    assert (finding.state, finding.mend) == (state, mend)
    assert words in finding.found


def test_a_compiled_op_for_another_torch_is_really_found(tmp_path, monkeypatch):
    """A package mmcv whose _ext is no library that this torch could load."""
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').write_text("__version__ = '2.1.0'")
    (package / '_ext.py').write_text(
        "raise ImportError('mmcv/_ext.so: undefined symbol: _ZNK3c105Error4whatEv')"
    )
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    answers = ask(['mmcv', 'mmcv._ext'])
    answers['=ops'] = Answer('', facts={'kind': 'compiled'})
    (finding,) = stack.ops(answers)
    assert finding.state == 'broken'
    assert 'undefined symbol' in finding.found


def test_both_lines_really_installed_are_named(tmp_path, monkeypatch):
    """Metadata of the other line's package on the path, as after `pip install mmcv`."""
    metadata = tmp_path / 'mmcv-2.1.0.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text('Metadata-Version: 2.1\nName: mmcv\nVersion: 2.1.0\n')
    both = [name for name in stack.LINES['mmcv'] if stack.installed(name)]
    monkeypatch.syspath_prepend(tmp_path)
    answers = {module: Answer('') for module in stack.LINES}
    found = {finding.name: finding for finding in stack.stack(answers)}
    if both == ['mmcv']:
        pytest.skip('of the upstream line it is the one that is there')
    assert found['mmcv'].state == 'broken'
    assert found['mmcv'].found.startswith('two packages own this module')
    assert 'pip uninstall -y' in found['mmcv'].mend
