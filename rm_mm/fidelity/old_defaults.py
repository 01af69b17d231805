"""What the old libraries did by default, where a config of today states or changes it."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rm_mm.fidelity.old_keys import TRAIN_STEPS, Flat
from rm_mm.recipe.flat import ABSENT, without_tuples

#: Decides on a value of our config, which is the second argument.
Covers = Callable[[Any, Flat], bool]

_LOADERS = r'(?:val|test)_dataloader\.'


@dataclass(frozen=True)
class OldDefault:
    """A setting of today that the old config left to its library.

    Attributes:
        key: Pattern that matches the whole key of today.
        note: Where the old library has the value, or why the setting may differ.
        value: What the old library used, or a function of the old config that returns it.
        exempt: Decides, instead of a value, which values may differ: never all of them.
        always: Whether to check the key, then no pattern, even if today's config lacks it.
    """

    key: str
    note: str
    value: Any = None
    exempt: Covers | None = None
    always: bool = False

    def expected(self, old: Flat) -> Any:
        """The value that today's setting must have."""
        return self.value(old) if callable(self.value) else self.value


def _values(
    prefix: str, settings: Mapping[str, tuple[Any, str]], *, always: bool = False
) -> list[OldDefault]:
    """Values of the old library and where it has them, by pattern; if ``always``, by key."""
    return [
        OldDefault(prefix + key, note, value, always=always)
        for key, (value, note) in settings.items()
    ]


def _exempt(note: str, settings: Mapping[str, Covers]) -> list[OldDefault]:
    """Settings that may differ for a reason, by pattern."""
    return [OldDefault(key, note, exempt=exempt) for key, exempt in settings.items()]


def _is(*allowed: Any) -> Covers:
    return lambda value, ours: without_tuples(value) in allowed


def _is_a(kind: type) -> Covers:
    return lambda value, ours: type(value) is kind


def _is_annotation_file(split: str) -> Covers:
    """Whether an evaluator reads the annotations of the images that it is shown."""

    def covers(value: Any, ours: Flat) -> bool:
        dataset = f'{split}_dataloader.dataset.'
        root, file = (ours.get(dataset + key) for key in ('data_root', 'ann_file'))
        return isinstance(root, str) and isinstance(file, str) and value == os.path.join(root, file)

    return covers


def _run_length(old: Flat, unit: str) -> Any:
    """Length of an old run in ``epochs`` or ``iters``; ``total_*`` is older than ``runner``."""
    return old.get(f'runner.max_{unit}', old.get(f'total_{unit}', ABSENT))


def _loop_type(old: Flat) -> str:
    by_epoch = _run_length(old, 'epochs') is not ABSENT
    return 'EpochBasedTrainLoop' if by_epoch else 'IterBasedTrainLoop'


def _backbone_type(old: Flat) -> Any:
    keys = ('model.pretrained', 'model.backbone.pretrained', 'model.backbone.init_cfg.checkpoint')
    has_file = any(isinstance(old.get(key), str) for key in keys)
    return 'VerifiedBackbone' if has_file else ABSENT


def _shared(preprocessor: str, picture_hook: str, evaluator: str, metric: str) -> list[OldDefault]:
    """Defaults of both libraries, which build on mmcv 1.x, with today's names of three classes."""
    return [
        *_values('', {
            'model.backbone.init_cfg.type': (
                _backbone_type, 'the pretrained file, verified: rm_mm.transfer'),
            'val_dataloader.sampler.shuffle': (False, 'build_dataloader'),
            'test_dataloader.sampler.shuffle': (False, 'build_dataloader'),
        }, always=True),
        *_values('', {
            r'model\.pretrained': (None, 'once: model.backbone.init_cfg'),
            r'.*\.backend_args': (None, 'files are read from disk'),
            r'train_dataloader\.sampler\.shuffle': (True, 'build_dataloader'),
            r'train_cfg\.type': (
                _loop_type, 'the older total_epochs and total_iters name no runner'),
            r'train_cfg\.val_interval': (1, 'EvalHook.__init__'),
            r'val_cfg\.type': ('ValLoop', 'the only loop there is'),
            r'test_cfg\.type': ('TestLoop', 'the only loop there is'),
            r'(val|test)_evaluator\.format_only': (False, 'the training script'),
            r'optim_wrapper\.type': ('OptimWrapper', 'float32: the log has no fp16'),
            r'optim_wrapper\.clip_grad': (None, 'OptimizerHook.__init__'),
            r'auto_scale_lr\.enable': (False, 'neither library scaled the rate'),
            r'env_cfg\.cudnn_benchmark': (False, "the training script's default"),
            _LOADERS + r'sampler\.type': ('DefaultSampler', 'DistributedSampler, in order'),
            _LOADERS + 'batch_size': (1, 'samples_per_gpu of a test loader'),
            _LOADERS + 'drop_last': (False, 'build_dataloader'),
            r'param_scheduler\.(LinearLR|MultiStepLR|PolyLR)\.begin': (
                0, 'from the first iteration'),
            r'param_scheduler\.LinearLR\.end': (1, 'LrUpdaterHook.__init__'),
            r'param_scheduler\.LinearLR\.start_factor': (0.1, 'LrUpdaterHook.__init__'),
            r'param_scheduler\.PolyLR\.power': (1.0, 'PolyLrUpdaterHook.__init__'),
            r'param_scheduler\.PolyLR\.by_epoch': (True, 'LrUpdaterHook.__init__'),
            r'param_scheduler\.PolyLR\.eta_min': (0.0, 'PolyLrUpdaterHook.__init__'),
        }),
        *_exempt('affects how fast images are loaded, not which', {
            r'.*_dataloader\.num_workers': _is_a(int),
            r'.*_dataloader\.(persistent_workers|pin_memory)': _is_a(bool),
            r'env_cfg\.mp_cfg\.mp_start_method': _is('fork', 'spawn', 'forkserver'),
            r'env_cfg\.mp_cfg\.opencv_num_threads': _is_a(int),
        }),
        *_exempt('determines which checkpoints are kept, and does not affect training', {
            r'default_hooks\.checkpoint\.type': _is('CheckpointHook'),
            r'default_hooks\.checkpoint\.max_keep_ckpts': _is_a(int),
            r'default_hooks\.checkpoint\.save_best': _is(metric),
            r'default_hooks\.checkpoint\.rule': _is('greater'),
        }),
        *_exempt("built into mmcv's runner", {
            r'default_hooks\.timer\.type': _is('IterTimerHook'),
            r'default_hooks\.sampler_seed\.type': _is('DistSamplerSeedHook'),
            r'default_hooks\.param_scheduler\.type': _is('ParamSchedulerHook'),
            r'default_hooks\.visualization\.type': _is(picture_hook),
        }),
        *_exempt('affects how the log is printed', {
            r'default_hooks\.logger\.type': _is('LoggerHook'),
            r'default_hooks\.logger\.log_metric_by_epoch': _is_a(bool),
            r'default_hooks\.logger\.interval': _is_a(int),
            r'log_processor\.type': _is('LogProcessor'),
            r'log_processor\.window_size': _is_a(int),
            r'log_processor\.by_epoch': _is_a(bool),
        }),
        OldDefault(r'model\.data_preprocessor\.type',
                   'does what Normalize, Pad and the collate function did',
                   exempt=_is(preprocessor)),
        OldDefault(r'.*_dataloader\.dataset\.data_root',
                   'location of the data set, set by --data-root', exempt=_is_a(str)),
        OldDefault(r'(val|test)_evaluator\.type', 'evaluates today instead of the data set',
                   exempt=_is(evaluator)),
        OldDefault('runner_type', 'the same values, in another order in memory',
                   exempt=_is('ChannelsLastRunner')),
        OldDefault('custom_hooks', 'rejects a backbone that did not load',
                   exempt=_is(['VerifiedBackboneHook'])),
        OldDefault(r'randomness\.seed', 'the suite runs its own seeds', exempt=_is_a(int)),
    ]  # fmt: skip


def _image_defaults(resize: str) -> list[OldDefault]:
    rescaling = {'backend': 'cv2', 'interpolation': 'bilinear'}
    resizing = {key: (value, 'mmcv.imrescale') for key, value in rescaling.items()}
    return [
        *_values(TRAIN_STEPS, {
            'LoadImageFromFile.to_float32': (False, 'LoadImageFromFile.__init__'),
            'LoadImageFromFile.color_type': ('color', 'LoadImageFromFile.__init__'),
            'LoadImageFromFile.imdecode_backend': ('cv2', 'mmcv.imfrombytes'),
            'RandomFlip.direction': ('horizontal', 'RandomFlip.__init__'),
        }, always=True),
        *_values(f'{TRAIN_STEPS}{resize}.', resizing, always=True),
        *_values('val_dataloader.dataset.pipeline.Resize.', resizing, always=True),
        *_values('test_dataloader.dataset.pipeline.Resize.', resizing, always=True),
    ]  # fmt: skip


#: Defaults of mmdetection 2.19.
DETECTION = [
    *_image_defaults('Resize'),
    *_values(TRAIN_STEPS, {
        'Resize.clip_object_border': (True, 'Resize.__init__, as bbox_clip_border'),
        'LoadAnnotations.with_label': (True, 'LoadAnnotations.__init__'),
        'LoadAnnotations.box_type': ('hbox', 'the only boxes that 2.19 has'),
    }, always=True),
    *_values('model.', {
        'data_preprocessor.pad_value': (0, 'Pad.__init__, after Normalize'),
        'bbox_head.pred_kernel_size': (3, 'ATSSHead._init_layers'),
        'bbox_head.reg_decoded_bbox': (True, 'ATSSHead.__init__'),
        'bbox_head.loss_cls.activated': (False, 'FocalLoss.forward'),
        'bbox_head.loss_bbox.eps': (1e-6, 'GIoULoss.__init__'),
        'bbox_head.loss_centerness.avg_non_ignore': (
            False, 'CrossEntropyLoss has no such option and averages over all'),
        'train_cfg.assigner.alpha': (None, 'ATSSAssigner has IoU alone'),
        'train_cfg.assigner.ignore_iof_thr': (-1, 'ATSSAssigner.__init__'),
        'bbox_head.anchor_generator.center_offset': (0.0, 'AnchorGenerator.__init__'),
        'bbox_head.bbox_coder.clip_border': (True, 'DeltaXYWHBBoxCoder.__init__'),
        'bbox_head.bbox_coder.add_ctr_clamp': (False, 'DeltaXYWHBBoxCoder.__init__'),
    }, always=True),
    *_values('val_evaluator.', {
        'proposal_nums': ([100, 300, 1000], 'CocoDataset.evaluate'),
        'iou_thrs': (None, 'CocoDataset.evaluate: 0.5 to 0.95'),
    }, always=True),
    OldDefault('train_dataloader.sampler.type',
               'DistributedGroupSampler shuffled wide and tall images apart and gave each process '
               'whole batches; here images are shuffled and dealt out first. Each comes once an '
               'epoch in both', exempt=_is('DefaultSampler'), always=True),
    OldDefault('train_dataloader.batch_sampler.type',
               'DistributedGroupSampler also kept wide and tall images in separate batches, but '
               'counted square ones as tall (wide: width / height > 1), now they are wide (tall: '
               'width < height); it filled each group up to whole batches on every process with '
               'images of that group, now what is left of both groups shares a last batch',
               exempt=_is('AspectRatioBatchSampler'), always=True),
    *_values('', {
        'train_dataloader.dataset.filter_cfg.filter_empty_gt': (True, 'CustomDataset.__init__'),
        'train_dataloader.dataset.filter_cfg.min_size': (32, 'CocoDataset._filter_imgs'),
        'val_dataloader.dataset.test_mode': (True, 'the training script'),
        'test_dataloader.dataset.test_mode': (True, 'the test script'),
    }, always=True),
    *_values('', {
        r'param_scheduler\.MultiStepLR\.by_epoch': (True, 'LrUpdaterHook'),
        r'param_scheduler\.MultiStepLR\.gamma': (0.1, 'StepLrUpdaterHook'),
        r'param_scheduler\.MultiStepLR\.end': (
            lambda old: _run_length(old, 'epochs'), 'StepLrUpdaterHook'),
        r'model\.data_preprocessor\.(pad_mask|pad_seg)': (False, 'boxes alone'),
        r'(val|test)_evaluator\.metric': (
            lambda old: old.get('evaluation.metric', 'bbox'),
            'the same evaluation; CocoDataset.evaluate'),
    }),
    OldDefault(_LOADERS + r'dataset\.pipeline\.LoadAnnotations\.with_bbox',
               'for the evaluator alone', exempt=_is(True)),
    OldDefault(_LOADERS + r'dataset\.pipeline\.PackDetInputs\.meta_keys',
               'inputs of the evaluator',
               exempt=_is(['img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'])),
    *_exempt('the evaluator reads the annotations itself', {
        rf'{split}_evaluator\.ann_file': _is_annotation_file(split) for split in ('val', 'test')
    }),
    *_shared('DetDataPreprocessor', 'DetVisualizationHook', 'CocoMetric', 'coco/bbox_mAP'),
]  # fmt: skip

_HEAD_DEFAULTS = {
    'ignore_index': (255, 'BaseDecodeHead.__init__'),
    'out_channels': (None, 'as many as classes'),
    'loss_decode.avg_non_ignore': (
        False, 'CrossEntropyLoss has no such option and averages over all pixels'),
    'loss_decode.class_weight': (None, 'CrossEntropyLoss.__init__'),
}  # fmt: skip

#: Defaults of mmsegmentation 0.20.
SEGMENTATION = [
    *_image_defaults('RandomResize'),
    *_values(TRAIN_STEPS, {
        'RandomResize.resize_type': ('Resize', 'a Resize draws its own ratio'),
        'PhotoMetricDistortion.brightness_delta': (32, 'PhotoMetricDistortion.__init__'),
        'PhotoMetricDistortion.contrast_range': ([0.5, 1.5], 'PhotoMetricDistortion.__init__'),
        'PhotoMetricDistortion.saturation_range': ([0.5, 1.5], 'PhotoMetricDistortion.__init__'),
        'PhotoMetricDistortion.hue_delta': (18, 'PhotoMetricDistortion.__init__'),
        'RandomCrop.ignore_index': (255, 'RandomCrop.__init__'),
    }, always=True),
    *_values('model.decode_head.', _HEAD_DEFAULTS, always=True),
    *_values('model.auxiliary_head.', _HEAD_DEFAULTS, always=True),
    *_values('', {
        'optim_wrapper.optimizer.betas': ([0.9, 0.999], 'torch.optim.AdamW'),
        'val_evaluator.ignore_index': (255, 'CustomDataset.__init__'),
        'val_evaluator.nan_to_num': (None, 'CustomDataset.evaluate'),
    }, always=True),
    # As the log shows: epochs of 1263 iterations for 20,210 images, 2527 a process, two at a time.
    OldDefault('train_dataloader.sampler.type',
               '0.20 trained in epochs, padded to the same number of images on every process, and '
               'dropped the incomplete last batch of each (drop_last=True in train_segmentor); '
               'InfiniteSampler strings shuffles together, repeats nothing and drops nothing',
               exempt=_is('InfiniteSampler'), always=True),
    OldDefault('param_scheduler.PolyLR.end', 'PolyLrUpdaterHook; mmengine divides by end - 1',
               lambda old: _run_length(old, 'iters') + 1, always=True),
    *_values('', {
        r'.*\.keep_ratio': (True, 'Resize.__init__'),
        _LOADERS + r'dataset\.pipeline\.LoadAnnotations\.reduce_zero_label': (
            lambda old: old.get('data.val.type') == 'ADE20KDataset', 'ADE20KDataset.__init__'),
        r'train_dataloader\.dataset\.pipeline\.LoadAnnotations\.reduce_zero_label': (
            False, 'LoadAnnotations.__init__'),
        r'(val|test)_evaluator\.iou_metrics': (
            lambda old: [old.get('evaluation.metric', 'mIoU')],
            'the same evaluation; CustomDataset.evaluate'),
    }),
    *_shared('SegDataPreProcessor', 'SegVisualizationHook', 'IoUMetric', 'mIoU'),
]  # fmt: skip
