"""The resolved configs match the recipes in the authors' logs."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

import rm_mm.pretrain.schedule  # noqa: F401
from rm_mm.compat import configs_root

ROOT = configs_root()
LEAVES = sorted(p for p in ROOT.rglob('*.py') if '_base_' not in p.parts)
PUBLISHED = {
    'classification/r50_baseline_in1k.py': 76.32,
    'classification/r50_mixup_in1k.py': 77.42,
    'classification/r50_cutmix_in1k.py': 78.60,
    'classification/r50_rm_in1k.py': 79.20,
    'detection/atss_r50_baseline_coco.py': 39.4,
    'detection/atss_r50_baseline_controlled_coco.py': None,
    'detection/atss_r50_mixup_coco.py': None,
    'detection/atss_r50_cutmix_coco.py': 40.1,
    'detection/atss_r50_rm_coco.py': 41.5,
    'segmentation/upernet_r50_baseline_ade20k.py': 40.40,
    'segmentation/upernet_r50_mixup_ade20k.py': None,
    'segmentation/upernet_r50_cutmix_ade20k.py': 41.24,
    'segmentation/upernet_r50_rm_ade20k.py': 42.30,
}
METHODS = ('baseline', 'mixup', 'cutmix', 'rm')


def load(name):
    return Config.fromfile(ROOT / name)


@pytest.mark.parametrize('leaf', LEAVES, ids=lambda path: path.stem)
def test_a_leaf_is_a_short_diff_with_a_unique_name(leaf):
    lines = leaf.read_text().splitlines()
    assert len(lines) < 15
    assert any(line.startswith('_base_') for line in lines)
    assert sum(other.name == leaf.name for other in LEAVES) == 1


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_figures(name):
    expected = load(name).expected
    assert expected.value == PUBLISHED[name]
    assert ('arXiv' in expected.source) is (expected.value is not None)


@pytest.mark.parametrize('method', METHODS)
def test_imagenet(method):
    cfg = load(f'classification/r50_{method}_in1k.py')
    assert cfg.train_dataloader.batch_size * 8 == 512
    assert cfg.train_cfg.max_epochs == 300
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (
        'SGD', 0.2, 0.9, 1e-4
    )  # fmt: skip
    assert 'nesterov' not in optimizer
    assert 'paramwise_cfg' not in cfg.optim_wrapper
    crop = cfg.train_dataloader.dataset.pipeline[0]
    assert (crop.type, crop.scale) == ('LoadRandomResizedCrop', 224)
    pre = cfg.data_preprocessor
    assert (pre.brightness, pre.contrast, pre.saturation, pre.lighting_std) == (0.4, 0.4, 0.4, 0.1)
    test = cfg.test_dataloader.dataset.pipeline
    assert (test[1].scale, test[1].edge, test[2].crop_size) == (256, 'short', 224)
    augments = cfg.model.get('train_cfg', {}).get('augments', {})
    assert augments.get('type') == {'mixup': 'Mixup', 'cutmix': 'CutMix', 'rm': 'RecursiveMix'}.get(
        method
    )
    if method == 'rm':
        assert (augments.alpha, augments.interpolation) == (0.5, 'nearest')
        assert cfg.model.head.loss.omega == 0.5
        assert not cfg.model.head.get('share_fc')
    assert cfg.default_hooks.checkpoint.save_best == 'accuracy/top1'


def test_imagenet_learning_rate():
    cfg = load('classification/r50_rm_in1k.py')
    optim = OptimWrapper(torch.optim.SGD([torch.zeros(1)], lr=cfg.optim_wrapper.optimizer.lr))
    scheduler = PARAM_SCHEDULERS.build(dict(cfg.param_scheduler), default_args={'optimizer': optim})
    rates = []
    for _ in range(300):
        rates.append(optim.get_lr()['lr'][0])
        scheduler.step()
    # lr * e / 6 in epochs e = 1 to 5, then a cosine that counts from epoch 1.
    assert rates[:5] == pytest.approx([0.2 * e / 6 for e in range(1, 6)])
    assert rates[5:] == pytest.approx(
        [0.1 * (1 + math.cos((e - 1) * math.pi / 300)) for e in range(6, 301)]
    )


@pytest.mark.parametrize('method', METHODS)
def test_coco(method):
    cfg = load(f'detection/atss_r50_{method}_coco.py')
    backbone = cfg.model.backbone
    assert (backbone.type, backbone.frozen_stages, backbone.norm_eval) == ('ResNet', 1, True)
    # The published 39.4 is mmdetection's own run. It starts from torchvision's weights.
    source = 'r50_torchvision' if method == 'baseline' else f'r50_{method}_in1k'
    assert backbone.init_cfg == dict(
        type='VerifiedBackbone', checkpoint=f'work_dirs/{source}/backbone.pth'
    )
    assert cfg.train_dataloader.batch_size == 2
    assert cfg.train_cfg.max_epochs == 12
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (
        'SGD', 0.01, 0.9, 1e-4
    )  # fmt: skip
    assert cfg.optim_wrapper.get('clip_grad') is None
    warmup, steps = cfg.param_scheduler
    assert (warmup.type, warmup.start_factor, warmup.end) == ('LinearLR', 0.001, 501)
    assert (steps.milestones, steps.gamma) == ([8, 11], 0.1)
    assert cfg.train_dataloader.dataset.pipeline[2].scale == (1333, 800)
    assert cfg.model.data_preprocessor.pad_size_divisor == 32


def test_the_controlled_coco_baseline_differs_only_in_its_backbone():
    paper, controlled = (
        load(f'detection/atss_r50_baseline{which}_coco.py').to_dict()
        for which in ('', '_controlled')
    )
    backbone = controlled['model']['backbone']
    assert backbone['init_cfg'].pop('checkpoint') == 'work_dirs/r50_baseline_in1k/backbone.pth'
    theirs = paper['model']['backbone']['init_cfg'].pop('checkpoint')
    assert theirs == 'work_dirs/r50_torchvision/backbone.pth'
    assert (paper.pop('settings'), controlled.pop('settings')) == (('paper',), ('controlled',))
    assert (paper.pop('expected')['value'], controlled.pop('expected')['value']) == (39.4, None)
    assert paper == controlled


@pytest.mark.parametrize('method', METHODS)
def test_ade20k(method):
    cfg = load(f'segmentation/upernet_r50_{method}_ade20k.py')
    model = cfg.model
    backbone = model.backbone
    assert model.get('pretrained') is None
    assert (backbone.type, backbone.norm_eval, backbone.dilations, backbone.strides) == (
        'ResNet', False, (1, 1, 1, 1), (1, 2, 2, 2)
    )  # fmt: skip
    assert backbone.init_cfg == dict(
        type='VerifiedBackbone', checkpoint=f'work_dirs/r50_{method}_in1k/backbone.pth'
    )
    assert backbone.norm_cfg.type == model.decode_head.norm_cfg.type == 'SyncBN'
    assert (model.decode_head.channels, model.auxiliary_head.channels) == (512, 256)
    assert model.auxiliary_head.loss_decode.loss_weight == 0.4
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-4
    )
    assert cfg.optim_wrapper.get('clip_grad') is None
    assert 'paramwise_cfg' not in cfg.optim_wrapper
    (scheduler,) = cfg.param_scheduler
    assert (scheduler.type, scheduler.power, scheduler.eta_min, scheduler.end) == (
        'PolyLR', 0.9, 0.0, 80001
    )  # fmt: skip
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (80000, 8000)
    assert cfg.train_dataloader.batch_size == 2
    assert model.data_preprocessor.size == (512, 512)


@pytest.mark.parametrize(
    ('full', 'mini'),
    [
        ('classification/r50_{}_in1k.py', 'classification/r18_{}_mini{}.py'),
        ('detection/atss_r50_{}_coco.py', 'detection/atss_r18_{}_mini{}.py'),
        ('segmentation/upernet_r50_{}_ade20k.py', 'segmentation/upernet_r18_{}_mini{}.py'),
    ],
)
@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('length', ['', '_full'])
def test_mini_is_the_recipe_in_other_sizes(full, mini, method, length):
    """Same classes in model, pipelines, optimiser, schedule and loops.

    But for one that only saves work on large images; a test of its own holds its results equal.
    """
    skipped = {'MiniADE20KDataset': 'ADE20KDataset'}
    in_two = [{'type': 'LoadRGBImage'}, {'type': 'AntialiasedRandomResizedCrop'}]

    def kinds(node):
        if isinstance(node, dict):
            kind = node.get('type')
            inner = {k: kinds(v) for k, v in node.items() if kinds(v)}
            return {**inner, 'type': skipped.get(kind, kind)} if kind else inner
        if isinstance(node, (list, tuple)):
            found = [kinds(value) for value in node if kinds(value)]
            at_once = found[:1] == [{'type': 'LoadRandomResizedCrop'}]
            return in_two + found[1:] if at_once else found
        return None

    large, small = load(full.format(method)), load(mini.format(method, length))
    for part in ('model', 'train_dataloader', 'val_evaluator', 'optim_wrapper', 'param_scheduler',
                 'train_cfg', 'data_preprocessor', 'default_hooks', 'custom_hooks'):  # fmt: skip
        assert kinds(small.get(part)) == kinds(large.get(part)), part


@pytest.mark.parametrize(
    'leaf',
    [leaf for leaf in LEAVES if '_r50_' in leaf.name and leaf.parent.name != 'classification'],
    ids=lambda path: path.stem,
)
def test_eight_gpus_give_the_batch_of_the_recipe(leaf):
    cfg = Config.fromfile(leaf)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 16


def test_scratch_freezes_nothing():
    for name in ('detection/atss_r18_scratch_mini.py', 'segmentation/upernet_r18_scratch_mini.py'):
        backbone = load(name).model.backbone
        assert backbone.init_cfg is None
        assert (backbone.frozen_stages, backbone.norm_eval) == (-1, False)


def test_all_configs_resolve_through_the_scope(tmp_path):
    config = Path(tmp_path, 'mine.py')
    config.write_text("_base_ = 'rm_mm::classification/r50_rm_in1k.py'\n")
    assert Config.fromfile(config).model.type == 'RecursiveMixClassifier'
