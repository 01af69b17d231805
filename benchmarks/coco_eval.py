"""Time the evaluation of boxes, as in mmdet's CocoMetric, by pycocotools and by faster-coco-eval.

Ground truth and detections are generated: about seven objects per image, log-normal sizes,
classes as uneven as in COCO, one crowd in a hundred objects, and up to 100 detections per image,
half of them near an object. `evaluate`, `accumulate` and `summarize` are timed with the
parameters of CocoMetric. Before that, each evaluator runs once in a whole
`CocoMetric.compute_metrics`. All twelve figures have to agree to 1e-9, and the evaluator's share
of the time is printed.

    python benchmarks/coco_eval.py --json coco_eval.json
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from alternation import Bar, alternate, parser, report
from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation.metrics import coco_metric
from mmengine.logging import MMLogger
from pycocotools.cocoeval import COCOeval

from rm_mm.compat.coco_eval import FastCOCOeval, faster_evaluator

HEIGHT, WIDTH = 480, 640
MOST_DETECTIONS = 100
#: The default of CocoMetric.
MAX_DETECTIONS = [100, 300, 1000]
AGREE_TO = 1e-9
WAYS = {'pycocotools': COCOeval, 'faster-coco-eval': FastCOCOeval}


def make(
    images: int, classes: int, seed: int
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Generate an annotation file and the results that CocoMetric collects for each image.

    Args:
        images: Number of images.
        classes: Number of classes.
        seed: Seed of all random numbers.

    Returns:
        Annotations in COCO format; and for each image an empty ground truth and a result: boxes
        (N, 4) as x1, y1, x2, y2 in pixels, scores (N,) in [0, 1] and labels (N,).
    """
    random = np.random.default_rng(seed)
    # The most frequent class of COCO has about a thousand times as many objects as the rarest.
    weights = np.geomspace(1000, 1, classes) if classes > 1 else np.ones(1)
    weights /= weights.sum()
    annotations: list[dict[str, Any]] = []
    results = []
    for image in range(images):
        # Few images have many objects. The average is 7.3, as in COCO's val2017.
        count = min(int(random.negative_binomial(1.1, 0.131)), 60)
        boxes, labels = _boxes(random, count), random.choice(classes, count, p=weights)
        for box, label in zip(boxes, labels, strict=True):
            width, height = (box[2:] - box[:2]).tolist()
            annotations.append({
                'id': len(annotations) + 1, 'image_id': image, 'category_id': int(label) + 1,
                'bbox': [*box[:2].tolist(), width, height],
                # An object fills about two thirds of its box.
                'area': width * height * random.uniform(0.4, 0.9),
                'iscrowd': int(random.random() < 0.01),
            })  # fmt: skip
        found = int(random.integers(MOST_DETECTIONS // 2, MOST_DETECTIONS + 1))
        near = random.integers(0, count, found // 2 if count else 0)
        sides = np.tile(boxes[near, 2:] - boxes[near, :2], 2)
        moved = boxes[near] + random.normal(size=sides.shape) * sides * 0.08
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        others = found - len(near)
        confused = random.choice(classes, len(near), p=weights)
        same = np.where(random.random(len(near)) < 0.8, labels[near], confused)
        result = {
            'img_id': image,
            'bboxes': np.concatenate([moved, _boxes(random, others)]),
            'scores': np.concatenate([random.beta(3, 3, len(near)), random.beta(1, 8, others)]),
            'labels': np.concatenate([same, random.choice(classes, others, p=weights)]),
        }
        results.append(({}, result))
    content = {
        'images': [{'id': i, 'height': HEIGHT, 'width': WIDTH} for i in range(images)],
        'categories': [{'id': i + 1, 'name': f'class {i + 1}'} for i in range(classes)],
        'annotations': annotations,
    }
    return content, results


def _boxes(random: np.random.Generator, count: int) -> np.ndarray:
    """Draw boxes inside the image, (count, 4) as x1, y1, x2, y2; two fifths small, as in COCO."""
    sides = np.minimum(np.exp(random.normal(3.9, 1.0, (count, 2))) + 1, [WIDTH, HEIGHT])
    corners = random.uniform(0, 1, (count, 2)) * ([WIDTH, HEIGHT] - sides)
    return np.concatenate([corners, corners + sides], axis=1)


def evaluate(kind: type[COCOeval], truth: COCO, found: COCO) -> float:
    """Return the seconds of one evaluation.

    Args:
        kind: Class of the evaluator.
        truth: Annotations.
        found: Detections.
    """
    evaluation = kind(truth, found, 'bbox')
    evaluation.params.maxDets = list(MAX_DETECTIONS)
    with silent():
        start = time.perf_counter()
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return time.perf_counter() - start


def whole(kind: type[COCOeval], metric: Any, results: Any) -> tuple[float, float, np.ndarray]:
    """Run a whole ``compute_metrics``.

    Args:
        kind: Class of the evaluator.
        metric: A CocoMetric.
        results: Results that the metric has collected.

    Returns:
        Seconds in total, seconds in the evaluator, and the twelve figures.
    """
    inside = 0.0
    stats = np.full(12, np.nan)

    class Timed(kind):  # type: ignore[misc,valid-type]
        def evaluate(self) -> None:
            nonlocal inside
            inside -= time.perf_counter()
            super().evaluate()

        def summarize(self) -> None:
            nonlocal inside, stats
            super().summarize()
            inside += time.perf_counter()
            stats = self.stats

    before, coco_metric.COCOeval = coco_metric.COCOeval, Timed
    try:
        with silent():
            start = time.perf_counter()
            metric.compute_metrics(results)
            return time.perf_counter() - start, inside, stats
    finally:
        coco_metric.COCOeval = before


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Suppress the output of the evaluators."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def main() -> int:
    """Compare the figures of both evaluators, then time them."""
    options = parser(__doc__)
    options.add_argument('--images-count', type=int, default=5000, help='(default 5000)')
    options.add_argument('--classes', type=int, default=80, help='(default 80)')
    options.add_argument('--seed', type=int, default=0, help='(default 0)')
    args = options.parse_args()
    if faster_evaluator() is None:
        print(
            "faster-coco-eval is not installed: pip install 'rm_mm[fast]'",
            file=sys.stderr,
        )
        return 2
    MMLogger.get_current_instance().setLevel('ERROR')
    content, results = make(args.images_count, args.classes, args.seed)
    with tempfile.TemporaryDirectory() as folder, silent():
        file = Path(folder, 'truth.json')
        file.write_text(json.dumps(content))
        metric = coco_metric.CocoMetric(str(file), outfile_prefix=str(Path(folder, 'found')))
        metric.dataset_meta = {'classes': [each['name'] for each in content['categories']]}
        shares = {name: whole(kind, metric, results) for name, kind in WAYS.items()}
        truth = COCO(str(file))
        found = truth.loadRes(str(Path(folder, 'found.bbox.json')))
    difference = float(np.abs(np.subtract(*(stats for _, _, stats in shares.values()))).max())
    print(
        f'{len(content["images"])} images, {args.classes} classes, {len(truth.anns)} objects, '
        f'{len(found.anns)} detections; mAP {shares["pycocotools"][2][0]:.4f}; '
        f'greatest difference between the twelve figures: {difference:.2g}'
    )
    if not difference <= AGREE_TO:
        print(f'the figures must agree to {AGREE_TO}', file=sys.stderr)
        return 1
    measured = alternate(
        {name: lambda kind=kind: evaluate(kind, truth, found) for name, kind in WAYS.items()},
        args.repetitions,
    )
    for name, (seconds, inside, _) in shares.items():
        print(f'{name}: {inside:.1f} s of the {seconds:.1f} s of a whole compute_metrics')
    reached = report(
        'evaluation of COCO boxes', 's', measured,
        [Bar('pycocotools', 'faster-coco-eval', 3, at_most=False)],
        target=args.json,
        facts={
            'images': args.images_count, 'classes': args.classes, 'seed': args.seed,
            'objects': len(truth.anns), 'detections': len(found.anns),
            'greatest difference': difference,
            'compute_metrics': {
                name: {'seconds': seconds, 'of the evaluator': inside}
                for name, (seconds, inside, _) in shares.items()
            },
        },
    )  # fmt: skip
    return 0 if reached else 1


if __name__ == '__main__':
    sys.exit(main())
