"""soft_nms through mmcv's own wrapper."""

import plain_ops
import pytest
import torch
from mmcv.ops import batched_nms, soft_nms

pytestmark = pytest.mark.usefixtures('substitute_ops')


def random_boxes(count, seed):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 30
    size = 5 + torch.rand(count, 2, generator=generator) * 20
    return torch.cat([corner, corner + size], 1), torch.rand(count, generator=generator)


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('min_score', [1e-3, 0.2])
def test_matches_the_slow_version(method, offset, min_score):
    boxes, scores = random_boxes(50, seed=3)
    given = boxes.clone(), scores.clone()
    expected = plain_ops.softnms(
        boxes.tolist(), scores.tolist(), 0.3, 0.5, min_score, method, offset
    )
    dets, kept = soft_nms(boxes, scores, 0.3, 0.5, min_score, method, offset)
    assert kept.tolist() == [index for index, _, _ in expected]
    torch.testing.assert_close(dets[:, :4], boxes[kept])
    torch.testing.assert_close(dets[:, 4], torch.tensor([score for _, _, score in expected]))
    assert torch.equal(boxes, given[0])
    assert torch.equal(scores, given[1])


def test_worked_out_by_hand():
    # Overlap of the first two: 50 of 150, so 0.8 falls to 0.8 * (1 - 1/3) = 0.5333.
    boxes = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [40, 40, 50, 50]])
    dets, kept = soft_nms(boxes, torch.tensor([0.9, 0.8, 0.6]), 0.3)
    assert kept.tolist() == [0, 2, 1]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.6, 0.8 * 2 / 3]))


def test_ties_are_broken_by_position_after_the_swaps():
    # No overlaps, all scores equal but one. The best (3) swaps places with 0, which then is last.
    boxes = torch.tensor([[10.0 * i, 0, 10 * i + 5, 5] for i in range(4)])
    _, kept = soft_nms(boxes, torch.tensor([0.5, 0.5, 0.5, 0.9]))
    assert kept.tolist() == [3, 1, 2, 0]


def test_boxes_without_area():
    # 0 / 0: linear leaves the score alone, gaussian makes it NaN, which is never "below min_score".
    boxes, scores = torch.tensor([[3.0, 1, 3, 1]] * 3), torch.tensor([0.9, 0.5, 0.4])
    dets, kept = soft_nms(boxes, scores, 0.6, method='linear')
    assert kept.tolist() == [0, 1, 2]
    assert torch.equal(dets[:, 4], scores)
    dets, kept = soft_nms(boxes, scores, 0.6, method='gaussian')
    assert kept.tolist() == [0, 1, 2]
    assert dets[:, 4].isnan().tolist() == [False, True, True]


@pytest.mark.parametrize('count', [0, 1])
def test_none_and_one(count):
    dets, kept = soft_nms(torch.ones(count, 4), torch.ones(count))
    assert dets.shape == (count, 5)
    assert kept.tolist() == list(range(count))


def test_lowered_scores_come_out_of_batched_nms():
    boxes = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [5, 0, 15, 10]])
    scores, labels = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 0, 1])
    dets, kept = batched_nms(boxes, scores, labels, dict(type='soft_nms', iou_threshold=0.3))
    assert kept.tolist() == [0, 2, 1]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.7, 0.8 * 2 / 3]))


@pytest.mark.parametrize('dtype', [torch.float16, torch.float64])
def test_other_precisions(dtype):
    boxes, scores = random_boxes(20, seed=9)
    boxes, scores = boxes.round().to(dtype), scores.to(dtype)
    expected = plain_ops.softnms(boxes.tolist(), scores.tolist(), 0.3, 0.5, 1e-3, 'linear')
    dets, kept = soft_nms(boxes, scores, 0.3)
    assert dets.dtype == dtype
    assert kept.tolist() == [index for index, _, _ in expected]
