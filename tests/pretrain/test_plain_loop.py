"""RecursiveMix in a plain PyTorch loop: its page, and the same numbers as in mmpretrain."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from torch import nn

from rm_mm.pretrain import RecursiveMix, RecursiveMixLoss

PAGE = Path(__file__).parents[2] / 'docs' / 'plain-pytorch.md'
BLOCKS = re.findall(r'```python\n(.*?)```', PAGE.read_text(encoding='utf-8'), flags=re.S)


@pytest.mark.parametrize('block', BLOCKS, ids=['plain', 'timm'])
def test_the_page_runs_as_printed_and_learns(block, monkeypatch, capsys):
    region, terms = RecursiveMixLoss.region, []

    def remember(*args):
        terms.append(region(*args))
        return terms[-1]

    monkeypatch.setattr(RecursiveMixLoss, 'region', remember)
    names = {}
    exec(compile(block, str(PAGE), 'exec'), names)
    # One of ten classes by chance.
    assert names['accuracy'] > 0.9
    assert 'training accuracy' in capsys.readouterr().out
    # Only the first batch of each epoch, and one whose box is empty, has no region.
    epochs = len(terms) // len(names['loader'])
    without = [index for index, term in enumerate(terms) if not term]
    assert set(range(0, len(terms), len(names['loader']))) <= set(without)
    assert len(without) <= epochs + 2
    # The region's layer was trained: without a gradient it would have none of this.
    assert names['fc_roi'].weight.grad.abs().sum() > 0


def test_it_needs_no_openmmlab():
    code = (
        'import sys\nfrom rm_mm.pretrain import RecursiveMix, RecursiveMixLoss\n'
        'import torch\n'
        'mix = RecursiveMix(num_classes=2)\n'
        'mix(torch.zeros(2, 3, 4, 4), torch.tensor([0, 1]))\n'
        'stack = {"mmengine", "mmcv", "mmpretrain", "mmdet", "mmseg"}\n'
        'assert stack.isdisjoint(sys.modules), stack & set(sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


@pytest.mark.parametrize('share_fc', [False, True])
def test_losses_equal_those_of_the_classifier(build, batch, share_fc):
    """The same weights, data and seed, five steps with SGD: equal to the bit."""
    model = build(head=dict(share_fc=share_fc))
    backbone, fc = build().backbone, nn.Linear(64, 5)
    fc_roi = fc if share_fc else nn.Linear(64, 5)
    backbone.load_state_dict(model.backbone.state_dict())
    fc.load_state_dict(model.head.fc.state_dict())
    if not share_fc:
        fc_roi.load_state_dict(model.head.fc_roi.state_dict())

    def sgd(*modules):
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)

    expected = []
    wrapper = OptimWrapper(sgd(model))
    np.random.seed(0)
    for step in range(5):
        expected.append(model.train_step(batch(seed=step), wrapper))

    mix = RecursiveMix(alpha=0.5, num_classes=5)
    criterion = RecursiveMixLoss(omega=0.5)
    optimizer = sgd(backbone, *([fc] if share_fc else [fc, fc_roi]))
    np.random.seed(0)
    regions = 0
    for step in range(5):
        data = batch(seed=step)
        labels = torch.cat([sample.gt_label for sample in data['data_samples']])
        mixed, targets = mix(data['inputs'], labels)
        (feature_map,) = backbone(mixed)
        logits = fc(F.adaptive_avg_pool2d(feature_map, 1).flatten(1))
        losses = criterion(logits, targets), criterion.region(feature_map, fc_roi, mix)
        mix.remember_logits(logits)
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
        assert losses[0].item() == expected[step]['loss_cls'].item()
        assert losses[1].item() == expected[step]['loss_roi'].item()
        regions += losses[1].item() > 0
    assert regions == 4


def test_a_mix_counts_once_and_needs_logits():
    mix, criterion, layer = RecursiveMix(num_classes=2), RecursiveMixLoss(), nn.Linear(3, 2)
    mix.sample_box = lambda height, width: (0, 0, 2, 2)
    images, labels = torch.rand(2, 3, 4, 4), torch.tensor([0, 1])
    mix(images, labels)
    mix.remember_logits(torch.zeros(2, 2))
    mixed, _ = mix(images, labels)
    assert criterion.region(mixed, layer, mix) > 0
    # Taken: of a batch that another augmentation processed there is no region.
    assert criterion.region(mixed, layer, mix) == 0
    # The logits of this iteration were forgotten.
    mixed, _ = mix(images, labels)
    with pytest.raises(ValueError, match='remember_logits'):
        criterion.region(mixed, layer, mix)
    mix(images, labels)
    with pytest.raises(ValueError, match=r'before pooling, got \(2, 3\)'):
        criterion.region(mixed.mean(dim=(2, 3)), layer, mix)
