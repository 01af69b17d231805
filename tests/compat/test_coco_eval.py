"""COCO's figures from faster-coco-eval, compared with those from pycocotools."""

import copy
import itertools
import json

import numpy as np
import pytest
from mmdet.datasets import api_wrappers
from mmdet.evaluation.metrics import coco_metric
from pycocotools import cocoeval
from pycocotools import mask as coco_mask

from rm_mm.compat.coco_eval import FastCOCOeval

HEIGHT, WIDTH, CLASSES = 240, 320, 6
#: CocoMetric's default; pycocotools' default; unsorted.
MAX_DETS = ([100, 300, 1000], [1, 10, 100], [100, 1, 10])


def outline(box):
    """Polygon of the ellipse in a box."""
    x, y, width, height = box
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    across, down = x + width * (1 + np.cos(angles)) / 2, y + height * (1 + np.sin(angles)) / 2
    return np.stack([across, down], 1).ravel().tolist()


def filled(box):
    """The same ellipse as RLE."""
    rle = coco_mask.merge(coco_mask.frPyObjects([outline(box)], HEIGHT, WIDTH))
    return {'size': [HEIGHT, WIDTH], 'counts': rle['counts'].decode()}


def uncompressed(box):
    """The box as uncompressed counts, as in COCO's own files for crowds."""
    x, y, right, bottom = (round(value) for value in (*box[:2], box[0] + box[2], box[1] + box[3]))
    pixels = np.zeros((HEIGHT, WIDTH), dtype=int)
    pixels[y:bottom, x:right] = 1
    flat = pixels.ravel(order='F')
    edges = np.flatnonzero(np.diff(flat, prepend=0))
    return {'size': [HEIGHT, WIDTH], 'counts': np.diff([0, *edges, flat.size]).tolist()}


def draw_box(random):
    """A box with sides from 4 to 160 pixels, which covers all three ranges of area."""
    width, height = np.exp(random.uniform(np.log(4), np.log(160), 2))
    x, y = random.uniform(0, WIDTH - width), random.uniform(0, HEIGHT - height)
    return [float(value) for value in (x, y, width, height)]


def made(seed=0, images=12, masks=False, first_id=1):
    """Ground truth and detections, as the contents of their two files.

    Image 1 has no annotations, image 2 no detections, image 3 neither, image 4 more than 100
    detections of one class. The last class is never annotated, the one before never detected. One
    object in six is a crowd, one in six has ``ignore`` set, some have an area at the limit of a
    range, some appear twice in one place. Scores have one digit, so most occur several times.
    """
    random = np.random.default_rng(seed)
    annotations, detections = [], []
    for image in range(images):
        boxes = [] if image in (1, 3) else [draw_box(random) for _ in range(8)] + [[8.0, 8, 32, 32]]
        for number, box in enumerate(boxes + boxes[-2:]):
            category = int(random.integers(1, CLASSES))
            annotation = {
                'id': first_id + len(annotations), 'image_id': image, 'category_id': category,
                'bbox': box, 'area': box[2] * box[3], 'iscrowd': int(number % 6 == 5),
            }  # fmt: skip
            if number % 6 == 4:
                annotation['ignore'] = 1
            if masks:
                crowd = annotation['iscrowd']
                annotation['segmentation'] = uncompressed(box) if crowd else [outline(box)]
            annotations.append(annotation)
        near = [
            [
                value + random.normal() * size / 12
                for value, size in zip(box, box[2:] * 2, strict=True)
            ]
            for box in boxes * 3
        ]
        extra = 130 if image == 4 else 20
        for box in near + [draw_box(random) for _ in range(extra)]:
            if image in (2, 3):
                continue
            category = 1 if image == 4 else int(random.choice([1, 2, 3, 4, 6]))
            detections.append({
                'image_id': image, 'category_id': category, 'score': int(random.integers(10)) / 10,
                'bbox': [float(value) for value in box[:2]] + [max(float(v), 1.0) for v in box[2:]],
            })  # fmt: skip
            if masks:
                detections[-1]['segmentation'] = filled(detections[-1].pop('bbox'))
    truth = {
        'images': [{'id': i, 'height': HEIGHT, 'width': WIDTH} for i in range(images)],
        'categories': [{'id': i + 1, 'name': f'class {i + 1}'} for i in range(CLASSES)],
        'annotations': annotations,
    }
    return truth, detections


def evaluated(evaluator, truth, detections, kind='bbox', **parameters):
    """Evaluate with new objects, because both evaluators write into them."""
    api = api_wrappers.COCO()
    api.dataset = copy.deepcopy(truth)
    api.createIndex()
    found = api.loadRes(copy.deepcopy(detections)) if detections else api_wrappers.COCO()
    if not detections:
        found.dataset = {**api.dataset, 'annotations': []}
        found.createIndex()
    evaluation = evaluator(api, found, kind)
    for name, value in parameters.items():
        setattr(evaluation.params, name, value)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def assert_equal(fast, slow):
    """Compare all twelve figures, and every precision, recall and score behind them."""
    assert not isinstance(slow, FastCOCOeval)
    assert fast._accumulated is not None
    assert fast.stats.shape == (12,)
    np.testing.assert_allclose(fast.stats, slow.stats, rtol=0, atol=1e-9)
    for name in ('precision', 'recall', 'scores'):
        np.testing.assert_allclose(fast.eval[name], slow.eval[name], rtol=0, atol=1e-9)
    assert fast.eval['counts'] == slow.eval['counts']
    for name in ('imgIds', 'maxDets', *(['catIds'] if slow.params.useCats else [])):
        assert getattr(fast.params, name) == getattr(slow.params, name)


def both(*data, **parameters):
    return (
        evaluated(FastCOCOeval, *data, **copy.deepcopy(parameters)),
        evaluated(cocoeval.COCOeval, *data, **copy.deepcopy(parameters)),
    )


@pytest.mark.parametrize(
    ('kind', 'max_dets', 'seed'), [*itertools.product(('bbox', 'segm'), MAX_DETS, (0, 1))]
)
def test_all_figures_equal_pycocotools(kind, max_dets, seed):
    fast, slow = both(*made(seed, masks=kind == 'segm'), kind=kind, maxDets=max_dets)
    assert_equal(fast, slow)
    # No figure that these limits allow is empty.
    assert (slow.stats > 0.01).sum() >= 11


def test_proposals_without_a_class():
    assert_equal(*both(*made(), useCats=0, maxDets=[100, 300, 1000]))


def test_a_subset_of_images_classes_and_thresholds():
    only = {'imgIds': [5, 4, 4, 1], 'catIds': [3, 1], 'iouThrs': np.array([0.3, 0.5])}
    fast, slow = both(*made(), **only)
    assert_equal(fast, slow)
    assert fast.eval['precision'].shape[:3] == (2, 101, 2)


@pytest.mark.parametrize('lacks', ['annotations', 'detections', 'both'])
def test_no_annotations_or_no_detections(lacks):
    truth, detections = made()
    if lacks != 'detections':
        truth['annotations'] = []
    fast, slow = both(truth, [] if lacks != 'annotations' else detections)
    assert_equal(fast, slow)


def test_annotation_0_counts_as_for_pycocotools():
    """pycocotools uses the id of the matched annotation as a flag for a match."""
    box = {'image_id': 0, 'category_id': 1, 'bbox': [9.0, 9, 40, 40]}
    truth, _ = made(images=1)
    for first_id, expected in ((0, 0.0), (1, 1.0)):
        truth['annotations'] = [{**box, 'id': first_id, 'area': 1600.0, 'iscrowd': 0}]
        fast, slow = both(truth, [{**box, 'score': 0.5}])
        assert_equal(fast, slow)
        assert fast.stats[0] == pytest.approx(expected)
    assert_equal(*both(*made(first_id=0)))


def through_metric(tmp_path, monkeypatch, evaluator, truth, detections, metric, **options):
    """Return the results of CocoMetric, and its evaluations."""
    evaluations = []

    class Recorded(evaluator):
        def __init__(self, *args):
            super().__init__(*args)
            evaluations.append(self)

    monkeypatch.setattr(coco_metric, 'COCOeval', Recorded)
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    coco = coco_metric.CocoMetric(str(tmp_path / 'truth.json'), metric=metric, **options)
    coco.dataset_meta = {'classes': [each['name'] for each in truth['categories']]}
    for image in truth['images']:
        mine = [each for each in detections if each['image_id'] == image['id']]
        boxes = np.array([coco_mask.toBbox(each['segmentation']) for each in mine]).reshape(-1, 4)
        result = {
            'img_id': image['id'],
            'bboxes': np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
            'scores': np.array([each['score'] for each in mine]),
            'labels': np.array([each['category_id'] - 1 for each in mine], dtype=int),
            'masks': [each['segmentation'] for each in mine],
        }
        coco.results.append(({}, result))
    return coco.compute_metrics(coco.results), evaluations


def test_through_coco_metric(tmp_path, monkeypatch):
    assert coco_metric.COCOeval is FastCOCOeval
    data = made(images=8, masks=True)
    options = {'metric': ['bbox', 'segm', 'proposal'], 'classwise': True}
    found, fast = through_metric(tmp_path, monkeypatch, FastCOCOeval, *data, **options)
    expected, slow = through_metric(tmp_path, monkeypatch, cocoeval.COCOeval, *data, **options)
    assert len(fast) == len(slow) == 3
    for one, other in zip(fast, slow, strict=True):
        assert_equal(one, other)
    assert list(found) == list(expected)
    np.testing.assert_allclose([*found.values()], [*expected.values()], rtol=0, atol=1e-9)
    assert {'bbox_mAP', 'segm_mAP_l', 'AR@1000', 'class 1_precision'} <= {*found}
    assert found['bbox_mAP'] > 0
    assert found['class 1_precision'] > 0
    # Never detected, and never annotated.
    assert found['class 5_precision'] == 0
    assert np.isnan(found['class 6_precision'])


def test_coco_metric_without_any_detection(tmp_path, monkeypatch):
    truth, _ = made()
    found, made_none = through_metric(tmp_path, monkeypatch, FastCOCOeval, truth, [], 'bbox')
    assert (found, made_none) == ({}, [])
