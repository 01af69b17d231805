import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmpretrain.models import RandomBatchAugment
from mmpretrain.registry import BATCH_AUGMENTS
from scipy import stats

from rm_mm.pretrain import RecursiveMix

#: Seeds are fixed, so a test never fails by chance: each p-value must be larger.
P_VALUE = 1e-3
#: More than a billion pixels, not square; the alpha of the paper.
HEIGHT, WIDTH, ALPHA = 20_000, 70_000, 0.5


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
    # With aligned corners two samples of a ramp are its ends; otherwise 0.5 and 2.5.
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


def test_inputs_are_not_modified_and_the_history_is_not_a_copy():
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
    # Batches returned earlier are not written either: a graph may still hold them.
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


@pytest.fixture(scope='module')
def drawn():
    """20,000 boxes of the recipes' distribution, in an image so large that rounding is nothing.

    Clipping hides the area ratio r of a box, so the laws below are those of the boxes that were not
    clipped. With s = sqrt(r), a box is s times the image in both directions and stays inside where
    its centre is s / 2 away from each border, which has the probability (1 - s)^2.
    """
    np.random.seed(0)
    augment = RecursiveMix(alpha=ALPHA)
    boxes = np.array([augment.sample_box(HEIGHT, WIDTH) for _ in range(20_000)])
    x1, y1, x2, y2 = boxes.T
    inside = (x1 > 0) & (y1 > 0) & (x2 < WIDTH) & (y2 < HEIGHT)
    return boxes, inside


def unclipped(ratio):
    """Integral of (1 - sqrt(r))^2 from 0 to ratio: r - 4/3 r^(3/2) + r^2 / 2."""
    return ratio - 4 / 3 * ratio**1.5 + ratio**2 / 2


def test_the_area_ratio_is_uniform(drawn):
    boxes, inside = drawn
    x1, y1, x2, y2 = boxes[inside].T
    ratio = (x2 - x1) * (y2 - y1) / (HEIGHT * WIDTH)
    assert stats.kstest(ratio, lambda r: unclipped(r) / unclipped(ALPHA)).pvalue > P_VALUE
    # Uniform over all boxes: 0.5 - 0.4714 + 0.125 = 0.1536 of 0.5 stay inside, 30.7 %.
    assert unclipped(ALPHA) / ALPHA == pytest.approx(0.3072, abs=1e-4)
    inside_test = stats.binomtest(int(inside.sum()), len(inside), unclipped(ALPHA) / ALPHA)
    assert inside_test.pvalue > P_VALUE
    # The largest are close to alpha, and none is larger.
    assert 0.45 < ratio.max() <= ALPHA


def test_a_box_has_the_shape_of_the_image(drawn):
    boxes, inside = drawn
    x1, y1, x2, y2 = boxes[inside].T
    # Both sides are sqrt(r) of the image's, each cut to an even number of pixels.
    np.testing.assert_allclose((x2 - x1) / WIDTH, (y2 - y1) / HEIGHT, rtol=0, atol=2 / HEIGHT)


def test_the_centre_is_uniform(drawn):
    boxes, inside = drawn
    for low, high, size in ((0, 2, WIDTH), (1, 3, HEIGHT)):
        starts, ends = boxes[:, low], boxes[:, high]
        # Where a box lies in the room it has, from 0 to 1, whatever its size.
        room = starts[inside] / (size - (ends - starts))[inside]
        assert stats.kstest(room, 'uniform').pvalue > P_VALUE
        # As often clipped at one border as at the other.
        first, last = int((starts == 0).sum()), int((ends == size).sum())
        assert stats.binomtest(first, first + last, 0.5).pvalue > P_VALUE


def test_one_box_by_hand(monkeypatch):
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


def test_with_other_augmentations():
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
    # RecursiveMix processed about half of the batches; the others have no mix.
    assert 10 < sum(taken) < 30


@pytest.mark.parametrize(
    ('options', 'word'),
    [
        (dict(alpha=0), 'alpha'),
        (dict(alpha=1.5), 'alpha'),
        (dict(interpolation='bicubic'), 'interpolation'),
        (dict(reset='batch'), 'reset'),
        (dict(num_classes=0), 'num_classes'),
    ],
)
def test_rejects_wrong_options(options, word):
    with pytest.raises(ValueError, match=word):
        RecursiveMix(**options)


def test_rejects_another_stream_of_data():
    augment = fixed((0, 0, 2, 2))
    augment(constant(1), one_hot(0, 1))
    with pytest.raises(ValueError, match='channels'):
        augment(torch.zeros(2, 3, 4, 4), one_hot(0, 1))
    with pytest.raises(ValueError, match='classes'):
        augment(constant(1), torch.zeros(2, 7))


BYTES = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)


@pytest.mark.parametrize(
    ('images', 'targets', 'message'),
    [
        (BYTES, [0, 1], r'floating-point batch .* got torch.uint8 \(2, 3, 4, 4\)'),
        (BYTES[0].float(), [0, 1], r'got torch.float32 \(3, 4, 4\)'),
        (BYTES.float(), [0, 3], r'labels must be in \[0, 3\), got 0 to 3'),
        (BYTES.float(), [-1, 0], 'got -1 to 0'),
        (BYTES.float(), [0.0, 1.0], 'integers, got torch.float32'),
        (BYTES.float(), [True, False], 'integers, got torch.bool'),
        (BYTES.float(), [0, 1, 2], '3 targets for 2 images'),
        (BYTES.float(), [[1, 0], [0, 1]], 'num_classes=3, but the targets have 2 columns'),
        (BYTES.float(), [[[1]], [[0]]], r'got \(2, 1, 1\)'),
    ],
)
def test_rejects_wrong_batches(images, targets, message):
    augment = RecursiveMix(num_classes=3)
    with pytest.raises(ValueError, match=message):
        augment(images, torch.tensor(targets))
    # Nothing is left of a batch that was rejected.
    assert augment.last_batch is None


def test_rejects_labels_without_num_classes_and_labels_in_a_list():
    with pytest.raises(ValueError, match=r'RecursiveMix\(num_classes=K\)'):
        RecursiveMix()(constant(1), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match='got list'):
        RecursiveMix(num_classes=3)(constant(1), [0, 1])


@pytest.mark.parametrize('dtype', [torch.int64, torch.int32, torch.uint8])
def test_labels_are_one_hot_targets(dtype):
    augments = [fixed((1, 0, 3, 2), num_classes=3) for _ in range(2)]
    for value, labels in ((1, (0, 1)), (2, (2, 0))):
        by_label = augments[0](constant(value), torch.tensor(labels, dtype=dtype))
        by_target = augments[1](constant(value), one_hot(*labels))
        assert torch.equal(by_label[0], by_target[0])
        assert torch.equal(by_label[1], by_target[1])
    assert by_label[1].tolist() == [[0.25, 0, 0.75], [0.75, 0.25, 0]]


def test_the_history_follows_the_precision_of_the_batch():
    augment = fixed((1, 0, 3, 2), num_classes=3)
    augment(constant(1), torch.tensor([0, 1]))
    images, targets = augment(constant(2).double(), torch.tensor([2, 2]))
    assert images.dtype == targets.dtype == torch.float64
    assert images[0, 0, 0].tolist() == [2, 1, 1, 2]
    assert targets.tolist() == [[0.25, 0, 0.75], [0, 0.25, 0.75]]


def test_the_history_follows_the_device_of_the_batch():
    augment = fixed((1, 0, 3, 2), num_classes=3)
    augment(constant(1), torch.tensor([0, 1]))
    augment.remember_logits(torch.zeros(2, 3))
    # Operations between devices fail; `meta` is a device that every machine has.
    images, targets = augment(constant(2).to('meta'), torch.tensor([2, 2]))
    logits = augment.take_mix().history_logits
    assert {images.device.type, targets.device.type, logits.device.type} == {'meta'}


def test_logits_of_another_batch_are_rejected():
    augment = fixed((0, 0, 2, 2))
    # Nothing to complete.
    augment.remember_logits(torch.zeros(7, 3))
    augment(constant(1), one_hot(0, 1))
    with pytest.raises(ValueError, match=r'last, \(2, 3\), got \(4, 3\)'):
        augment.remember_logits(torch.zeros(4, 3))


def test_is_registered():
    assert BATCH_AUGMENTS.get('RecursiveMix') is RecursiveMix
