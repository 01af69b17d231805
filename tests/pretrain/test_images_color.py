"""Each colour stage with given factors, compared with loops over pixels in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample

from rm_mm.pretrain.color import ColorAugmentPreprocessor, ColorFactors
from tests.pretrain.images import (
    photo,
    recipe,
    slow_color,
    slow_normalize,
    some_factors,
)

# Every order twice, in a batch of different images.
COUNT = 12
GREY_IMAGE = 3
NOTHING = ColorFactors(
    *torch.ones(3, COUNT), torch.tensor([[0, 1, 2]] * COUNT), torch.zeros(COUNT, 3)
)
# Factors used by each stage.
STAGES = {
    'brightness': ['brightness'],
    'contrast': ['contrast'],
    'saturation': ['saturation'],
    'lighting': ['alphas'],
    'jitter': ['brightness', 'contrast', 'saturation', 'order'],
    'all': ['brightness', 'contrast', 'saturation', 'order', 'alphas'],
}


def batch(to_rgb):
    """The same images as (N, H, W, 3) RGB for the oracle, and as stored, (N, 3, H, W)."""
    rgb = np.stack([photo(7, 9, seed) for seed in range(COUNT)]) / 255
    # Dark, bright and grey images: a mean over the batch would differ from that of each image.
    rgb[1] *= 0.2
    rgb[2] = 0.7 + 0.3 * rgb[2]
    rgb[GREY_IMAGE] = rgb[GREY_IMAGE, ..., :1]
    stored = rgb[..., ::-1] if to_rgb else rgb
    return rgb, torch.from_numpy(stored.copy()).permute(0, 3, 1, 2).float()


def as_rgb(images, to_rgb):
    found = images.permute(0, 2, 3, 1).double().numpy()
    return found[..., ::-1] if to_rgb else found


@pytest.mark.parametrize('to_rgb', [True, False])
@pytest.mark.parametrize('stage', STAGES)
def test_a_stage_equals_the_slow_version(stage, to_rgb):
    drawn = some_factors(COUNT)
    factors = replace(NOTHING, **{name: getattr(drawn, name) for name in STAGES[stage]})
    rgb, images = batch(to_rgb)
    kept = images.clone()
    found = as_rgb(ColorAugmentPreprocessor(to_rgb=to_rgb).augment(images, factors), to_rgb)
    assert torch.equal(images, kept)
    for index in range(COUNT):
        expected = slow_color(rgb[index], factors, index)
        np.testing.assert_allclose(found[index], expected, rtol=0, atol=1e-5)
        # An unchanged image would fail; saturation hardly changes the grey one.
        assert np.abs(expected - rgb[index]).max() > (1e-3 if index != GREY_IMAGE else 2e-5)


def one(brightness=1.0, contrast=1.0, saturation=1.0, order=(0, 1, 2), alphas=(0.0, 0.0, 0.0)):
    levels = torch.tensor([[brightness], [contrast], [saturation]])
    return ColorFactors(*levels, torch.tensor([order]), torch.tensor([alphas]))


@pytest.mark.parametrize(
    ('factors', 'expected'),
    [
        # Two pixels, RGB: red (1, 0, 0) and white (1, 1, 1); grey 0.2989 and 0.9999, mean 0.6494.
        (one(brightness=0.6), [(0.6, 0, 0), (0.6, 0.6, 0.6)]),
        # 0.5 x + 0.5 * 0.6494
        (one(contrast=0.5), [(0.8247, 0.3247, 0.3247), (0.8247, 0.8247, 0.8247)]),
        # 0.5 x + 0.5 * 0.2989, and 0.5 + 0.5 * 0.9999
        (one(saturation=0.5), [(0.64945, 0.14945, 0.14945), (0.99995, 0.99995, 0.99995)]),
        # Nothing is clipped: 1.4 x; then 1.4 * 1.4 - 0.4 * (1.4 * 0.6494) = 1.596336 and -0.363664.
        (one(1.4, 1.4), [(1.596336, -0.363664, -0.363664), (1.596336, 1.596336, 1.596336)]),
        # First component alone: 0.1 * 0.2175 times its column -0.5675, -0.5808, -0.5836.
        (
            one(alphas=(0.1, 0.0, 0.0)),
            [(0.98765687, -0.0126324, -0.0126933), (0.98765687, 0.9873676, 0.9873067)],
        ),
    ],
    ids=['brightness', 'contrast', 'saturation', 'unclipped', 'lighting'],
)
def test_two_pixels_by_hand(factors, expected):
    images = torch.tensor([[[[1.0, 1.0]], [[0.0, 1.0]], [[0.0, 1.0]]]])
    found = ColorAugmentPreprocessor(to_rgb=False).augment(images, factors)
    torch.testing.assert_close(found[0, :, 0].T, torch.tensor(expected), rtol=0, atol=1e-5)


def test_every_image_has_its_own_order_of_stages():
    # The stages commute because nothing is clipped, so values do not depend on the order. Rows that
    # repeat a stage reveal which row and column was applied.
    rows = [(a, b, c) for a in range(3) for b in range(3) for c in range(3)][:COUNT]
    factors = replace(some_factors(COUNT), order=torch.tensor(rows[::-1]))
    rgb, images = batch(to_rgb=False)
    found = as_rgb(ColorAugmentPreprocessor(to_rgb=False).augment(images, factors), False)
    for index in range(COUNT):
        expected = slow_color(rgb[index], factors, index)
        np.testing.assert_allclose(found[index], expected, rtol=0, atol=1e-5)


def samples():
    return [DataSample().set_gt_label(index % 3) for index in range(COUNT)]


@pytest.mark.parametrize('form', ['tensor', 'list'])
def test_bytes_to_network_input(form, monkeypatch):
    """RGB bytes from the loader through the preprocessor of the recipe."""
    preprocessor = recipe().preprocessor
    factors = some_factors(COUNT, seed=3)
    counts = []
    monkeypatch.setattr(preprocessor, 'draw', lambda count: counts.append(count) or factors)
    rgb = np.stack([photo(7, 9, seed) for seed in range(COUNT)])
    stored = torch.from_numpy(rgb).permute(0, 3, 1, 2)
    kept = stored.clone()
    inputs = stored if form == 'tensor' else list(stored)
    found = preprocessor(dict(inputs=inputs, data_samples=samples()), training=True)['inputs']
    assert torch.equal(stored, kept)
    assert counts == [COUNT]
    for index in range(COUNT):
        expected = slow_normalize(slow_color(rgb[index] / 255, factors, index))
        np.testing.assert_allclose(found[index].numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('form', ['tensor', 'list'])
def test_testing_normalises_only(form):
    rgb = np.stack([photo(7, 9, seed) for seed in range(COUNT)])
    stored = torch.from_numpy(rgb).permute(0, 3, 1, 2)
    inputs = stored if form == 'tensor' else list(stored)
    data = dict(inputs=inputs, data_samples=samples())
    found = recipe().preprocessor(data, training=False)['inputs']
    for index in range(COUNT):
        expected = slow_normalize(rgb[index] / 255)
        np.testing.assert_allclose(found[index].numpy(), expected, rtol=0, atol=1e-5)


def test_autocast_does_not_round():
    # mmengine calls the preprocessor under autocast, which halves the precision of matrix products.
    preprocessor = ColorAugmentPreprocessor(to_rgb=True)
    factors = some_factors(COUNT)
    factors = replace(factors, alphas=10 * factors.alphas)
    rgb, images = batch(to_rgb=True)
    with torch.autocast('cpu', torch.bfloat16):
        found = preprocessor.augment(images, factors)
    assert found.dtype == torch.float32
    for index, image in enumerate(as_rgb(found, to_rgb=True)):
        expected = slow_color(rgb[index], factors, index)
        np.testing.assert_allclose(image, expected, rtol=0, atol=1e-5)
