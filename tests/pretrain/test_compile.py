"""RecursiveMix under the `compile` option of a config, which mmengine passes to torch.compile."""

import copy

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

MODEL = dict(
    type='RecursiveMixClassifier',
    backbone=dict(type='ResNet_CIFAR', depth=18, base_channels=8, stem_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='RecursiveMixHead', num_classes=5, in_channels=64),
    train_cfg=dict(augments=dict(type='RecursiveMix', alpha=0.5)),
    data_preprocessor=dict(
        type='ColorAugmentPreprocessor', num_classes=5, mean=[100.0] * 3, std=[50.0] * 3
    ),
)


def losses(model, train_step, wrapper=None):
    """Losses of three steps from the same seeds, and the weights afterwards."""
    wrapper = wrapper or OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    torch.manual_seed(1)
    np.random.seed(1)
    found = []
    for step in range(3):
        inputs = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
        # As loaded: each image has another path.
        files = [f'{id(found)}/{step}/{index}.JPEG' for index in range(4)]
        samples = [
            DataSample(metainfo=dict(img_path=file)).set_gt_label(index)
            for index, file in enumerate(files)
        ]
        done = train_step({'inputs': inputs, 'data_samples': samples}, optim_wrapper=wrapper)
        found.append({name: value.item() for name, value in done.items()})
    return found, model.state_dict()


def test_a_compiled_step_is_the_same_step():
    torch.manual_seed(0)
    plain = MODELS.build(copy.deepcopy(MODEL)).train()
    compiled = MODELS.build(copy.deepcopy(MODEL)).train()
    compiled.load_state_dict(plain.state_dict())
    # Captures and differentiates graphs but needs no compiler.
    step = torch.compile(compiled.train_step, backend='aot_eager')
    expected, weights = losses(plain, plain.train_step)
    found, others = losses(compiled, step)
    # The second step has a region, so that its loss is more than a constant.
    assert expected[1]['loss_roi'] > 0
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-4, atol=1e-6)


def test_boxes_and_paths_cause_no_recompilation(monkeypatch):
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(MODEL)).train()
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    # Like mmengine.
    step = torch.compile(model.train_step, backend=backend)
    # Otherwise torch would silently stop compiling a function after eight graphs.
    monkeypatch.setattr(torch._dynamo.config, 'fail_on_recompile_limit_hit', True)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    found, _ = losses(model, step, wrapper)
    # The second step is the first with a region; the network itself was compiled.
    assert found[1]['loss_roi'] > 0
    assert any('conv' in str(node.target) for graph in graphs for node in graph.graph.nodes)
    # The first steps may recompile: no history, no gradients, numbers that turn out to vary.
    losses(model, step, wrapper)
    captured = len(graphs)
    for _ in range(3):
        losses(model, step, wrapper)
    assert len(graphs) == captured
