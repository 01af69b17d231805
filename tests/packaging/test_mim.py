"""What mim does after each way to install, in a separate environment and outside the checkout.

The environments see the packages of this one, so nothing is downloaded.
"""

import json
import os
from pathlib import Path

import pytest

from rm_mm.data import mini
from tests.packaging.conftest import call, copy_checkout, listing, make_environment

pytestmark = pytest.mark.slow

OFFLINE = ['--no-index', '--no-deps', '--no-build-isolation', '--disable-pip-version-check']
#: Source (checkout or archive), and the command before and after the options.
WAYS = {
    'pip install .': ('checkout', ['pip', 'install'], []),
    'pip install -e .': ('checkout', ['pip', 'install'], ['-e']),
    'mim install .': ('checkout', ['mim', 'install'], []),
    'mim install -e .': ('checkout', ['mim', 'install'], ['-e']),
    'a wheel': ('build_wheel', ['pip', 'install'], []),
    'a wheel from the sdist': ('build_sdist', ['pip', 'install'], []),
}


class Installed:
    """rm_mm in a separate environment, called from a separate folder."""

    def __init__(self, tmp_path, way, built):
        kind, before, after = WAYS[way]
        source = copy_checkout(tmp_path / 'rm_mm') if kind == 'checkout' else built[kind]
        self.python = make_environment(tmp_path / 'environment')
        self.packages = Path(next((tmp_path / 'environment').glob('lib/python*/site-packages')))
        self.folder = tmp_path / 'elsewhere'
        self.folder.mkdir()
        # mim passes its address for compiled mmcv to pip. This one does not exist.
        self.env = {**os.environ, 'MMCV_BASE_URL': f'file://{tmp_path}/none'}
        # Do not import rm_mm from the checkout under test.
        self.env.pop('PYTHONPATH', None)
        self.before = listing(self.packages)
        self.module(*before, *OFFLINE, *after, source)
        # After a clone, users often call Python next to the folder rm_mm, which is not the package.
        self.beside = source.parent if kind == 'checkout' else self.folder

    def module(self, *arguments, rc=0):
        return call(
            [self.python, '-W', 'ignore', '-m', *arguments], cwd=self.folder, rc=rc, env=self.env
        )

    def mim(self, *arguments, rc=0):
        return self.module('mim', *arguments, rc=rc)

    def run(self, code, cwd=None):
        command = [self.python, '-W', 'ignore', '-c', code]
        return call(command, cwd=cwd or self.folder, env=self.env)


@pytest.fixture(params=WAYS)
def installed(request, tmp_path, built):
    return Installed(tmp_path, request.param, built)


def test_each_way_in(installed):
    """All checks are in one test, so that each environment is created once."""
    found = installed.run(
        'import json, rm_mm, pathlib\n'
        'package = pathlib.Path(rm_mm.__file__).parent\n'
        'recipe = package / ".mim/configs/classification/r50_rm_in1k.py"\n'
        'print(json.dumps([str(package), sorted(p.name for p in (package / ".mim").iterdir()),'
        ' recipe.is_file()]))'
    )
    package, names, has_recipe = json.loads(found.splitlines()[-1])
    # The package of this test's checkout or environment, not the one that runs the tests.
    assert Path(package).is_relative_to(installed.folder.parent)
    assert names == ['configs', 'dataset-index.yml', 'model-index.yml', 'tools']
    assert has_recipe
    file = 'import rm_mm; print(rm_mm.__file__)'
    assert installed.run(file, installed.beside) == installed.run(file)

    # Search, and download the config although no weights are published.
    table = installed.mim('search', 'rm_mm', '--config', 'r50_rm_in1k')
    assert 'published_top_1_accuracy' in table
    assert '79.2' in table
    assert 'not published' in table
    # mim's process finds the bases of mmsegmentation too.
    names = ['r50_rm_in1k', 'upernet_r50_rm_ade20k']
    output = installed.mim('download', 'rm_mm', '--config', *names, '--dest', 'fetched')
    assert output.count('Successfully dumped') == 2
    assert output.count('rm_mm publishes no weights') == 1
    (installed.folder / 'mine.py').write_text("_base_ = 'rm_mm::classification/r50_rm_in1k.py'\n")
    assert "'value': 79.2" in installed.run(
        'import rm_mm; from mmengine.config import Config\n'
        'print(Config.fromfile("mine.py").expected)\n'
        'assert Config.fromfile("fetched/r50_rm_in1k.py").expected.value == 79.2'
    )

    # Train and test up to the point where GPUs would be needed.
    for split in ('train', 'val'):
        (installed.folder / 'data/imagenet' / split / 'n01440764').mkdir(parents=True)
    checked = ['--check', '--batch-policy', 'as-is']
    for config in ('r50_rm_in1k.py', 'mine.py'):
        assert 'Training finished' in installed.mim('train', 'rm_mm', config, *checked)
    tested = ('test', 'rm_mm', 'r50_rm_in1k.py', '--checkpoint', 'none', '--check')
    assert 'Testing finished' in installed.mim(*tested)
    (installed.folder / 'data').rename(installed.folder / 'moved')
    for arguments in (
        ('train', 'rm_mm', 'r50_rm_in1k.py'),
        ('run', 'rm_mm', 'run_transfer', 'atss', 'coco'),
    ):
        output = installed.mim(*arguments, rc=1)
        assert 'is not complete. Looked for' in output

    assert (installed.python.parent / 'rm-mm').exists()
    installed.module('pip', '--disable-pip-version-check', 'uninstall', '--yes', 'rm_mm')
    assert listing(installed.packages) == installed.before
    assert not (installed.python.parent / 'rm-mm').exists()


def test_the_mini_recipe_through_mim(tmp_path, built):
    """Pretrain and transfer outside the checkout, on little data and with short schedules."""
    installed = Installed(tmp_path, 'a wheel', built)
    assert 'substitute' in installed.run('import rm_mm.compat as c; print(c.ops_in_use())')
    root = installed.folder / 'data' / 'mini'
    mini.prepare_mini(root, train_images=40, val_images=20, train_scenes=8, val_scenes=2)
    short = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'param_scheduler.T_max=1']
    output = installed.mim(
        'train', 'rm_mm', 'r18_rm_mini.py', '--cfg-options', *short,
    )  # fmt: skip
    assert 'Training finished' in output
    (best,) = (installed.folder / 'work_dirs/mini/r18_rm_mini').glob('best_*.pth')
    output = installed.mim('test', 'rm_mm', 'r18_rm_mini.py', '--checkpoint', best)
    assert 'accuracy/top1' in output
    output = installed.mim('run', 'rm_mm', 'run_transfer', 'atss', 'mini', '--methods', 'rm')
    records = installed.folder / 'work_dirs/mini/records'
    record = json.loads((records / 'atss_r18_rm_mini.json').read_text())
    assert record['last_step'] == 4
    assert record['backbone_sha256']
    assert f'{record["best"]:.2f}' in output
