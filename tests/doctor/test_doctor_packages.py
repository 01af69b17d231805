"""Problems of the OpenMMLab packages, and fixes that match the line of the stack in use."""

from importlib.metadata import PackageNotFoundError

import pytest

from rm_mm.doctor import packages
from rm_mm.doctor.imports import ImportResult

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
        monkeypatch.setattr(packages, 'requires', lambda name: needs)
        monkeypatch.setattr(packages, 'version', version)
        monkeypatch.setattr(packages, 'distribution', version)
        # A module without a package does not import.
        gone = f'ModuleNotFoundError: No module named {0!r}'
        results = {
            module: ImportResult('' if any(name in installed for name in names) else gone)
            for module, names in packages.DISTRIBUTIONS.items()
        }
        results |= {module: ImportResult(error) for module, error in dict(errors).items()}
        return {finding.name: finding for finding in packages.check_stack(results)}

    return pretend


@pytest.mark.parametrize('line', [ONEDL, UPSTREAM])
def test_either_line_is_ok(machine, line):
    found = machine(line)
    assert {finding.state for finding in found.values()} == {'ok'}
    assert len(found) == 5


@pytest.mark.parametrize(
    ('line', 'gone', 'module', 'fix'),
    [
        (ONEDL, 'onedl-mmcv', 'mmcv', 'pip install onedl-mmcv'),
        (UPSTREAM, 'mmcv-lite', 'mmcv', 'pip install mmcv-lite==2.1.0'),
        (ONEDL, 'onedl-mmsegmentation', 'mmseg', 'pip install onedl-mmsegmentation'),
        (UPSTREAM, 'mmsegmentation', 'mmseg', 'pip install mmsegmentation'),
    ],
)
def test_a_missing_package_is_installed_from_its_line(machine, line, gone, module, fix):
    found = machine({name: number for name, number in line.items() if name != gone})
    assert (found[module].state, found[module].fix) == ('broken', fix)


def test_both_lines_at_once_are_broken(machine):
    found = machine({**ONEDL, 'mmcv': '2.1.0'})
    assert found['mmcv'].state == 'broken'
    assert found['mmcv'].found.startswith('two packages own this module')
    assert found['mmcv'].fix == 'pip uninstall -y onedl-mmcv mmcv && pip install onedl-mmcv'


def test_an_older_version_is_reported_with_its_bound(machine):
    found = machine({**ONEDL, 'onedl-mmengine': '0.10.9'})
    assert found['mmengine'].found == 'onedl-mmengine 0.10.9, older than 0.10.12'
    assert found['mmengine'].fix == 'pip install -U onedl-mmengine'


def test_mmengine_without_pkg_resources_needs_an_older_setuptools(machine):
    error = "ModuleNotFoundError: No module named 'pkg_resources'"
    found = machine(UPSTREAM, errors={'mmengine': error})
    assert found['mmengine'].fix == "pip install 'setuptools<81'"


def test_mmdet_that_rejects_mmcv_is_fixed_by_another_mmcv(machine):
    rejection = 'AssertionError: MMCV==2.2.0 is used but incompatible. Please install mmcv<2.2.0.'
    found = machine({**UPSTREAM, 'mmcv-lite': '2.2.0'}, errors={'mmdet': rejection})
    assert found['mmdet'].state == 'broken'
    assert found['mmdet'].fix == 'pip uninstall -y mmcv-lite && pip install mmcv-lite==2.1.0'
    found = machine(ONEDL, errors={'mmpretrain': rejection})
    assert found['mmpretrain'].fix == 'pip uninstall -y onedl-mmcv && pip install onedl-mmcv'


@pytest.mark.parametrize(
    ('line', 'fix'),
    [
        (ONEDL, 'pip uninstall -y onedl-mmcv && pip install onedl-mmcv'),
        (UPSTREAM, 'pip uninstall -y mmcv-lite && pip install mmcv-lite==2.1.0'),
    ],
)
def test_ops_for_another_torch_are_replaced_from_the_same_line(machine, line, fix):
    machine(line)
    error = 'ImportError: mmcv/_ext.so: undefined symbol: _ZN3c10'
    results = {
        '=ops': ImportResult('', facts={'kind': 'compiled'}),
        'mmcv._ext': ImportResult(error),
    }
    (finding,) = packages.check_mmcv_ops(results)
    assert (finding.state, finding.fix) == ('broken', fix)
    assert 'built for another torch' in finding.found


def test_ops_with_and_without_an_import_error(machine):
    machine(ONEDL)
    results = {
        '=ops': ImportResult('', facts={'kind': 'substitute'}),
        'mmcv._ext': ImportResult(''),
    }
    (finding,) = packages.check_mmcv_ops(results)
    assert finding.state == 'ok'
    results = {'=ops': ImportResult('ImportError: x'), 'mmcv._ext': ImportResult('ImportError: x')}
    (finding,) = packages.check_mmcv_ops(results)
    assert (finding.state, finding.found) == ('broken', 'ImportError: x')


def test_in_a_checkout_the_installed_packages_decide_the_line(machine):
    found = machine(UPSTREAM, line={})
    assert found['rm_mm'].found == 'run from a checkout, not installed'
    found = machine({name: UPSTREAM[name] for name in ('mmengine', 'mmdet')}, line={})
    assert found['mmseg'].fix == 'pip install mmsegmentation'


def test_an_rm_mm_built_for_the_other_line_is_reported(machine):
    found = machine(UPSTREAM, line=ONEDL)
    assert found['rm_mm'].state == 'note'
    assert found['rm_mm'].found == 'was built for the onedl line, found upstream'
    assert found['rm_mm'].fix.startswith('RM_MM_STACK=upstream pip install --no-cache-dir')
    assert 'rm_mm' not in machine(UPSTREAM)


@pytest.mark.parametrize(
    ('line', 'out', 'stray', 'module', 'fix'),
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
def test_one_package_of_the_other_line_is_reported(machine, line, out, stray, module, fix):
    mixed = {name: number for name, number in line.items() if name != out} | {stray: '9.9'}
    found = machine(mixed, line=line)
    assert (found[module].state, found[module].fix) == ('note', fix)
    assert [name for name, finding in found.items() if finding.state != 'ok'] == [module]
    found = machine(mixed, line=line, errors={module: 'ImportError: cannot import name x'})
    assert (found[module].state, found[module].fix) == ('broken', fix)


def test_a_module_without_a_package_is_reported(machine):
    installed = {name: number for name, number in ONEDL.items() if name != 'onedl-mmdetection'}
    found = machine(installed, errors={'mmdet': ''})
    assert found['mmdet'].state == 'note'
    assert 'no installed package provides it' in found['mmdet'].found


def test_torchvision_for_another_torch():
    results = {
        'torch': ImportResult('', facts={'version': '2.14.1+cu130'}),
        'torchvision': ImportResult('RuntimeError: operator torchvision::nms does not exist'),
    }
    first, second = packages.check_torch(results)
    assert first.state == 'ok'
    assert second.state == 'broken'
    assert second.fix == 'pip install --force-reinstall torchvision torch==2.14.1'
    results['torch'] = ImportResult('OSError: libcudart.so: cannot open shared object file')
    first, _ = packages.check_torch(results)
    assert (first.state, first.fix[:31]) == ('broken', 'pip install torch torchvision, ')


@pytest.mark.parametrize(
    ('version', 'state'),
    [((3, 9), 'broken'), ((3, 10), 'ok'), ((3, 12), 'ok'), ((3, 13), 'broken')],
)
def test_supported_versions_of_python(version, state, monkeypatch):
    monkeypatch.setattr(packages.sys, 'version_info', (*version, 1))
    (finding,) = packages.check_python()
    assert finding.state == state
    assert bool(finding.fix) == (state == 'broken')
