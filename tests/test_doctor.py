"""The lines that mend a lack are of the line of the stack that rm_mm was built for."""

import importlib
from importlib.metadata import PackageNotFoundError

import pytest

from rm_mm import doctor

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
        onedl = any(name.startswith('onedl-') for name in installed)
        line = (ONEDL if onedl else UPSTREAM) if line is None else line

        def version(name):
            if name not in installed:
                raise PackageNotFoundError(name)
            return installed[name]

        def import_module(name):
            if name in dict(errors):
                raise dict(errors)[name]

        needs = [f'{name}>={number}' for name, number in line.items() if name != 'mmcv-lite']
        monkeypatch.setattr(doctor, 'requires', lambda name: needs)
        monkeypatch.setattr(doctor, 'version', version)
        monkeypatch.setattr(doctor, 'distribution', version)
        monkeypatch.setattr(doctor, 'importlib', type(importlib)('stand-in'))
        doctor.importlib.import_module = import_module
        return {finding.name: finding for finding in doctor._stack()}

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
    error = ModuleNotFoundError("No module named 'pkg_resources'", name='pkg_resources')
    found = machine(UPSTREAM, errors={'mmengine': error}.items())
    assert found['mmengine'].mend == "pip install 'setuptools<81'"


def test_mmdet_that_refuses_mmcv_is_mended_at_mmcv(machine):
    refusal = 'MMCV==2.2.0 is used but incompatible. Please install mmcv>=2.0.0rc4, <2.2.0.'
    found = machine(
        {**UPSTREAM, 'mmcv-lite': '2.2.0'}, errors={'mmdet': AssertionError(refusal)}.items()
    )
    assert found['mmdet'].state == 'broken'
    assert found['mmdet'].mend == 'pip uninstall -y mmcv-lite && pip install mmcv-lite==2.1.0'
    found = machine(ONEDL, errors={'mmpretrain': AssertionError(refusal)}.items())
    assert found['mmpretrain'].mend == 'pip uninstall -y onedl-mmcv && pip install onedl-mmcv'


@pytest.mark.parametrize(
    ('line', 'mend'),
    [
        (ONEDL, 'pip uninstall -y onedl-mmcv && pip install onedl-mmcv'),
        (UPSTREAM, 'pip uninstall -y mmcv-lite && pip install mmcv-lite==2.1.0'),
    ],
)
def test_ops_for_another_torch_are_mended_on_the_same_line(machine, monkeypatch, line, mend):
    monkeypatch.setattr('rm_mm.compat.ops_in_use', lambda: 'compiled')
    machine(line, errors={'mmcv._ext': ImportError('undefined symbol')}.items())
    (finding,) = doctor._ops()
    assert (finding.state, finding.mend) == ('broken', mend)


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
