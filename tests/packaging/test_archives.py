"""Contents of the wheel, the source distribution and the wheel of an editable install."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from rm_mm import __version__
from tests.packaging.conftest import ROOT

MIM = ['configs', 'dataset-index.yml', 'model-index.yml', 'tools']


@pytest.fixture(scope='module')
def wheel(built):
    with zipfile.ZipFile(built['build_wheel']) as archive:
        yield archive


@pytest.fixture(scope='module')
def editable(built):
    with zipfile.ZipFile(built['build_editable']) as archive:
        yield archive


def below(archive, folder):
    return {name.removeprefix(folder) for name in archive.namelist() if name.startswith(folder)}


def checkout(folder):
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }


@pytest.mark.parametrize('place', ['rm_mm/.mim/', '+rm_mm/.mim/'])
def test_the_wheel_contains_all_files_that_mim_reads(wheel, place):
    names = below(wheel, place)
    assert {name.partition('/')[0] for name in names} == set(MIM)
    assert names == checkout('configs') | checkout('tools') | set(MIM) - {'configs', 'tools'}
    recipe = 'configs/classification/r50_rm_in1k.py'
    assert wheel.read(place + recipe) == (ROOT / recipe).read_bytes()


def test_the_folder_that_sorts_first_leads_onedl_mim_to_them(wheel):
    # pip adds the script and sorts RECORD.
    installed = sorted([*wheel.namelist(), '../../../bin/rm-mm'])
    first = installed[0].partition('/')[0]
    assert f'{first}/.mim/model-index.yml' in wheel.namelist()
    # Otherwise pip would leave an empty folder behind (see setup.py).
    assert any(name.count('/') == 1 for name in below(wheel, '') if name.startswith(f'{first}/'))


def test_the_wheel_contains_the_package_its_types_and_its_licences(wheel):
    names = set(wheel.namelist())
    images = 'rm_mm/data/mini/fashion_mnist_train.png'
    assert {'rm_mm/py.typed', 'rm_mm/cli/__init__.py', images} <= names
    assert {'rm_mm/reporting/page/style.css', 'rm_mm/reporting/page/page.js'} <= names
    assert 'rm_mm/data/mini/LICENSE-fashion-mnist.txt' in names
    info = f'rm_mm-{__version__}.dist-info'
    licences = {name for name in names if name.startswith(f'{info}/licenses/')}
    assert {Path(name).name for name in licences} == {
        'LICENSE', 'NOTICE', 'LICENSE-fashion-mnist.txt',
    }  # fmt: skip
    assert {name.partition('/')[0] for name in names} == {'rm_mm', '+rm_mm', info}


def test_every_module_is_in_the_wheel(wheel):
    def modules(names):
        return {name for name in names if name.endswith('.py') and '.mim/' not in name}

    assert modules(wheel.namelist()) == modules(checkout('rm_mm'))


def test_the_source_distribution_contains_what_the_tests_need(built):
    with tarfile.open(built['build_sdist']) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    for folder in ('tests', 'configs', 'docs', 'tools', 'maintenance'):
        missing = checkout(folder) - names
        assert not missing
    assert {
        '.ci/run', '.gitignore', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'Makefile', 'NOTICE',
        'README.md', 'constraints.txt', 'constraints-upstream.txt', 'dataset-index.yml',
        'model-index.yml', 'pyproject.toml', 'setup.py',
    } <= names  # fmt: skip
    assert not [name for name in names if '/.mim/' in name or name.endswith('.pyc')]


def test_an_editable_install_adds_the_hook_for_mim_to_its_record(editable):
    (start,) = (name for name in editable.namelist() if name.endswith('_mim.pth'))
    module, _, call = editable.read(start).decode().partition(';')
    name = module.removeprefix('import ')
    assert call.startswith(f' {name}.install(')
    assert call.endswith("/rm_mm')\n")
    source = (ROOT / 'rm_mm' / 'compat' / 'mim_editable.py').read_bytes()
    assert editable.read(f'{name}.py') == source
    (record,) = (name for name in editable.namelist() if name.endswith('/RECORD'))
    assert editable.namelist()[-1] == record
    rows = [row.split(',') for row in editable.read(record).decode().splitlines()]
    # RECORD uses URL-safe base 64 without padding.
    digest = urlsafe_b64encode(hashlib.sha256(source).digest()).decode().rstrip('=')
    assert [f'{name}.py', f'sha256={digest}', str(len(source))] in rows
    assert sorted(row[0] for row in rows) == sorted(editable.namelist())


def test_an_editable_install_links_to_the_checkout(built, editable):
    checkout = built['checkout']
    links = {path.name: path for path in (checkout / 'rm_mm' / '.mim').iterdir()}
    assert sorted(links) == MIM
    for name, link in links.items():
        # Links are relative, so that a checkout can be moved.
        assert link.readlink() == Path('..', '..', name)
        assert link.resolve() == checkout / name
    (start,) = (name for name in editable.namelist() if name.endswith('_mim.pth'))
    content = editable.read(start)
    assert content.isascii()
    assert content.decode().endswith(f'.install({str(checkout / "rm_mm")!a})\n')


def test_a_registry_can_render_the_description(built):
    files = [str(built['build_wheel']), str(built['build_sdist'])]
    done = subprocess.run(
        [sys.executable, '-m', 'twine', 'check', '--strict', *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('PASSED') == 2


def test_the_build_is_quiet(built):
    assert not [line for line in built['output'].splitlines() if 'warning' in line.lower()]


def test_the_version_is_defined_in_one_place(built, tmp_path):
    with zipfile.ZipFile(built['build_wheel']) as archive:
        archive.extractall(tmp_path)
    (info,) = tmp_path.glob('*.dist-info')
    assert PathDistribution(info).version == __version__
    texts = {path: path.read_text() for path in [ROOT / 'setup.py', ROOT / 'pyproject.toml']}
    assert not [path for path, text in texts.items() if __version__ in text]
