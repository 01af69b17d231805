import pytest
import torch
from mmpretrain.structures import DataSample

from rm_mm.pretrain.color import ColorAugmentPreprocessor


def test_rejects_a_negative_strength():
    with pytest.raises(ValueError, match='negative'):
        ColorAugmentPreprocessor(brightness=-0.1)


def test_draws_anew_for_every_batch():
    torch.manual_seed(0)
    preprocessor = ColorAugmentPreprocessor()
    data = dict(inputs=torch.full((2, 3, 4, 4), 100), data_samples=[DataSample(), DataSample()])
    first, second = (preprocessor(dict(data), training=True)['inputs'] for _ in range(2))
    assert not torch.allclose(first, second, atol=1)
    assert not torch.allclose(first[0], first[1], atol=1)


def test_strength_zero_changes_nothing():
    preprocessor = ColorAugmentPreprocessor(0.0, 0.0, 0.0, lighting_std=0.0)
    images = torch.rand(4, 3, 5, 5)
    found = preprocessor.augment(images, preprocessor.draw(4))
    torch.testing.assert_close(found, images, rtol=0, atol=1e-6)
