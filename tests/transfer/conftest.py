"""A small ResNet-18 that looks trained, and checkpoints of it as each source writes them."""

import pytest
import torch


@pytest.fixture(scope='session')
def look_trained():
    """Replace every floating tensor by noise, variances by positive noise; count 7 batches."""

    def replace(state_dict):
        generator = torch.Generator().manual_seed(0)
        replaced = {}
        for name, value in state_dict.items():
            noise = torch.randn(value.shape, generator=generator)
            noise = noise.abs() if name.endswith('running_var') else noise
            replaced[name] = noise if value.is_floating_point() else value + 7
        return replaced

    return replace


@pytest.fixture(scope='session')
def backbone_class():
    from mmpretrain.models.backbones import ResNet

    return lambda **kwargs: ResNet(
        **{'depth': 18, 'stem_channels': 8, 'base_channels': 8, **kwargs}
    )


@pytest.fixture(scope='session')
def _weights(backbone_class, look_trained):
    return look_trained(backbone_class().state_dict())


@pytest.fixture
def weights(_weights):
    """A fresh dict of the names and tensors of a ResNet-18 with 8 base channels."""
    return {name: value.clone() for name, value in _weights.items()}


@pytest.fixture
def save(tmp_path):
    """Save ``content`` under tmp_path and return the path."""

    def write(content, name='source.pth'):
        path = tmp_path / name
        torch.save(content, path)
        return path

    return write
