"""The networks of the CIFAR tables."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rm_mm.pretrain import DenseNet_CIFAR, PyramidNet
from rm_mm.pretrain.networks.pyramidnet import PyramidBottleneck


def test_pyramidnet_widths():
    """Depth 29: 3 blocks a stage; 9 steps of 2 from 16 to 34, four times as many channels out."""
    network = PyramidNet(29, 18)
    widths = [block.residual[1].out_channels for stage in network.stages for block in stage]
    assert widths == [18, 20, 22, 24, 26, 28, 30, 32, 34]
    shapes = [
        tuple(out.shape)
        for out in PyramidNet(29, 18, out_indices=(0, 1, 2))(torch.rand(2, 3, 32, 32))
    ]
    assert shapes == [(2, 88, 32, 32), (2, 112, 16, 16), (2, 136, 8, 8)]


@pytest.mark.parametrize('depth', [3, 11 + 1, 165])
def test_pyramidnet_depths(depth):
    with pytest.raises(ValueError, match='9n'):
        PyramidNet(depth, 270)


def test_bottleneck_against_a_plain_one():
    """The residual with explicit operations, and the shortcut value by value."""
    torch.manual_seed(0)
    block = PyramidBottleneck(5, 3, stride=2).eval()
    for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
        nn.init.uniform_(norm.weight)
        nn.init.uniform_(norm.bias)
    x = torch.randn(2, 5, 5, 6)

    def norm(x, index):
        n = block.residual[index]
        return F.batch_norm(x, n.running_mean, n.running_var, n.weight, n.bias)

    y = F.conv2d(norm(x, 0), block.residual[1].weight)
    y = F.conv2d(norm(y, 2).clamp(min=0), block.residual[4].weight, stride=2, padding=1)
    y = norm(F.conv2d(norm(y, 5).clamp(min=0), block.residual[7].weight), 8)
    for n in range(2):
        for c in range(5):
            for i in range(3):
                for j in range(3):
                    # Odd heights end in a window of one row.
                    y[n, c, i, j] += x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean()
    torch.testing.assert_close(block(x), y, rtol=0, atol=1e-5)


def test_initialisation():
    """Normal with variance 2 / (k * k * out_channels), batch norms at one."""
    network = PyramidNet(29, 270)
    network.init_weights()
    weight = network.stages[2][2].residual[4].weight
    assert float(weight.detach().std()) == pytest.approx(
        (2 / (9 * weight.shape[0])) ** 0.5, rel=0.01
    )
    assert float(weight.detach().mean()) == pytest.approx(0, abs=1e-3)
    assert (network.stages[0][0].residual[0].weight == 1).all()


def test_frozen_stages():
    network = PyramidNet(29, 18, frozen_stages=1).train()
    trained = {name.split('.')[0:2][-1] if name.startswith('stages') else name.split('.')[0]
               for name, value in network.named_parameters() if value.requires_grad}  # fmt: skip
    assert trained == {'1', '2', 'last_norm'}
    assert not network.stem.training
    assert network.stages[1].training


def test_densenet_keeps_the_resolution():
    """No pooling in the stem: three transitions halve 32 to 4."""
    arch = dict(growth_rate=4, depths=[1, 1, 1, 1], init_channels=8)
    network = DenseNet_CIFAR(arch, out_indices=(0, 3))
    first, last = network(torch.rand(1, 3, 32, 32))
    # 8 + 4 = 12 channels, halved to 6; 6 + 4 = 10 to 5; 9 to 4; 4 + 4 = 8.
    assert (first.shape, last.shape) == ((1, 6, 16, 16), (1, 8, 4, 4))
