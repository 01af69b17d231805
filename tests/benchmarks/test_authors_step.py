"""The authors' formulation in the benchmark trains like the recipe."""

import sys

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from tests.packaging.conftest import ROOT

CLASSES, SIZE = 7, 64


@pytest.fixture
def training_step(monkeypatch):
    monkeypatch.setattr(sys, 'path', [str(ROOT / 'benchmarks'), *sys.path])
    # Do not change how the process that runs the tests manages memory.
    monkeypatch.setattr('rm_mm.run.runner.keep_freed_memory', lambda: True)
    import training_step

    monkeypatch.setattr(training_step, 'CLASSES', CLASSES)
    monkeypatch.setattr(training_step, 'keep_freed_memory', lambda: True)
    return training_step


def recipe(training_step, monkeypatch):
    """The network of the recipe, with few classes."""
    build = training_step.MODELS.build

    def of_few_classes(config):
        # The parts of the network are built through this function too.
        if 'head' in config:
            config['head']['num_classes'] = CLASSES
            config['data_preprocessor']['num_classes'] = CLASSES
        return build(config)

    monkeypatch.setattr(training_step.MODELS, 'build', of_few_classes)
    return training_step.recipe_model('rm', 'cpu')


def test_it_takes_the_same_steps_as_the_recipe(training_step, monkeypatch):
    from authors_step import AuthorsTraining

    torch.manual_seed(0)
    model, options = recipe(training_step, monkeypatch)
    monkeypatch.undo()
    # In single precision, rounding alone changes a gradient by some per cent at the start.
    monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)
    model = model.double()
    authors = AuthorsTraining(CLASSES, torch.device('cpu'), alpha=0.5, omega=0.5)
    network = authors.network.double()
    authors.optimizer = torch.optim.SGD(network.parameters(), **options)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), **options))
    body, head = model.backbone.state_dict(), model.head.state_dict()
    body = {**body, 'fc.weight': head['fc.weight'], 'fc.bias': head['fc.bias']}
    network.body.load_state_dict(body)
    network.roi_classifier.load_state_dict(
        {name: head[f'fc_roi.{name}'] for name in ('weight', 'bias')}
    )
    boxes = []
    for way in ('ours', 'authors'):
        np.random.seed(3)
        generator = torch.Generator().manual_seed(0)
        for _ in range(3):
            images = torch.randn(2, 3, SIZE, SIZE, generator=generator, dtype=torch.float64)
            labels = torch.randint(CLASSES, (2,), generator=generator)
            if way == 'ours':
                samples = [DataSample().set_gt_label(int(label)) for label in labels]
                log = model.train_step({'inputs': images, 'data_samples': samples}, wrapper)
                boxes.append(float(log['loss_roi']))
            else:
                authors.step(images, labels)
    # Regions were scored.
    assert max(boxes[1:]) > 0
    for name, value in model.backbone.state_dict().items():
        torch.testing.assert_close(network.body.state_dict()[name], value, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        network.roi_classifier.weight, model.head.fc_roi.weight, rtol=1e-5, atol=1e-7
    )
