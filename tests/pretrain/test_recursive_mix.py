import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmpretrain.models import RandomBatchAugment
from mmpretrain.registry import BATCH_AUGMENTS

from rm_mm.pretrain import RecursiveMix


def fixed(box, **options):
    augment = RecursiveMix(**options)
    augment.sample_box = lambda height, width: box
    return augment


def constant(value, count=2, size=(4, 4)):
    return torch.full((count, 1, *size), float(value))


def one_hot(*labels):
    return F.one_hot(torch.tensor(labels), 3)


def test_pastes_fuses_and_recurses():
    augment = fixed((1, 0, 3, 2))
    images, targets = augment(constant(1), one_hot(0, 1))
    assert torch.equal(images, constant(1))
    images, targets = augment(constant(2), one_hot(2, 2))
    # A 2x2 box in 4x4 pixels: lam = 1 - 4/16.
    expected = constant(2)
    expected[:, :, 0:2, 1:3] = 1
    assert torch.equal(images, expected)
    assert targets.tolist() == [[0.25, 0, 0.75], [0, 0.25, 0.75]]
    mix = augment.take_mix()
    assert (mix.box_xyxy, mix.lam, mix.rows) == ((1, 0, 3, 2), 0.75, 2)
    # The history is the mixed batch: nearest picks pixels (0, 0), (0, 2), (2, 0), (2, 2) of it.
    images, targets = augment(constant(3), one_hot(2, 2))
    assert images[0, 0, 0:2, 1:3].tolist() == [[2, 1], [2, 2]]
    assert targets.tolist() == [[0.0625, 0, 0.9375], [0, 0.0625, 0.9375]]


def test_bilinear_aligns_corners():
    augment = fixed((0, 0, 2, 1), interpolation='bilinear')
    first = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    augment(first, one_hot(0))
    images, _ = augment(constant(9, count=1), one_hot(1))
    # Aligned corners: two samples of a ramp are its ends; without, they would be 0.5 and 2.5.
    assert images[0, 0, 0, :2].tolist() == [0, 3]


@pytest.mark.parametrize('box', [(1, 1, 1, 3), (2, 1, 3, 1), (0, 0, 0, 0)])
def test_an_empty_box_pastes_nothing(box):
    augment = fixed(box)
    augment(constant(1), one_hot(0, 1))
    augment.remember_logits(torch.ones(2, 3))
    images, targets = augment(constant(2), one_hot(2, 2))
    assert torch.equal(images, constant(2))
    assert torch.equal(targets, one_hot(2, 2).float())
    mix = augment.take_mix()
    assert mix.lam == 1
    assert mix.history_logits is None


def test_the_callers_tensors_are_not_written_and_the_history_is_no_copy():
    augment = fixed((0, 0, 2, 2))
    kept = []
    for value in range(3):
        images, targets = constant(value), one_hot(0, 1)
        before = images.clone(), targets.clone()
        mixed, _ = augment(images, targets)
        assert torch.equal(images, before[0])
        assert torch.equal(targets, before[1])
        assert mixed.data_ptr() != images.data_ptr()
        assert augment._history.images.data_ptr() == mixed.data_ptr()
        kept.append(mixed)
    # What was handed out earlier is not written either: it may still be in somebody's graph.
    assert kept[0].sum() == 0


def test_growing_and_shrinking_batches():
    augment = fixed((0, 0, 4, 2))
    augment(constant(1, count=2), one_hot(0, 0))
    augment.remember_logits(torch.zeros(2, 3))
    images, targets = augment(constant(2, count=3), one_hot(1, 1, 1))
    assert images.sum(dim=(1, 2, 3)).tolist() == [24, 24, 32]
    assert targets.tolist() == [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 1, 0]]
    assert augment.take_mix().rows == 2
    images, _ = augment(constant(3, count=1), one_hot(2))
    assert images.shape[0] == 1
    assert augment.take_mix().rows == 1


def test_boxes_follow_the_papers_distribution():
    np.random.seed(0)
    augment = RecursiveMix(alpha=0.5)
    boxes = np.array([augment.sample_box(50, 100) for _ in range(4000)])
    x1, y1, x2, y2 = boxes.T
    assert (x1 >= 0).all()
    assert (x2 <= 100).all()
    assert (y2 <= 50).all()
    inside = (x1 > 0) & (y1 > 0) & (x2 < 100) & (y2 < 50)
    ratio = ((x2 - x1) * (y2 - y1) / 5000)[inside]
    # Sides are int(W * sqrt(r)) with r below alpha, so no box can pass 70 x 35 pixels.
    assert (x2 - x1).max() <= 70
    assert (y2 - y1).max() <= 35
    assert ratio.max() > 0.4
    # Non-square images keep their own shape in the box.
    wide = (x2 - x1)[inside] / np.maximum(y2 - y1, 1)[inside]
    assert np.median(wide) == pytest.approx(2, abs=0.1)


def test_area_ratio_is_uniform(monkeypatch):
    monkeypatch.setattr(np.random, 'uniform', lambda low, high: 0.25)
    centres = iter([60, 30])
    monkeypatch.setattr(np.random, 'randint', lambda high: next(centres))
    # sqrt(0.25) = 0.5: sides 50 x 25, halved by // 2 to 25 and 12.
    assert RecursiveMix(alpha=0.5).sample_box(50, 100) == (35, 18, 85, 42)


def test_history_does_not_cross_epochs():
    hub = MessageHub.get_instance('epochs')
    augment = fixed((0, 0, 2, 2))
    never = fixed((0, 0, 2, 2), reset='never')
    for epoch, pasted in [(0, False), (0, True), (1, False), (1, True)]:
        hub.update_info('epoch', epoch)
        for one, expected in ((augment, pasted), (never, (epoch, pasted) != (0, False))):
            one(constant(epoch), one_hot(0, 1))
            assert (one.take_mix().rows > 0) is expected


def test_reset_forgets():
    augment = fixed((0, 0, 2, 2))
    augment(constant(1), one_hot(0, 1))
    augment.reset()
    assert torch.equal(augment(constant(2), one_hot(0, 1))[0], constant(2))


def test_pickles_without_its_history():
    augment = RecursiveMix()
    augment(constant(1), one_hot(0, 1))
    copy = pickle.loads(pickle.dumps(augment))
    assert torch.equal(copy(constant(2), one_hot(0, 1))[0], constant(2))


def test_beside_other_augmentations():
    np.random.seed(0)
    augment = RandomBatchAugment(
        [dict(type='RecursiveMix', alpha=0.5), dict(type='CutMix', alpha=1.0)], probs=[0.5, 0.3]
    )
    recursive = augment.augments[0]
    taken = []
    for _ in range(40):
        _, targets = augment(torch.rand(4, 3, 8, 8), one_hot(0, 1, 2, 0))
        assert torch.allclose(targets.sum(dim=1), torch.ones(4))
        taken.append(recursive.take_mix() is not None)
    # About half of the batches were RecursiveMix's, and the others left no mix behind.
    assert 10 < sum(taken) < 30


@pytest.mark.parametrize(
    ('options', 'word'),
    [
        (dict(alpha=0), 'alpha'),
        (dict(alpha=1.5), 'alpha'),
        (dict(interpolation='bicubic'), 'interpolation'),
        (dict(reset='batch'), 'reset'),
    ],
)
def test_refuses_wrong_options(options, word):
    with pytest.raises(ValueError, match=word):
        RecursiveMix(**options)


def test_refuses_another_stream_of_data():
    augment = fixed((0, 0, 2, 2))
    augment(constant(1), one_hot(0, 1))
    with pytest.raises(ValueError, match='channels'):
        augment(torch.zeros(2, 3, 4, 4), one_hot(0, 1))
    with pytest.raises(ValueError, match='classes'):
        augment(constant(1), torch.zeros(2, 7))


def test_is_registered():
    assert BATCH_AUGMENTS.get('RecursiveMix') is RecursiveMix
