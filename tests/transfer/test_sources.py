"""Whoever wrote a checkpoint, the same backbone comes out of it."""

import pytest
import torch

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.export import export_backbone
from tests.transfer.sources import SOURCES, dino, lightly, moco_v1, other, torchvision, under


def exported(path):
    return torch.load(path, weights_only=True)['state_dict']


def same(found, wanted):
    return list(found) == list(wanted) and all(torch.equal(found[n], wanted[n]) for n in wanted)


@pytest.mark.parametrize(
    ('write', 'source_format', 'key', 'networks'), SOURCES, ids=[w.__name__ for w, *_ in SOURCES]
)
@pytest.mark.parametrize('wrapped', [False, True], ids=['as-saved', 'in-ddp'])
def test_every_source_is_told_by_its_structure(
    tmp_path, save, weights, write, source_format, key, networks, wrapped
):
    content = write(weights)
    if wrapped:
        content = wrap_deepest(content)
    manifest = export_backbone(save(content, 'x.tar'), tmp_path / 'b.pth')
    assert same(exported(tmp_path / 'b.pth'), weights)
    assert manifest.source_format == source_format
    assert (manifest.key, manifest.networks) == (key, networks)
    assert manifest.tensors_matched == 120


def wrap_deepest(content):
    """Put ``module.`` in front of every name in every dict of weights."""
    if not isinstance(content, dict):
        return content
    if any('conv1.weight' in str(name) or str(name).startswith('0.clf') for name in content):
        return under('module.', content)
    return {name: wrap_deepest(value) for name, value in content.items()}


@pytest.mark.parametrize('key', ['student', 'student.backbone', 'module.student'])
def test_a_key_takes_another_network(tmp_path, save, weights, key):
    manifest = export_backbone(save(dino(weights)), tmp_path / 'b.pth', key=key)
    assert manifest.key == 'student.backbone'
    assert manifest.networks == ['teacher.backbone']
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_a_key_takes_the_momentum_encoder(tmp_path, save, weights):
    export_backbone(save(moco_v1(weights)), tmp_path / 'b.pth', key='encoder_k')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


@pytest.mark.parametrize(
    ('key', 'said'),
    [
        ('typo', r'--key typo: none is so named.*student\.backbone, teacher\.backbone'),
        ('backbone', r'--key backbone: several are so named'),
        ('', r'--key : (none|several)'),
        ('\x1b[2J', r'--key \\x1b\[2J: none'),
    ],
)
def test_a_key_that_is_none_lists_what_there_is(tmp_path, save, weights, key, said):
    with pytest.raises(InputError, match=said):
        export_backbone(save(dino(weights)), tmp_path / 'b.pth', key=key)
    assert not (tmp_path / 'b.pth').exists()


def test_a_key_that_is_one_name_and_a_part_of_another_means_the_one(tmp_path, save, weights):
    source = save({'outer': {'model': other(weights)}, 'model': weights})
    export_backbone(source, tmp_path / 'b.pth', key='model')
    assert same(exported(tmp_path / 'b.pth'), weights)
    export_backbone(source, tmp_path / 'b.pth', key='outer')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_a_config_takes_numbered_stages_too(tmp_path, save, weights):
    config = tmp_path / 'config.py'
    size = 'depth=18, stem_channels=8, base_channels=8'
    config.write_text(
        f"default_scope = 'mmdet'\nmodel = dict(backbone=dict(type='ResNet', {size}))"
    )
    export_backbone(save(lightly(weights)), tmp_path / 'b.pth', config=config)
    written = exported(tmp_path / 'b.pth')
    assert all(torch.equal(written[name], weights[name]) for name in weights)


def test_where_nothing_tells_which_is_meant_it_asks(tmp_path, save, weights):
    source = save({'net_a': weights, 'net_b': other(weights)})
    with pytest.raises(InputError, match=r'holds 2 networks, net_a, net_b: say which with --key'):
        export_backbone(source, tmp_path / 'b.pth')
    export_backbone(source, tmp_path / 'b.pth', key='net_b')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_networks_of_very_different_sizes_are_both_seen(tmp_path, save, look_trained):
    from mmpretrain.models.backbones import ResNet

    size = {'stem_channels': 4, 'base_channels': 4}
    small, large = (look_trained(ResNet(depth=depth, **size).state_dict()) for depth in (18, 152))
    source = save(under('student.', small) | under('teacher.', large))
    assert export_backbone(source, tmp_path / 'b.pth').networks == ['student']
    assert export_backbone(source, tmp_path / 'b.pth', key='student').arch['depth'] == 18


def test_the_same_network_with_and_without_its_wrapper_is_refused(tmp_path, save, weights):
    source = save({**weights, **under('module.', other(weights))})
    with pytest.raises(InputError, match='two networks in one file'):
        export_backbone(source, tmp_path / 'b.pth')


def test_a_network_inside_the_names_of_another(tmp_path, save, weights):
    source = save({**weights, **under('ema.', other(weights))})
    manifest = export_backbone(source, tmp_path / 'b.pth')
    assert (manifest.key, manifest.networks) == ('', ['ema'])
    assert same(exported(tmp_path / 'b.pth'), weights)
    export_backbone(source, tmp_path / 'b.pth', key='ema')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_a_broken_network_is_not_passed_over_for_its_average(tmp_path, save, weights):
    broken = {**weights, 'odd': 'text'}
    for content in (
        {'state_dict': broken, 'state_dict_ema': other(weights)},
        {'model_ema': other(weights), 'model': broken},
    ):
        with pytest.raises(InputError, match='mixes weights with other things'):
            export_backbone(save(content), tmp_path / 'b.pth')


def test_the_name_of_a_file_means_nothing(tmp_path, save, weights):
    for name in ('x.pt', 'x.safetensors', 'dino.pth', 'x'):
        manifest = export_backbone(save(torchvision(weights), name), tmp_path / 'b.pth')
        assert manifest.source_format == 'torchvision'
        assert manifest.container == 'torch'


def test_safetensors_whatever_it_is_called(tmp_path, weights):
    from safetensors.torch import save_file

    for name in ('model.safetensors', 'model.pth'):
        save_file(torchvision(weights), tmp_path / name)
        manifest = export_backbone(tmp_path / name, tmp_path / 'b.pth')
        assert manifest.container == 'safetensors'
        assert same(exported(tmp_path / 'b.pth'), weights)


def test_what_is_beside_a_backbone_and_no_known_head_is_refused(tmp_path, save, weights):
    content = under('module.backbone.', weights) | {'module.bbox_head.w': torch.ones(2, 2)}
    with pytest.raises(RejectedError, match=r'unexpected: bbox_head'):
        export_backbone(save({'model': content}), tmp_path / 'b.pth')


def test_any_backbone_of_mmpretrain_is_found_by_its_names(tmp_path, save, look_trained):
    from mmpretrain.models.backbones import MobileNetV2

    config = tmp_path / 'config.py'
    config.write_text(
        "default_scope = 'mmpretrain'\nmodel = dict(backbone=dict(type='MobileNetV2'))"
    )
    weights = look_trained(MobileNetV2().state_dict())
    content = {'teacher': under('module.net.', weights), 'student': under('x.', other(weights))}
    manifest = export_backbone(save(content), tmp_path / 'b.pth', config=config)
    assert (manifest.key, manifest.networks) == ('teacher.net', ['student.x'])
    assert same(exported(tmp_path / 'b.pth'), weights)


def test_numbered_stages_of_another_network_are_no_second_one(tmp_path, save):
    """Names such as `stages.4.0.conv1`, which a ResNet in nn.Sequential has too."""
    from rm_mm.transfer.candidates import find_candidates
    from rm_mm.transfer.networks import Network

    names = [f'stages.{i}.0.conv1.weight' for i in range(8)] + ['stem.weight']
    weights = {f'backbone.{name}': torch.ones(2) for name in names}
    (found,) = find_candidates([Network('', weights)], 'x', names)
    assert (found.root, found.layout) == ('backbone.', 'named')


def test_a_wrapped_backbone_gets_the_prefix_of_its_wrapper(tmp_path, save, look_trained):
    # mmpretrain's TIMMBackbone: all its names begin with `timm_model.`.
    pytest.importorskip('timm')
    import timm

    weights = look_trained(timm.create_model('resnet18').state_dict())
    config = tmp_path / 'config.py'
    config.write_text(
        "default_scope = 'mmpretrain'\n"
        "model = dict(backbone=dict(type='TIMMBackbone', model_name='resnet18'))"
    )
    manifest = export_backbone(save(weights), tmp_path / 'b.pth', config=config)
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    assert all(name.startswith('timm_model.') for name in exported(tmp_path / 'b.pth'))
