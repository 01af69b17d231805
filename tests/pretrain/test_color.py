import colorsys

import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from rm_mm.pretrain import ColorAugmentPreprocessor
from rm_mm.pretrain.color import GREY_RGB, PCA_VALUES, PCA_VECTORS_RGB

ORDERS = [(0, 1, 2), (2, 1, 0), (1, 0, 2)]


def slow_jitter(image, factors, order):
    """The stages of one (H, W, 3) RGB image in [0, 1], pixel arithmetic in NumPy."""
    image = image.astype(np.float64)
    for stage in order:
        grey = (image * np.array(GREY_RGB)).sum(axis=2, keepdims=True)
        towards = [np.zeros_like(grey), np.full_like(grey, grey.mean()), grey][stage]
        image = factors[stage] * image + (1 - factors[stage]) * towards
    return image


@pytest.mark.parametrize('to_rgb', [True, False])
def test_stages_equal_a_slow_version(to_rgb):
    preprocessor = ColorAugmentPreprocessor(to_rgb=to_rgb)
    rgb = np.random.RandomState(0).rand(3, 6, 5, 3)
    factors = np.random.RandomState(1).uniform(0.6, 1.4, (3, 3))
    stored = rgb[..., ::-1] if to_rgb else rgb
    images = torch.from_numpy(stored.copy()).permute(0, 3, 1, 2).float()
    jittered = preprocessor.jitter(images, torch.from_numpy(factors).float(), torch.tensor(ORDERS))
    for index, order in enumerate(ORDERS):
        expected = slow_jitter(rgb[index], factors[:, index], order)
        found = jittered[index].permute(1, 2, 0).numpy()
        found = found[..., ::-1] if to_rgb else found
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_lighting_moves_along_the_principal_components():
    torch.manual_seed(0)
    preprocessor = ColorAugmentPreprocessor(0.0, 0.0, 0.0, lighting_std=0.1)
    shifts = preprocessor.augment(torch.zeros(4000, 3, 1, 1))[:, :, 0, 0].double().numpy()
    vectors = np.array(PCA_VECTORS_RGB)
    expected = vectors @ np.diag((0.1 * np.array(PCA_VALUES)) ** 2) @ vectors.T
    np.testing.assert_allclose(np.cov(shifts.T), expected, atol=0.08 * expected.max())


def test_factors_are_drawn_for_each_image():
    torch.manual_seed(0)
    preprocessor = ColorAugmentPreprocessor(0.4, 0.0, 0.0, lighting_std=0.0)
    levels = preprocessor.augment(torch.ones(2000, 3, 2, 2)).mean(dim=(1, 2, 3))
    # Uniform in [0.6, 1.4]: mean 1, standard deviation 0.8 / sqrt(12) = 0.231.
    assert levels.min() < 0.62
    assert levels.max() > 1.38
    assert levels.mean().item() == pytest.approx(1, abs=0.02)
    assert levels.std().item() == pytest.approx(0.231, abs=0.01)


def test_trains_with_it_and_tests_without():
    preprocessor = MODELS.build(
        dict(
            type='ColorAugmentPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            to_rgb=True,
            num_classes=2,
        )
    )
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    kept = images.clone()
    data = dict(inputs=images, data_samples=[DataSample().set_gt_label(i) for i in range(2)])
    plain = preprocessor(data, training=False)['inputs']
    augmented = preprocessor(data, training=True)['inputs']
    assert torch.equal(images, kept)
    # Red of the first pixel, by hand: the stored order is BGR.
    assert plain[0, 0, 0, 0].item() == pytest.approx((kept[0, 2, 0, 0] - 123.675) / 58.395)
    assert augmented.shape == plain.shape
    assert not torch.allclose(augmented, plain, atol=0.05)
    listed = preprocessor(dict(data, inputs=list(images)), training=True)['inputs']
    assert listed.shape == plain.shape


def test_grey_weights_are_those_of_the_standard_library():
    assert colorsys.rgb_to_yiq(1, 0, 0)[0] == pytest.approx(GREY_RGB[0], abs=0.002)


def test_refuses_a_negative_strength():
    with pytest.raises(ValueError, match='negative'):
        ColorAugmentPreprocessor(brightness=-0.1)
