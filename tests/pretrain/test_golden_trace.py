"""The authors' own training runs, step by step, through the registered classes."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

TRACES = json.loads((Path(__file__).parents[1] / 'data' / 'rm_trace.json').read_text())
REL = 1e-9


def build(trace):
    model = MODELS.build(
        dict(
            type='RecursiveMixClassifier',
            backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(3,)),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='RecursiveMixHead',
                num_classes=trace['num_classes'],
                in_channels=512,
                share_fc=trace['share_fc'],
                loss=dict(type='RecursiveMixLoss', omega=trace['omega']),
            ),
            train_cfg=dict(
                augments=dict(
                    type='RecursiveMix',
                    alpha=trace['alpha'],
                    interpolation=trace['interpolation'],
                )
            ),
        )
    ).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            key = name.removeprefix('backbone.').removeprefix('head.')
            seed = (trace['seed'] * 1000003 + zlib.crc32(key.encode())) % 2**32
            draw, shape = np.random.RandomState(seed), tuple(parameter.shape)
            if len(shape) == 4:
                value = draw.randn(*shape) * np.sqrt(2 / (shape[0] * shape[2] * shape[3]))
            elif len(shape) == 2:
                value = draw.randn(*shape) * 0.05
            else:
                value = np.full(shape, float(key.endswith('weight')))
            parameter.copy_(torch.from_numpy(value))
    return model.train()


def close(value):
    return pytest.approx(value, rel=REL, abs=1e-12)


def grad_norm(parameters):
    grads = [p.grad for p in parameters if p.grad is not None]
    return torch.stack([g.norm() for g in grads]).norm().item() if grads else None


@pytest.mark.parametrize('trace', TRACES, ids=lambda trace: trace['name'])
def test_every_recorded_field(trace):
    model = build(trace)
    augment = model.recursive_mix
    setting = dict(trace['optimizer'])
    optimizer = getattr(torch.optim, setting.pop('type'))(model.parameters(), **setting)
    data = np.random.RandomState(trace['seed'] + 7)
    # Outputs of the heads, from hooks: `loss()` returns losses only.
    seen = {}
    model.head.fc.register_forward_hook(lambda *args: seen.update(logits=args[-1]))
    if model.head.fc_roi is not None:
        model.head.fc_roi.register_forward_hook(lambda *args: seen.update(roi=args[-1]))

    for step in trace['iterations']:
        size = trace['input_size']
        images = torch.from_numpy(data.rand(step['batch_size'], 3, size, size) * 2 - 1)
        labels = data.randint(0, trace['num_classes'], step['batch_size'])
        assert labels.tolist() == step['labels']
        assert images.sum().item() == close(step['input_sum'])
        targets = F.one_hot(torch.from_numpy(labels), trace['num_classes'])

        box = step['box_xyxy'] or (0, 0, 0, 0)
        augment.sample_box = lambda height, width, box=box: tuple(box)
        mixed, fused = model.data_preprocessor.batch_augments(images, targets)
        assert mixed.sum().item() == close(step['mixed_input_sum'])
        assert mixed.abs().sum().item() == close(step['mixed_input_abs_sum'])
        # The rows are recorded to eight decimals.
        np.testing.assert_allclose(fused[:2].numpy(), step['target_rows'], atol=5.1e-9, rtol=0)

        samples = [DataSample().set_gt_score(row) for row in fused]
        seen.clear()
        losses = model.loss(mixed, samples)
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()

        assert losses['loss_cls'].item() == close(step['loss_cls'])
        assert total.item() == close(step['loss_total'])
        assert seen['logits'][0].tolist() == close(step['logits_row0'])
        if step['loss_roi'] is None:
            assert losses['loss_roi'].item() == 0
            assert 'roi' not in seen
        else:
            weight = trace['omega'] * (1 - step['lam'])
            assert losses['loss_roi'].item() / weight == close(step['loss_roi'])
            assert seen['roi'][0].tolist() == close(step['roi_logits_row0'])
        assert grad_norm(model.parameters()) == close(step['grad_norm'])
        assert grad_norm([model.head.fc_roi.weight]) == (
            None if step['fc_roi_grad_norm'] is None else close(step['fc_roi_grad_norm'])
        )
        optimizer.step()

    state = {
        name.removeprefix('backbone.').removeprefix('head.'): value
        for name, value in model.state_dict().items()
    }
    for name, value in trace['final_abs_sums'].items():
        assert state[name].abs().sum().item() == close(value), name


def test_the_trace_is_not_trivial():
    """It has steps with and without a region; otherwise the comparison would show little."""
    steps = [step for trace in TRACES for step in trace['iterations']]
    assert sum(step['loss_roi'] is not None for step in steps) >= 6
