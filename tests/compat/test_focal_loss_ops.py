"""Sigmoid and softmax focal loss through mmcv's own wrappers."""

import math

import plain_ops
import pytest
import torch
from mmcv.ops import SigmoidFocalLoss, SoftmaxFocalLoss, softmax_focal_loss

pytestmark = pytest.mark.usefixtures('substitute_ops')


CLASSES = 4
WEIGHT = torch.tensor([0.5, 2.0, 1.5, 3.0])
# 4 is the background of a sigmoid loss, -1 an ignored row.
TARGETS = torch.tensor([0, 3, 1, 4, 2, -1])


def logits(dtype=torch.float32):
    generator = torch.Generator().manual_seed(2)
    return (3 * torch.randn(len(TARGETS), CLASSES, generator=generator)).to(dtype)


@pytest.mark.parametrize('weight', [None, WEIGHT])
@pytest.mark.parametrize('gamma', [0.0, 1.5, 2.0])
def test_sigmoid_matches_the_slow_version(weight, gamma):
    listed = None if weight is None else weight.tolist()
    expected = torch.tensor(
        plain_ops.sigmoid_focal_loss(logits().tolist(), TARGETS.tolist(), listed, gamma, 0.25)
    )
    output = SigmoidFocalLoss(gamma, 0.25, weight, 'none')(logits(), TARGETS)
    torch.testing.assert_close(output, expected, atol=1e-6, rtol=1e-5)
    mean = SigmoidFocalLoss(gamma, 0.25, weight, 'mean')(logits(), TARGETS)
    torch.testing.assert_close(mean, expected.sum() / len(TARGETS))


def test_sigmoid_by_hand():
    # At logit 0, p = 1/2. Target: 0.25 * (1/2)² * ln 2; other class: 0.75 * (1/2)² * ln 2.
    output = SigmoidFocalLoss(2.0, 0.25, None, 'none')(torch.zeros(1, 2), torch.tensor([1]))
    expected = torch.tensor([[0.1875, 0.0625]]) * math.log(2)
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize('weight', [None, WEIGHT])
@pytest.mark.parametrize('reduction', ['none', 'mean', 'sum'])
def test_sigmoid_gradient(weight, reduction):
    weight = None if weight is None else weight.double()
    loss = SigmoidFocalLoss(2.0, 0.25, weight, reduction)
    given = logits(torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, TARGETS), given)


def test_sigmoid_is_finite_at_certainty():
    # p underflows to 0 in float32, and ln is taken of FLT_MIN = 2**-126 instead.
    given = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    output = SigmoidFocalLoss(2.0, 0.25, None, 'none')(given, torch.tensor([0]))
    expected = 126 * math.log(2) * torch.tensor([[0.25, 0.75]])
    torch.testing.assert_close(output, expected)
    output.sum().backward()
    # -0.25 * (1 - 0) and 0.75 * 1.
    torch.testing.assert_close(given.grad, torch.tensor([[-0.25, 0.75]]))


@pytest.mark.parametrize('weight', [None, WEIGHT])
@pytest.mark.parametrize('gamma', [1.0, 2.0])
def test_softmax_matches_the_slow_version(weight, gamma):
    listed = None if weight is None else weight.tolist()
    expected = torch.tensor(
        plain_ops.softmax_focal_loss(logits().tolist(), TARGETS.tolist(), listed, gamma, 0.25)
    )
    output = softmax_focal_loss(logits(), TARGETS, gamma, 0.25, weight, 'none')
    torch.testing.assert_close(output, expected, atol=1e-6, rtol=1e-5)
    assert output[[3, 5]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize('weight', [None, WEIGHT])
@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_softmax_gradient(weight, reduction):
    weight = None if weight is None else weight.double()
    loss = SoftmaxFocalLoss(2.0, 0.25, weight, reduction)
    given = logits(torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, TARGETS), given)


def test_softmax_at_certainty():
    # The target's probability underflows to 0: 0.25 * 1 * -ln FLT_MIN, gradient 0.25 * (p - 1hot).
    given = torch.tensor([[0.0, 200.0]], requires_grad=True)
    output = softmax_focal_loss(given, torch.tensor([0]), 2.0, 0.25, None, 'sum')
    torch.testing.assert_close(output, torch.tensor(0.25 * 126 * math.log(2)))
    output.backward()
    torch.testing.assert_close(given.grad, torch.tensor([[-0.25, 0.25]]))


@pytest.mark.parametrize('loss', [SigmoidFocalLoss, SoftmaxFocalLoss])
def test_no_rows(loss):
    given = torch.zeros(0, CLASSES, requires_grad=True)
    output = loss(2.0, 0.25, None, 'sum')(given, torch.zeros(0, dtype=torch.long))
    output.backward()
    assert output == 0
    assert given.grad.shape == (0, CLASSES)


@pytest.mark.parametrize('loss', [SigmoidFocalLoss, SoftmaxFocalLoss])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(loss, dtype):
    given = logits(dtype).requires_grad_()
    output = loss(2.0, 0.25, WEIGHT.to(dtype), 'sum')(given, TARGETS)
    output.backward()
    assert output.dtype == given.grad.dtype == dtype
    exact = loss(2.0, 0.25, WEIGHT, 'sum')(logits(dtype).float(), TARGETS)
    torch.testing.assert_close(output.float(), exact, atol=0.1, rtol=0.02)
