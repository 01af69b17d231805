"""Predictions on the first images of a data set."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from rm_mm.run.details.predictions import IMAGES, PredictionsHook


class Sample(dict):
    """Behaves like a data element of mmengine."""

    def __init__(self, path, **parts):
        super().__init__(parts)
        self.metainfo = {'img_path': str(path)}

    def __getattr__(self, name):
        return self[name]


class Dataset:
    def __init__(self, paths):
        self.paths = paths
        self.metainfo = {'classes': ('bag', 'coat'), 'palette': [[250, 0, 0], (0, 250, 0)]}

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        instances = [{'bbox': [1, 2, 30, 40], 'bbox_label': 1}]
        return {'img_path': str(self.paths[index]), 'instances': instances}


@pytest.fixture
def dataset(tmp_path):
    paths = [tmp_path / f'{index}.png' for index in range(8)]
    for path in paths:
        Image.new('RGB', (640, 320), (10, 20, 30)).save(path)
    return Dataset(paths)


def predictions(folder, dataset, samples):
    runner = SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset))
    hook = PredictionsHook(folder, 'c' * 64)
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, None, samples)
    return [json.loads(p.read_text()) for p in sorted(folder.glob('prediction_*.json'))]


def test_boxes_above_the_threshold_in_descending_order(tmp_path, dataset):
    found = SimpleNamespace(
        bboxes=torch.tensor([[0.0, 0, 9, 9], [5, 5, 20, 20.04], [1, 1, 2, 2]]),
        scores=torch.tensor([0.29, 0.5, 0.9]), labels=torch.tensor([0, 1, 0]),
    )  # fmt: skip
    samples = [Sample(path, pred_instances=found) for path in dataset.paths]
    entries = predictions(tmp_path / 'out', dataset, samples)
    assert len(entries) == IMAGES
    assert entries[5]['name'] == '5.png'
    assert entries[0]['predicted'] == [[0, [1, 1, 2, 2], 0.9], [1, [5, 5, 20, 20.0], 0.5]]
    assert entries[0]['truth'] == [[1, [1, 2, 30, 40]]]
    # In pixels of the image, which is larger than the picture.
    assert entries[0]['size'] == [640, 320]
    with Image.open(tmp_path / 'out' / entries[0]['image']) as image:
        assert (image.format, image.size) == ('JPEG', (320, 160))


def test_maps_in_the_colours_of_their_classes(tmp_path, dataset):
    labels = torch.zeros(1, 320, 640, dtype=torch.long)
    labels[0, :80] = 1
    labels[0, -80:] = 255
    sample = Sample(
        dataset.paths[2], pred_sem_seg=SimpleNamespace(data=labels),
        gt_sem_seg=SimpleNamespace(data=torch.ones(1, 320, 640)),
    )  # fmt: skip
    (entry,) = predictions(tmp_path / 'out', dataset, [sample])
    assert entry['predicted_percent'] == [[0, 50.0], [1, 25.0]]
    assert entry['truth_percent'] == [[1, 100.0]]
    with Image.open(tmp_path / 'out' / entry['predicted']) as image:
        pixels = np.asarray(image.convert('RGBA'))
    assert pixels.shape == (160, 320, 4)
    assert pixels[0, 0].tolist() == [0, 250, 0, 255]
    assert pixels[80, 0].tolist() == [250, 0, 0, 255]
    # No class, no colour.
    assert pixels[-1, 0, 3] == 0


def test_without_ground_truth_in_the_pipeline(tmp_path, dataset):
    data = SimpleNamespace(data=torch.zeros(1, 320, 640))
    (entry,) = predictions(tmp_path / 'out', dataset, [Sample(dataset.paths[0], pred_sem_seg=data)])
    assert 'truth' not in entry
