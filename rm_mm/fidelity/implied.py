"""What the old libraries did without being told, which a config of today says or changes."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from typing import Any

from rm_mm.fidelity.meaning import (
    Flat,
    Implied,
    backbone_comes_from,
    ours_is,
    ours_is_a,
    run_length,
)
from rm_mm.recipe.flat import ABSENT

_SAVING = 'which checkpoint is kept; the training does not see it'
_SPEED = 'how fast images come, not which'
_DISK = 'where the data set is: what --data-root says'
_PRINTING = 'how the log is printed'
_BUILT_IN = "what mmcv's runner had built in"
_LOADERS = r'(?:val|test)_dataloader\.'


def _annotations_of(split: str) -> Callable[[Any, Flat], bool]:
    """Whether an evaluator measures against the annotations of the images that it is shown."""

    def covers(value: Any, ours: Flat) -> bool:
        dataset = f'{split}_dataloader.dataset.'
        root, file = (ours.get(dataset + key) for key in ('data_root', 'ann_file'))
        return isinstance(root, str) and isinstance(file, str) and value == os.path.join(root, file)

    return covers


def _by_epoch(old: Flat) -> bool:
    return run_length(old, 'epochs') is not ABSENT


def _default(key: str, value: Any, source: str) -> Implied:
    """A default of theirs that no config names; ours has to resolve to the same."""
    return Implied(key, lambda old: value, source, always=True)


def _shared(preprocessor: str, pictures: str, evaluator: str, best: str) -> list[Implied]:
    """Of the two libraries, both on mmcv 1.x.

    Args:
        preprocessor: Class that does what Normalize, Pad and the collate function did.
        pictures: Class of the hook that draws predictions.
        evaluator: Class that the data set's own evaluation became.
        best: Metric that the best checkpoint is kept by.
    """
    return [
        Implied(r'model\.data_preprocessor\.type',
                why='does what Normalize, Pad and the collate function did',
                covers=ours_is(preprocessor)),
        Implied('model.backbone.init_cfg.type',
                lambda old: 'VerifiedBackbone' if backbone_comes_from(old) else ABSENT,
                'the pretrained file, verified: rm_mm.transfer', always=True),
        Implied(r'.*_dataloader\.num_workers', why=_SPEED, covers=ours_is_a(int)),
        Implied(r'.*_dataloader\.(persistent_workers|pin_memory)', why=_SPEED,
                covers=ours_is_a(bool)),
        Implied(r'.*_dataloader\.dataset\.data_root', why=_DISK, covers=ours_is_a(str)),
        Implied(r'model\.pretrained', lambda old: None, 'once: model.backbone.init_cfg'),
        Implied(r'.*\.backend_args', lambda old: None, 'files are read from disk'),
        Implied(r'train_dataloader\.sampler\.shuffle', lambda old: True, 'build_dataloader'),
        _default('val_dataloader.sampler.shuffle', False, 'build_dataloader'),
        _default('test_dataloader.sampler.shuffle', False, 'build_dataloader'),
        Implied(_LOADERS + r'sampler\.type', lambda old: 'DefaultSampler',
                'DistributedSampler, in order'),
        Implied(_LOADERS + 'batch_size', lambda old: 1, 'samples_per_gpu of a test loader'),
        Implied(_LOADERS + 'drop_last', lambda old: False, 'build_dataloader'),
        Implied(r'train_cfg\.type',
                lambda old: 'EpochBasedTrainLoop' if _by_epoch(old) else 'IterBasedTrainLoop',
                'the older total_epochs and total_iters name no runner'),
        Implied(r'train_cfg\.val_interval', lambda old: 1, 'EvalHook.__init__'),
        Implied(r'val_cfg\.type', lambda old: 'ValLoop', 'the only loop there is'),
        Implied(r'test_cfg\.type', lambda old: 'TestLoop', 'the only loop there is'),
        Implied(r'(val|test)_evaluator\.type',
                why='the data set\'s own evaluation became this class', covers=ours_is(evaluator)),
        Implied(r'(val|test)_evaluator\.format_only', lambda old: False, 'the training script'),
        Implied(r'optim_wrapper\.type', lambda old: 'OptimWrapper', 'float32: the log has no fp16'),
        Implied(r'optim_wrapper\.clip_grad', lambda old: None, 'OptimizerHook.__init__'),
        Implied(r'param_scheduler\.(LinearLR|MultiStepLR|PolyLR)\.begin', lambda old: 0,
                'from the first iteration'),
        Implied(r'param_scheduler\.LinearLR\.end', lambda old: 1, 'LrUpdaterHook.__init__'),
        Implied(r'param_scheduler\.LinearLR\.start_factor', lambda old: 0.1,
                'LrUpdaterHook.__init__'),
        Implied(r'param_scheduler\.PolyLR\.power', lambda old: 1.0, 'PolyLrUpdaterHook.__init__'),
        Implied(r'param_scheduler\.PolyLR\.by_epoch', lambda old: True, 'LrUpdaterHook.__init__'),
        Implied(r'param_scheduler\.PolyLR\.eta_min', lambda old: 0.0, 'PolyLrUpdaterHook.__init__'),
        Implied(r'auto_scale_lr\.enable', lambda old: False, 'neither library scaled the rate'),
        Implied(r'runner_type', why='the same values, in another order in memory',
                covers=ours_is('ChannelsLastRunner')),
        Implied(r'custom_hooks', why='refuses a backbone that did not load',
                covers=ours_is(['VerifiedBackboneHook'])),
        Implied(r'default_hooks\.checkpoint\.type', why=_SAVING, covers=ours_is('CheckpointHook')),
        Implied(r'default_hooks\.checkpoint\.max_keep_ckpts', why=_SAVING, covers=ours_is_a(int)),
        Implied(r'default_hooks\.checkpoint\.save_best', why=_SAVING, covers=ours_is(best)),
        Implied(r'default_hooks\.checkpoint\.rule', why=_SAVING, covers=ours_is('greater')),
        *(
            Implied(rf'default_hooks\.{name}\.type', why=_BUILT_IN, covers=ours_is(kind))
            for name, kind in (
                ('timer', 'IterTimerHook'), ('sampler_seed', 'DistSamplerSeedHook'),
                ('param_scheduler', 'ParamSchedulerHook'), ('visualization', pictures),
            )
        ),
        Implied(r'default_hooks\.logger\.type', why=_PRINTING, covers=ours_is('LoggerHook')),
        Implied(r'default_hooks\.logger\.log_metric_by_epoch', why=_PRINTING,
                covers=ours_is_a(bool)),
        Implied(r'default_hooks\.logger\.interval', why=_PRINTING, covers=ours_is_a(int)),
        Implied(r'log_processor\.type', why=_PRINTING, covers=ours_is('LogProcessor')),
        Implied(r'log_processor\.window_size', why=_PRINTING, covers=ours_is_a(int)),
        Implied(r'log_processor\.by_epoch', why=_PRINTING, covers=ours_is_a(bool)),
        Implied(r'env_cfg\.mp_cfg\.mp_start_method', why=_SPEED,
                covers=ours_is('fork', 'spawn', 'forkserver')),
        Implied(r'env_cfg\.mp_cfg\.opencv_num_threads', why=_SPEED, covers=ours_is_a(int)),
        Implied(r'env_cfg\.cudnn_benchmark', lambda old: False, 'the training script\'s default'),
        Implied(r'randomness\.seed', why='the suite runs its own seeds', covers=ours_is_a(int)),
    ]  # fmt: skip


def _image_defaults(resize: str) -> list[Implied]:
    steps = 'train_dataloader.dataset.pipeline.'
    return [
        _default(steps + 'LoadImageFromFile.to_float32', False, 'LoadImageFromFile.__init__'),
        _default(steps + 'LoadImageFromFile.color_type', 'color', 'LoadImageFromFile.__init__'),
        _default(steps + 'LoadImageFromFile.imdecode_backend', 'cv2', 'mmcv.imfrombytes'),
        _default(steps + 'RandomFlip.direction', 'horizontal', 'RandomFlip.__init__'),
        *(
            _default(f'{loader}_dataloader.dataset.pipeline.{step}.{name}', value, 'mmcv.imrescale')
            for loader, step in (('train', resize), ('val', 'Resize'), ('test', 'Resize'))
            for name, value in (('backend', 'cv2'), ('interpolation', 'bilinear'))
        ),
    ]


#: Behind a configuration of mmdetection 2.19.
DETECTION = [
    *_image_defaults('Resize'),
    _default('train_dataloader.dataset.pipeline.Resize.clip_object_border', True,
             'Resize.__init__, as bbox_clip_border'),
    _default('train_dataloader.dataset.pipeline.LoadAnnotations.with_label', True,
             'LoadAnnotations.__init__'),
    _default('train_dataloader.dataset.pipeline.LoadAnnotations.box_type', 'hbox',
             'the only boxes that 2.19 has'),
    _default('model.data_preprocessor.pad_value', 0, 'Pad.__init__, after Normalize'),
    _default('model.bbox_head.pred_kernel_size', 3, 'ATSSHead._init_layers'),
    _default('model.bbox_head.reg_decoded_bbox', True, 'ATSSHead.__init__'),
    _default('model.bbox_head.loss_cls.activated', False, 'FocalLoss.forward'),
    _default('model.bbox_head.loss_bbox.eps', 1e-6, 'GIoULoss.__init__'),
    _default('model.bbox_head.loss_centerness.avg_non_ignore', False,
             'CrossEntropyLoss has no such option and averages over all'),
    _default('model.train_cfg.assigner.alpha', None, 'ATSSAssigner has IoU alone'),
    _default('model.train_cfg.assigner.ignore_iof_thr', -1, 'ATSSAssigner.__init__'),
    _default('model.bbox_head.anchor_generator.center_offset', 0.0, 'AnchorGenerator.__init__'),
    _default('model.bbox_head.bbox_coder.clip_border', True, 'DeltaXYWHBBoxCoder.__init__'),
    _default('model.bbox_head.bbox_coder.add_ctr_clamp', False, 'DeltaXYWHBBoxCoder.__init__'),
    _default('val_evaluator.proposal_nums', [100, 300, 1000], 'CocoDataset.evaluate'),
    _default('val_evaluator.iou_thrs', None, 'CocoDataset.evaluate: 0.5 to 0.95'),
    Implied('train_dataloader.sampler.type',
            why='DistributedGroupSampler shuffled wide and tall images apart and gave each process '
            'whole batches; here images are shuffled and dealt out first. Each comes once an epoch '
            'in both', covers=ours_is('DefaultSampler'), always=True),
    Implied('train_dataloader.batch_sampler.type',
            why='DistributedGroupSampler also kept wide and tall images in batches of their own, '
            'but counted square ones as tall (wide: width / height > 1), now they are wide (tall: '
            'width < height); it filled each group up to whole batches on every process with '
            'images of it, now what both groups have left over shares a last batch',
            covers=ours_is('AspectRatioBatchSampler'), always=True),
    _default('train_dataloader.dataset.filter_cfg.filter_empty_gt', True, 'CustomDataset.__init__'),
    _default('train_dataloader.dataset.filter_cfg.min_size', 32, 'CocoDataset._filter_imgs'),
    _default('val_dataloader.dataset.test_mode', True, 'the training script'),
    _default('test_dataloader.dataset.test_mode', True, 'the test script'),
    Implied(r'param_scheduler\.MultiStepLR\.by_epoch', lambda old: True, 'LrUpdaterHook'),
    Implied(r'param_scheduler\.MultiStepLR\.gamma', lambda old: 0.1, 'StepLrUpdaterHook'),
    Implied(r'param_scheduler\.MultiStepLR\.end', lambda old: run_length(old, 'epochs'),
            'StepLrUpdaterHook'),
    Implied(r'model\.data_preprocessor\.(pad_mask|pad_seg)', lambda old: False, 'boxes alone'),
    Implied(_LOADERS + r'dataset\.pipeline\.LoadAnnotations\.with_bbox',
            why='for the evaluator alone', covers=ours_is(True)),
    Implied(_LOADERS + r'dataset\.pipeline\.PackDetInputs\.meta_keys',
            why='what the evaluator is told',
            covers=ours_is(['img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'])),
    *(
        Implied(rf'{split}_evaluator\.ann_file', why='the evaluator reads the annotations itself',
                covers=_annotations_of(split))
        for split in ('val', 'test')
    ),
    Implied(r'(val|test)_evaluator\.metric', lambda old: old.get('evaluation.metric', 'bbox'),
            'the same evaluation; CocoDataset.evaluate'),
    *_shared('DetDataPreprocessor', 'DetVisualizationHook', 'CocoMetric', 'coco/bbox_mAP'),
]  # fmt: skip

#: Behind a configuration of mmsegmentation 0.20.
SEGMENTATION = [
    *_image_defaults('RandomResize'),
    _default('train_dataloader.dataset.pipeline.RandomResize.resize_type', 'Resize',
             'a Resize draws its own ratio'),
    *(
        _default(f'train_dataloader.dataset.pipeline.PhotoMetricDistortion.{name}', value,
                 'PhotoMetricDistortion.__init__')
        for name, value in (
            ('brightness_delta', 32), ('contrast_range', [0.5, 1.5]),
            ('saturation_range', [0.5, 1.5]), ('hue_delta', 18),
        )
    ),
    _default('train_dataloader.dataset.pipeline.RandomCrop.ignore_index', 255,
             'RandomCrop.__init__'),
    *(
        _default(f'model.{head}.{name}', value, source)
        for head in ('decode_head', 'auxiliary_head')
        for name, value, source in (
            ('ignore_index', 255, 'BaseDecodeHead.__init__'),
            ('out_channels', None, 'as many as classes'),
            ('loss_decode.avg_non_ignore', False,
             'CrossEntropyLoss has no such option and averages over all pixels'),
            ('loss_decode.class_weight', None, 'CrossEntropyLoss.__init__'),
        )
    ),
    _default('optim_wrapper.optimizer.betas', [0.9, 0.999], 'torch.optim.AdamW'),
    _default('val_evaluator.ignore_index', 255, 'CustomDataset.__init__'),
    _default('val_evaluator.nan_to_num', None, 'CustomDataset.evaluate'),
    # The log has it: epochs of 1263 iterations, for 20,210 images: 2527 a process, two at a time.
    Implied('train_dataloader.sampler.type',
            why='0.20 trained in epochs, padded to the same number of images on every process, and '
            'dropped the incomplete last batch of each (drop_last=True in train_segmentor); '
            'InfiniteSampler strings shuffles together, repeats nothing and drops nothing',
            covers=ours_is('InfiniteSampler'), always=True),
    Implied('param_scheduler.PolyLR.end', lambda old: run_length(old, 'iters') + 1,
            'PolyLrUpdaterHook; mmengine divides by end - 1', always=True),
    Implied(r'.*\.keep_ratio', lambda old: True, 'Resize.__init__'),
    Implied(_LOADERS + r'dataset\.pipeline\.LoadAnnotations\.reduce_zero_label',
            lambda old: old.get('data.val.type') == 'ADE20KDataset', 'ADE20KDataset.__init__'),
    Implied(r'train_dataloader\.dataset\.pipeline\.LoadAnnotations\.reduce_zero_label',
            lambda old: False, 'LoadAnnotations.__init__'),
    Implied(r'(val|test)_evaluator\.iou_metrics',
            lambda old: [old.get('evaluation.metric', 'mIoU')],
            'the same evaluation; CustomDataset.evaluate'),
    *_shared('SegDataPreProcessor', 'SegVisualizationHook', 'IoUMetric', 'mIoU'),
]  # fmt: skip
