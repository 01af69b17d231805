"""The bounds in setup.py, the tested sets in constraints*.txt, and what the code imports."""

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
#: Each line was tested with these.
PYTHONS = {'onedl': ('3.10', '3.11', '3.12'), 'upstream': ('3.11',)}
#: The modules of the stack, and what provides them on each line.
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
    """What setup.py says for one line of the stack."""
    target = tmp_path_factory.mktemp(line)
    command = [sys.executable, 'setup.py', '--quiet', 'egg_info', '--egg-base', str(target)]
    checkout = copy_checkout(target / 'rm_mm')
    subprocess.run(command, cwd=checkout, env={**os.environ, 'RM_MM_STACK': line}, check=True)
    return importlib.metadata.PathDistribution(target / 'rm_mm.egg-info')


@pytest.fixture(scope='module')
def requirements(metadata):
    return [Requirement(text) for text in metadata.requires]


def pinned(file, python):
    """Name to version in a constraints file, for one Python."""
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


def test_the_bounds_admit_the_tested_sets(line, requirements):
    assert len(requirements) >= 15
    for python in PYTHONS[line]:
        versions = pinned(LINES[line], python)
        for requirement in requirements:
            version = versions[canonical(requirement.name)]
            assert requirement.specifier.contains(version), f'{requirement}, tested with {version}'


def test_the_bounds_are_no_wider_than_what_each_line_can_be(line, requirements):
    bounds = {
        canonical(requirement.name): requirement.specifier
        for requirement in requirements
        if not requirement.marker
    }
    # The first that reads a checkpoint with stand-ins.
    assert not bounds['torch'].contains('2.5.1')
    # Of the stack itself there is one tested version.
    for name in set(STACK[line].values()):
        assert str(bounds[name]) == f'>={pinned(LINES[line], "3.11")[name]}'
    if line == 'upstream':
        # mmengine 0.10.7 imports pkg_resources; mmdet 3.3 and mmseg 1.2 refuse mmcv 2.2.
        assert not bounds['setuptools'].contains('81.0.0')
        assert pinned(LINES[line], '3.11')['mmcv-lite'] == '2.1.0'


def test_each_line_has_the_stack_and_nothing_of_the_other(line, requirements):
    names = {canonical(requirement.name) for requirement in requirements}
    assert set(STACK[line].values()) <= names
    (other,) = set(STACK) - {line}
    assert not names & set(STACK[other].values())


def imports():
    """Top-level modules that the package imports, wherever in a file, without those of Python."""
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


def test_what_is_imported_is_required_and_nothing_is_for_nothing(line, requirements):
    base = {canonical(requirement.name) for requirement in requirements if not requirement.marker}
    imported = {PROVIDERS.get(module, STACK[line].get(module, module)) for module in imports()}
    optional = {
        canonical(requirement.name)
        for requirement in requirements
        for extra in ('fast', 'slurm')
        if requirement.marker and requirement.marker.evaluate({'extra': extra})
    }
    # mmcv of the upstream line is the choice of whoever installs.
    assert imported - {'mmcv', *optional} <= base
    assert optional <= imported
    # mmseg needs the last three, or mmengine, without saying so.
    unsaid = {'setuptools', 'ftfy', 'regex'} if line == 'upstream' else set()
    assert base - imported - set(STACK[line].values()) == unsaid


def test_an_unknown_line_is_refused_in_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, 'setup.py', '--version'],
        cwd=ROOT, env={**os.environ, 'RM_MM_STACK': 'mine'}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "RM_MM_STACK is 'mine': expected one of onedl, upstream, or nothing"
    )


def test_the_version_is_a_semantic_one(metadata):
    assert metadata.version == __version__
    assert re.fullmatch(r'\d+\.\d+\.\d+', __version__)


def test_pythons(metadata):
    allowed = SpecifierSet(metadata.metadata['Requires-Python'])
    assert [minor for minor in range(8, 15) if f'3.{minor}.5' in allowed] == [10, 11, 12]


@pytest.mark.parametrize('page', ['README.md', 'docs/installation.md'])
def test_the_tables_of_versions_are_the_tested_sets(line, page):
    text = (ROOT / page).read_text()
    pins = pinned(LINES[line], '3.11')
    for name in {*STACK[line].values(), 'torch', 'numpy'}:
        assert re.search(rf'\b{re.escape(pins[name])}\b', text), (name, pins[name])


def test_extras(metadata):
    assert metadata.metadata.get_all('Provides-Extra') == ['dev', 'fast', 'slurm']
