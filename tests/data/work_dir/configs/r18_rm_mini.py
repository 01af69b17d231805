auto_scale_lr = dict(base_batch_size=32)
custom_imports = dict(imports='rm_mm')
data_preprocessor = dict(
    brightness=0.4,
    contrast=0.4,
    lighting_std=0.1,
    mean=[
        123.675,
        116.28,
        103.53,
    ],
    num_classes=10,
    saturation=0.4,
    std=[
        58.395,
        57.12,
        57.375,
    ],
    to_rgb=False,
    type='ColorAugmentPreprocessor',
)
dataset_type = 'ImageNet'
default_hooks = dict(
    checkpoint=dict(
        _scope_='mmpretrain',
        interval=1,
        max_keep_ckpts=1,
        rule='greater',
        save_best='accuracy/top1',
        type='CheckpointHook',
    ),
    logger=dict(_scope_='mmpretrain', interval=20, type='LoggerHook'),
    param_scheduler=dict(_scope_='mmpretrain', type='ParamSchedulerHook'),
    sampler_seed=dict(_scope_='mmpretrain', type='DistSamplerSeedHook'),
    timer=dict(_scope_='mmpretrain', type='IterTimerHook'),
    visualization=dict(_scope_='mmpretrain', enable=False, type='VisualizationHook'),
)
default_scope = 'mmpretrain'
embedded_data = 'data/mini'
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
)
load_from = None
log_level = 'INFO'
mini_classes = (
    'ankle_boot',
    'bag',
    'coat',
    'dress',
    'pullover',
    'sandal',
    'shirt',
    'sneaker',
    't_shirt_top',
    'trouser',
)
mini_dataset = dict(
    data_root='data/mini/imagenet',
    metainfo=dict(
        classes=(
            'ankle_boot',
            'bag',
            'coat',
            'dress',
            'pullover',
            'sandal',
            'shirt',
            'sneaker',
            't_shirt_top',
            'trouser',
        )
    ),
)
mini_epochs = 6
mini_root = 'data/mini/imagenet'
model = dict(
    _scope_='mmpretrain',
    backbone=dict(
        base_channels=16,
        depth=18,
        num_stages=4,
        out_indices=(3,),
        stem_channels=16,
        style='pytorch',
        type='ResNet',
    ),
    head=dict(
        in_channels=128,
        loss=dict(loss_weight=1.0, omega=0.5, type='RecursiveMixLoss'),
        num_classes=10,
        topk=(1,),
        type='RecursiveMixHead',
    ),
    neck=dict(type='GlobalAveragePooling'),
    train_cfg=dict(augments=dict(alpha=0.5, interpolation='nearest', type='RecursiveMix')),
    type='RecursiveMixClassifier',
)
optim_wrapper = dict(
    loss_scale='dynamic',
    optimizer=dict(lr=0.05, momentum=0.9, type='SGD', weight_decay=0.0001),
    type='AmpOptimWrapper',
)
param_scheduler = dict(T_max=6, by_epoch=True, type='WarmupCosineLR', warmup=1)
randomness = dict(deterministic=False, diff_rank_seed=True, seed=0)
resume = False
rm_model = dict(
    head=dict(loss=dict(omega=0.5, type='RecursiveMixLoss'), type='RecursiveMixHead'),
    train_cfg=dict(augments=dict(alpha=0.5, interpolation='nearest', type='RecursiveMix')),
    type='RecursiveMixClassifier',
)
runner_type = 'ChannelsLastRunner'
test_cfg = dict()
test_dataloader = dict(
    batch_size=100,
    dataset=dict(
        _scope_='mmpretrain',
        data_root='data/mini/imagenet',
        metainfo=dict(
            classes=(
                'ankle_boot',
                'bag',
                'coat',
                'dress',
                'pullover',
                'sandal',
                'shirt',
                'sneaker',
                't_shirt_top',
                'trouser',
            )
        ),
        pipeline=[
            dict(type='LoadRGBImage'),
            dict(
                backend='pillow',
                edge='short',
                interpolation='bilinear',
                scale=64,
                type='ResizeEdge',
            ),
            dict(crop_size=64, type='CenterCrop'),
            dict(type='PackInputs'),
        ],
        split='val',
        type='ImageNet',
    ),
    num_workers=1,
    sampler=dict(_scope_='mmpretrain', shuffle=False, type='DefaultSampler'),
)
test_evaluator = dict(_scope_='mmpretrain', topk=(1,), type='Accuracy')
test_pipeline = [
    dict(type='LoadRGBImage'),
    dict(backend='pillow', edge='short', interpolation='bilinear', scale=64, type='ResizeEdge'),
    dict(crop_size=64, type='CenterCrop'),
    dict(type='PackInputs'),
]
train_cfg = dict(by_epoch=True, max_epochs=6, val_interval=2)
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        _scope_='mmpretrain',
        data_root='data/mini/imagenet',
        metainfo=dict(
            classes=(
                'ankle_boot',
                'bag',
                'coat',
                'dress',
                'pullover',
                'sandal',
                'shirt',
                'sneaker',
                't_shirt_top',
                'trouser',
            )
        ),
        pipeline=[
            dict(type='LoadRGBImage'),
            dict(
                crop_ratio_range=(
                    0.5,
                    1.0,
                ),
                scale=64,
                type='AntialiasedRandomResizedCrop',
            ),
            dict(direction='horizontal', prob=0.5, type='RandomFlip'),
            dict(type='PackInputs'),
        ],
        split='train',
        type='ImageNet',
    ),
    num_workers=1,
    sampler=dict(_scope_='mmpretrain', shuffle=True, type='DefaultSampler'),
)
train_pipeline = [
    dict(type='LoadRGBImage'),
    dict(
        crop_ratio_range=(
            0.5,
            1.0,
        ),
        scale=64,
        type='AntialiasedRandomResizedCrop',
    ),
    dict(direction='horizontal', prob=0.5, type='RandomFlip'),
    dict(type='PackInputs'),
]
val_cfg = dict()
val_dataloader = dict(
    batch_size=100,
    dataset=dict(
        _scope_='mmpretrain',
        data_root='data/mini/imagenet',
        metainfo=dict(
            classes=(
                'ankle_boot',
                'bag',
                'coat',
                'dress',
                'pullover',
                'sandal',
                'shirt',
                'sneaker',
                't_shirt_top',
                'trouser',
            )
        ),
        pipeline=[
            dict(type='LoadRGBImage'),
            dict(
                backend='pillow',
                edge='short',
                interpolation='bilinear',
                scale=64,
                type='ResizeEdge',
            ),
            dict(crop_size=64, type='CenterCrop'),
            dict(type='PackInputs'),
        ],
        split='val',
        type='ImageNet',
    ),
    num_workers=1,
    sampler=dict(_scope_='mmpretrain', shuffle=False, type='DefaultSampler'),
)
val_evaluator = dict(_scope_='mmpretrain', topk=(1,), type='Accuracy')
vis_backends = [
    dict(_scope_='mmpretrain', type='LocalVisBackend'),
]
visualizer = dict(
    _scope_='mmpretrain',
    type='UniversalVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
    ],
)
