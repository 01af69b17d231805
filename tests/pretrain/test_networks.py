"""The networks of the CIFAR tables."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rm_mm.pretrain.networks import DenseNet_CIFAR, PyramidBottleneck, PyramidNet


def parameters(network):
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(
    ('depth', 'alpha', 'widths'),
    [
        # 3 blocks a stage, so 9 steps of 2 from 16 to 34.
        (29, 18, range(18, 35, 2)),
        # The networks of the paper's CIFAR tables: 18 blocks a stage, so 54 steps of 5 to 286; and
        # 22 blocks a stage, so 66 steps of 40/11 to 256. Rounded, 40k/11 is (80k + 11) // 22.
        (164, 270, range(21, 287, 5)),
        (200, 240, [16 + (80 * k + 11) // 22 for k in range(1, 67)]),
    ],
)
def test_pyramidnet_widths_and_parameters(depth, alpha, widths):
    network = PyramidNet(depth, alpha)
    found = [block.residual[1].out_channels for stage in network.stages for block in stage]
    assert found == list(widths)
    # Stem: 3 * 16 * 9 + 2 * 16. A block of width w with c input channels: batch norms
    # 2 (c + w + w + 4w), convolutions c w + 9 w w + 4 w w. At the end a norm of 4 w channels.
    expected, channels = 432 + 32, 16
    for width in widths:
        expected += 2 * channels + 12 * width + channels * width + 13 * width**2
        channels = 4 * width
    assert parameters(network) == expected + 2 * channels


def test_pyramidnet_returns_the_stages_one_after_another():
    """Each stage applied by hand to the output of the one before, and norm and ReLU at the end."""
    network = PyramidNet(29, 18, out_indices=(0, 1, 2)).eval()
    with torch.no_grad():
        outputs = network(image := torch.rand(2, 3, 32, 32))
        first = network.stages[0](network.stem(image))
        second = network.stages[1](first)
        third = network.last_norm(network.stages[2](second)).clamp(min=0)
    for found, expected in zip(outputs, (first, second, third), strict=True):
        torch.testing.assert_close(found, expected)
    assert [out.shape[1:] for out in outputs] == [(88, 32, 32), (112, 16, 16), (136, 8, 8)]


@pytest.mark.parametrize('depth', [3, 11 + 1, 165])
def test_pyramidnet_depths(depth):
    with pytest.raises(ValueError, match='9n'):
        PyramidNet(depth, 270)


def test_bottleneck_against_a_plain_one():
    """The residual as explicit operations, and the shortcut value by value."""
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
                    # With an odd height, the last window has one row.
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
    frozen = [network.stem, network.stages[0]]
    trained = [network.stages[1], network.stages[2], network.last_norm]
    for part, is_trained in [
        *((part, False) for part in frozen),
        *((part, True) for part in trained),
    ]:
        assert part.training is is_trained
        assert {value.requires_grad for value in part.parameters()} == {is_trained}


def test_densenet_has_a_plain_stem_and_its_four_dense_stages():
    arch = dict(growth_rate=4, depths=[1, 1, 1, 1], init_channels=8)
    network = DenseNet_CIFAR(arch, out_indices=(0, 1, 2, 3))
    network.eval()
    # Stem 3 * 8 * 9. A dense layer with c input channels: norm 2c, 1x1 to 16, norm 32, 3x3 to 4:
    # 18c + 608. A transition from c to c / 2: 2c + c * c / 2, and the norm of the last 8 channels.
    # c is 8 (12 -> 6), 6 (10 -> 5), 5 (9 -> 4), 4 (8).
    layers = sum(18 * channels + 608 for channels in (8, 6, 5, 4))
    transitions = (24 + 72) + (20 + 50) + (18 + 36)
    assert parameters(network) == 216 + layers + transitions + 16
    # An image that differs in one pixel: with padding 1 and no pooling before the first stage, its
    # two 3x3 convolutions see it 2 pixels away, and the transition averages 2 x 2 pixels.
    image = torch.zeros(1, 3, 32, 32)
    changed = image.clone()
    changed[..., 16, 16] = 1
    with torch.no_grad():
        first, second = network(image)[0], network(changed)[0]
    rows = (first != second).any(dim=1)[0].nonzero()
    assert first.shape[-2:] == (16, 16)
    assert (rows.min().item(), rows.max().item()) == (7, 9)
