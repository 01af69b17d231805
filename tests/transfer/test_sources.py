"""The same backbone is exported from the checkpoints of every source."""

import pytest
import torch

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.export import export
from tests.transfer.sources import SOURCES, dino, lightly, moco_v1, other, torchvision, under


def exported(path):
    return torch.load(path, weights_only=True)['state_dict']


def same(found, wanted):
    return list(found) == list(wanted) and all(torch.equal(found[n], wanted[n]) for n in wanted)


@pytest.mark.parametrize(
    ('write', 'source_format', 'key', 'networks'), SOURCES, ids=[w.__name__ for w, *_ in SOURCES]
)
@pytest.mark.parametrize('wrapped', [False, True], ids=['as-saved', 'in-ddp'])
def test_every_source_is_recognised_by_its_structure(
    tmp_path, save, weights, write, source_format, key, networks, wrapped
):
    content = write(weights)
    if wrapped:
        content = wrap_deepest(content)
    manifest = export(save(content, 'x.tar'), tmp_path / 'b.pth')
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
def test_a_key_chooses_another_network(tmp_path, save, weights, key):
    manifest = export(save(dino(weights)), tmp_path / 'b.pth', key=key)
    assert manifest.key == 'student.backbone'
    assert manifest.networks == ['teacher.backbone']
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_a_key_chooses_the_momentum_encoder(tmp_path, save, weights):
    export(save(moco_v1(weights)), tmp_path / 'b.pth', key='encoder_k')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('typo', r'--key typo: no network matches in .*student\.backbone, teacher\.backbone'),
        ('backbone', r'--key backbone: several networks match'),
        ('', r'--key : (no|several) network'),
        ('\x1b[2J', r'--key \\x1b\[2J: no network'),
    ],
)
def test_a_key_that_does_not_match_one_network_lists_the_choices(
    tmp_path, save, weights, key, message
):
    with pytest.raises(InputError, match=message):
        export(save(dino(weights)), tmp_path / 'b.pth', key=key)
    assert not (tmp_path / 'b.pth').exists()


def test_an_exact_key_wins_over_a_partial_match(tmp_path, save, weights):
    source = save({'outer': {'model': other(weights)}, 'model': weights})
    export(source, tmp_path / 'b.pth', key='model')
    assert same(exported(tmp_path / 'b.pth'), weights)
    export(source, tmp_path / 'b.pth', key='outer')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_a_config_accepts_numbered_stages_too(tmp_path, save, weights):
    config = tmp_path / 'config.py'
    size = 'depth=18, stem_channels=8, base_channels=8'
    config.write_text(
        f"default_scope = 'mmdet'\nmodel = dict(backbone=dict(type='ResNet', {size}))"
    )
    export(save(lightly(weights)), tmp_path / 'b.pth', config=config)
    written = exported(tmp_path / 'b.pth')
    assert all(torch.equal(written[name], weights[name]) for name in weights)


def test_an_ambiguous_checkpoint_needs_a_key(tmp_path, save, weights):
    source = save({'net_a': weights, 'net_b': other(weights)})
    with pytest.raises(InputError, match=r'holds 2 networks, net_a, net_b: choose one with --key'):
        export(source, tmp_path / 'b.pth')
    export(source, tmp_path / 'b.pth', key='net_b')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_networks_of_very_different_sizes_are_both_found(tmp_path, save, look_trained):
    from mmpretrain.models.backbones import ResNet

    size = {'stem_channels': 4, 'base_channels': 4}
    small, large = (look_trained(ResNet(depth=depth, **size).state_dict()) for depth in (18, 152))
    source = save(under('student.', small) | under('teacher.', large))
    assert export(source, tmp_path / 'b.pth').networks == ['student']
    assert export(source, tmp_path / 'b.pth', key='student').arch['depth'] == 18


def test_the_same_network_with_and_without_its_wrapper_is_rejected(tmp_path, save, weights):
    source = save({**weights, **under('module.', other(weights))})
    with pytest.raises(InputError, match='two networks in one file'):
        export(source, tmp_path / 'b.pth')


def test_a_network_whose_prefix_extends_that_of_another(tmp_path, save, weights):
    source = save({**weights, **under('ema.', other(weights))})
    manifest = export(source, tmp_path / 'b.pth')
    assert (manifest.key, manifest.networks) == ('', ['ema'])
    assert same(exported(tmp_path / 'b.pth'), weights)
    export(source, tmp_path / 'b.pth', key='ema')
    assert same(exported(tmp_path / 'b.pth'), other(weights))


def test_a_broken_network_is_not_skipped_in_favour_of_its_average(tmp_path, save, weights):
    broken = {**weights, 'odd': 'text'}
    for content in (
        {'state_dict': broken, 'state_dict_ema': other(weights)},
        {'model_ema': other(weights), 'model': broken},
    ):
        with pytest.raises(InputError, match='mixes weights with other things'):
            export(save(content), tmp_path / 'b.pth')


def test_the_file_name_does_not_matter(tmp_path, save, weights):
    for name in ('x.pt', 'x.safetensors', 'dino.pth', 'x'):
        manifest = export(save(torchvision(weights), name), tmp_path / 'b.pth')
        assert manifest.source_format == 'torchvision'
        assert manifest.container == 'torch'


def test_safetensors_are_recognised_under_any_file_name(tmp_path, weights):
    from safetensors.torch import save_file

    for name in ('model.safetensors', 'model.pth'):
        save_file(torchvision(weights), tmp_path / name)
        manifest = export(tmp_path / name, tmp_path / 'b.pth')
        assert manifest.container == 'safetensors'
        assert same(exported(tmp_path / 'b.pth'), weights)


def test_an_unknown_part_next_to_a_backbone_is_rejected(tmp_path, save, weights):
    content = under('module.backbone.', weights) | {'module.bbox_head.w': torch.ones(2, 2)}
    with pytest.raises(RejectedError, match=r'unexpected: bbox_head'):
        export(save({'model': content}), tmp_path / 'b.pth')


def test_any_backbone_of_mmpretrain_is_found_by_its_names(tmp_path, save, look_trained):
    from mmpretrain.models.backbones import MobileNetV2

    config = tmp_path / 'config.py'
    config.write_text(
        "default_scope = 'mmpretrain'\nmodel = dict(backbone=dict(type='MobileNetV2'))"
    )
    weights = look_trained(MobileNetV2().state_dict())
    content = {'teacher': under('module.net.', weights), 'student': under('x.', other(weights))}
    manifest = export(save(content), tmp_path / 'b.pth', config=config)
    assert (manifest.key, manifest.networks) == ('teacher.net', ['student.x'])
    assert same(exported(tmp_path / 'b.pth'), weights)


def test_numbered_stages_of_another_network_are_no_resnet(tmp_path, save):
    """Names such as `stages.4.0.conv1`, which a ResNet in nn.Sequential has too."""
    from rm_mm.transfer.backbones import find_candidates
    from rm_mm.transfer.checkpoint import Network

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
    manifest = export(save(weights), tmp_path / 'b.pth', config=config)
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    assert all(name.startswith('timm_model.') for name in exported(tmp_path / 'b.pth'))
