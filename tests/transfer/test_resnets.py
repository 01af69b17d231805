"""Other kinds of ResNet are rejected, and the config in the message accepts them."""

import re

import pytest
import torch

from rm_mm.errors import RejectedError
from rm_mm.recipe.config import find_config
from rm_mm.transfer.export import export
from rm_mm.transfer.resnets import (
    CONFIG_OF_KIND,
    folded_norms,
    rename_to_library,
    rename_to_target,
    resnet_kind,
)


@pytest.fixture(scope='module')
def network(look_trained):
    """The state dict of a small ResNet of a library, looking trained."""

    def build(library, kind, **arguments):
        import importlib

        backbones = importlib.import_module(f'{library}.models.backbones')
        size = {'depth': 18, 'stem_channels': 8, 'base_channels': 8}
        return look_trained(getattr(backbones, kind)(**size, **arguments).state_dict())

    return build


def config(tmp_path, scope, kind, extra=''):
    path = tmp_path / 'config.py'
    backbone = f"type='{kind}', depth=18, stem_channels=8, base_channels=8{extra}"
    path.write_text(f"default_scope = '{scope}'\nmodel = dict(backbone=dict({backbone}))\n")
    return path


@pytest.mark.parametrize('found_in', ['mmdet', 'mmseg', 'mmpretrain', 'timm'])
@pytest.mark.parametrize('wanted_in', ['mmdet', 'mmseg', 'mmpretrain'])
def test_a_deep_stem_fills_its_kind_in_every_library(tmp_path, save, network, found_in, wanted_in):
    if found_in == 'timm':
        state = rename_to_library(network('mmpretrain', 'ResNetV1d'), 'timm')
    else:
        state = network(found_in, 'ResNetV1d')
    path = config(tmp_path, wanted_in, 'ResNetV1d')
    manifest = export(save(state), tmp_path / 'b.pth', config=path)
    # 20 convolutions and norms as a plain ResNet-18 has, and two more of each in the stem.
    assert manifest.tensors_matched == (20 + 2) * (1 + 5)
    written = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    # The same layers, whatever their names.
    assert sorted(v.flatten()[0].item() for v in written.values()) == sorted(
        v.flatten()[0].item() for v in state.values()
    )


@pytest.mark.parametrize(('kind', 'depth'), [('V1c', 50), ('V1d', 18), ('V1d', 50)])
def test_names_of_timms_deep_stem_are_those_of_timm(kind, depth):
    from mmpretrain.models import backbones

    timm = pytest.importorskip('timm')
    ours = getattr(backbones, f'ResNet{kind}')(depth=depth).state_dict()
    theirs = timm.create_model(f'resnet{depth}{kind[-1]}', num_classes=0).state_dict()
    named = rename_to_library(ours, 'timm')
    assert {n: v.shape for n, v in named.items()} == {n: v.shape for n, v in theirs.items()}
    assert list(rename_to_target(theirs, ours)) == list(ours)


@pytest.mark.parametrize(
    ('library', 'kind', 'arguments', 'name', 'words'),
    [
        ('mmpretrain', 'ResNetV1c', {}, 'ResNetV1c', '`stem.0.conv`'),
        ('mmseg', 'ResNetV1c', {}, 'ResNetV1c', '`stem.0`'),
        ('mmpretrain', 'ResNetV1d', {}, 'ResNetV1d', 'pooling in the shortcuts'),
        ('mmpretrain', 'ResNet', {'avg_down': True}, 'ResNet', 'pooling in the shortcuts'),
    ],
)
def test_another_kind_does_not_fill_a_plain_resnet_and_a_config_is_named(
    tmp_path, save, network, library, kind, arguments, name, words
):
    state = network(library, kind, **arguments)
    with pytest.raises(RejectedError) as caught:
        export(save(state), tmp_path / 'b.pth')
    sentence = next(line for line in str(caught.value).splitlines() if 'weights are of' in line)
    assert re.search(
        rf'are of a {name} \(.*{re.escape(words)}.*the target is a ResNet \(', sentence
    )
    assert f'--config {CONFIG_OF_KIND[name]}' in sentence
    assert not (tmp_path / 'b.pth').exists()


def test_a_stem_for_small_images_is_recognised(tmp_path, save):
    from mmpretrain.models.backbones import ResNet_CIFAR

    state = ResNet_CIFAR(depth=18).state_dict()
    assert resnet_kind(state).name == 'ResNet_CIFAR'
    with pytest.raises(RejectedError, match=r'ResNet_CIFAR \(one 3x3 .*resnet18_8xb16_cifar10'):
        export(save(state), tmp_path / 'b.pth')


@pytest.mark.parametrize('name', CONFIG_OF_KIND.values())
def test_the_configs_in_messages_exist(name):
    assert find_config(name).is_file()


def test_the_config_in_a_message_accepts_the_weights(tmp_path, save, look_trained):
    from mmpretrain.models.backbones import ResNetV1d

    state = look_trained(ResNetV1d(depth=50).state_dict())
    manifest = export(save(state), tmp_path / 'b.pth', config=CONFIG_OF_KIND['ResNetV1d'])
    assert manifest.arch['type'] == 'ResNetV1d'
    assert manifest.tensors_matched == len(state)


def fold(weights):
    """Fold statistics into scale and shift, as in weights converted from Caffe."""
    for name, value in weights.items():
        if name.endswith('running_mean'):
            value.zero_()
        if name.endswith('running_var'):
            value.fill_(1)
    return weights


def test_folded_norms_differ_from_fresh_ones(weights, backbone_class):
    assert not folded_norms(weights)
    assert not folded_norms(backbone_class().state_dict())
    assert folded_norms(fold(weights))
    for name in weights:
        if name.endswith('running_var'):
            weights[name].fill_(1 - 1e-5)
    assert folded_norms(weights)


def test_caffe_weights_only_fill_a_network_of_that_style(tmp_path, save, weights):
    source = save(fold(weights))
    message = r"of style='caffe' \(its batch norms are folded.*pass --config mmdet::.*caffe"
    with pytest.raises(RejectedError, match=message):
        export(source, tmp_path / 'b.pth')
    caffe = config(tmp_path, 'mmdet', 'ResNet', ", style='caffe'")
    manifest = export(source, tmp_path / 'b.pth', config=caffe)
    assert manifest.inputs['style'] == 'caffe'
    assert manifest.inputs['colors'] == 'BGR'
