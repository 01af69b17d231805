import dataclasses
import hashlib
import json

import pytest
import torch

from rm_mm.errors import InputError, RefusedError
from rm_mm.transfer.export import export_backbone
from rm_mm.transfer.target import build_resnet, resnet_from_shapes


def as_mmengine(weights):
    state = {f'backbone.{name}': value for name, value in weights.items()}
    state['head.fc.weight'] = torch.randn(10, 64)
    return {'meta': {'epoch': 5, 'mmengine_version': '0'}, 'state_dict': state, 'message_hub': {}}


def as_authors(weights):
    state = {f'module.{name}': value for name, value in weights.items()}
    state['module.fc.weight'] = torch.randn(10, 64)
    state['module.fc_roi.weight'] = torch.randn(10, 64)
    return {'epoch': 300, 'state_dict': state, 'optimizer': {'state': {}}}


def as_bare(weights):
    return dict(weights)


@pytest.mark.parametrize(
    ('wrap', 'source_format', 'dropped', 'epoch'),
    [
        (as_mmengine, 'mmengine', ['head.fc.weight'], 5),
        (as_authors, 'recursivemix', ['fc.weight', 'fc_roi.weight'], 300),
        (as_bare, 'backbone', [], None),
    ],
)
def test_every_source_gives_the_same_backbone(
    tmp_path, save, weights, wrap, source_format, dropped, epoch
):
    source = save(wrap(weights))
    output = tmp_path / 'out' / 'backbone.pth'

    manifest = export_backbone(source, output)

    written = torch.load(output, weights_only=True)['state_dict']
    assert list(written) == list(weights)
    assert all(torch.equal(written[name], weights[name]) for name in weights)
    assert json.loads(output.with_suffix('.json').read_text()) == dataclasses.asdict(manifest)
    assert dataclasses.asdict(manifest) == {
        'schema_version': 1,
        'source': 'source.pth',
        'source_format': source_format,
        'source_sha256': hashlib.sha256(source.read_bytes()).hexdigest(),
        'backbone': 'backbone.pth',
        'backbone_sha256': hashlib.sha256(output.read_bytes()).hexdigest(),
        'arch': {
            'type': 'ResNet',
            'depth': 18,
            'in_channels': 3,
            'stem_channels': 8,
            'base_channels': 8,
        },
        'tensors_wanted': 120,
        'tensors_matched': 120,
        'dropped': dropped,
        'completed': [],
        'epoch': epoch,
        'metrics': {},
    }
    assert sorted(path.name for path in output.parent.iterdir()) == [
        'backbone.json',
        'backbone.pth',
    ]


def test_torchvision_weights_pass_as_they_are(tmp_path, save, look_trained):
    from torchvision.models import resnet18

    weights = look_trained(resnet18().state_dict())
    manifest = export_backbone(save(weights), tmp_path / 'b.pth')
    assert manifest.source_format == 'torchvision'
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    written = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    # strict=False only for the classifier: nothing else may be missing.
    network = resnet18()
    lacking = network.load_state_dict(written, strict=False)
    assert sorted(lacking.missing_keys) == ['fc.bias', 'fc.weight']
    assert not lacking.unexpected_keys


def test_same_input_same_bytes_and_an_earlier_export_is_replaced(tmp_path, save, weights):
    source = save(as_mmengine(weights))
    export_backbone(source, tmp_path / 'one.pth')
    export_backbone(source, tmp_path / 'two_other.pth')
    assert (tmp_path / 'one.pth').read_bytes() == (tmp_path / 'two_other.pth').read_bytes()

    weights['conv1.weight'] += 1
    manifest = export_backbone(save(weights), tmp_path / 'one.pth')
    changed = (tmp_path / 'one.pth').read_bytes()
    assert changed != (tmp_path / 'two_other.pth').read_bytes()
    assert manifest.backbone_sha256 == hashlib.sha256(changed).hexdigest()


def test_an_export_can_be_exported_again(tmp_path, save, weights):
    export_backbone(save(weights), tmp_path / 'one.pth')
    manifest = export_backbone(tmp_path / 'one.pth', tmp_path / 'two.pth')
    assert manifest.source_format == 'rm_mm'
    assert (tmp_path / 'one.pth').read_bytes() == (tmp_path / 'two.pth').read_bytes()


def test_a_view_does_not_drag_its_storage_along(tmp_path, save, weights):
    export_backbone(save(weights), tmp_path / 'plain.pth')
    large = torch.randn(1000, *weights['conv1.weight'].shape)
    large[0] = weights['conv1.weight']
    weights['conv1.weight'] = large[0]
    export_backbone(save(weights), tmp_path / 'view.pth')
    assert (tmp_path / 'view.pth').read_bytes() == (tmp_path / 'plain.pth').read_bytes()


def test_a_refused_export_leaves_nothing(tmp_path, save, weights):
    del weights['layer4.1.conv2.weight']
    with pytest.raises(RefusedError, match=r'does not fill ResNet-18: 119 of 120'):
        export_backbone(save(weights), tmp_path / 'out' / 'backbone.pth')
    assert not (tmp_path / 'out').exists()


def test_an_unknown_part_beside_the_backbone_is_refused(tmp_path, save, weights):
    content = as_mmengine(weights)
    content['state_dict']['bbox_head.cls.weight'] = torch.randn(2, 2)
    with pytest.raises(RefusedError, match='unexpected: bbox_head'):
        export_backbone(save(content), tmp_path / 'b.pth')


def test_a_write_that_fails_leaves_the_earlier_export_whole(tmp_path, save, weights, monkeypatch):
    output = tmp_path / 'out' / 'backbone.pth'
    export_backbone(save(weights), output)
    before = {path.name: path.read_bytes() for path in output.parent.iterdir()}

    def full(self, data):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(type(output), 'write_bytes', full)
    weights['conv1.weight'] += 1
    with pytest.raises(InputError, match=r'cannot write .*No space left'):
        export_backbone(save(weights), output)
    assert {path.name: path.read_bytes() for path in output.parent.iterdir()} == before


def test_other_files_are_not_replaced(tmp_path, save, weights):
    source = save(weights)
    mine = tmp_path / 'mine.pth'
    mine.write_text('precious')
    with pytest.raises(InputError, match='not an earlier export'):
        export_backbone(source, mine)
    assert mine.read_text() == 'precious'

    results = tmp_path / 'results.json'
    results.write_text('{"precious": 1}')
    with pytest.raises(InputError, match='not an earlier export'):
        export_backbone(source, tmp_path / 'results.pth')
    assert results.read_text() == '{"precious": 1}'

    with pytest.raises(InputError, match='the checkpoint itself'):
        export_backbone(source, source)
    with pytest.raises(InputError, match='name of the manifest'):
        export_backbone(source, tmp_path / 'b.json')


def write_config(tmp_path, backbone, scope='mmpretrain'):
    path = tmp_path / 'config.py'
    path.write_text(f'default_scope = {scope!r}\nmodel = dict(backbone={backbone!r})\n')
    return path


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmseg', 'mmdet'])
def test_a_config_names_the_target(tmp_path, save, weights, scope):
    backbone = {
        'type': 'ResNet',
        'depth': 18,
        'stem_channels': 8,
        'base_channels': 8,
        'init_cfg': {'type': 'Pretrained', 'checkpoint': 'no/such/file.pth'},
    }
    config = write_config(tmp_path, backbone, scope)
    manifest = export_backbone(save(weights), tmp_path / 'b.pth', config=config)
    del backbone['init_cfg']
    assert manifest.arch == backbone
    assert manifest.tensors_matched == 120


def test_a_config_takes_what_the_shapes_cannot_tell(tmp_path, save, look_trained):
    # LeNet-5 is no ResNet: only a config can name it.
    from mmpretrain.models.backbones import LeNet5

    weights = look_trained(LeNet5().state_dict())
    source = save(weights)
    with pytest.raises(InputError, match=r'found the keys features\.0.*pass --config'):
        export_backbone(source, tmp_path / 'b.pth')
    config = write_config(tmp_path, {'type': 'LeNet5'})
    manifest = export_backbone(source, tmp_path / 'b.pth', config=config)
    assert manifest.tensors_matched == len(weights)


def test_a_deep_stem_does_not_go_into_a_plain_resnet(tmp_path, save, backbone_class, look_trained):
    deep = look_trained(backbone_class(deep_stem=True).state_dict())
    with pytest.raises(RefusedError, match=r'Its stem is a deep stem .*wants one 7x7'):
        export_backbone(save(deep), tmp_path / 'b.pth')


def test_a_plain_stem_does_not_go_into_a_deep_one(tmp_path, save, weights):
    backbone = {'type': 'ResNetV1c', 'depth': 18, 'stem_channels': 8, 'base_channels': 8}
    config = write_config(tmp_path, backbone, 'mmseg')
    with pytest.raises(RefusedError, match=r'Its stem is one 7x7 .*wants a deep stem `stem.0`'):
        export_backbone(save(weights), tmp_path / 'b.pth', config=config)


def test_configs_that_name_no_network(tmp_path, save, weights):
    source = save(weights)
    with pytest.raises(InputError, match='no config at'):
        export_backbone(source, tmp_path / 'b.pth', config=tmp_path / 'absent.py')
    broken = tmp_path / 'broken.py'
    broken.write_text('model = dict(\n')
    with pytest.raises(InputError, match='cannot read the config'):
        export_backbone(source, tmp_path / 'b.pth', config=broken)
    config = write_config(tmp_path, {'type': 'NoSuchNet'})
    with pytest.raises(InputError, match=r'cannot build model.backbone'):
        export_backbone(source, tmp_path / 'b.pth', config=config)
    broken.write_text('x = 1\n')
    with pytest.raises(InputError, match=r'has no model.backbone'):
        export_backbone(source, tmp_path / 'b.pth', config=broken)


@pytest.mark.parametrize('depth', [18, 34, 50, 101, 152])
def test_depth_and_width_are_read_off_the_shapes(backbone_class, depth):
    state = backbone_class(
        depth=depth, stem_channels=4, base_channels=2, in_channels=1
    ).state_dict()
    arch = resnet_from_shapes(state)
    assert arch == {
        'type': 'ResNet',
        'depth': depth,
        'in_channels': 1,
        'stem_channels': 4,
        'base_channels': 2,
    }
    shapes = {name: value.shape for name, value in build_resnet(arch).items()}
    assert shapes == {name: value.shape for name, value in state.items()}


def test_a_wide_resnet_is_not_taken_for_a_plain_one(backbone_class):
    state = backbone_class(depth=50).state_dict()
    state['layer1.0.conv1.weight'] = torch.randn(16, 8, 1, 1)
    with pytest.raises(InputError, match='16 to 32 channels is not a plain ResNet'):
        resnet_from_shapes(state)
