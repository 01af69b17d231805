"""The bounds in setup.py match the tested sets in constraints*.txt and the imports of the code."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from rm_mm import __version__
from tests.packaging.conftest import ROOT, copy_checkout

LINES = {'onedl': 'constraints.txt', 'upstream': 'constraints-upstream.txt'}
#: The Pythons with which each line was tested.
PYTHONS = {'onedl': ('3.10', '3.11', '3.12'), 'upstream': ('3.11',)}
#: The modules of the stack, and the packages that provide them on each line.
STACK = {
    'onedl': {
        'mmengine': 'onedl-mmengine', 'mmcv': 'onedl-mmcv', 'mmpretrain': 'onedl-mmpretrain',
        'mmdet': 'onedl-mmdetection', 'mmseg': 'onedl-mmsegmentation',
    },
    'upstream': {
        'mmengine': 'mmengine', 'mmpretrain': 'mmpretrain', 'mmdet': 'mmdet',
        'mmseg': 'mmsegmentation',
    },
}  # fmt: skip
PROVIDERS = {
    'cv2': 'opencv-python', 'PIL': 'pillow', 'yaml': 'pyyaml',
    'faster_coco_eval': 'faster-coco-eval',
}  # fmt: skip


def canonical(name):
    return re.sub(r'[-_.]+', '-', name).lower()


@pytest.fixture(scope='module', params=LINES)
def line(request):
    return request.param


@pytest.fixture(scope='module')
def metadata(line, tmp_path_factory):
    """The metadata that setup.py writes for one line of the stack."""
    target = tmp_path_factory.mktemp(line)
    command = [sys.executable, 'setup.py', '--quiet', 'egg_info', '--egg-base', str(target)]
    checkout = copy_checkout(target / 'rm_mm')
    subprocess.run(command, cwd=checkout, env={**os.environ, 'RM_MM_STACK': line}, check=True)
    return importlib.metadata.PathDistribution(target / 'rm_mm.egg-info')


@pytest.fixture(scope='module')
def requirements(metadata):
    return [Requirement(text) for text in metadata.requires]


def pinned(file, python):
    """Return the versions in a constraints file by name, for one Python."""
    found = {}
    environment = {**default_environment(), 'python_version': python, 'extra': ''}
    for row in (ROOT / file).read_text().splitlines():
        if row and not row.startswith('#'):
            requirement = Requirement(row)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                (pin,) = requirement.specifier
                assert pin.operator == '=='
                assert canonical(requirement.name) not in found, row
                found[canonical(requirement.name)] = pin.version
    return found


def test_the_bounds_allow_the_tested_sets(line, requirements):
    assert len(requirements) >= 15
    for python in PYTHONS[line]:
        versions = pinned(LINES[line], python)
        for requirement in requirements:
            version = versions[canonical(requirement.name)]
            assert requirement.specifier.contains(version), f'{requirement}, tested with {version}'


def test_the_bounds_exclude_versions_that_cannot_work(line, requirements):
    bounds = {
        canonical(requirement.name): requirement.specifier
        for requirement in requirements
        if not requirement.marker
    }
    # 2.6 is the first version that reads a checkpoint with stand-ins.
    assert not bounds['torch'].contains('2.5.1')
    # Each package of the stack has one tested version.
    for name in set(STACK[line].values()):
        assert str(bounds[name]) == f'>={pinned(LINES[line], "3.11")[name]}'
    if line == 'upstream':
        # mmengine 0.10.7 imports pkg_resources; mmdet 3.3 and mmseg 1.2 reject mmcv 2.2.
        assert not bounds['setuptools'].contains('81.0.0')
        assert pinned(LINES[line], '3.11')['mmcv-lite'] == '2.1.0'


def test_each_line_requires_its_own_stack_only(line, requirements):
    names = {canonical(requirement.name) for requirement in requirements}
    assert set(STACK[line].values()) <= names
    (other,) = set(STACK) - {line}
    assert not names & set(STACK[other].values())


def imports():
    """Return the third-party top-level modules that the package imports anywhere in a file."""
    found = set()
    for path in (ROOT / 'rm_mm').rglob('*.py'):
        if '.mim' in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition('.')[0])
    return found - sys.stdlib_module_names - {'rm_mm'}


def test_requirements_match_the_imports(line, requirements):
    base = {canonical(requirement.name) for requirement in requirements if not requirement.marker}
    imported = {PROVIDERS.get(module, STACK[line].get(module, module)) for module in imports()}
    optional = {
        canonical(requirement.name)
        for requirement in requirements
        for extra in ('fast', 'slurm')
        if requirement.marker and requirement.marker.evaluate({'extra': extra})
    }
    # On the upstream line, the user chooses the mmcv package.
    assert imported - {'mmcv', *optional} <= base
    assert optional <= imported
    # mmengine and mmseg import these without requiring them.
    undeclared = {'setuptools', 'ftfy', 'regex'} if line == 'upstream' else set()
    assert base - imported - set(STACK[line].values()) == undeclared


def test_an_unknown_line_is_rejected_in_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, 'setup.py', '--version'],
        cwd=ROOT, env={**os.environ, 'RM_MM_STACK': 'mine'}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "RM_MM_STACK is 'mine': expected one of onedl, upstream, or nothing"
    )


def test_the_version_is_semantic(metadata):
    assert metadata.version == __version__
    assert re.fullmatch(r'\d+\.\d+\.\d+', __version__)


def test_pythons(metadata):
    allowed = SpecifierSet(metadata.metadata['Requires-Python'])
    assert [minor for minor in range(8, 15) if f'3.{minor}.5' in allowed] == [10, 11, 12]


@pytest.mark.parametrize('page', ['README.md', 'docs/installation.md'])
def test_the_tables_of_versions_match_the_tested_sets(line, page):
    text = (ROOT / page).read_text()
    pins = pinned(LINES[line], '3.11')
    for name in {*STACK[line].values(), 'torch', 'numpy'}:
        assert re.search(rf'\b{re.escape(pins[name])}\b', text), (name, pins[name])


def test_extras(metadata):
    assert metadata.metadata.get_all('Provides-Extra') == ['dev', 'fast', 'slurm']
