"""What the old libraries did without being told, which a config of today says or changes."""

from __future__ import annotations

from typing import Any

from rm_mm.fidelity.meanings import Implied

_SAVING = 'which checkpoint is kept; the training does not see it'
_SPEED = 'how fast images come, not which'
_LOOPS = 'the loop of that name is the only one there is'
_DISK = 'where the data set is: what --data-root says'
_LOADERS = r'(?:val|test)_dataloader\.'

_SHARED = [
    Implied(r'model\.data_preprocessor\.type',
            why='does what Normalize, Pad and the collate function did'),
    Implied(r'model\.backbone\.init_cfg\.type',
            why='the backbone comes verified from the run before: rm_mm.transfer'),
    Implied(r'.*_dataloader\.(persistent_workers|num_workers|pin_memory)', why=_SPEED),
    Implied(r'.*_dataloader\.dataset\.data_root', why=_DISK),
    Implied(r'model\.pretrained', lambda old: None, 'once: model.backbone.init_cfg'),
    Implied(r'.*\.backend_args', lambda old: None, 'files are read from disk'),
    Implied(r'train_dataloader\.sampler\.shuffle', lambda old: True, 'build_dataloader'),
    Implied(_LOADERS + r'sampler\.shuffle', lambda old: False, 'build_dataloader'),
    Implied(_LOADERS + r'sampler\.type', lambda old: 'DefaultSampler',
            'DistributedSampler, in order'),
    Implied(_LOADERS + 'batch_size', lambda old: 1, 'samples_per_gpu of a test loader'),
    Implied(_LOADERS + 'drop_last', lambda old: False, 'build_dataloader'),
    Implied(_LOADERS + r'dataset\.test_mode', lambda old: True, 'set by the training script'),
    Implied(r'(val|test)_cfg\.type', why=_LOOPS),
    Implied(r'(val|test)_evaluator\.type', why='the data set\'s own evaluation became this class'),
    Implied(r'optim_wrapper\.type', lambda old: 'OptimWrapper', 'float32: the log has no fp16'),
    Implied(r'optim_wrapper\.clip_grad', lambda old: None, 'optimizer_config'),
    Implied(r'param_scheduler\.(LinearLR|MultiStepLR|PolyLR)\.begin', lambda old: 0,
            'from the first iteration'),
    Implied(r'auto_scale_lr\.enable', lambda old: False, 'neither library scaled the rate'),
    Implied(r'custom_hooks', why='refuses a backbone that did not load'),
    Implied(r'default_hooks\.checkpoint\.(type|max_keep_ckpts|save_best|rule)', why=_SAVING),
    Implied(r'default_hooks\.(timer|sampler_seed|visualization|param_scheduler)\.type',
            why='what mmcv\'s runner had built in'),
    Implied(r'default_hooks\.logger\..*', why='how the log is printed'),
    Implied(r'log_processor\..*', why='how the log is printed'),
    Implied(r'env_cfg\.mp_cfg\..*', why=_SPEED),
    Implied(r'randomness\.seed', why='the suite runs its own seeds'),
]  # fmt: skip


def _default(key: str, value: Any, source: str) -> Implied:
    """A default of theirs that no config names; ours has to resolve to the same."""
    return Implied(key, lambda old: value, source, always=True)


def _image_defaults(resize: str) -> list[Implied]:
    steps = 'train_dataloader.dataset.pipeline.'
    return [
        _default(steps + 'LoadImageFromFile.to_float32', False, 'LoadImageFromFile.__init__'),
        _default(steps + 'LoadImageFromFile.color_type', 'color', 'LoadImageFromFile.__init__'),
        _default(steps + 'LoadImageFromFile.imdecode_backend', 'cv2', 'mmcv.imfrombytes'),
        _default(steps + 'RandomFlip.direction', 'horizontal', 'RandomFlip.__init__'),
        *(
            _default(f'{loader}_dataloader.dataset.pipeline.Resize.{name}', value, 'mmcv.imrescale')
            for loader in (resize, 'val', 'test')
            if loader
            for name, value in (('backend', 'cv2'), ('interpolation', 'bilinear'))
        ),
    ]


#: Behind a configuration of mmdetection 2.19.
DETECTION = [
    *_image_defaults('train'),
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
    Implied(r'train_dataloader\.sampler\.type', lambda old: 'DefaultSampler',
            'DistributedGroupSampler, with the next row'),
    Implied(r'train_dataloader\.batch_sampler\.type', lambda old: 'AspectRatioBatchSampler',
            'DistributedGroupSampler: wide and tall images in batches of their own'),
    Implied(r'train_dataloader\.dataset\.filter_cfg\.filter_empty_gt', lambda old: True,
            'CustomDataset.__init__'),
    Implied(r'train_dataloader\.dataset\.filter_cfg\.min_size', lambda old: 32,
            'CocoDataset._filter_imgs'),
    Implied(r'param_scheduler\.MultiStepLR\.by_epoch', lambda old: True, 'LrUpdaterHook'),
    Implied(r'param_scheduler\.MultiStepLR\.gamma', lambda old: 0.1, 'StepLrUpdaterHook'),
    Implied(r'param_scheduler\.MultiStepLR\.end', lambda old: old['runner.max_epochs'],
            'StepLrUpdaterHook'),
    Implied(r'model\.data_preprocessor\.(pad_mask|pad_seg)', lambda old: False, 'boxes alone'),
    Implied(_LOADERS + r'dataset\.pipeline\.LoadAnnotations\..*', why='for the evaluator alone'),
    Implied(r'.*\.PackDetInputs\..*', why='what the evaluator is told'),
    Implied(r'(val|test)_evaluator\.(ann_file|format_only|metric)',
            why='the evaluator has its annotations and its metric from here'),
    Implied(r'env_cfg\.cudnn_benchmark', lambda old: False, 'the training script\'s default'),
]  # fmt: skip

#: Behind a configuration of mmsegmentation 0.20.
SEGMENTATION = [
    *_image_defaults(''),
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
    Implied(r'train_dataloader\.sampler\.type', lambda old: 'InfiniteSampler',
            'DistributedSampler in an IterLoader: every image once, shuffled, again and again'),
    Implied(r'param_scheduler\.PolyLR\.end', lambda old: old['runner.max_iters'] + 1,
            'PolyLrUpdaterHook; mmengine divides by end - 1'),
    Implied(r'.*\.keep_ratio', lambda old: True, 'Resize.__init__'),
    Implied(_LOADERS + r'dataset\.pipeline\.LoadAnnotations\.reduce_zero_label',
            lambda old: old['data.train.pipeline.LoadAnnotations.reduce_zero_label'],
            'ADE20KDataset.__init__'),
    Implied(r'test_evaluator\.iou_metrics', lambda old: [old['evaluation.metric']],
            'the same evaluation'),
]  # fmt: skip

DETECTION += _SHARED
SEGMENTATION += _SHARED
