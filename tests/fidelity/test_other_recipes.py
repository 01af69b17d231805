"""Old configs without some keys, or of another recipe."""

import json
import re

import pytest
from mmengine.config import Config

from rm_mm.fidelity.settings import compare_settings
from rm_mm.logs.recipe_log import read_recipe_log
from tests.fidelity.changes import changed, delete, dotted, faults, nodes

#: Keys that may be missing from a log: the old default is the same, or nothing depends on it.
SILENT_WHEN_MISSING = (
    # By default there is no flip, the aspect ratio is kept and the interval is an epoch.
    r'data\.(val|test)\.pipeline\.1\.(flip|transforms\.0\.keep_ratio|transforms\.1)',
    r'evaluation(\.interval|\.metric|\.pre_eval)?|lr_config\.min_lr|optimizer_config(\.grad_clip)?',
    # Paths are whole; another key has the same value; seeds differ anyway.
    r'data\.(train|val|test)\.data_root|model\.(backbone\.)?pretrained|seed|work_dir',
    # How fast images are loaded, and how the log looks.
    r'data\.workers_per_gpu|log_config(\..*)?|custom_hooks',
    # The old libraries do not start without these, so there is no such log.
    r'data\..*\.(mean|std|size_divisor|keys)',
    # Collect passes on what there is; RGB is the default order.
    r'data\.(val|test)\.pipeline\.1\.transforms\.[45]|data\..*\.to_rgb',
    r'runner\.type|workflow|model\.backbone\.init_cfg\.type',
)


def test_a_missing_key_is_reported_if_it_changes_the_recipe(recipe):
    """Every key and every subtree in turn; none ends in a traceback."""
    _, theirs, ours = recipe
    silent = {
        dotted(path) for path, _ in nodes(theirs) if not faults(changed(theirs, path, delete), ours)
    }
    assert [path for path in silent if not re.fullmatch('|'.join(SILENT_WHEN_MISSING), path)] == []


@pytest.mark.parametrize('step', ['Normalize', 'Pad'])
def test_a_step_left_out_of_testing_alone(coco, step):
    theirs, ours = coco
    order = theirs['data']['test']['pipeline'][1]['transforms']
    index = [transform['type'] for transform in order].index(step)
    path = ('data', 'test', 'pipeline', 1, 'transforms', index)
    assert 'data.test.pipeline.MultiScaleFlipAug.transforms' in faults(
        changed(theirs, path, delete), ours
    )


#: Parts of other valid configs of mmdetection 2.x and mmsegmentation 0.x.
VARIANTS = {
    'cosine': {'lr_config': {'policy': 'CosineAnnealing', 'min_lr_ratio': 0.01}},
    'one cycle': {'lr_config': {'policy': 'OneCycle', 'max_lr': 0.1}},
    'warm-up': {'lr_config': {'policy': 'step', 'warmup': 'exp', 'step': 3}},
    'no epochs': {'runner': {'type': 'IterBasedRunner', 'max_iters': 40_000}},
    'epochs': {'runner': {'type': 'EpochBasedRunner', 'max_epochs': 24}},
    'a custom runner': {'runner': {'type': 'DynamicIterBasedRunner'}},
    'no evaluation': {'evaluation': None},
    'a list of metrics': {'evaluation': {'interval': 1, 'metric': ['bbox', 'segm']}},
    'half precision': {'fp16': {'loss_scale': 512.0}},
    'parameter groups': {
        'optimizer': {
            'type': 'AdamW', 'lr': 1e-4,
            'paramwise_cfg': {'custom_keys': {'absolute_pos_embed': {'decay_mult': 0.0}}},
        }
    },
    'repeated': {
        'data': {
            'samples_per_gpu': 2,
            'train': {'type': 'RepeatDataset', 'times': 3, 'dataset': {'type': 'VOCDataset'}},
        }
    },
    'several': {'data': {'train': [{'type': 'A', 'ann_file': 'a'}, {'type': 'B'}], 'val': None}},
    'several files': {'data': {'train': {'ann_file': ['a.txt', 'b.txt'], 'img_prefix': [1, 2]}}},
    'cityscapes': {
        'data': {
            'samples_per_gpu': 2,
            'train': {
                'type': 'CityscapesDataset', 'data_root': 'data/cityscapes/',
                'img_dir': 'leftImg8bit/train', 'ann_dir': 'gtFine/train',
                'pipeline': [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}],
            },
        }
    },
    'nothing': {'data': {}, 'model': {}, 'runner': {}, 'lr_config': {}, 'evaluation': {}},
    'numbers': {'data': 1, 'model': 2, 'runner': 3, 'gpu_ids': 4, 'lr_config': 5},
    'lists': {'data': [], 'model': [1], 'runner': [[]], 'lr_config': {'policy': ['step']}},
}  # fmt: skip


@pytest.mark.parametrize('variant', VARIANTS)
def test_another_recipe_is_reported_without_a_traceback(recipe, tmp_path, variant):
    _, theirs, ours = recipe
    other = {**theirs, **VARIANTS[variant]}
    assert compare_settings(other, Config(ours))
    if variant != 'no epochs':
        assert faults(other, ours)
    path = tmp_path / 'log.json'
    text = '\n'.join(f'{key} = {value!r}' for key, value in other.items())
    rate = {'mode': 'train', 'epoch': 1, 'iter': 50, 'lr': 0.01}
    path.write_text('\n'.join(json.dumps(line) for line in ({'config': text}, rate)))
    assert read_recipe_log(path).rates


def test_a_variable_that_nothing_uses_is_reported(coco):
    theirs, ours = coco
    assert faults(theirs | {'model_wrapper': 'EMA'}, ours) == ['model_wrapper']
    assert faults(theirs | {'used': {'type': 'BN', 'requires_grad': True}}, ours) == []


def test_the_older_names_of_the_run_length(coco, ade20k):
    theirs, ours = coco
    older = {key: value for key, value in theirs.items() if key != 'runner'}
    assert faults(older | {'total_epochs': 12}, ours) == []
    assert 'total_epochs' in faults(older | {'total_epochs': 24}, ours)
    theirs, ours = ade20k
    older = {key: value for key, value in theirs.items() if key != 'runner'}
    assert faults(older | {'total_iters': 80_000}, ours) == []
    assert 'total_iters' in faults(older | {'total_iters': 160_000}, ours)


def test_a_log_without_reduce_zero_label(ade20k):
    theirs, ours = ade20k
    path = ('data', 'train', 'pipeline', 1, 'reduce_zero_label')
    assert faults(changed(theirs, path, delete), ours) == [
        'train_dataloader.dataset.pipeline.LoadAnnotations.reduce_zero_label'
    ]
