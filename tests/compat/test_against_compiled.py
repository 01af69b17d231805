"""The substitutes against the compiled ops. Runs only where mmcv was compiled."""

import importlib

import pytest
import torch

from rm_mm.compat import ops_in_use
from rm_mm.compat.ops import OPS

pytestmark = pytest.mark.skipif(ops_in_use() != 'compiled', reason='mmcv has no compiled ops')

CUDA = pytest.param(
    'cuda', marks=pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
)
ROIS = torch.tensor(
    [
        [0, 4.0, 4.0, 20.0, 28.0],
        [1, 3.3, 5.7, 24.9, 17.2],
        [0, -9.0, -5.0, 40.0, 6.0],
        [1, 90.0, 90.0, 99.0, 99.0],
        [0, 8.0, 8.0, 8.0, 8.0],
    ]
)


@pytest.fixture
def compiled():
    return importlib.import_module('mmcv._ext')


def boxes_and_scores(device='cpu'):
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(300, 2, generator=generator) * 60
    size = torch.rand(300, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + size], 1)
    return boxes.to(device), torch.rand(300, generator=generator).to(device)


@pytest.mark.parametrize('device', ['cpu', CUDA])
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.1, 0.6])
def test_nms(compiled, device, offset, threshold):
    given = *boxes_and_scores(device), threshold, offset
    assert torch.equal(OPS['nms'](*given), compiled.nms(*given))


@pytest.mark.parametrize('device', ['cpu', CUDA])
def test_nms_at_the_threshold(compiled, device):
    boxes = torch.tensor([[0.0, 0, 5, 1], [0, 0, 3, 1]], device=device)
    given = boxes, torch.tensor([0.9, 0.8], device=device), 0.6, 0
    assert torch.equal(OPS['nms'](*given), compiled.nms(*given))


@pytest.mark.parametrize('method', [0, 1, 2])
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('min_score', [1e-3, 0.2])
def test_softnms(compiled, method, offset, min_score):
    boxes, scores = boxes_and_scores()
    results = []
    for op in (OPS['softnms'], compiled.softnms):
        dets = torch.full((len(boxes), 5), -1.0)
        kept = op(boxes, scores, dets, 0.3, 0.5, min_score, method, offset)
        results.append((kept, dets[: len(kept)]))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


@pytest.mark.parametrize('method', [1, 2])
def test_softnms_without_area(compiled, method):
    boxes, scores = torch.tensor([[3.0, 1, 3, 1]] * 4), torch.tensor([0.5, 0.9, 0.5, 0.4])
    results = []
    for op in (OPS['softnms'], compiled.softnms):
        dets = torch.full((len(boxes), 5), -1.0)
        results.append((op(boxes, scores, dets, 0.6, 0.5, 1e-3, method, 0), dets))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1], equal_nan=True)


def test_nms_match(compiled):
    boxes, scores = boxes_and_scores()
    dets = torch.cat([boxes, scores[:, None]], 1)
    assert OPS['nms_match'](dets, 0.5) == compiled.nms_match(dets, 0.5)


@pytest.mark.parametrize('device', ['cpu', CUDA])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
def test_roi_align(compiled, device, dtype, aligned, sampling_ratio):
    features = torch.randn(2, 3, 8, 9, device=device, dtype=dtype)
    rois = ROIS.to(features)
    unused = features.new_zeros(0)
    numbers = 3, 4, 0.25, sampling_ratio, 1, aligned
    gradient = torch.randn(len(rois), 3, 3, 4, device=device, dtype=dtype)
    results = []
    for forward, backward in (
        (OPS['roi_align_forward'], OPS['roi_align_backward']),
        (compiled.roi_align_forward, compiled.roi_align_backward),
    ):
        output, grad_input = torch.zeros_like(gradient), torch.zeros_like(features)
        forward(features, rois, output, unused, unused, *numbers)
        backward(gradient, rois, unused, unused, grad_input, *numbers)
        results.append((output, grad_input))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize('device', [CUDA])
def test_roi_pool(compiled, device):
    features = torch.randn(2, 3, 8, 9, device=device)
    rois = ROIS.to(features)
    gradient = torch.randn(len(rois), 3, 3, 4, device=device)
    results = []
    for forward, backward in (
        (OPS['roi_pool_forward'], OPS['roi_pool_backward']),
        (compiled.roi_pool_forward, compiled.roi_pool_backward),
    ):
        output, grad_input = torch.zeros_like(gradient), torch.zeros_like(features)
        argmax = torch.zeros_like(gradient, dtype=torch.int)
        forward(features, rois, output, argmax, 3, 4, 0.25)
        backward(gradient, rois, argmax, grad_input, 3, 4, 0.25)
        results.append((output, argmax, grad_input))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize('device', [CUDA])
@pytest.mark.parametrize('weighted', [True, False])
def test_sigmoid_focal_loss(compiled, device, weighted):
    logits = 3 * torch.randn(20, 4, device=device)
    targets = torch.arange(20, device=device) % (4 if weighted else 5)
    weight = torch.rand(4 if weighted else 0, device=device)
    for name in ('sigmoid_focal_loss_forward', 'sigmoid_focal_loss_backward'):
        ours, theirs = torch.zeros_like(logits), torch.zeros_like(logits)
        OPS[name](logits, targets, weight, ours, 2.0, 0.25)
        getattr(compiled, name)(logits, targets, weight, theirs, 2.0, 0.25)
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize('device', [CUDA])
@pytest.mark.parametrize('weighted', [True, False])
def test_softmax_focal_loss(compiled, device, weighted):
    p = (3 * torch.randn(20, 4, device=device)).softmax(1)
    targets = torch.arange(20, device=device) % 4
    weight = torch.rand(4 if weighted else 0, device=device)
    results = []
    for forward, backward in (
        (OPS['softmax_focal_loss_forward'], OPS['softmax_focal_loss_backward']),
        (compiled.softmax_focal_loss_forward, compiled.softmax_focal_loss_backward),
    ):
        output, buffer, grad_input = p.new_zeros(20), p.new_zeros(20), torch.zeros_like(p)
        forward(p, targets, weight, output, 2.0, 0.25)
        backward(p, targets, weight, buffer, grad_input, 2.0, 0.25)
        results.append((output, buffer, grad_input))
    torch.testing.assert_close(results[0], results[1])
