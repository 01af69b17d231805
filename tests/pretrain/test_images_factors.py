"""The random factors of the recipe, compared with torchvision and the recipe's distributions.

Seeds are fixed, so a test never fails by chance. Each p-value has to exceed ``ALPHA``; the sample
sizes are such that a distribution off by a twentieth of its range falls below it.
"""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torchvision import transforms

from rm_mm.pretrain.color import ColorAugmentPreprocessor
from tests.pretrain.images import named, recipe

ALPHA = 1e-3
DRAWS = 6000
#: As in the authors' pipeline, with the defaults of torchvision.
AUTHORS = transforms.RandomResizedCrop(224)


@pytest.fixture(scope='module')
def steps():
    return recipe()


@pytest.fixture
def crop(steps):
    return named(steps.train, 'LoadRandomResizedCrop')


@pytest.fixture(scope='module')
def factors(steps):
    torch.manual_seed(0)
    return steps.preprocessor.draw(30000)


def their_boxes(size, draws):
    torch.manual_seed(0)
    image = Image.new('RGB', size[::-1])
    boxes = [AUTHORS.get_params(image, AUTHORS.scale, AUTHORS.ratio) for _ in range(draws)]
    return np.array(boxes, dtype=float)


def our_boxes(step, size, draws):
    np.random.seed(1)
    image = np.zeros((*size, 3), np.uint8)
    return np.array([step.rand_crop_params(image) for _ in range(draws)], dtype=float)


def box_statistics(boxes, size):
    """Area, log-ratio, and the relative position of the box, from 0 to 1."""
    top, left, height, width = boxes.T
    return {
        'area': height * width / (size[0] * size[1]),
        'log ratio': np.log(width / height),
        'top': top[size[0] > height] / (size[0] - height)[size[0] > height],
        'left': left[size[1] > width] / (size[1] - width)[size[1] > width],
        'height': height,
        'width': width,
    }


# Landscape, portrait, and an image so wide that the fallback is common.
@pytest.mark.parametrize('size', [(375, 500), (500, 334), (150, 600)])
def test_boxes_are_distributed_as_torchvisions(crop, size):
    ours = box_statistics(our_boxes(crop, size, DRAWS), size)
    theirs = box_statistics(their_boxes(size, DRAWS), size)
    for name, values in ours.items():
        result = stats.ks_2samp(values, theirs[name], method='asymp')
        assert result.pvalue > ALPHA, (name, result)


def test_the_comparison_of_boxes_detects_a_twentieth(crop, monkeypatch):
    monkeypatch.setattr(crop, 'crop_ratio_range', (0.13, 1.0))
    size = (375, 500)
    ours = box_statistics(our_boxes(crop, size, DRAWS), size)
    theirs = box_statistics(their_boxes(size, DRAWS), size)
    assert stats.ks_2samp(ours['area'], theirs['area'], method='asymp').pvalue < ALPHA


def test_ranges_are_torchvisions_exactly(crop):
    assert tuple(crop.crop_ratio_range) == tuple(AUTHORS.scale)
    assert tuple(crop.aspect_ratio_range) == tuple(AUTHORS.ratio)
    assert tuple(crop.scale) == tuple(AUTHORS.size)
    # Written out in torchvision's get_params.
    assert crop.max_attempts == 10


# No attempt fits: at 4:3, even 0.08 of the area is longer than the short edge.
@pytest.mark.parametrize(
    ('size', 'box'),
    [
        # Width 4 / (3/4) = 5.33, to 5; (1000 - 5) // 2.
        ((1000, 4), (497, 0, 5, 4)),
        # Height 4 * (4/3), to 5.
        ((4, 1000), (0, 497, 4, 5)),
        ((7, 901), (0, 446, 7, 9)),
    ],
)
def test_fallback_of_very_long_images(crop, size, box):
    assert (our_boxes(crop, size, 20) == box).all()
    assert (their_boxes(size, 20) == box).all()


def test_fallback_of_other_images_is_the_whole_image(crop, monkeypatch):
    monkeypatch.setattr(crop, 'max_attempts', 0)
    assert crop.rand_crop_params(np.zeros((30, 40, 3), np.uint8)) == (0, 0, 30, 40)


def test_half_the_images_are_flipped(steps):
    flip = named(steps.train, 'RandomFlip')
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    np.random.seed(0)
    flipped = [bool((flip(dict(img=image.copy()))['img'] != image).any()) for _ in range(DRAWS)]
    assert stats.binomtest(sum(flipped), DRAWS, 0.5).pvalue > ALPHA
    follows = np.corrcoef(flipped[:-1], flipped[1:])[0, 1]
    assert abs(follows) < 4 / math.sqrt(DRAWS)


@pytest.mark.parametrize('name', ['brightness', 'contrast', 'saturation'])
def test_jitter_is_uniform(factors, name):
    """The authors lerp by uniform(-0.4, 0.4) away from the image, which keeps 0.6 to 1.4 of it."""
    values = getattr(factors, name).numpy()
    assert values.shape == (30000,)
    assert stats.kstest(values, stats.uniform(0.6, 0.8).cdf).pvalue > ALPHA
    # Other implementations draw one-sided factors, uniform(0, 0.4).
    assert stats.kstest(values, stats.uniform(0.6, 0.4).cdf).pvalue < ALPHA


def test_lighting_is_normal(factors):
    alphas = factors.alphas.numpy()
    assert alphas.shape == (30000, 3)
    for component in alphas.T:
        assert stats.kstest(component, stats.norm(0, 0.1).cdf).pvalue > ALPHA


def test_all_six_orders_are_equally_likely(factors):
    order = factors.order
    assert (order.sort(dim=1).values == torch.arange(3)).all()
    _, counts = order.unique(dim=0, return_counts=True)
    assert len(counts) == 6
    assert stats.chisquare(counts.numpy()).pvalue > ALPHA


def test_factors_do_not_depend_on_each_other(factors):
    """Within an image, between images, and between batches."""
    columns = [factors.brightness, factors.contrast, factors.saturation]
    # Position of each stage in the order.
    columns += [*factors.alphas.T, *factors.order.argsort(dim=1)[:, :2].T]
    table = torch.stack([column.double() for column in columns]).numpy()
    # Absolute values too: factors with a common scale are uncorrelated.
    table = np.concatenate([table, np.abs(table - table.mean(axis=1, keepdims=True))])
    ours, following = table[:, :-1], table[:, 1:]
    count, limit = len(columns), 4.5 / math.sqrt(30000)
    within = np.corrcoef(ours)
    between = np.corrcoef(ours, following)[: len(table), len(table) :]
    # Two positions of one order, and a value and its own distance from the mean, are related.
    related = np.eye(len(table), dtype=bool)
    related |= np.roll(related, count, axis=1)
    positions = np.arange(len(table)) % count >= 6
    related |= positions[:, None] & positions[None]
    assert np.abs(within[~related]).max() < limit
    assert np.abs(between).max() < limit


def test_each_image_of_a_batch_has_its_own_factors(steps):
    torch.manual_seed(0)
    batches = [steps.preprocessor.draw(64) for _ in range(200)]
    for name in ('brightness', 'contrast', 'saturation', 'alphas'):
        values = torch.stack([getattr(batch, name) for batch in batches])
        assert len(values.unique()) > 0.99 * values.numel()
    orders = torch.stack([batch.order for batch in batches])
    same = (orders[:, 1:] == orders[:, :-1]).all(dim=2).float().mean().item()
    # Neighbours share one of six orders by chance: 1/6, with 12600 pairs to within 0.014.
    assert same == pytest.approx(1 / 6, abs=0.014)


def test_a_seed_repeats_the_draw_and_another_does_not():
    preprocessor = ColorAugmentPreprocessor()
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(preprocessor.draw(8))
    for name in ('brightness', 'contrast', 'saturation', 'order', 'alphas'):
        first, again, other = (getattr(factors, name) for factors in drawn)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_strengths_reach_their_own_stage():
    torch.manual_seed(0)
    drawn = ColorAugmentPreprocessor(0.1, 0.2, 0.3, lighting_std=0.5).draw(4000)
    for name, strength in (('brightness', 0.1), ('contrast', 0.2), ('saturation', 0.3)):
        furthest = (getattr(drawn, name) - 1).abs().max().item()
        assert 0.99 * strength < furthest <= strength + 1e-6
    assert drawn.alphas.std().item() == pytest.approx(0.5, rel=0.03)


def test_training_draws_from_torchs_generator(steps):
    """A step draws its factors once and nothing else."""
    images = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    torch.manual_seed(3)
    found = steps.preprocessor(dict(inputs=images), training=True)['inputs']
    torch.manual_seed(3)
    expected = steps.preprocessor.augment(images / 255, steps.preprocessor.draw(6))
    mean, std = steps.preprocessor.mean, steps.preprocessor.std
    expected = (expected * 255 - mean) / std
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
