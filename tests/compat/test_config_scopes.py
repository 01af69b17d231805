import subprocess
import sys

import pytest
from mmengine import hub
from mmengine.config import Config

from rm_mm.compat import config_scopes, configs_root, packaged_config
from rm_mm.errors import InputError


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of this package with one config, and nothing installed."""
    (tmp_path / 'rm_mm').mkdir()
    folder = tmp_path / 'configs' / 'detection'
    folder.mkdir(parents=True)
    (folder / 'small.py').write_text("model = dict(type='ATSS')\norigin = 'checkout'\n")
    monkeypatch.setattr(config_scopes, 'PACKAGE', tmp_path / 'rm_mm')
    return tmp_path


def load(folder, base, text='', name='leaf.py'):
    leaf = folder / name
    leaf.write_text(f'_base_ = {base!r}\n{text}')
    return Config.fromfile(leaf)


@pytest.mark.parametrize(
    ('base', 'key', 'expected'),
    [
        ('mmseg::_base_/models/upernet_r50.py', 'model.type', 'EncoderDecoder'),
        ('mmdet::atss/atss_r50_fpn_1x_coco.py', 'model.type', 'ATSS'),
        ('mmpretrain::_base_/models/resnet50.py', 'model.backbone.depth', 50),
    ],
)
def test_bases_of_the_stack_resolve(tmp_path, base, key, expected):
    config = load(tmp_path, base)
    for part in key.split('.'):
        config = config[part]
    assert config == expected


@pytest.mark.parametrize('name', ['detection/small.py', 'detection/small'])
def test_our_bases_resolve_in_a_checkout(checkout, name):
    config = load(checkout, f'rm_mm::{name}')
    assert config.origin == 'checkout'
    # A scope would send the look-up of ATSS to a registry that does not exist.
    assert '_scope_' not in config.model


@pytest.mark.parametrize('name', ['fcn_r50', 'pspnet_r50', 'upernet_r50_rm'])
def test_our_configs_are_read_without_importing_rm_mm(name):
    path = configs_root() / 'segmentation' / f'{name}_ade20k.py'
    code = f'from mmengine.config import Config; print(Config.fromfile({str(path)!r}).model.type)'
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={'PYTHONPATH': str(config_scopes.PACKAGE.parent)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ['EncoderDecoder'], done.stderr


def test_our_bases_resolve_among_others(checkout):
    bases = ['rm_mm::detection/small.py', 'mmdet::_base_/default_runtime.py']
    config = load(checkout, bases, "model = dict(type='GFL')")
    assert config.origin == 'checkout'
    assert config.model.type == 'GFL'
    assert config.default_scope == 'mmdet'


def test_our_bases_resolve_recursively(checkout):
    load(checkout / 'configs' / 'detection', 'rm_mm::detection/small.py', 'middle = 1', 'mid.py')
    config = load(checkout, 'rm_mm::detection/mid.py')
    assert (config.origin, config.middle) == ('checkout', 1)


def test_installed_configs_come_before_those_of_the_checkout(checkout):
    installed = checkout / 'rm_mm' / '.mim' / 'configs'
    (installed / 'detection').mkdir(parents=True)
    (installed / 'detection' / 'small.py').write_text("origin = 'installed'")
    assert configs_root() == installed
    assert load(checkout, 'rm_mm::detection/small.py').origin == 'installed'


@pytest.mark.usefixtures('checkout')
def test_the_hub_finds_our_configs_in_a_checkout():
    assert hub.get_config('rm_mm::detection/small.py').origin == 'checkout'


def test_the_hub_still_finds_configs_of_the_stack():
    config = hub.get_config('mmdet::atss/atss_r50_fpn_1x_coco.py', pretrained=True)
    assert config.model.type == 'ATSS'
    assert config.model_path.endswith('.pth')


def test_an_unknown_config_is_reported_with_similar_names(checkout):
    with pytest.raises(InputError, match=r"'rm_mm::detection/smal\.py'.*detection/small\.py\?"):
        load(checkout, 'rm_mm::detection/smal.py')
    with pytest.raises(InputError, match='rm_mm::nothing'):
        packaged_config('nothing')


def test_missing_configs_are_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(config_scopes, 'PACKAGE', tmp_path / 'rm_mm')
    with pytest.raises(InputError, match='install rm_mm again'):
        configs_root()


def test_the_original_distribution_of_mmseg_is_left_alone(monkeypatch):
    from types import SimpleNamespace

    def installed(name):
        assert name == 'mmsegmentation'

    monkeypatch.setattr(config_scopes.importlib.metadata, 'distribution', installed)
    utils = SimpleNamespace(MODULE2PACKAGE={'mmseg': 'mmsegmentation'})
    config_scopes._name_packages(utils)
    assert utils.MODULE2PACKAGE == {'mmseg': 'mmsegmentation', 'rm_mm': 'rm_mm'}


def test_a_base_of_another_package_is_resolved_once(tmp_path, monkeypatch):
    path = tmp_path / 'config.py'
    path.write_text("_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'\n")
    first = Config.fromfile(path)
    monkeypatch.setattr('mmengine.config.utils.load', None)
    assert Config.fromfile(path).to_dict() == first.to_dict()
    assert first.model.type == 'RetinaNet'
    # A base that was not resolved before needs the metafiles.
    path.write_text("_base_ = 'mmdet::retinanet/retinanet_r101_fpn_1x_coco.py'\n")
    with pytest.raises(TypeError):
        Config.fromfile(path)
