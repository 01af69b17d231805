"""The lines that mend a lack are of the line of the stack that rm_mm was built for."""

from importlib.metadata import PackageNotFoundError

import pytest

from rm_mm.doctor import stack
from rm_mm.doctor.children import Answer

ONEDL = {
    'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmpretrain': '1.3.6',
    'onedl-mmdetection': '3.5.1', 'onedl-mmsegmentation': '1.4.2',
}  # fmt: skip
UPSTREAM = {
    'mmengine': '0.10.7', 'mmcv-lite': '2.1.0', 'mmpretrain': '1.2.0', 'mmdet': '3.3.0',
    'mmsegmentation': '1.2.2',
}  # fmt: skip


@pytest.fixture
def machine(monkeypatch):
    """Pretend that distributions are installed, and that their modules import or not."""

    def pretend(installed, errors=(), line=None):
        onedl = sum(name.startswith('onedl-') for name in installed) > len(installed) / 2
        line = (ONEDL if onedl else UPSTREAM) if line is None else line

        def version(name):
            if name not in installed:
                raise PackageNotFoundError(name)
            return installed[name]

        needs = [f'{name}>={number}' for name, number in line.items() if name != 'mmcv-lite']
        monkeypatch.setattr(stack, 'requires', lambda name: needs)
        monkeypatch.setattr(stack, 'version', version)
        monkeypatch.setattr(stack, 'distribution', version)
        # Without its package a module does not import.
        gone = f'ModuleNotFoundError: No module named {0!r}'
        answers = {
            module: Answer('' if any(name in installed for name in names) else gone)
            for module, names in stack.LINES.items()
        }
        answers |= {module: Answer(error) for module, error in dict(errors).items()}
        return {finding.name: finding for finding in stack.stack(answers)}

    return pretend


@pytest.mark.parametrize('line', [ONEDL, UPSTREAM])
def test_either_line_is_fine(machine, line):
    found = machine(line)
    assert {finding.state for finding in found.values()} == {'ok'}
    assert len(found) == 5


@pytest.mark.parametrize(
    ('line', 'gone', 'module', 'mend'),
    [
        (ONEDL, 'onedl-mmcv', 'mmcv', 'pip install onedl-mmcv'),
        (UPSTREAM, 'mmcv-lite', 'mmcv', 'pip install mmcv-lite==2.1.0'),
        (ONEDL, 'onedl-mmsegmentation', 'mmseg', 'pip install onedl-mmsegmentation'),
        (UPSTREAM, 'mmsegmentation', 'mmseg', 'pip install mmsegmentation'),
    ],
)
def test_what_is_missing_is_named_as_its_line_has_it(machine, line, gone, module, mend):
    found = machine({name: number for name, number in line.items() if name != gone})
    assert (found[module].state, found[module].mend) == ('broken', mend)


def test_both_lines_at_once_are_the_broken_state(machine):
    found = machine({**ONEDL, 'mmcv': '2.1.0'})
    assert found['mmcv'].state == 'broken'
    assert found['mmcv'].found.startswith('two packages own this module')
    assert found['mmcv'].mend == 'pip uninstall -y onedl-mmcv mmcv && pip install onedl-mmcv'


def test_an_older_version_is_named_with_its_bound(machine):
    found = machine({**ONEDL, 'onedl-mmengine': '0.10.9'})
    assert found['mmengine'].found == 'onedl-mmengine 0.10.9, older than 0.10.12'
    assert found['mmengine'].mend == 'pip install -U onedl-mmengine'


def test_mmengine_without_pkg_resources_needs_an_older_setuptools(machine):
    error = "ModuleNotFoundError: No module named 'pkg_resources'"
    found = machine(UPSTREAM, errors={'mmengine': error})
    assert found['mmengine'].mend == "pip install 'setuptools<81'"


def test_mmdet_that_refuses_mmcv_is_mended_at_mmcv(machine):
    refusal = 'AssertionError: MMCV==2.2.0 is used but incompatible. Please install mmcv<2.2.0.'
    found = machine({**UPSTREAM, 'mmcv-lite': '2.2.0'}, errors={'mmdet': refusal})
    assert found['mmdet'].state == 'broken'
    assert found['mmdet'].mend == 'pip uninstall -y mmcv-lite && pip install mmcv-lite==2.1.0'
    found = machine(ONEDL, errors={'mmpretrain': refusal})
    assert found['mmpretrain'].mend == 'pip uninstall -y onedl-mmcv && pip install onedl-mmcv'


@pytest.mark.parametrize(
    ('line', 'mend'),
    [
        (ONEDL, 'pip uninstall -y onedl-mmcv && pip install onedl-mmcv'),
        (UPSTREAM, 'pip uninstall -y mmcv-lite && pip install mmcv-lite==2.1.0'),
    ],
)
def test_ops_for_another_torch_are_mended_on_the_same_line(machine, line, mend):
    machine(line)
    error = 'ImportError: mmcv/_ext.so: undefined symbol: _ZN3c10'
    answers = {'=ops': Answer('', facts={'kind': 'compiled'}), 'mmcv._ext': Answer(error)}
    (finding,) = stack.ops(answers)
    assert (finding.state, finding.mend) == ('broken', mend)
    assert 'built for another torch' in finding.found


def test_ops_that_are_there_and_ops_that_are_not(machine):
    machine(ONEDL)
    answers = {'=ops': Answer('', facts={'kind': 'substitute'}), 'mmcv._ext': Answer('')}
    (finding,) = stack.ops(answers)
    assert finding.state == 'ok'
    answers = {'=ops': Answer('ImportError: x'), 'mmcv._ext': Answer('ImportError: x')}
    (finding,) = stack.ops(answers)
    assert (finding.state, finding.found) == ('broken', 'ImportError: x')


def test_in_a_checkout_the_line_is_what_is_installed(machine):
    found = machine(UPSTREAM, line={})
    assert found['rm_mm'].found == 'run from a checkout, not installed'
    found = machine({name: UPSTREAM[name] for name in ('mmengine', 'mmdet')}, line={})
    assert found['mmseg'].mend == 'pip install mmsegmentation'


def test_an_rm_mm_that_was_built_for_the_other_line_is_named(machine):
    found = machine(UPSTREAM, line=ONEDL)
    assert found['rm_mm'].state == 'note'
    assert found['rm_mm'].found == 'was built for the onedl line, found upstream'
    assert found['rm_mm'].mend.startswith('RM_MM_STACK=upstream pip install --no-cache-dir')
    assert 'rm_mm' not in machine(UPSTREAM)


@pytest.mark.parametrize(
    ('line', 'out', 'stray', 'module', 'mend'),
    [
        (
            ONEDL, 'onedl-mmdetection', 'mmdet', 'mmdet',
            'pip uninstall -y mmdet && pip install onedl-mmdetection',
        ),
        (
            UPSTREAM, 'mmengine', 'onedl-mmengine', 'mmengine',
            'pip uninstall -y onedl-mmengine && pip install mmengine',
        ),
    ],
)  # fmt: skip
def test_one_package_of_the_other_line_is_named(machine, line, out, stray, module, mend):
    mixed = {name: number for name, number in line.items() if name != out} | {stray: '9.9'}
    found = machine(mixed, line=line)
    assert (found[module].state, found[module].mend) == ('note', mend)
    assert [name for name, finding in found.items() if finding.state != 'ok'] == [module]
    found = machine(mixed, line=line, errors={module: 'ImportError: cannot import name x'})
    assert (found[module].state, found[module].mend) == ('broken', mend)


def test_a_module_that_no_package_brings_is_said(machine):
    installed = {name: number for name, number in ONEDL.items() if name != 'onedl-mmdetection'}
    found = machine(installed, errors={'mmdet': ''})
    assert found['mmdet'].state == 'note'
    assert 'no package says that it brings it' in found['mmdet'].found


def test_torchvision_for_another_torch():
    answers = {
        'torch': Answer('', facts={'version': '2.14.1+cu130'}),
        'torchvision': Answer('RuntimeError: operator torchvision::nms does not exist'),
    }
    first, second = stack.torch(answers)
    assert first.state == 'ok'
    assert second.state == 'broken'
    assert second.mend == 'pip install --force-reinstall torchvision torch==2.14.1'
    answers['torch'] = Answer('OSError: libcudart.so: cannot open shared object file')
    first, _ = stack.torch(answers)
    assert (first.state, first.mend[:31]) == ('broken', 'pip install torch torchvision, ')


@pytest.mark.parametrize(
    ('version', 'state'),
    [((3, 9), 'broken'), ((3, 10), 'ok'), ((3, 12), 'ok'), ((3, 13), 'broken')],
)
def test_pythons_that_the_stack_is_made_for(version, state, monkeypatch):
    monkeypatch.setattr(stack.sys, 'version_info', (*version, 1))
    (finding,) = stack.python()
    assert finding.state == state
    assert bool(finding.mend) == (state == 'broken')
