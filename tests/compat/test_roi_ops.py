"""RoIAlign and RoIPool through mmcv's own wrappers."""

import plain_ops
import pytest
import torch
from mmcv.ops import RoIAlign, RoIPool

from rm_mm.compat import MissingOpError

pytestmark = pytest.mark.usefixtures('substitute_ops')


# Inside; fractional, in the second image; across the border; outside; without area.
ROIS = torch.tensor(
    [
        [0, 4.0, 4.0, 20.0, 28.0],
        [1, 3.3, 5.7, 24.9, 17.2],
        [0, -9.0, -5.0, 40.0, 6.0],
        [1, 90.0, 90.0, 99.0, 99.0],
        [0, 8.0, 8.0, 8.0, 8.0],
    ]
)
REVERSED = torch.tensor([[0, 20.0, 20.0, 8.0, 8.0]])


def features(dtype=torch.float32):
    return torch.randn(2, 3, 8, 9, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
def test_roi_align_matches_the_slow_version(aligned, sampling_ratio):
    expected = torch.tensor(
        plain_ops.roi_align(features().tolist(), ROIS.tolist(), 3, 0.25, sampling_ratio, aligned)
    )
    output = RoIAlign(3, 0.25, sampling_ratio, aligned=aligned)(features(), ROIS)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)
    assert output[3].eq(0).all()
    assert output[0].ne(0).all()


def test_roi_align_by_hand():
    # Bins of 2 x 2 on a plane that grows by 1 a column: the mean of columns (0, 1) and (2, 3).
    plane = torch.arange(4.0).expand(1, 1, 4, 4).contiguous()
    output = RoIAlign(2, 1.0, 0)(plane, torch.tensor([[0, 0.0, 0.0, 4.0, 4.0]]))
    assert torch.equal(output, torch.tensor([[[[0.5, 2.5], [0.5, 2.5]]]]))


@pytest.mark.parametrize('aligned', [True, False])
def test_roi_align_gradient(aligned):
    pool = RoIAlign(3, 0.25, 0, aligned=aligned)
    rois = ROIS.double()
    given = features(torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pool(x, rois), given)


def test_roi_align_gradient_lands_where_the_region_lies():
    given = features().requires_grad_()
    RoIAlign(2, 1.0, 0)(given, torch.tensor([[1, 0.0, 0.0, 4.0, 4.0]])).sum().backward()
    # Each of the 4 bins averages 4 pixels, each of the 16 pixels is in one bin.
    expected = torch.zeros(2, 3, 8, 9)
    expected[1, :, :4, :4] = 0.25
    torch.testing.assert_close(given.grad, expected)


def test_roi_align_with_maximum_names_the_missing_op():
    with pytest.raises(MissingOpError, match='pool_mode'):
        RoIAlign(3, 0.25, 0, pool_mode='max')(features(), ROIS)


@pytest.mark.parametrize('scale', [0.25, 0.3, 1.0])
def test_roi_pool_matches_the_slow_version(scale):
    rois = torch.cat([ROIS, REVERSED])
    expected = torch.tensor(plain_ops.roi_pool(features().tolist(), rois.tolist(), 3, scale))
    output = RoIPool(3, scale)(features(), rois)
    torch.testing.assert_close(output, expected[..., 0])
    assert output[3].eq(0).all()
    assert output[5].eq(0).all()


def test_roi_pool_sends_its_gradient_to_the_maximum():
    rois = torch.cat([ROIS, REVERSED])
    expected = torch.zeros(2, 3, 8 * 9)
    weight = torch.arange(1.0, 6 * 3 * 9 + 1).view(6, 3, 3, 3)
    pooled = plain_ops.roi_pool(features().tolist(), rois.tolist(), 3, 0.25)
    for n, roi in enumerate(pooled):
        for c, plane in enumerate(roi):
            for y, line in enumerate(plane):
                for x, (_, place) in enumerate(line):
                    if place >= 0:
                        expected[int(rois[n, 0]), c, place] += weight[n, c, y, x]
    given = features().requires_grad_()
    (RoIPool(3, 0.25)(given, rois) * weight).sum().backward()
    torch.testing.assert_close(given.grad, expected.view(2, 3, 8, 9))


def test_roi_pool_takes_the_first_of_equal_maxima():
    given = torch.ones(1, 1, 4, 4, requires_grad=True)
    RoIPool(1, 1.0)(given, torch.tensor([[0, 1.0, 1.0, 2.0, 2.0]])).sum().backward()
    assert given.grad.nonzero().tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize('pool', [RoIAlign(3, 0.25, 0), RoIPool(3, 0.25)])
def test_no_regions(pool):
    given = features().requires_grad_()
    output = pool(given, torch.zeros(0, 5))
    assert output.shape == (0, 3, 3, 3)
    output.sum().backward()
    assert given.grad.eq(0).all()


@pytest.mark.parametrize('pool', [RoIAlign(3, 0.25, 0), RoIPool(3, 0.25)])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(pool, dtype):
    given = features(dtype).requires_grad_()
    # The second region's corners are not exact in half precision.
    rois = ROIS[[0, 2, 3, 4]]
    output = pool(given, rois.to(dtype))
    expected = pool(features(dtype).float(), rois)
    assert output.dtype == dtype
    torch.testing.assert_close(output, expected.to(dtype))
    output.sum().backward()
    assert given.grad.dtype == dtype
    assert given.grad.ne(0).any()
