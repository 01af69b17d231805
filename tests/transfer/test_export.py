import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest
import torch

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.export import ExportRequest, export, verify
from rm_mm.transfer.manifest import read_manifest
from rm_mm.transfer.resnets import resnet_from_shapes
from rm_mm.transfer.target import target_from_shapes


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
    ('wrap', 'source_format', 'dropped', 'epoch', 'key'),
    [
        (as_mmengine, 'mmengine', ['head.fc.weight'], 5, 'state_dict.backbone'),
        (as_authors, 'recursivemix', ['fc.weight', 'fc_roi.weight'], 300, 'state_dict'),
        (as_bare, 'backbone', [], None, ''),
    ],
)
def test_every_source_gives_the_same_backbone(
    tmp_path, save, weights, wrap, source_format, dropped, epoch, key
):
    source = save(wrap(weights))
    output = tmp_path / 'out' / 'backbone.pth'
    because = 'as of torchvision and all that builds on it'
    inputs = {'colors': 'RGB', 'style': 'pytorch', 'because': because}
    if wrap is as_mmengine:
        # mmengine's config, which is missing here, would tell.
        inputs = {'colors': None, 'style': None, 'because': ''}

    manifest = export(source, output)

    written = torch.load(output, weights_only=True)['state_dict']
    assert list(written) == list(weights)
    assert all(torch.equal(written[name], weights[name]) for name in weights)
    assert json.loads(output.with_suffix('.json').read_text()) == dataclasses.asdict(manifest)
    assert dataclasses.asdict(manifest) == {
        'schema_version': 2,
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
        'container': 'torch',
        'key': key,
        'networks': [],
        'inputs': inputs,
        'layout': 'openmmlab',
        'verified': True,
        'mismatch': None,
        'problems': {},
    }
    assert sorted(path.name for path in output.parent.iterdir()) == [
        'backbone.json',
        'backbone.pth',
    ]


def test_torchvision_weights_are_exported_unchanged(tmp_path, save, look_trained):
    from torchvision.models import resnet18

    weights = look_trained(resnet18().state_dict())
    manifest = export(save(weights), tmp_path / 'b.pth')
    assert manifest.source_format == 'torchvision'
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    written = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    # strict=False only for the classifier: nothing else may be missing.
    network = resnet18()
    lacking = network.load_state_dict(written, strict=False)
    assert sorted(lacking.missing_keys) == ['fc.bias', 'fc.weight']
    assert not lacking.unexpected_keys


def test_exports_are_reproducible_and_replace_earlier_ones(tmp_path, save, weights):
    source = save(as_mmengine(weights))
    export(source, tmp_path / 'one.pth')
    export(source, tmp_path / 'two_other.pth')
    assert (tmp_path / 'one.pth').read_bytes() == (tmp_path / 'two_other.pth').read_bytes()

    weights['conv1.weight'] += 1
    manifest = export(save(weights), tmp_path / 'one.pth')
    changed = (tmp_path / 'one.pth').read_bytes()
    assert changed != (tmp_path / 'two_other.pth').read_bytes()
    assert manifest.backbone_sha256 == hashlib.sha256(changed).hexdigest()


def test_an_export_can_be_exported_again(tmp_path, save, weights):
    export(save(weights), tmp_path / 'one.pth')
    manifest = export(tmp_path / 'one.pth', tmp_path / 'two.pth')
    assert manifest.source_format == 'rm_mm'
    assert (tmp_path / 'one.pth').read_bytes() == (tmp_path / 'two.pth').read_bytes()


def test_a_view_is_written_without_its_whole_storage(tmp_path, save, weights):
    export(save(weights), tmp_path / 'plain.pth')
    large = torch.randn(1000, *weights['conv1.weight'].shape)
    large[0] = weights['conv1.weight']
    weights['conv1.weight'] = large[0]
    export(save(weights), tmp_path / 'view.pth')
    assert (tmp_path / 'view.pth').read_bytes() == (tmp_path / 'plain.pth').read_bytes()


def test_a_rejected_export_leaves_its_reasons_and_no_backbone(tmp_path, save, weights):
    # Stage 4's first block: 3 convolutions and 3 norm layers of 4 floating tensors.
    for name, value in weights.items():
        if name.startswith('layer4.0') and value.is_floating_point():
            value.fill_(float('nan'))
    weights['conv1.weight'].zero_()
    output = tmp_path / 'out' / 'backbone.pth'
    with pytest.raises(RejectedError, match=r'does not fill ResNet-18: 104 of 120') as caught:
        export(save(weights), output)
    lines = str(caught.value).splitlines()
    assert len(lines) <= 20
    assert 'backbone.json; no backbone was written' in lines[-1]
    assert [path.name for path in output.parent.iterdir()] == ['backbone.json']
    record = json.loads((output.parent / 'backbone.json').read_text())
    assert record['verified'] is False
    assert record['backbone_sha256'] == ''
    assert len(record['problems']['not finite']) == 3 + 3 * 4
    assert list(record['problems']['constant (never trained)']) == ['conv1.weight']


def test_a_rejection_keeps_an_earlier_export_and_a_success_removes_its_record(
    tmp_path, save, weights
):
    output = tmp_path / 'out' / 'backbone.pth'
    export(save(weights), output)
    before = {path.name: path.read_bytes() for path in output.parent.iterdir()}
    broken = {name: value for name, value in weights.items() if 'layer4' not in name}
    with pytest.raises(RejectedError, match=r'named in .*backbone\.refused\.json'):
        export(save(broken, 'broken.pth'), output)
    after = {path.name: path.read_bytes() for path in output.parent.iterdir()}
    assert not read_manifest(output.with_name('backbone.refused.json')).verified
    after.pop('backbone.refused.json')
    assert after == before
    export(save(weights), output)
    assert not output.with_name('backbone.refused.json').exists()


def test_a_rejection_keeps_a_file_in_the_place_of_its_record(tmp_path, save, weights):
    # The manifest of this export has the name that a rejection of `b.pth` would use.
    export(save(weights), tmp_path / 'b.refused.pth')
    export(save(weights), tmp_path / 'b.pth')
    before = (tmp_path / 'b.refused.json').read_bytes()
    broken = {name: value for name, value in weights.items() if 'bn' not in name}
    with pytest.raises(RejectedError, match=r'written to .*b\.refused\.json: it is another file'):
        export(save(broken, 'broken.pth'), tmp_path / 'b.pth')
    assert (tmp_path / 'b.refused.json').read_bytes() == before


def test_any_single_missing_tensor_is_named(tmp_path, save, weights):
    assert len(weights) == 120
    for name in weights:
        lacking = {other: value for other, value in weights.items() if other != name}
        with pytest.raises(RejectedError, match=rf'119 of 120 .*1 missing: {re.escape(name)}$'):
            export(save(lacking), tmp_path / 'out' / 'b.pth')


def test_a_missing_stage_is_named(tmp_path, save, look_trained):
    from torchvision.models import resnet50

    state = look_trained(resnet50().state_dict())
    for stage in ('layer1', 'layer3', 'layer4'):
        lacking = {name: value for name, value in state.items() if not name.startswith(stage)}
        with pytest.raises(
            RejectedError, match=rf'(?s)does not fill ResNet-50: .*missing: {stage}\.0'
        ):
            export(save(lacking), tmp_path / f'{stage}.pth')


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('everywhere', [False, True])
def test_nan_and_infinity_are_one_line_and_nothing_is_written(
    tmp_path, save, weights, value, everywhere
):
    for name, tensor in weights.items():
        if name == 'conv1.weight' or (everywhere and tensor.is_floating_point()):
            tensor.fill_(value)
    count = 100 if everywhere else 1  # 20 convolutions and 20 norms of 4 floating tensors each
    with pytest.raises(RejectedError, match=rf'{count} not finite: conv1\.weight') as caught:
        export(save(weights), tmp_path / 'out' / 'b.pth')
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


def test_integer_weights_are_one_line(tmp_path, save, weights):
    whole = {name: value.to(torch.int8) for name, value in weights.items()}
    with pytest.raises(RejectedError, match=r'100 of the wrong dtype: conv1\.weight') as caught:
        export(save(whole), tmp_path / 'out' / 'b.pth')
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


def test_the_record_of_a_rejection_is_replaced_by_an_export(tmp_path, save, weights):
    output = tmp_path / 'backbone.pth'
    whole = dict(weights)
    for name in whole:
        if 'bn' in name:
            del weights[name]
    with pytest.raises(RejectedError):
        export(save(weights), output)
    assert output.with_suffix('.json').exists()
    assert export(save(whole), output).verified


def test_an_unknown_part_next_to_the_backbone_is_rejected(tmp_path, save, weights):
    content = as_mmengine(weights)
    content['state_dict']['bbox_head.cls.weight'] = torch.randn(2, 2)
    with pytest.raises(RejectedError, match='unexpected: bbox_head'):
        export(save(content), tmp_path / 'b.pth')


def test_a_failed_write_keeps_the_earlier_export(tmp_path, save, weights, monkeypatch):
    output = tmp_path / 'out' / 'backbone.pth'
    export(save(weights), output)
    before = {path.name: path.read_bytes() for path in output.parent.iterdir()}

    def full(self, data):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(type(output), 'write_bytes', full)
    weights['conv1.weight'] += 1
    with pytest.raises(InputError, match=r'cannot write .*No space left'):
        export(save(weights), output)
    assert {path.name: path.read_bytes() for path in output.parent.iterdir()} == before


def test_other_files_are_not_replaced(tmp_path, save, weights):
    source = save(weights)
    mine = tmp_path / 'mine.pth'
    mine.write_text('precious')
    with pytest.raises(InputError, match='not an earlier export'):
        export(source, mine)
    assert mine.read_text() == 'precious'

    results = tmp_path / 'results.json'
    results.write_text('{"precious": 1}')
    with pytest.raises(InputError, match='not an earlier export'):
        export(source, tmp_path / 'results.pth')
    assert results.read_text() == '{"precious": 1}'

    with pytest.raises(InputError, match='the checkpoint itself'):
        export(source, source)
    with pytest.raises(InputError, match='name of the manifest'):
        export(source, tmp_path / 'b.json')


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
    manifest = export(save(weights), tmp_path / 'b.pth', config=config)
    del backbone['init_cfg']
    assert manifest.arch == backbone
    assert manifest.tensors_matched == 120


def test_a_config_names_a_network_that_shapes_do_not_give(tmp_path, save, look_trained):
    # LeNet-5 is no ResNet: only a config can name it.
    from mmpretrain.models.backbones import LeNet5

    weights = look_trained(LeNet5().state_dict())
    source = save(weights)
    with pytest.raises(InputError, match=r'found the keys features\.0.*pass --config'):
        export(source, tmp_path / 'b.pth')
    config = write_config(tmp_path, {'type': 'LeNet5'})
    manifest = export(source, tmp_path / 'b.pth', config=config)
    assert manifest.tensors_matched == len(weights)


def test_a_deep_stem_does_not_fill_a_plain_resnet(tmp_path, save, backbone_class, look_trained):
    deep = look_trained(backbone_class(deep_stem=True).state_dict())
    message = r'ResNetV1c \(a deep stem.*target is a ResNet \(one 7x7.*pass --config .*resnetv1c50'
    with pytest.raises(RejectedError, match=message):
        export(save(deep), tmp_path / 'b.pth')


def test_a_plain_stem_does_not_fill_a_deep_one(tmp_path, save, weights):
    backbone = {'type': 'ResNetV1c', 'depth': 18, 'stem_channels': 8, 'base_channels': 8}
    config = write_config(tmp_path, backbone, 'mmseg')
    message = r'are of a ResNet \(one 7x7 .*target is a ResNetV1c \(a deep stem, `stem.0`'
    with pytest.raises(RejectedError, match=message):
        export(save(weights), tmp_path / 'b.pth', config=config)


def test_configs_without_a_network(tmp_path, save, weights):
    source = save(weights)
    with pytest.raises(InputError, match='no config'):
        export(source, tmp_path / 'b.pth', config=tmp_path / 'absent.py')
    broken = tmp_path / 'broken.py'
    broken.write_text('model = dict(\n')
    with pytest.raises(InputError, match='does not parse'):
        export(source, tmp_path / 'b.pth', config=broken)
    config = write_config(tmp_path, {'type': 'NoSuchNet'})
    with pytest.raises(InputError, match=r'cannot build model.backbone'):
        export(source, tmp_path / 'b.pth', config=config)
    broken.write_text('x = 1\n')
    with pytest.raises(InputError, match=r'has no model.backbone'):
        export(source, tmp_path / 'b.pth', config=broken)


@pytest.mark.parametrize('depth', [18, 34, 50, 101, 152])
def test_depth_and_width_are_read_from_the_shapes(backbone_class, depth):
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
    target = target_from_shapes(state)
    assert target.arch == arch
    assert target.name == f'ResNet-{depth}'
    shapes = {name: value.shape for name, value in target.state.items()}
    assert shapes == {name: value.shape for name, value in state.items()}


def test_a_wide_resnet_is_not_mistaken_for_a_plain_one(backbone_class):
    state = backbone_class(depth=50).state_dict()
    state['layer1.0.conv1.weight'] = torch.randn(16, 8, 1, 1)
    with pytest.raises(InputError, match='16 to 32 channels is not a plain ResNet'):
        resnet_from_shapes(state)


def test_a_request_and_its_values_export_the_same(tmp_path, save, weights):
    source = save(as_mmengine(weights))
    request = ExportRequest(source, tmp_path / 'one' / 'b.pth', key='backbone')
    by_request = export(request)
    by_values = export(str(source), str(tmp_path / 'two' / 'b.pth'), key='backbone')
    assert by_values == by_request
    assert (tmp_path / 'one/b.pth').read_bytes() == (tmp_path / 'two/b.pth').read_bytes()
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.key = 'other'


def test_the_output_may_be_below_a_home(tmp_path, save, weights, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    export(save(weights), '~/b.pth')
    assert (tmp_path / 'b.pth').is_file()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'checkpoint': 3}, r'checkpoint: expected str \| Path, got int 3'),
        ({'checkpoint': {'w': 1}}, r'checkpoint: expected str \| Path, got dict \{.*w.*: 1\}'),
        ({'output': b'b.pth'}, r'output: expected str \| Path, got bytes'),
        ({'output': ''}, r"output must name a file, such as backbone\.pth, found ''"),
        ({'output': 'a\0b'}, r"output 'a\\x00b' cannot be a path: .*null"),
        ({'output': '~nobody-of-this-name/b.pth'}, 'output .* cannot be a path: .*home'),
        ({'config': ['x.py']}, r'config: expected str \| Path \| None, got list'),
        ({'key': Path('x')}, r'key: expected str \| None, got PosixPath'),
        ({'to': 'keras'}, r"to must be one of openmmlab, .*safetensors, found 'keras'"),
        ({'to': None}, r'to must be one of openmmlab, .*safetensors, found None'),
        ({'trust': 'no'}, r'trust: expected bool, got str no'),
    ],
)
def test_wrong_values_of_a_request_are_one_sentence(changes, message):
    values = {'checkpoint': 'x.pth', 'output': 'b.pth', **changes}
    with pytest.raises(InputError, match=message) as caught:
        ExportRequest(**values)
    assert '\n' not in str(caught.value)
    with pytest.raises(InputError, match=message):
        export(**values)


def test_an_export_needs_an_output():
    with pytest.raises(InputError, match=r'output: expected str \| Path, got None'):
        ExportRequest('x.pth', None)
    with pytest.raises(InputError, match='output must name a file'):
        export('x.pth')


def test_a_request_is_not_mixed_with_values(tmp_path):
    request = ExportRequest('x.pth', tmp_path / 'b.pth')
    with pytest.raises(InputError, match='not both'):
        export(request, tmp_path / 'c.pth')
    with pytest.raises(InputError, match='not both'):
        export(request, key='x')


@pytest.mark.parametrize('kind', [str, Path])
def test_verify_returns_the_manifest_of_an_export_and_writes_nothing(
    tmp_path, save, weights, kind, monkeypatch
):
    source = save(as_mmengine(weights))
    monkeypatch.chdir(tmp_path)
    verified = verify(kind(source))
    assert [path.name for path in tmp_path.iterdir()] == ['source.pth']
    assert (verified.verified, verified.tensors_matched, verified.key) == (
        True, 120, 'state_dict.backbone'
    )  # fmt: skip
    assert (verified.backbone, verified.backbone_sha256) == ('', '')
    exported = export(source, tmp_path / 'b.pth')
    assert verified == dataclasses.replace(exported, backbone='', backbone_sha256='')


def test_verify_compares_with_the_network_of_a_config(tmp_path, save, weights):
    backbone = {'type': 'ResNet', 'depth': 18, 'stem_channels': 8, 'base_channels': 8}
    source = save(weights)
    assert verify(source, str(write_config(tmp_path, backbone))).arch == backbone
    before = sorted(tmp_path.iterdir())
    wrong = write_config(tmp_path, backbone | {'depth': 34})
    # ResNet-34 has 8 more blocks than ResNet-18, each of 2 convolutions and 2 norms: 8 * 2 * 6.
    with pytest.raises(RejectedError, match=r'source\.pth does not fill ResNet-34: 120 of 216'):
        verify(source, wrong)
    assert sorted(tmp_path.iterdir()) == before


def test_verify_chooses_a_network_by_key(save, weights):
    other = {
        name: value * 2 if value.is_floating_point() else value for name, value in weights.items()
    }
    source = save({'net_a': weights, 'net_b': other})
    with pytest.raises(InputError, match='choose one with --key'):
        verify(source)
    assert verify(source, key='net_b').networks == ['net_a']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (({'w': 1},), r'checkpoint: expected str \| Path, got dict \{.*w.*: 1\}'),
        (('x.pth', 3), r'config: expected str \| Path \| None, got int 3'),
        (('absent.pth',), 'no checkpoint at absent.pth'),
    ],
)
def test_verify_rejects_wrong_values_in_one_sentence(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        verify(*arguments)
    assert '\n' not in str(caught.value)
