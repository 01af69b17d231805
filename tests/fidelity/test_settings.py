"""Old configs against ours, with a change in one place of one of the two."""

import pytest

from rm_mm.fidelity import old_defaults, old_keys
from rm_mm.fidelity.settings import _EFFECTIVE
from tests.fidelity.changes import (
    another,
    changed,
    delete,
    dotted,
    faults,
    nodes,
    put,
)

#: Changes of one key that are rightly not reported: file of the backbone, locations of files, how
#: fast they are read, appearance of the log, number of checkpoints kept, seeds.
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
    followed = {key: value for key, value in ours.items() if key in _EFFECTIVE}
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
        # A checkpoint to start from is no variable, even if another key has its value.
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
        # By default DefaultSampler shuffles, and CocoDataset filters unless in test mode.
        ('coco', 'val_dataloader.sampler.shuffle'),
        ('coco', 'test_dataloader.dataset.test_mode'),
        ('coco', 'train_dataloader.batch_sampler'),
        ('coco', 'train_dataloader.dataset.filter_cfg'),
        ('coco', 'model.backbone.init_cfg'),
        ('ade20k', 'param_scheduler.0.end'),
        ('ade20k', 'model.backbone.init_cfg.type'),
    ],
)
def test_settings_that_ours_must_have(request, task, path):
    theirs, ours = request.getfixturevalue(task)
    place = [int(name) if name.isdigit() else name for name in path.split('.')]
    assert faults(theirs, changed(ours, place, delete))


def test_a_second_transform_of_a_type_does_not_hide_the_first(coco):
    theirs, ours = coco
    pipeline = ours['train_dataloader']['dataset']['pipeline']
    twice = [*pipeline[:3], {**pipeline[2], 'scale': (9, 9)}, pipeline[2], *pipeline[3:]]
    ours = changed(ours, ('train_dataloader', 'dataset', 'pipeline'), put(twice))
    assert 'train_dataloader.dataset.pipeline.Resize#2.scale' in faults(theirs, ours)


@pytest.mark.parametrize('kept', [old_defaults.DETECTION, old_defaults.SEGMENTATION])
def test_no_reason_is_for_every_value(kept):
    exempt = {each.key: each.exempt for each in kept if each.exempt}
    assert exempt
    # No recipe has such a type or value.
    assert [key for key, covers in exempt.items() if covers(object(), {})] == []


@pytest.mark.parametrize('kept', [old_keys.DETECTION, old_keys.SEGMENTATION])
def test_no_reason_is_for_every_value_of_theirs(kept):
    assert [each.key for each in kept if each.covers and each.covers(object(), object())] == []
