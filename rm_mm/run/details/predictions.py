"""Predictions of a network on a few images, next to the ground truth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks.hook import Hook
from PIL import Image

from rm_mm.files import write_json
from rm_mm.run.details.pictures import fitted, save_photograph, save_png

#: Number of images: the first of the data set, which are the same for every network.
IMAGES = 6
#: Lowest score of a box, and largest number of boxes.
SCORE_THRESHOLD = 0.3
BOXES = 30
#: Label of pixels without a class.
_IGNORED = 255


class PredictionsHook(Hook):
    """Write the predictions on the first images of an evaluation, one JSON file per image.

    Every process writes the images that it evaluated. ``config_sha256`` is the config digest of the
    run, which identifies it for readers.
    """

    def __init__(self, folder: Path, config_sha256: str) -> None:
        self._folder, self._config_sha256 = folder, config_sha256
        self._wanted: dict[str, int] = {}

    def before_test(self, runner: Any) -> None:
        """Choose the images."""
        dataset = runner.test_dataloader.dataset
        for index in range(min(IMAGES, len(dataset))):
            self._wanted.setdefault(str(dataset.get_data_info(index)['img_path']), index)

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Write the chosen images of this batch."""
        dataset = runner.test_dataloader.dataset
        for sample in outputs or ():
            path = str(sample.metainfo.get('img_path'))
            if (index := self._wanted.get(path)) is None:
                continue
            if 'pred_instances' in sample:
                entry = _detection(sample, dataset, index)
            elif 'pred_sem_seg' in sample:
                entry = self._segmentation(sample, dataset, index)
            else:
                continue
            with Image.open(path) as image:
                entry['size'] = list(image.size)
                entry['image'] = save_photograph(image, self._folder, f'image_{index}')
            entry |= {'name': os.path.basename(path), 'config_sha256': self._config_sha256}
            write_json(self._folder / f'prediction_{index}.json', entry)

    def _segmentation(self, sample: Any, dataset: Any, index: int) -> dict[str, Any]:
        """Write the maps of classes, and the ground truth if the test pipeline loads it."""
        classes = list(dataset.metainfo['classes'])
        palette = [list(map(int, colour)) for colour in dataset.metainfo.get('palette') or []]
        maps = {'predicted': sample.pred_sem_seg.data}
        if 'gt_sem_seg' in sample:
            maps['truth'] = sample.gt_sem_seg.data
        entry: dict[str, Any] = {'kind': 'segmentation', 'classes': classes, 'palette': palette}
        for name, data in maps.items():
            labels = data.squeeze().cpu().numpy().astype(np.uint8)
            entry[name] = save_png(_painted(labels, palette), self._folder, f'{name}_{index}')
            values, counts = np.unique(labels[labels != _IGNORED], return_counts=True)
            order = np.argsort(-counts)
            entry[f'{name}_percent'] = [
                [int(values[i]), round(100 * float(counts[i]) / labels.size, 1)] for i in order
            ]
        return entry


def _detection(sample: Any, dataset: Any, index: int) -> dict[str, Any]:
    """Return the boxes, in pixels of the image on disk."""
    found = sample.pred_instances
    scores, labels = found.scores.tolist(), found.labels.tolist()
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    boxes = found.bboxes.tolist()
    return {
        'kind': 'detection',
        'classes': list(dataset.metainfo['classes']),
        'threshold': SCORE_THRESHOLD,
        'predicted': [
            [labels[i], _rounded(boxes[i]), round(scores[i], 3)]
            for i in order[:BOXES]
            if scores[i] >= SCORE_THRESHOLD
        ],
        'truth': [
            [int(instance['bbox_label']), _rounded(instance['bbox'])]
            for instance in dataset.get_data_info(index).get('instances', [])
        ],
    }


def _rounded(box: Any) -> list[float]:
    return [round(float(edge), 1) for edge in box]


def _painted(labels: Any, palette: list[list[int]]) -> Image.Image:
    """Colour a map of classes, (H, W).

    Pixels without a class are transparent, and so is black, which would darken the image.
    """
    image = Image.fromarray(labels, 'P')
    colours = [*palette[:_IGNORED], *[[0, 0, 0]] * 256][:256]
    image.putpalette([channel for colour in colours for channel in colour])
    small = fitted(image, Image.Resampling.NEAREST)
    small.info['transparency'] = bytes(255 * any(colour) for colour in colours)
    return small
