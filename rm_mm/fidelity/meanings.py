"""What each key of an mmdetection 2.x or mmsegmentation 0.x config means in a config of today.

Read off the sources of mmdetection 2.19.0, mmsegmentation 0.20.0, mmdetection 3 and
mmsegmentation 1; where a default or a behaviour changed in between, the meaning says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rm_mm.fidelity.meaning import Convert, Flat, Meaning, theirs_is
from rm_mm.recipe.flat import ABSENT

_IN_PREPROCESSOR = ('Normalize', 'Pad', 'DefaultFormatBundle', 'ImageToTensor')
_PACKING = 'collects what the network takes; today one transform packs image and annotations'
_BACKBONE = 'the backbone comes verified from the run before: rm_mm.transfer'
_STORAGE = 'where their storage has the same images and annotations; ours is what --data-root says'
_SPLIT = 'the same split in their storage'
_LOOPS = {'EpochBasedRunner': 'EpochBasedTrainLoop', 'IterBasedRunner': 'IterBasedTrainLoop'}


def _train_order(pack: str, names: Mapping[str, str]) -> Convert:
    def convert(order: Any, old: Flat) -> Any:
        kept = _without_preprocessing(order, ['Normalize', 'Pad', 'DefaultFormatBundle'])
        return [{'Collect': pack, **names}.get(name, name) for name in kept]

    return convert


def _test_order(pack: str, *pad: str) -> Convert:
    def convert(order: Any, old: Flat) -> Any:
        kept = _without_preprocessing(order, ['Normalize', *pad, 'ImageToTensor'])
        return [
            'LoadImageFromFile',
            *(name for name in kept if name not in ('RandomFlip', 'Collect')),
            'LoadAnnotations',
            pack,
        ]

    return convert


def _without_preprocessing(order: list[str], expected: list[str]) -> list[str]:
    """A pipeline without the steps, just these, that are the data preprocessor's today."""
    if [name for name in order if name in _IN_PREPROCESSOR] != expected:
        raise ValueError(f'no translation of {order}')
    return [name for name in order if name not in _IN_PREPROCESSOR]


def _are_strings(theirs: Any, ours: Any) -> bool:
    return isinstance(theirs, str) and isinstance(ours, str)


def _collected(*targets: str) -> list[Meaning]:
    """What the pipelines hand to the network: targets in training, images alone in testing."""
    return [
        Meaning(r'data\.train\.pipeline\.Collect\.keys', why=_PACKING,
                covers=theirs_is(['img', *targets])),
        Meaning(r'data\.(?:val|test)\.pipeline\.(?:.*\.)?(Collect|ImageToTensor)\.keys',
                why=_PACKING, covers=theirs_is(['img'])),
    ]  # fmt: skip


def _shared(pack: str, *pad: str) -> list[Meaning]:
    """What the two libraries, both on mmcv 1.x, have in common.

    Args:
        pack: Transform that hands on what a pipeline made.
        pad: ``Pad``, if it pads in testing as well.
    """
    data, dataset = r'data\.(train|val|test)\.', r'\1_dataloader.dataset.'
    pipeline, steps = data + r'pipeline\.', dataset + 'pipeline.'
    aug = pipeline + r'MultiScaleFlipAug\.'
    normalize = data + r'pipeline\.(?:MultiScaleFlipAug\.transforms\.)?Normalize\.'
    return [
        Meaning(r'data\.samples_per_gpu', 'train_dataloader.batch_size'),
        Meaning(r'data\.workers_per_gpu', 'train_dataloader.num_workers'),
        Meaning(data + 'type', dataset + 'type'),
        Meaning(data + 'data_root', dataset + 'data_root', why=_STORAGE, covers=_are_strings),
        Meaning(r'data\.(val|test)\.pipeline', why='MultiScaleFlipAug is taken apart below',
                covers=theirs_is(['LoadImageFromFile', 'MultiScaleFlipAug'])),
        Meaning(aug + 'img_scale', steps + 'Resize.scale'),
        Meaning(
            aug + 'flip',
            steps + 'RandomFlip',
            lambda flip, old: 'RandomFlip' if flip else ABSENT,
            how='no flip: ours has no RandomFlip',
        ),
        Meaning(
            aug + 'transforms',
            dataset + 'pipeline',
            _test_order(pack, *pad),
            how='normalising and padding are the data preprocessor\'s; annotations are loaded '
            'after resizing, so that they keep their size',
        ),
        Meaning(aug + r'transforms\.(Resize)\.(.*)', steps + r'\2.\3'),
        Meaning(normalize + '(mean|std)', r'model.data_preprocessor.\2'),
        Meaning(normalize + 'to_rgb', 'model.data_preprocessor.bgr_to_rgb'),
        Meaning(r'optimizer\.((?:paramwise_cfg|constructor)\b.*)', r'optim_wrapper.\1'),
        Meaning(r'optimizer\.(.*)', r'optim_wrapper.optimizer.\1'),
        Meaning(r'optimizer_config\.grad_clip', 'optim_wrapper.clip_grad'),
        Meaning('optimizer_config', 'optim_wrapper.clip_grad',
                lambda value, old: value or None,
                how='empty: gradients are not clipped'),
        Meaning(r'runner\.type', 'train_cfg.type', lambda value, old: _LOOPS[value]),
        Meaning(r'total_(epochs|iters)', r'train_cfg.max_\1'),
        Meaning(r'runner\.(max_epochs|max_iters)', r'train_cfg.\1'),
        Meaning(r'lr_config\.policy', 'param_scheduler', _schedulers),
        Meaning(r'lr_config\.warmup', 'param_scheduler.LinearLR.by_epoch',
                lambda value, old: {'linear': False, None: ABSENT}[value],
                how='by iteration'),
        Meaning(r'lr_config\.warmup_iters', 'param_scheduler.LinearLR.end',
                lambda value, old: value + 1,
                how='mmengine reaches the full rate at end - 1'),
        Meaning(r'lr_config\.warmup_ratio', 'param_scheduler.LinearLR.start_factor'),
        Meaning(r'lr_config\.step', 'param_scheduler.MultiStepLR.milestones'),
        Meaning(r'lr_config\.power', 'param_scheduler.PolyLR.power'),
        Meaning(r'lr_config\.min_lr', 'param_scheduler.PolyLR.eta_min'),
        Meaning(r'lr_config\.by_epoch', 'param_scheduler.PolyLR.by_epoch'),
        Meaning(r'checkpoint_config\.(.*)', r'default_hooks.checkpoint.\1'),
        Meaning(r'evaluation\.interval', 'train_cfg.val_interval'),
        Meaning(r'log_config\.interval', 'default_hooks.logger.interval'),
        Meaning(r'log_config\.hooks', 'default_hooks.logger.type',
                lambda value, old: 'LoggerHook' if value == ['TextLoggerHook'] else value),
        Meaning(r'log_config\.hooks\.TextLoggerHook\.by_epoch', 'log_processor.by_epoch'),
        Meaning(r'dist_params\.backend', 'env_cfg.dist_cfg.backend'),
        Meaning('log_level', 'log_level'),
        Meaning('load_from', 'load_from'),
        Meaning('resume_from', 'resume', lambda value, old: value is not None),
        Meaning('workflow', why='mmengine has train loops instead; both train and nothing else',
                covers=theirs_is([['train', 1]])),
        Meaning('cudnn_benchmark', 'env_cfg.cudnn_benchmark'),
        Meaning('work_dir', why='where the run was kept',
                covers=lambda theirs, ours: isinstance(theirs, str)),
        Meaning(
            'gpu_ids',
            'auto_scale_lr.base_batch_size',
            lambda value, old: len(value) * old['data.samples_per_gpu'],
            how='processes x images each: the global batch',
        ),
        Meaning('seed', 'randomness.seed', why='the suite runs its own seeds',
                covers=lambda theirs, ours: type(theirs) in (int, type(None))),
        Meaning(r'model\.(?:backbone\.)?pretrained', 'model.backbone.init_cfg.checkpoint',
                why=_BACKBONE, covers=_are_strings),
        Meaning(r'model\.backbone\.init_cfg\.checkpoint', r'model.backbone.init_cfg.checkpoint',
                why=_BACKBONE, covers=_are_strings),
        Meaning(r'model\.backbone\.init_cfg\.type', r'model.backbone.init_cfg.type',
                lambda value, old: {'Pretrained': 'VerifiedBackbone'}[value],
                how='reads the file as well, and refuses one that does not fit'),
    ]  # fmt: skip


def _is(value: Any) -> Convert:
    """Ours has to be this, whatever theirs is."""
    return lambda theirs, old: value


def _split(theirs: str, pattern: str, ours: str, path: str, *names: str) -> list[Meaning]:
    """A path of each split, wherever their storage had it.

    Args:
        theirs: Their key below the split's.
        pattern: Of the paths of theirs that are of the split: ``SPLIT`` stands for its name,
            ``SHORT`` for ``train`` or ``val``.
        ours: Our key below the split's data set.
        path: Ours, likewise.
        names: Of the splits to train on and to evaluate on.
    """

    def meaning(split: str, short: str, name: str) -> Meaning:
        def convert(value: Any, old: Flat) -> Any:
            # Another path is of another split for all we know, and ours is not it.
            known = re.fullmatch(pattern.replace('SPLIT', name).replace('SHORT', short), value)
            return path.replace('SPLIT', name) if known else value

        return Meaning(
            rf'data\.({split})\.{theirs}', rf'\1_dataloader.dataset.{ours}', convert, how=_SPLIT
        )

    train, test = names
    return [
        meaning('train', 'train', train),
        meaning('val', 'val', test),
        meaning('test', 'val', test),
    ]


def _schedulers(policy: Any, old: Mapping[str, Any]) -> Any:
    warmup = ['LinearLR'] if old.get('lr_config.warmup') == 'linear' else []
    return [*warmup, {'step': 'MultiStepLR', 'poly': 'PolyLR'}[policy]]


#: mmdetection 2.19.
DETECTION = [
    Meaning(
        r'data\.(train)\.pipeline',
        r'\1_dataloader.dataset.pipeline',
        _train_order('PackDetInputs', {}),
        how='normalising and padding are the data preprocessor\'s',
    ),
    Meaning(r'data\.train\.pipeline\.Resize\.img_scale',
            'train_dataloader.dataset.pipeline.Resize.scale'),
    Meaning(r'data\.train\.pipeline\.RandomFlip\.flip_ratio',
            'train_dataloader.dataset.pipeline.RandomFlip.prob'),
    Meaning(r'data\.train\.pipeline\.(Resize|LoadAnnotations)\.(.*)',
            r'train_dataloader.dataset.pipeline.\1.\2'),
    Meaning(r'data\..*\.Pad\.size_divisor', 'model.data_preprocessor.pad_size_divisor'),
    *_split('ann_file', r'(?:.*/)?instances_SPLIT2017(?:_nori)?\.json',
            'ann_file', 'annotations/instances_SPLIT2017.json', 'train', 'val'),
    # Their storage has the images of all splits below one prefix.
    *_split('img_prefix', r'(?:.*/)?(?:SPLIT)?2017/?',
            'data_prefix.img', 'SPLIT2017/', 'train', 'val'),
    Meaning(r'evaluation\.metric', 'val_evaluator.metric'),
    Meaning('custom_hooks', why='NumClassCheckHook compares class counts and changes nothing; '
            'ours are the backbone check', covers=theirs_is(['NumClassCheckHook'])),
    *_collected('gt_bboxes', 'gt_labels'),
    Meaning(r'model\.test_cfg\.min_bbox_size', 'model.test_cfg.min_bbox_size',
            _is(-1),
            how='2.19 never reads it in a dense head; 3.x would drop empty boxes from 0 on'),
    *_shared('PackDetInputs', 'Pad'),
    Meaning(r'model\.(.*)', r'model.\1'),
]  # fmt: skip

#: mmsegmentation 0.20.
SEGMENTATION = [
    Meaning(
        r'data\.(train)\.pipeline',
        r'\1_dataloader.dataset.pipeline',
        _train_order('PackSegInputs', {'Resize': 'RandomResize'}),
        how='normalising and padding are the data preprocessor\'s',
    ),
    Meaning(r'data\.train\.pipeline\.Resize\.img_scale',
            'train_dataloader.dataset.pipeline.RandomResize.scale'),
    Meaning(r'data\.train\.pipeline\.Resize\.(.*)',
            r'train_dataloader.dataset.pipeline.RandomResize.\1'),
    Meaning(r'data\.train\.pipeline\.(LoadAnnotations|RandomCrop|RandomFlip)\.(.*)',
            r'train_dataloader.dataset.pipeline.\1.\2'),
    Meaning(r'data\.train\.pipeline\.Pad\.(.*)', r'model.data_preprocessor.\1'),
    # Their storage lists images with their annotations: train_nori.json, val_nori.json.
    *_split('img_dir', r'images/SPLIT/?|SHORT_nori\.json',
            'data_prefix.img_path', 'images/SPLIT', 'training', 'validation'),
    *_split('ann_dir', r'annotations/SPLIT/?|',
            'data_prefix.seg_map_path', 'annotations/SPLIT', 'training', 'validation'),
    Meaning(r'evaluation\.metric', 'val_evaluator.iou_metrics', lambda value, old: [value]),
    Meaning(r'evaluation\.pre_eval', why='IoUMetric always adds up image by image, as this asks',
            covers=theirs_is(True)),
    *_collected('gt_semantic_seg'),
    *_shared('PackSegInputs'),
    Meaning(r'model\.(.*)', r'model.\1'),
]  # fmt: skip
