import copy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import OptimWrapper
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn

from rm_mm.pretrain import Mix, RecursiveMixLoss
from rm_mm.pretrain.loss import pool_region
from tests.pretrain.conftest import MODEL


def wrapper(model, **options):
    return OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), **options)


def fix_box(model, box):
    model.recursive_mix.sample_box = lambda height, width: box


def test_one_step_trains_both_layers(build, batch):
    model = build()
    fix_box(model, (0, 0, 32, 32))
    optim = wrapper(model)
    model.train_step(batch(seed=0), optim)
    before = {name: value.clone() for name, value in model.named_parameters()}
    log = model.train_step(batch(seed=1), optim)
    assert log['loss_roi'] > 0
    assert log['loss'].item() == pytest.approx(log['loss_cls'].item() + log['loss_roi'].item())
    # Inner layers of a block get gradients only after its last norm, which starts at zero.
    for name in ('backbone.conv1.weight', 'head.fc.weight', 'head.fc_roi.weight'):
        assert not torch.equal(model.get_parameter(name), before[name]), name


def test_the_region_sees_only_the_box():
    """RoIAlign of a map that is 1 in the box's cells and 0 elsewhere is the mean over the box."""
    feature_map = torch.zeros(2, 64, 4, 4)
    feature_map[:, :, 0:2, 2:4] = 1.0
    # Aligned, box cells are [2, 4) x [0, 2). Two samples an axis fall on the cells' centres.
    region = pool_region(feature_map, Mix((32, 0, 64, 32), image_width=64))
    assert torch.allclose(region, torch.ones(2, 64))
    elsewhere = pool_region(feature_map, Mix((0, 32, 32, 64), image_width=64))
    assert torch.allclose(elsewhere, torch.zeros(2, 64))


def test_region_loss_by_hand():
    loss = RecursiveMixLoss(omega=0.5)
    mix = Mix((0, 0, 1, 1), 0.75, 1, torch.log(torch.tensor([[1.0, 3.0]])), image_width=2)
    layer = nn.Linear(1, 2)
    nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
    # softmax(p_h) = (1/4, 3/4), log softmax(q) = (-ln 2, -ln 2): CE = ln 2;
    # times omega (1 - lam) = 1/8, over a batch of two of which one row was mixed.
    value = loss.region(torch.zeros(2, 1, 2, 2), layer, mix)
    assert value.item() == pytest.approx(0.6931472 / 8 / 2)
    assert RecursiveMixLoss(loss_weight=2.0)(torch.zeros(1, 2), torch.tensor([0])).item() == (
        pytest.approx(2 * 0.6931472)
    )


def test_share_fc_has_no_second_layer(build, batch):
    model = build(head=dict(share_fc=True))
    assert model.head.fc_roi is None
    fix_box(model, (0, 0, 32, 32))
    optim = wrapper(model)
    model.train_step(batch(seed=0), optim)
    assert model.train_step(batch(seed=1), optim)['loss_roi'] > 0


@pytest.mark.parametrize('sizes', [(1, 1, 1), (4, 2, 3), (2, 4, 4)])
def test_batches_of_any_size(build, batch, sizes):
    model = build()
    fix_box(model, (8, 8, 40, 40))
    model.backbone.eval()  # one image has no batch statistics at a 2x2 map's last stage
    optim = wrapper(model)
    for step, size in enumerate(sizes):
        log = model.train_step(batch(count=size, seed=step), optim)
        assert torch.isfinite(log['loss'])
        assert (log['loss_roi'] > 0) == (step > 0)


def test_non_square_images_and_empty_boxes(build, batch):
    model = build()
    optim = wrapper(model)
    fix_box(model, (16, 0, 80, 24))
    for step in range(2):
        log = model.train_step(batch(size=(48, 96), seed=step), optim)
    assert log['loss_roi'] > 0
    fix_box(model, (16, 5, 80, 5))
    log = model.train_step(batch(size=(48, 96), seed=3), optim)
    assert log['loss_roi'] == 0


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(build, batch, dtype):
    logs = {}
    for used in (None, dtype):
        torch.manual_seed(0)
        model = build()
        fix_box(model, (0, 0, 48, 48))
        optim = wrapper(model)
        for step in range(2):
            with torch.autocast('cpu', dtype=used, enabled=used is not None):
                logs[used] = model.train_step(batch(seed=step), optim)
    assert logs[dtype]['loss_roi'] > 0
    for name, value in logs[None].items():
        found = logs[dtype][name].item()
        # Close, but below not equal: autocast was used.
        assert found == pytest.approx(value.item(), rel=0.05), name
    assert logs[dtype]['loss'] != logs[None]['loss']


def test_gradient_accumulation_mixes_every_micro_batch(build, batch):
    model = build()
    fix_box(model, (0, 0, 48, 48))
    optim = wrapper(model, accumulative_counts=2)
    optim.initialize_count_status(model, 0, 4)
    start = model.head.fc.weight.clone()
    logs = [model.train_step(batch(seed=0), optim)]
    assert torch.equal(model.head.fc.weight, start)
    logs.append(model.train_step(batch(seed=1), optim))
    assert not torch.equal(model.head.fc.weight, start)
    assert logs[1]['loss_roi'] > 0


def test_other_augmentations_leave_the_history_alone(build, batch):
    model = build(
        train_cfg=dict(augments=[dict(type='RecursiveMix'), dict(type='CutMix', alpha=1.0)])
    )
    fix_box(model, (0, 0, 48, 48))
    optim = wrapper(model)
    augments = model.data_preprocessor.batch_augments
    for only, roi in (([1.0, 0.0], False), ([0.0, 1.0], False), ([1.0, 0.0], True)):
        augments.probs = only
        log = model.train_step(batch(), optim)
        assert (log['loss_roi'] > 0).item() is roi


def test_ema_and_checkpoints_hold_no_history(build, batch, tmp_path):
    model = build()
    optim = wrapper(model)
    for step in range(2):
        model.train_step(batch(seed=step), optim)
    ema = ExponentialMovingAverage(model)
    ema.update_parameters(model)
    assert ema.module.recursive_mix._history is None
    plain = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    assert {name: tuple(v.shape) for name, v in model.state_dict().items()} == plain

    torch.save(model, tmp_path / 'whole.pth')
    whole = torch.load(tmp_path / 'whole.pth', weights_only=False)
    assert whole.recursive_mix._history is None


def test_loads_into_a_plain_classifier(build, batch, tmp_path):
    model = build()
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    config = dict(
        type='ImageClassifier',
        backbone=dict(
            type='ResNet',
            depth=18,
            stem_channels=8,
            base_channels=8,
            num_stages=4,
            out_indices=(3,),
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=5, in_channels=64),
    )
    plain = MODELS.build(config)
    missing, unexpected = plain.load_state_dict(
        torch.load(tmp_path / 'model.pth', weights_only=True), strict=False
    )
    assert missing == []
    assert sorted(unexpected) == ['head.fc_roi.bias', 'head.fc_roi.weight']
    images = batch()['inputs']
    with torch.no_grad():
        assert torch.equal(plain.eval()(images), model.eval()(images))


def test_the_error_for_a_transformer_names_the_fix(build, batch):
    model = build(
        backbone=dict(type='VisionTransformer', arch='deit-tiny', img_size=64, patch_size=32),
        neck=None,
        head=dict(
            type='RecursiveMixHead',
            num_classes=5,
            in_channels=192,
            loss=dict(type='RecursiveMixLoss'),
        ),
    )
    with pytest.raises(ValueError, match=r'VisionTransformer returned \(4, 192\).*featmap'):
        model.train_step(batch(), wrapper(model))


def test_wrong_combinations_are_named(build, batch):
    plain_head = dict(type='LinearClsHead', num_classes=5, in_channels=64)
    model = build()
    model.head = MODELS.build(plain_head)
    with pytest.raises(ValueError, match='RecursiveMixHead'):
        model.train_step(batch(), wrapper(model))
    with pytest.raises(ValueError, match='exactly one RecursiveMix'):
        build(train_cfg=None, data_preprocessor=dict(num_classes=5, to_onehot=True)).train_step(
            batch(), wrapper(model)
        )
    with pytest.raises(ValueError, match='RecursiveMixClassifier'):
        build(type='ImageClassifier').train_step(batch(), wrapper(model))


def test_a_config_with_probs_builds_twice(build):
    config = copy.deepcopy(MODEL)
    config['train_cfg'] = dict(
        augments=[dict(type='RecursiveMix'), dict(type='Mixup', alpha=1.0)], probs=[0.5, 0.3]
    )
    kept = copy.deepcopy(config)
    for _ in range(2):
        assert MODELS.build(config).recursive_mix.alpha == 0.5
    assert config == kept


def test_the_augmentation_alone_with_stock_classes(build, batch):
    model = build(
        type='ImageClassifier', head=dict(type='LinearClsHead', num_classes=5, in_channels=64)
    )
    augment = model.data_preprocessor.batch_augments.augments[0]
    augment.sample_box = lambda height, width: (0, 0, 32, 32)
    optim = wrapper(model)
    model.train_step(batch(seed=0), optim)
    inputs = copy.deepcopy(batch(seed=1))
    mixed = model.data_preprocessor(inputs, training=True)
    assert not torch.equal(mixed['inputs'], inputs['inputs'].float())
    assert mixed['data_samples'][0].gt_score.max() <= 1
    assert torch.isfinite(model.train_step(batch(seed=2), optim)['loss'])
    assert isinstance(mixed['data_samples'][0], DataSample)
