import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.export import export
from rm_mm.transfer.initializer import VerifiedBackbone, VerifiedBackboneHook


@pytest.fixture
def exported(tmp_path, save, weights):
    path = tmp_path / 'out' / 'backbone.pth'
    export(save(weights), path)
    return path


def build(scope, checkpoint, **kwargs):
    from mmengine.config import Config
    from mmengine.registry import MODELS

    backbone = {
        'type': 'ResNet',
        'depth': 18,
        'stem_channels': 8,
        'base_channels': 8,
        'init_cfg': {'type': 'VerifiedBackbone', 'checkpoint': str(checkpoint)},
        **kwargs,
    }
    with MODELS.switch_scope_and_registry(scope) as registry:
        network = registry.build(dict(backbone))
        network.init_weights()
    return network, Config({'model': {'backbone': backbone}})


def run_hook(network, cfg, loaded=False):
    runner = SimpleNamespace(model=SimpleNamespace(backbone=network), cfg=cfg, _has_loaded=loaded)
    VerifiedBackboneHook().before_train(runner)


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_in_every_library_the_backbone_equals_the_file(exported, weights, scope):
    """All three libraries zero the last norm of a block, each in its own way and afterwards."""
    network, cfg = build(scope, exported, zero_init_residual=True)
    state = network.state_dict()
    assert list(state) == list(weights)
    assert all(torch.equal(state[name], weights[name]) for name in weights)
    run_hook(network, cfg)


def test_the_initialisation_of_blocks_does_not_run_afterwards(tmp_path, save):
    """mmengine initialises children after any initializer of the parent but 'Pretrained'."""
    from mmengine.model import BaseModule

    class Block(BaseModule):
        def __init__(self):
            super().__init__({'type': 'Constant', 'val': 0.5, 'layer': 'Conv2d'})
            self.conv = torch.nn.Conv2d(2, 2, 1)

    class Net(BaseModule):
        def __init__(self, init_cfg):
            super().__init__(init_cfg)
            self.block = Block()

    weights = {'block.conv.weight': torch.randn(2, 2, 1, 1), 'block.conv.bias': torch.randn(2)}
    path = save(weights)
    net = Net({'type': 'VerifiedBackbone', 'checkpoint': str(path)})
    net.init_weights()
    assert torch.equal(net.block.conv.weight, weights['block.conv.weight'])
    assert torch.equal(net.block.conv.bias, weights['block.conv.bias'])


def test_path_and_hash_of_the_file_are_kept(exported):
    network, _ = build('mmseg', exported)
    manifest = json.loads(exported.with_suffix('.json').read_text())
    assert network._verified_backbone == {
        'checkpoint': str(exported),
        'sha256': manifest['backbone_sha256'],
    }


def test_another_network_is_rejected(exported):
    with pytest.raises(RejectedError, match=r'does not fill ResNetV1c.*\n.*deep stem'):
        build('mmseg', exported, type='ResNetV1c')


def test_a_file_that_differs_from_its_manifest_is_rejected(exported, weights):
    weights['conv1.weight'] += 1
    torch.save({'state_dict': weights}, exported)
    with pytest.raises(RejectedError, match=r'not the file that backbone.json describes'):
        build('mmseg', exported)


def test_a_backbone_without_manifest_is_still_verified(exported, backbone_class):
    exported.with_suffix('.json').unlink()
    VerifiedBackbone(exported)(backbone_class())
    state = torch.load(exported)['state_dict']
    state['conv1.weight'].fill_(float('nan'))
    torch.save({'state_dict': state}, exported)
    with pytest.raises(RejectedError, match='not finite: conv1'):
        VerifiedBackbone(exported)(backbone_class())


def test_the_message_about_a_missing_backbone_tells_how_to_create_one(tmp_path, backbone_class):
    with pytest.raises(InputError, match=r'no backbone at .*rm-mm export.*init_cfg\.checkpoint'):
        VerifiedBackbone(tmp_path / 'absent.pth')(backbone_class())


def test_hook_finds_weights_that_changed_after_initialisation(exported):
    network, cfg = build('mmseg', exported)
    with torch.no_grad():
        network.layer4[1].conv2.weight.view(-1)[5] += 1e-3
    with pytest.raises(RejectedError, match=r'1 of 120 tensors.*layer4\.1\.conv2\.weight'):
        run_hook(network, cfg)


def test_hook_finds_an_initializer_that_ran_afterwards(exported):
    init_cfg = [
        {'type': 'VerifiedBackbone', 'checkpoint': str(exported)},
        {'type': 'Constant', 'val': 0.5, 'layer': 'BatchNorm2d'},
    ]
    network, cfg = build('mmseg', exported, init_cfg=init_cfg)
    # Weight and bias of 20 norm layers.
    with pytest.raises(RejectedError, match='40 of 120 tensors'):
        run_hook(network, cfg)


def test_hook_finds_a_backbone_that_ignores_its_init_cfg(exported, backbone_class):
    _, cfg = build('mmseg', exported)
    with pytest.raises(RejectedError, match='ResNet never loaded it'):
        run_hook(backbone_class(), cfg)


def test_hook_finds_a_file_that_was_replaced(exported, weights, save):
    network, cfg = build('mmseg', exported)
    weights['conv1.weight'] += 1
    export(save(weights), exported)
    with pytest.raises(RejectedError, match='was replaced after it was loaded'):
        run_hook(network, cfg)


def test_hook_does_nothing_without_a_verified_backbone(exported, backbone_class):
    from mmengine.config import Config

    _, cfg = build('mmseg', exported)
    run_hook(backbone_class(), cfg, loaded=True)
    run_hook(backbone_class(), Config({'model': {'backbone': {'type': 'ResNet'}}}))
    run_hook(backbone_class(), Config({'other': 1}))
    scratch = {'init_cfg': [{'type': 'Kaiming', 'layer': 'Conv2d'}]}
    run_hook(backbone_class(), Config({'model': {'backbone': scratch}}))


def train(work_dir, init_cfg, epochs, resume=False):
    """Train a tiny classifier, one batch an epoch."""
    from mmengine.config import Config
    from mmengine.dataset import pseudo_collate
    from mmengine.runner import Runner
    from mmpretrain.structures import DataSample
    from torch.utils.data import DataLoader

    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    samples = [
        {'inputs': image, 'data_samples': DataSample().set_gt_label(label)}
        for label, image in enumerate(images)
    ]
    model = {
        'type': 'ImageClassifier',
        'backbone': {
            'type': 'ResNet',
            'depth': 18,
            'stem_channels': 8,
            'base_channels': 8,
            'init_cfg': init_cfg,
        },
        'neck': {'type': 'GlobalAveragePooling'},
        'head': {'type': 'LinearClsHead', 'num_classes': 2, 'in_channels': 64},
    }
    Runner(
        model,
        str(work_dir),
        train_dataloader=DataLoader(samples, batch_size=2, collate_fn=pseudo_collate),
        train_cfg={'by_epoch': True, 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.01, 'momentum': 0.9}},
        param_scheduler={'type': 'MultiStepLR', 'milestones': [1]},
        custom_hooks=[{'type': 'VerifiedBackboneHook'}],
        default_scope='mmpretrain',
        experiment_name=f'transfer_{epochs}',
        resume=resume,
        log_level='WARNING',
        cfg=Config({'model': model}),
    ).train()


def test_export_train_and_export_again_with_a_real_runner(tmp_path, exported, weights):
    init_cfg = {'type': 'VerifiedBackbone', 'checkpoint': str(exported)}
    train(tmp_path / 'run', init_cfg, epochs=1)
    manifest = export(tmp_path / 'run' / 'epoch_1.pth', tmp_path / 'again.pth')
    assert (manifest.source_format, manifest.epoch) == ('mmengine', 1)
    assert manifest.tensors_matched == 120
    assert 'head.fc.weight' in manifest.dropped
    trained = torch.load(tmp_path / 'again.pth', weights_only=True)['state_dict']
    # The counters started at 7 (see the fixture) and one batch has passed.
    assert trained['bn1.num_batches_tracked'].item() == 8
    difference = (trained['conv1.weight'] - weights['conv1.weight']).abs().max()
    assert difference > 0

    # After resuming, the weights differ from the file, and the hook does nothing.
    train(tmp_path / 'run', init_cfg, epochs=2, resume=True)
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file()


def test_importing_the_initializer_imports_no_downstream_library():
    code = (
        'import sys, rm_mm.transfer.initializer\n'
        'print(sorted({"mmdet", "mmseg", "mmpretrain", "mmcv"} & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_a_network_of_another_style_is_rejected(exported):
    with pytest.raises(RejectedError, match=r"of style='pytorch'.*target of style='caffe'"):
        build('mmdet', exported, style='caffe')


def test_a_caffe_backbone_only_fills_a_caffe_network(tmp_path, save, weights):
    for name, value in weights.items():
        if name.endswith(('running_mean', 'running_var')):
            value.fill_(float(name.endswith('var')))
    config = tmp_path / 'caffe.py'
    backbone = "type='ResNet', depth=18, stem_channels=8, base_channels=8, style='caffe'"
    config.write_text(f"default_scope = 'mmdet'\nmodel = dict(backbone=dict({backbone}))\n")
    path = tmp_path / 'caffe.pth'
    export(save(weights), path, config=config)
    network, _ = build('mmdet', path, style='caffe')
    assert torch.equal(network.conv1.weight, weights['conv1.weight'])
    with pytest.raises(RejectedError, match=r"of style='caffe'.*target of style='pytorch'"):
        build('mmdet', path)


def test_the_manifest_of_the_first_version_is_read(exported, backbone_class):
    manifest = exported.with_suffix('.json')
    record = json.loads(manifest.read_text())
    new = ('container', 'key', 'networks', 'inputs', 'layout', 'verified', 'mismatch', 'problems')
    first = {name: value for name, value in record.items() if name not in new}
    manifest.write_text(json.dumps(first | {'schema_version': 1}))
    network = backbone_class()
    VerifiedBackbone(exported)(network)
    assert network._verified_backbone['sha256'] == record['backbone_sha256']


def test_the_record_of_a_rejection_does_not_vouch_for_a_file(exported, backbone_class):
    manifest = exported.with_suffix('.json')
    record = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(record | {'verified': False, 'backbone_sha256': ''}))
    with pytest.raises(RejectedError, match='is not the file that'):
        VerifiedBackbone(exported)(backbone_class())
