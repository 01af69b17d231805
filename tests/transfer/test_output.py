"""Exports in the names of other libraries: their stock models give the same logits."""

import json

import pytest
import torch

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.export import export
from rm_mm.transfer.manifest import read_manifest


@pytest.fixture(scope='module')
def classifiers():
    """mmpretrain classifiers with statistics as after training; the classes of each are 1000."""
    from mmpretrain.models import ImageClassifier

    made = {}

    def build(kind, depth):
        if (kind, depth) not in made:
            torch.manual_seed(depth)
            channels = 512 if depth < 50 else 2048
            model = ImageClassifier(
                backbone={'type': kind, 'depth': depth},
                neck={'type': 'GlobalAveragePooling'},
                head={'type': 'LinearClsHead', 'num_classes': 1000, 'in_channels': channels},
            )
            for name, value in model.state_dict().items():
                if value.is_floating_point() and value.ndim == 1:
                    value.copy_(torch.rand_like(value) + (0.5 if 'running' in name else 0.1))
            made[kind, depth] = model.eval()
        return made[kind, depth]

    return build


def mmpretrain_logits(model, images):
    with torch.no_grad():
        return model(images, mode='tensor')


def close(found, wanted):
    # Relative to the largest logit: these networks are not normalised by training.
    return bool((found - wanted).abs().max() <= 1e-6 * wanted.abs().max())


IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ('to', 'depth'), [('torchvision', 18), ('torchvision', 50), ('timm', 50), ('safetensors', 18)]
)
def test_stock_models_give_the_same_logits(tmp_path, save, classifiers, depth, to):
    import torchvision

    model = classifiers('ResNet', depth)
    output = tmp_path / ('r.safetensors' if to == 'safetensors' else 'r.pth')
    source = save({'meta': {'epoch': 1}, 'state_dict': model.state_dict()})
    manifest = export(source, output, to=to)
    assert manifest.layout == ('torchvision' if to == 'torchvision' else 'timm')
    assert manifest.dropped == []
    if to == 'torchvision':
        stock = getattr(torchvision.models, f'resnet{depth}')()
        stock.load_state_dict(torch.load(output, weights_only=True), strict=True)
    else:
        timm = pytest.importorskip('timm')
        # timm's own loader, which goes by the file extension and is strict.
        stock = timm.create_model(f'resnet{depth}', checkpoint_path=str(output))
    with torch.no_grad():
        assert close(stock.eval()(IMAGES), mmpretrain_logits(model, IMAGES))


@pytest.mark.parametrize('kind', ['ResNetV1c', 'ResNetV1d'])
def test_timm_loads_deep_stems(tmp_path, save, classifiers, kind):
    timm = pytest.importorskip('timm')
    model = classifiers(kind, 50)
    source = save({'meta': {'epoch': 1}, 'state_dict': model.state_dict()})
    config = f'mmpretrain::resnet/{kind.lower()}50_8xb32_in1k.py'
    export(source, tmp_path / 'r.pth', to='timm', config=config)
    stock = timm.create_model(f'resnet50{kind[-1]}', checkpoint_path=str(tmp_path / 'r.pth'))
    with torch.no_grad():
        assert close(stock.eval()(IMAGES), mmpretrain_logits(model, IMAGES))


def test_exports_in_other_names_convert_back_to_the_same_bytes(tmp_path, save, classifiers):
    model = classifiers('ResNet', 18)
    source = save({'meta': {'epoch': 1}, 'state_dict': model.state_dict()})
    export(source, tmp_path / 'first.pth')
    for to in ('torchvision', 'timm', 'safetensors'):
        export(source, tmp_path / f'{to}.x', to=to)
        manifest = export(tmp_path / f'{to}.x', tmp_path / f'back_{to}.pth')
        assert sorted(manifest.dropped) == ['fc.bias', 'fc.weight']
        assert (tmp_path / f'back_{to}.pth').read_bytes() == (tmp_path / 'first.pth').read_bytes()


def test_a_backbone_alone_is_exported_without_classifier(tmp_path, save, look_trained):
    import torchvision

    state = look_trained(torchvision.models.resnet18(num_classes=7).state_dict())
    export(save(state), tmp_path / 'b.pth')
    export(tmp_path / 'b.pth', tmp_path / 'r.pth', to='torchvision')
    lacking = torchvision.models.resnet18().load_state_dict(
        torch.load(tmp_path / 'r.pth', weights_only=True), strict=False
    )
    assert (lacking.missing_keys, lacking.unexpected_keys) == (['fc.weight', 'fc.bias'], [])


def test_a_classifier_that_is_not_finite_is_rejected(tmp_path, save, look_trained):
    import torchvision

    state = look_trained(torchvision.models.resnet18().state_dict())
    state['fc.bias'][3] = float('nan')
    with pytest.raises(RejectedError, match=r'classifier .* is not finite \(fc\.bias\)'):
        export(save(state), tmp_path / 'r.pth', to='torchvision')
    assert not (tmp_path / 'r.pth').exists()
    assert export(save(state), tmp_path / 'b.pth').verified


def test_a_classifier_of_half_precision_becomes_float32(tmp_path, save, look_trained):
    import torchvision

    state = look_trained(torchvision.models.resnet18().state_dict())
    half = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    export(save(half), tmp_path / 'r.pth', to='torchvision')
    written = torch.load(tmp_path / 'r.pth', weights_only=True)
    assert {value.dtype for value in written.values()} == {torch.float32, torch.int64}


def test_the_projection_of_a_contrastive_method_is_no_classifier(tmp_path, save, look_trained):
    import torchvision

    state = look_trained(torchvision.models.resnet18(num_classes=128).state_dict())
    moco = {f'module.encoder_q.{name}': value for name, value in state.items()}
    manifest = export(save({'state_dict': moco}), tmp_path / 'r.pth', to='torchvision')
    assert manifest.dropped == ['fc.weight', 'fc.bias']
    assert 'fc.weight' not in torch.load(tmp_path / 'r.pth', weights_only=True)


def test_an_export_in_other_names_is_replaced_but_no_other_file(tmp_path, save, weights):
    from rm_mm.transfer.manifest import manifest_path

    output = tmp_path / 'r.safetensors'
    export(save(weights), output, to='safetensors')
    first = output.read_bytes()
    export(save(weights), output, to='safetensors')
    assert output.read_bytes() == first
    assert json.loads(manifest_path(output).read_text())['layout'] == 'openmmlab'

    state = tmp_path / 'flat.pth'
    torch.save(weights, state)
    with pytest.raises(InputError, match='is not an earlier export'):
        export(save(weights), state)


@pytest.mark.parametrize(
    ('to', 'message'), [('torchvision', 'a ResNet of'), ('timm', 'V1c and V1d')]
)
def test_a_network_that_the_library_lacks_is_named(tmp_path, save, weights, to, message):
    # The fixture's ResNet-18 is an eighth as wide as theirs.
    with pytest.raises(InputError, match=rf'--to {to}: expected .*{message}.*found ResNet-18'):
        export(save(weights), tmp_path / 'r.pth', to=to)
    assert list(tmp_path.glob('r.*')) == []


def test_safetensors_keep_openmmlabs_names_for_networks_that_timm_lacks(tmp_path, save, weights):
    from safetensors.torch import load_file

    export(save(weights), tmp_path / 'r.safetensors')
    found = load_file(tmp_path / 'r.safetensors')
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert read_manifest(tmp_path / 'r.json').layout == 'openmmlab'


def test_a_classifier_that_openmmlabs_names_leave_out_is_listed(tmp_path, save, weights):
    from safetensors.torch import load_file

    # Its input has the 64 channels of the fixture's last stage, so timm's names would include it.
    source = save({**weights, 'fc.weight': torch.randn(10, 64), 'fc.bias': torch.randn(10)})
    manifest = export(source, tmp_path / 'r.safetensors', to='safetensors')
    assert (manifest.layout, manifest.dropped) == ('openmmlab', ['fc.weight', 'fc.bias'])
    assert sorted(load_file(tmp_path / 'r.safetensors')) == sorted(weights)


def test_a_downstream_network_loads_safetensors_too(tmp_path, save, weights, backbone_class):
    from rm_mm.transfer.initializer import VerifiedBackbone

    export(save(weights), tmp_path / 'b.safetensors')
    network = backbone_class()
    VerifiedBackbone(tmp_path / 'b.safetensors')(network)
    assert all(torch.equal(v, weights[n]) for n, v in network.state_dict().items())
