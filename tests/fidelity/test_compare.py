"""Old configs against ours, where one of the two is changed in one place."""

import copy
import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from rm_mm.config_files import read_config
from rm_mm.fidelity import implied, meanings
from rm_mm.fidelity.compare import _FOLLOWED, _FOLLOWED_THEN, compare
from rm_mm.fidelity.logs import read_log

LOGS = Path(__file__).parents[1] / 'data/logs'
RECIPES = {
    'coco': ('detection/atss_r50_rm_coco.py', 'coco_atss_r50_rm.json'),
    'ade20k': ('segmentation/upernet_r50_rm_ade20k.py', 'ade20k_upernet_r50_rm.json'),
}


def read(task):
    """Their config without its variables, which would hide where it was changed, and ours."""
    config, log = RECIPES[task]
    theirs = read_log(LOGS / log).config
    kept = {key: value for key, value in theirs.items() if key in _FOLLOWED_THEN}
    return kept, read_config(config).to_dict()


@pytest.fixture(scope='module', params=RECIPES)
def recipe(request):
    return request.param, *request.getfixturevalue(request.param)


@pytest.fixture(scope='module')
def coco():
    return read('coco')


@pytest.fixture(scope='module')
def ade20k():
    return read('ade20k')


def faults(theirs, ours):
    """Keys whose difference has no reason, theirs or else ours."""
    return [row.key or row.our_key for row in compare(theirs, Config(ours)) if not row.explained]


def nodes(node, path=()):
    """Every place of a config, subtrees as well as leaves."""
    if isinstance(node, dict):
        children = node.items()
    elif isinstance(node, list) and any(isinstance(part, dict) for part in node):
        children = enumerate(node)
    else:
        return
    for name, child in children:
        yield (*path, name), child
        yield from nodes(child, (*path, name))


def changed(config, path, change):
    """A copy in which ``change(parent, name)`` was called for one place."""
    config = copy.deepcopy(config)
    parent = config
    for name in path[:-1]:
        parent = parent[name]
    change(parent, path[-1])
    return config


def put(value):
    def change(parent, name):
        parent[name] = value

    return change


def delete(parent, name):
    del parent[name]


def another(value):
    """Of the same type, where it has one; no number stays as it is."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 3
    if isinstance(value, str):
        return value + 'X'
    if isinstance(value, (list, tuple)):
        return [another(part) for part in value] if value else [1]
    return {'max_norm': 35}


def dotted(path):
    return '.'.join(map(str, path))


#: One-key changes that are not reported, and rightly: which file the backbone had, where files
#: are, how fast they are read, how the log looks, how many checkpoints stay, seeds.
FREE_OF_THEIRS = {
    'coco': {
        'model.backbone.init_cfg.checkpoint', 'work_dir',
        # The number of processes counts, not theirs.
        'gpu_ids',
        # 2.19 does not read it.
        'model.test_cfg.min_bbox_size',
    },
    'ade20k': {
        'model.pretrained', 'model.backbone.pretrained', 'work_dir', 'gpu_ids', 'seed',
        'data.train.data_root', 'data.val.data_root', 'data.test.data_root',
    },
}  # fmt: skip
FREE_OF_OURS = {
    'model.backbone.init_cfg.checkpoint', 'randomness.seed', 'env_cfg.mp_cfg.opencv_num_threads',
    'default_hooks.checkpoint.max_keep_ckpts', 'default_hooks.logger.log_metric_by_epoch',
    'log_processor.window_size', 'train_dataloader.persistent_workers',
    'train_dataloader.dataset.data_root',
    *(
        f'{loader}_dataloader.{key}'
        for loader in ('val', 'test') for key in ('num_workers', 'persistent_workers')
    ),
}  # fmt: skip


def leaves(config):
    return [(path, value) for path, value in nodes(config) if not list(nodes(value))]


def test_every_change_of_a_value_of_theirs_is_reported(recipe):
    name, theirs, ours = recipe
    silent = {
        dotted(path)
        for path, value in leaves(theirs)
        if not faults(changed(theirs, path, put(another(value))), ours)
    }
    assert silent == FREE_OF_THEIRS[name]


def test_every_change_of_a_value_of_ours_is_reported(recipe):
    name, theirs, ours = recipe
    followed = {key: value for key, value in ours.items() if key in _FOLLOWED}
    silent = {
        dotted(path)
        for path, value in leaves(followed)
        if not faults(theirs, changed(ours, path, put(another(value))))
    }
    # CocoMetric reads the annotations by the path of the data set.
    roots = set() if name == 'coco' else {
        f'{loader}_dataloader.dataset.data_root' for loader in ('val', 'test')
    }  # fmt: skip
    assert silent - {'log_processor.by_epoch'} <= FREE_OF_OURS | roots


@pytest.mark.parametrize(
    ('task', 'path', 'value', 'key'),
    [
        ('coco', 'custom_hooks', [{'type': 'NumClassCheckHook'}, {'type': 'ExpMomentumEMAHook'}],
         'custom_hooks'),
        ('coco', 'data.val.ann_file', 'coco/instances_minival2014.json', 'data.val.ann_file'),
        ('coco', 'data.val.ann_file', 'coco/instances_train2017.json', 'data.val.ann_file'),
        ('coco', 'data.train.ann_file', 'coco/instances_val2017.json', 'data.train.ann_file'),
        ('coco', 'data.val.img_prefix', 'coco/train2017/', 'data.val.img_prefix'),
        ('coco', 'model.backbone.init_cfg.type', 'Kaiming', 'model.backbone.init_cfg.type'),
        ('coco', 'workflow', [['train', 1], ['val', 1]], 'workflow'),
        ('ade20k', 'data.val.img_dir', 'train_nori.json', 'data.val.img_dir'),
        ('ade20k', 'data.train.img_dir', 'images/validation', 'data.train.img_dir'),
        ('ade20k', 'evaluation.pre_eval', False, 'evaluation.pre_eval'),
        ('ade20k', 'optimizer_config', {'grad_clip': {'max_norm': 1}},
         'optimizer_config.grad_clip.max_norm'),
        # A checkpoint to start from is no variable, whatever else has its name.
        ('ade20k', 'load_from', '/data/pytorch_classification/logs/imagenet/'
         'imagenet_resnet50_e300_roi_rc_v2_w1_r05_loss1_05/fold1_best.pth', 'load_from'),
    ],
)  # fmt: skip
def test_a_reason_is_for_values_of_theirs(request, task, path, value, key):
    theirs, ours = request.getfixturevalue(task)
    assert faults(changed(theirs, path.split('.'), put(value)), ours) == [key]


@pytest.mark.parametrize(
    ('task', 'path', 'value', 'key'),
    [
        ('coco', 'custom_hooks', [{'type': 'VerifiedBackboneHook'}, {'type': 'EMAHook'}],
         'custom_hooks'),
        ('coco', 'model.backbone.init_cfg.type', 'Pretrained', 'model.backbone.init_cfg.type'),
        ('coco', 'val_evaluator.ann_file', 'data/coco/annotations/instances_train2017.json',
         'val_evaluator.ann_file'),
        ('coco', 'test_evaluator.metric', 'segm', 'test_evaluator.metric'),
        ('coco', 'test_evaluator.format_only', True, 'test_evaluator.format_only'),
        ('coco', 'test_evaluator.type', 'VOCMetric', 'test_evaluator.type'),
        ('coco', 'default_hooks.ema', {'type': 'EMAHook'}, 'default_hooks.ema.type'),
        ('coco', 'default_hooks.checkpoint.type', 'EMAHook', 'default_hooks.checkpoint.type'),
        ('ade20k', 'model.data_preprocessor.type', 'BaseDataPreprocessor',
         'model.data_preprocessor.type'),
        ('ade20k', 'train_dataloader.dataset.pipeline.2.interpolation', 'nearest',
         'train_dataloader.dataset.pipeline.RandomResize.interpolation'),
    ],
)  # fmt: skip
def test_a_reason_is_for_values_of_ours(request, task, path, value, key):
    theirs, ours = request.getfixturevalue(task)
    place = [int(name) if name.isdigit() else name for name in path.split('.')]
    assert faults(theirs, changed(ours, place, put(value))) == [key]


@pytest.mark.parametrize(
    ('task', 'path'),
    [
        # DefaultSampler shuffles unless told not to, CocoDataset filters unless it is to test.
        ('coco', 'val_dataloader.sampler.shuffle'),
        ('coco', 'test_dataloader.dataset.test_mode'),
        ('coco', 'train_dataloader.batch_sampler'),
        ('coco', 'train_dataloader.dataset.filter_cfg'),
        ('coco', 'model.backbone.init_cfg'),
        ('ade20k', 'param_scheduler.0.end'),
        ('ade20k', 'model.backbone.init_cfg.type'),
    ],
)
def test_what_ours_must_say(request, task, path):
    theirs, ours = request.getfixturevalue(task)
    place = [int(name) if name.isdigit() else name for name in path.split('.')]
    assert faults(theirs, changed(ours, place, delete))


def test_a_second_transform_of_a_type_does_not_hide_the_first(coco):
    theirs, ours = coco
    pipeline = ours['train_dataloader']['dataset']['pipeline']
    twice = [*pipeline[:3], {**pipeline[2], 'scale': (9, 9)}, pipeline[2], *pipeline[3:]]
    ours = changed(ours, ('train_dataloader', 'dataset', 'pipeline'), put(twice))
    assert 'train_dataloader.dataset.pipeline.Resize#2.scale' in faults(theirs, ours)


@pytest.mark.parametrize('kept', [implied.DETECTION, implied.SEGMENTATION])
def test_no_reason_is_for_every_value(kept):
    class Unheard:
        """Of no type and value that a recipe has."""

    nowhere = Unheard()
    assert [each.key for each in kept if each.covers and each.covers(nowhere, {})] == []


@pytest.mark.parametrize('kept', [meanings.DETECTION, meanings.SEGMENTATION])
def test_no_reason_is_for_every_value_of_theirs(kept):
    assert [each.key for each in kept if each.covers and each.covers(object(), object())] == []


#: What a log may lack, or holds for people alone: the old default is what it said.
SILENT_WHEN_MISSING = (
    # Flipping is off, the aspect ratio kept and the epoch the interval unless said.
    r'data\.(val|test)\.pipeline\.1\.(flip|transforms\.0\.keep_ratio|transforms\.1)',
    r'evaluation(\.interval|\.metric|\.pre_eval)?|lr_config\.min_lr|optimizer_config(\.grad_clip)?',
    # The paths hold the whole; the one of two that say the same; the seed, which is another anyway.
    r'data\.(train|val|test)\.data_root|model\.(backbone\.)?pretrained|seed|work_dir',
    # How fast, and how the log looks.
    r'data\.workers_per_gpu|log_config(\..*)?|custom_hooks',
    # The old libraries do not start without these, so there is no such log.
    r'data\..*\.(mean|std|size_divisor|keys)',
    # Collect hands on what there is; RGB is the order unless said.
    r'data\.(val|test)\.pipeline\.1\.transforms\.[45]|data\..*\.to_rgb',
    r'runner\.type|workflow|model\.backbone\.init_cfg\.type',
)


def test_what_a_log_lacks_is_reported_if_it_changes_the_recipe(recipe):
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
    'a runner of their own': {'runner': {'type': 'DynamicIterBasedRunner'}},
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
def test_another_recipe_is_told_from_ours_without_a_traceback(recipe, tmp_path, variant):
    _, theirs, ours = recipe
    other = {**theirs, **VARIANTS[variant]}
    assert compare(other, Config(ours))
    if variant != 'no epochs':
        assert faults(other, ours)
    path = tmp_path / 'log.json'
    text = '\n'.join(f'{key} = {value!r}' for key, value in other.items())
    rate = {'mode': 'train', 'epoch': 1, 'iter': 50, 'lr': 0.01}
    path.write_text('\n'.join(json.dumps(line) for line in ({'config': text}, rate)))
    assert read_log(path).rates


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
