"""nms, batched_nms and nms_match through mmcv's own wrappers."""

import plain_ops
import pytest
import torch
from mmcv.ops import batched_nms, nms, nms_match

pytestmark = pytest.mark.usefixtures('substitute_ops')


def random_boxes(count, seed):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 60
    size = torch.rand(count, 2, generator=generator) * 40
    return torch.cat([corner, corner + size], 1), torch.rand(count, generator=generator)


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.1, 0.4, 0.7])
def test_nms_matches_the_slow_version(threshold, offset):
    boxes, scores = random_boxes(120, seed=offset)
    expected = plain_ops.nms(boxes.tolist(), scores.tolist(), threshold, offset)
    dets, kept = nms(boxes, scores, threshold, offset=offset)
    assert kept.tolist() == expected
    assert 1 < len(expected) < 120
    assert torch.equal(dets, torch.cat([boxes, scores[:, None]], 1)[expected])


def test_offset_counts_the_last_pixel():
    # Side by side, 0..1 and 1..2: no overlap. As inclusive pixels {0, 1} and {1, 2}, one column of
    # three is shared: 2 / 6 = 1/3.
    boxes, scores = torch.tensor([[0.0, 0, 1, 1], [1, 0, 2, 1]]), torch.tensor([0.9, 0.8])
    assert nms(boxes, scores, 0.3, offset=0)[1].tolist() == [0, 1]
    assert nms(boxes, scores, 0.3, offset=1)[1].tolist() == [0]


def test_an_overlap_equal_to_the_threshold_is_kept():
    # 3 of 5 pixels: 0.6 in float32 on both sides, and the compiled op asks for more than that.
    boxes, scores = torch.tensor([[0.0, 0, 5, 1], [0, 0, 3, 1]]), torch.tensor([0.9, 0.8])
    assert nms(boxes, scores, 0.6)[1].tolist() == [0, 1]
    assert nms(boxes, scores, 0.59)[1].tolist() == [0]


def test_equal_scores_keep_their_order():
    boxes = torch.tensor([[10.0 * i, 0, 10 * i + 5, 5] for i in range(40)])
    assert nms(boxes, torch.full((40,), 0.5), 0.5)[1].tolist() == list(range(40))


@pytest.mark.parametrize('count', [0, 1])
def test_none_and_one(count):
    dets, kept = nms(torch.ones(count, 4), torch.ones(count), 0.5)
    assert dets.shape == (count, 5)
    assert kept.tolist() == list(range(count))
    assert kept.dtype == torch.int64


def test_identical_and_empty_boxes():
    # Overlap of two boxes without area is 0 / 0, which exceeds nothing: both stay.
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4], [7, 7, 7, 7], [7, 7, 7, 7]])
    assert nms(boxes, torch.tensor([0.1, 0.2, 0.3, 0.4]), 0.5)[1].tolist() == [3, 2, 1]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    boxes, scores = random_boxes(60, seed=5)
    boxes, scores = boxes.round().to(dtype), scores.to(dtype)
    dets, kept = nms(boxes, scores, 0.4)
    assert dets.dtype == dtype
    assert kept.tolist() == plain_ops.nms(boxes.tolist(), scores.tolist(), 0.4)


@pytest.mark.parametrize('split_thr', [10000, 10])
def test_batched_nms_keeps_classes_apart(split_thr):
    boxes, scores = random_boxes(90, seed=7)
    labels = torch.arange(90) % 3
    dets, kept = batched_nms(
        boxes, scores, labels, dict(type='nms', iou_threshold=0.3, split_thr=split_thr)
    )
    expected = []
    for label in range(3):
        members = [i for i in range(90) if i % 3 == label]
        chosen = plain_ops.nms(boxes[members].tolist(), scores[members].tolist(), 0.3)
        expected += [members[i] for i in chosen]
    expected.sort(key=lambda i: -scores[i])
    assert kept.tolist() == expected
    assert len(expected) > len(plain_ops.nms(boxes.tolist(), scores.tolist(), 0.3))
    torch.testing.assert_close(dets, torch.cat([boxes, scores[:, None]], 1)[expected])


@pytest.mark.parametrize('threshold', [0.2, 0.6])
def test_nms_match_groups(threshold):
    boxes, scores = random_boxes(80, seed=11)
    expected = plain_ops.nms_match(boxes.tolist(), scores.tolist(), threshold)
    groups = nms_match(torch.cat([boxes, scores[:, None]], 1), threshold)
    assert [group.tolist() for group in groups] == expected
    assert max(len(group) for group in expected) > 1


def test_nms_match_of_nothing():
    assert nms_match(torch.zeros(0, 5), 0.5) == []
