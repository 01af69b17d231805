"""Today's counterpart of each key in a config of mmdetection 2.x or mmsegmentation 0.x.

Read off the sources of mmdetection 2.19.0, mmsegmentation 0.20.0, mmdetection 3 and
mmsegmentation 1. Where a default or a behaviour changed in between, the translation says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rm_mm.recipe.flat import ABSENT

#: Settings by dotted key, as ``flatten`` returns them.
Flat = Mapping[str, Any]
Convert = Callable[[Any, Flat], Any]

_IN_PREPROCESSOR = ('Normalize', 'Pad', 'DefaultFormatBundle', 'ImageToTensor')
_PREPROCESSED = 'the data preprocessor normalises and pads'
_PACKING = 'collects the inputs of the network; today one transform packs image and annotations'
_BACKBONE = 'the backbone comes, verified, from the pretraining run: rm_mm.transfer'
_STORAGE = 'the same images and annotations in their storage; ours are below --data-root'
_SPLIT = 'the same split in their storage'
_LOOPS = {'EpochBasedRunner': 'EpochBasedTrainLoop', 'IterBasedRunner': 'IterBasedTrainLoop'}
_SCHEDULERS = {'step': 'MultiStepLR', 'poly': 'PolyLR'}
#: The training pipeline's settings, as a pattern of their keys and as today's.
_THEIR_STEPS = r'data\.train\.pipeline\.'
TRAIN_STEPS = 'train_dataloader.dataset.pipeline.'


@dataclass(frozen=True)
class KeyTranslation:
    """Today's counterpart of an old key.

    Attributes:
        key: Pattern that matches the whole old key.
        ours: Today's key, with the groups of the pattern; None if there is none.
        convert: Value that today's key must have, given the old value and the old config. Raises
            if there is none.
        how: Explanation of equal settings whose values look different.
        why: Reason for a difference, or for having no counterpart.
        covers: Whether the reason holds for an old value and today's: never for all of them.
    """

    key: str
    ours: str | None = None
    convert: Convert = lambda value, old: value
    how: str = ''
    why: str = ''
    covers: Callable[[Any, Any], bool] | None = None

    def __post_init__(self) -> None:
        assert bool(self.why) == bool(self.covers), self.key


def _renamed(keys: Mapping[str, str]) -> list[KeyTranslation]:
    """Keys that have another name today, and the same values."""
    return [KeyTranslation(key, ours) for key, ours in keys.items()]


def _dropped(key: str, why: str, *values: Any) -> KeyTranslation:
    """A key without a counterpart; the reason holds for these old values."""
    return KeyTranslation(key, why=why, covers=lambda theirs, ours: theirs in values)


def _are_strings(theirs: Any, ours: Any) -> bool:
    return isinstance(theirs, str) and isinstance(ours, str)


def _train_order(pack: str, names: Mapping[str, str]) -> KeyTranslation:
    """The transforms of the training pipeline; some have another name today."""

    def convert(order: Any, old: Flat) -> Any:
        kept = _without_preprocessing(order, ['Normalize', 'Pad', 'DefaultFormatBundle'])
        return [{'Collect': pack, **names}.get(name, name) for name in kept]

    return KeyTranslation(
        r'data\.(train)\.pipeline', r'\1_dataloader.dataset.pipeline', convert, how=_PREPROCESSED
    )


def _test_order(pack: str, *pad: str) -> Convert:
    def convert(order: Any, old: Flat) -> Any:
        kept = _without_preprocessing(order, ['Normalize', *pad, 'ImageToTensor'])
        kept = [name for name in kept if name not in ('RandomFlip', 'Collect')]
        return ['LoadImageFromFile', *kept, 'LoadAnnotations', pack]

    return convert


def _without_preprocessing(order: list[str], expected: list[str]) -> list[str]:
    """A pipeline without the steps that the data preprocessor does today.

    Raises:
        ValueError: If these are not the expected ones.
    """
    if [name for name in order if name in _IN_PREPROCESSOR] != expected:
        raise ValueError(f'no translation of {order}')
    return [name for name in order if name not in _IN_PREPROCESSOR]


def _split(
    theirs: str, pattern: str, ours: str, path: str, names: tuple[str, str]
) -> list[KeyTranslation]:
    """A path of each split, wherever it is in their storage.

    ``SPLIT`` in the pattern of old paths and in today's path stands for the name of the split for
    training or for evaluation, ``SHORT`` for ``train`` or ``val``.
    """
    found = []
    for split, short, name in (('train', 'train', names[0]), ('val|test', 'val', names[1])):
        known = re.compile(pattern.replace('SPLIT', name).replace('SHORT', short))

        # Any other path may be that of another split.
        def convert(value: Any, old: Flat, known: re.Pattern[str] = known, name: str = name) -> Any:
            return path.replace('SPLIT', name) if known.fullmatch(value) else value

        key = rf'data\.({split})\.{theirs}'
        found.append(KeyTranslation(key, rf'\1_dataloader.dataset.{ours}', convert, how=_SPLIT))
    return found


def _schedulers(policy: Any, old: Flat) -> Any:
    warmup = ['LinearLR'] if old.get('lr_config.warmup') == 'linear' else []
    return [*warmup, _SCHEDULERS[policy]]


def _shared(pack: str, targets: list[str], *pad: str) -> list[KeyTranslation]:
    """Keys of both libraries, which build on mmcv 1.x.

    Args:
        pack: Transform at the end of a pipeline today.
        targets: Annotations that training collects.
        pad: ``Pad``, if testing pads as well.
    """
    data, dataset = r'data\.(train|val|test)\.', r'\1_dataloader.dataset.'
    pipeline, steps = data + r'pipeline\.', dataset + 'pipeline.'
    aug = pipeline + r'MultiScaleFlipAug\.'
    normalize = data + r'pipeline\.(?:MultiScaleFlipAug\.transforms\.)?Normalize\.'
    backbone = 'model.backbone.init_cfg.'
    return [
        _dropped(r'data\.train\.pipeline\.Collect\.keys', _PACKING, ['img', *targets]),
        _dropped(r'data\.(?:val|test)\.pipeline\.(?:.*\.)?(Collect|ImageToTensor)\.keys', _PACKING,
                 ['img']),
        _dropped(r'data\.(val|test)\.pipeline', 'the steps of MultiScaleFlipAug are compared below',
                 ['LoadImageFromFile', 'MultiScaleFlipAug']),
        _dropped('workflow', 'both only train; mmengine has train loops instead', [['train', 1]]),
        *_renamed({
            r'data\.samples_per_gpu': 'train_dataloader.batch_size',
            r'data\.workers_per_gpu': 'train_dataloader.num_workers',
            data + 'type': dataset + 'type',
            aug + 'img_scale': steps + 'Resize.scale',
            aug + r'transforms\.(Resize)\.(.*)': steps + r'\2.\3',
            normalize + '(mean|std)': r'model.data_preprocessor.\2',
            normalize + 'to_rgb': 'model.data_preprocessor.bgr_to_rgb',
            r'optimizer\.((?:paramwise_cfg|constructor)\b.*)': r'optim_wrapper.\1',
            r'optimizer\.(.*)': r'optim_wrapper.optimizer.\1',
            r'optimizer_config\.grad_clip': 'optim_wrapper.clip_grad',
            r'total_(epochs|iters)': r'train_cfg.max_\1',
            r'runner\.(max_epochs|max_iters)': r'train_cfg.\1',
            r'lr_config\.warmup_ratio': 'param_scheduler.LinearLR.start_factor',
            r'lr_config\.step': 'param_scheduler.MultiStepLR.milestones',
            r'lr_config\.power': 'param_scheduler.PolyLR.power',
            r'lr_config\.min_lr': 'param_scheduler.PolyLR.eta_min',
            r'lr_config\.by_epoch': 'param_scheduler.PolyLR.by_epoch',
            r'checkpoint_config\.(.*)': r'default_hooks.checkpoint.\1',
            r'evaluation\.interval': 'train_cfg.val_interval',
            r'log_config\.interval': 'default_hooks.logger.interval',
            r'log_config\.hooks\.TextLoggerHook\.by_epoch': 'log_processor.by_epoch',
            r'dist_params\.backend': 'env_cfg.dist_cfg.backend',
            'log_level': 'log_level',
            'load_from': 'load_from',
            'cudnn_benchmark': 'env_cfg.cudnn_benchmark',
        }),
        KeyTranslation(data + 'data_root', dataset + 'data_root', why=_STORAGE,
                       covers=_are_strings),
        KeyTranslation(aug + 'flip', steps + 'RandomFlip',
                       lambda flip, old: 'RandomFlip' if flip else ABSENT,
                       how='no flip: ours has no RandomFlip'),
        KeyTranslation(aug + 'transforms', dataset + 'pipeline', _test_order(pack, *pad),
                       how=f'{_PREPROCESSED}; annotations are loaded after resizing, so that they '
                       'keep their size'),
        KeyTranslation('optimizer_config', 'optim_wrapper.clip_grad',
                       lambda value, old: value or None, how='empty: gradients are not clipped'),
        KeyTranslation(r'runner\.type', 'train_cfg.type', lambda value, old: _LOOPS[value]),
        KeyTranslation(r'lr_config\.policy', 'param_scheduler', _schedulers),
        KeyTranslation(r'lr_config\.warmup', 'param_scheduler.LinearLR.by_epoch',
                       lambda value, old: {'linear': False, None: ABSENT}[value],
                       how='by iteration'),
        KeyTranslation(r'lr_config\.warmup_iters', 'param_scheduler.LinearLR.end',
                       lambda value, old: value + 1,
                       how='mmengine reaches the full rate at end - 1'),
        KeyTranslation(r'log_config\.hooks', 'default_hooks.logger.type',
                       lambda value, old: 'LoggerHook' if value == ['TextLoggerHook'] else value),
        KeyTranslation('resume_from', 'resume', lambda value, old: value is not None),
        KeyTranslation('work_dir', why='work directory of their run',
                       covers=lambda theirs, ours: isinstance(theirs, str)),
        KeyTranslation('gpu_ids', 'auto_scale_lr.base_batch_size',
                       lambda value, old: len(value) * old['data.samples_per_gpu'],
                       how='processes x images each: the global batch'),
        KeyTranslation('seed', 'randomness.seed', why='the suite runs its own seeds',
                       covers=lambda theirs, ours: type(theirs) in (int, type(None))),
        KeyTranslation(
            r'model\.(?:pretrained|backbone\.pretrained|backbone\.init_cfg\.checkpoint)',
            backbone + 'checkpoint', why=_BACKBONE, covers=_are_strings),
        KeyTranslation(r'model\.backbone\.init_cfg\.type', backbone + 'type',
                       lambda value, old: {'Pretrained': 'VerifiedBackbone'}[value],
                       how='also reads the file, and rejects one that does not fit'),
    ]  # fmt: skip


#: Keys of mmdetection 2.19.
DETECTION = [
    _train_order('PackDetInputs', {}),
    *_renamed({
        _THEIR_STEPS + r'Resize\.img_scale': TRAIN_STEPS + 'Resize.scale',
        _THEIR_STEPS + r'RandomFlip\.flip_ratio': TRAIN_STEPS + 'RandomFlip.prob',
        _THEIR_STEPS + r'(Resize|LoadAnnotations)\.(.*)': TRAIN_STEPS + r'\1.\2',
        r'data\..*\.Pad\.size_divisor': 'model.data_preprocessor.pad_size_divisor',
        r'evaluation\.metric': 'val_evaluator.metric',
    }),
    *_split('ann_file', r'(?:.*/)?instances_SPLIT2017(?:_nori)?\.json',
            'ann_file', 'annotations/instances_SPLIT2017.json', ('train', 'val')),
    # Their storage has the images of all splits below one prefix.
    *_split('img_prefix', r'(?:.*/)?(?:SPLIT)?2017/?',
            'data_prefix.img', 'SPLIT2017/', ('train', 'val')),
    _dropped('custom_hooks', 'NumClassCheckHook compares class counts and changes nothing; ours '
             'are the backbone check', ['NumClassCheckHook']),
    KeyTranslation(r'model\.test_cfg\.min_bbox_size', 'model.test_cfg.min_bbox_size',
                   lambda value, old: -1, how='2.19 never reads it in a dense head; 3.x would drop '
                   'empty boxes from 0 on'),
    *_shared('PackDetInputs', ['gt_bboxes', 'gt_labels'], 'Pad'),
    KeyTranslation(r'model\.(.*)', r'model.\1'),
]  # fmt: skip

#: Keys of mmsegmentation 0.20.
SEGMENTATION = [
    _train_order('PackSegInputs', {'Resize': 'RandomResize'}),
    *_renamed({
        _THEIR_STEPS + r'Resize\.img_scale': TRAIN_STEPS + 'RandomResize.scale',
        _THEIR_STEPS + r'Resize\.(.*)': TRAIN_STEPS + r'RandomResize.\1',
        _THEIR_STEPS + r'(LoadAnnotations|RandomCrop|RandomFlip)\.(.*)': TRAIN_STEPS + r'\1.\2',
        _THEIR_STEPS + r'Pad\.(.*)': r'model.data_preprocessor.\1',
    }),
    # Their storage lists images with their annotations: train_nori.json, val_nori.json.
    *_split('img_dir', r'images/SPLIT/?|SHORT_nori\.json',
            'data_prefix.img_path', 'images/SPLIT', ('training', 'validation')),
    *_split('ann_dir', r'annotations/SPLIT/?|',
            'data_prefix.seg_map_path', 'annotations/SPLIT', ('training', 'validation')),
    KeyTranslation(r'evaluation\.metric', 'val_evaluator.iou_metrics', lambda value, old: [value]),
    _dropped(r'evaluation\.pre_eval', 'IoUMetric always adds up image by image, as this option '
             'does', True),
    *_shared('PackSegInputs', ['gt_semantic_seg']),
    KeyTranslation(r'model\.(.*)', r'model.\1'),
]  # fmt: skip
