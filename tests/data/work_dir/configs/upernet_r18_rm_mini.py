auto_scale_lr = dict(base_batch_size=8, enable=False)
class_weight = [
    0.15,
    1.0,
    1.0,
    1.0,
    1.0,
    1.0,
    1.0,
    1.0,
    1.0,
    1.0,
    1.0,
]
crop_size = (
    512,
    512,
)
custom_hooks = [
    dict(type='VerifiedBackboneHook'),
]
custom_imports = dict(imports='rm_mm')
data_preprocessor = dict(
    _scope_='mmseg',
    bgr_to_rgb=True,
    mean=[
        123.675,
        116.28,
        103.53,
    ],
    pad_val=0,
    seg_pad_val=255,
    size=(
        512,
        512,
    ),
    std=[
        58.395,
        57.12,
        57.375,
    ],
    type='SegDataPreProcessor',
)
data_root = 'data/ade/ADEChallengeData2016'
dataset_type = 'ADE20KDataset'
default_hooks = dict(
    checkpoint=dict(
        _scope_='mmseg',
        by_epoch=False,
        interval=150,
        max_keep_ckpts=1,
        rule='greater',
        save_best='mIoU',
        type='CheckpointHook',
    ),
    logger=dict(_scope_='mmseg', interval=10, log_metric_by_epoch=False, type='LoggerHook'),
    param_scheduler=dict(_scope_='mmseg', type='ParamSchedulerHook'),
    sampler_seed=dict(_scope_='mmseg', type='DistSamplerSeedHook'),
    timer=dict(_scope_='mmseg', type='IterTimerHook'),
    visualization=dict(_scope_='mmseg', type='SegVisualizationHook'),
)
default_scope = 'mmseg'
embedded_data = 'data/mini'
env_cfg = dict(
    cudnn_benchmark=True,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
)
img_ratios = [
    0.5,
    0.75,
    1.0,
    1.25,
    1.5,
    1.75,
]
load_from = None
log_level = 'INFO'
log_processor = dict(by_epoch=False)
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
mini_dataset = dict(data_root='data/mini/ade/ADEChallengeData2016', type='MiniADE20KDataset')
mini_iters = 300
mini_root = 'data/mini/ade/ADEChallengeData2016'
model = dict(
    _scope_='mmseg',
    auxiliary_head=dict(
        align_corners=False,
        channels=24,
        concat_input=False,
        dropout_ratio=0.1,
        in_channels=64,
        in_index=2,
        loss_decode=dict(
            avg_non_ignore=False,
            class_weight=[
                0.15,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
            ],
            loss_weight=0.4,
            type='CrossEntropyLoss',
            use_sigmoid=False,
        ),
        norm_cfg=dict(requires_grad=True, type='SyncBN'),
        num_classes=11,
        num_convs=1,
        type='FCNHead',
    ),
    backbone=dict(
        base_channels=16,
        contract_dilation=True,
        depth=18,
        dilations=(
            1,
            1,
            1,
            1,
        ),
        init_cfg=dict(
            checkpoint='work_dirs/mini/r18_rm_mini/backbone.pth', type='VerifiedBackbone'
        ),
        norm_cfg=dict(requires_grad=True, type='SyncBN'),
        norm_eval=False,
        num_stages=4,
        out_indices=(
            0,
            1,
            2,
            3,
        ),
        stem_channels=16,
        strides=(
            1,
            2,
            2,
            2,
        ),
        style='pytorch',
        type='ResNet',
    ),
    data_preprocessor=dict(
        bgr_to_rgb=True,
        mean=[
            123.675,
            116.28,
            103.53,
        ],
        pad_val=0,
        seg_pad_val=255,
        size=(
            128,
            128,
        ),
        std=[
            58.395,
            57.12,
            57.375,
        ],
        type='SegDataPreProcessor',
    ),
    decode_head=dict(
        align_corners=False,
        channels=48,
        dropout_ratio=0.1,
        in_channels=[
            16,
            32,
            64,
            128,
        ],
        in_index=[
            0,
            1,
            2,
            3,
        ],
        loss_decode=dict(
            avg_non_ignore=False,
            class_weight=[
                0.15,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
            ],
            loss_weight=1.0,
            type='CrossEntropyLoss',
            use_sigmoid=False,
        ),
        norm_cfg=dict(requires_grad=True, type='SyncBN'),
        num_classes=11,
        pool_scales=(
            1,
            2,
            3,
            6,
        ),
        type='UPerHead',
    ),
    pretrained=None,
    test_cfg=dict(mode='whole'),
    train_cfg=dict(),
    type='EncoderDecoder',
)
norm_cfg = dict(_scope_='mmseg', requires_grad=True, type='SyncBN')
optim_wrapper = dict(
    _scope_='mmseg',
    clip_grad=None,
    optimizer=dict(
        betas=(
            0.9,
            0.999,
        ),
        lr=0.002,
        type='AdamW',
        weight_decay=0.0001,
    ),
    type='OptimWrapper',
)
optimizer = dict(_scope_='mmseg', lr=0.01, momentum=0.9, type='SGD', weight_decay=0.0005)
param_scheduler = [
    dict(begin=0, by_epoch=False, end=300, eta_min=0.0, power=0.9, type='PolyLR'),
]
randomness = dict(seed=0)
resume = False
runner_type = 'ChannelsLastRunner'
test_cfg = dict(_scope_='mmseg', type='TestLoop')
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        _scope_='mmseg',
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        data_root='data/mini/ade/ADEChallengeData2016',
        pipeline=[
            dict(_scope_='mmseg', type='LoadImageFromFile'),
            dict(
                _scope_='mmseg',
                keep_ratio=True,
                scale=(
                    640,
                    160,
                ),
                type='Resize',
            ),
            dict(_scope_='mmseg', reduce_zero_label=True, type='LoadAnnotations'),
            dict(_scope_='mmseg', type='PackSegInputs'),
        ],
        type='MiniADE20KDataset',
    ),
    num_workers=1,
    persistent_workers=True,
    sampler=dict(_scope_='mmseg', shuffle=False, type='DefaultSampler'),
)
test_evaluator = dict(
    _scope_='mmseg',
    iou_metrics=[
        'mIoU',
    ],
    type='IoUMetric',
)
test_pipeline = [
    dict(_scope_='mmseg', type='LoadImageFromFile'),
    dict(
        _scope_='mmseg',
        keep_ratio=True,
        scale=(
            640,
            160,
        ),
        type='Resize',
    ),
    dict(_scope_='mmseg', reduce_zero_label=True, type='LoadAnnotations'),
    dict(_scope_='mmseg', type='PackSegInputs'),
]
train_cfg = dict(_scope_='mmseg', max_iters=300, type='IterBasedTrainLoop', val_interval=150)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        _scope_='mmseg',
        data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
        data_root='data/mini/ade/ADEChallengeData2016',
        pipeline=[
            dict(_scope_='mmseg', type='LoadImageFromFile'),
            dict(_scope_='mmseg', reduce_zero_label=True, type='LoadAnnotations'),
            dict(
                _scope_='mmseg',
                keep_ratio=True,
                ratio_range=(
                    0.5,
                    2.0,
                ),
                scale=(
                    640,
                    160,
                ),
                type='RandomResize',
            ),
            dict(
                _scope_='mmseg',
                cat_max_ratio=0.75,
                crop_size=(
                    128,
                    128,
                ),
                type='RandomCropByHistogram',
            ),
            dict(_scope_='mmseg', prob=0.5, type='RandomFlipByOpenCV'),
            dict(_scope_='mmseg', type='PhotoMetricDistortionByTable'),
            dict(_scope_='mmseg', type='PackSegInputsByPlanes'),
        ],
        type='MiniADE20KDataset',
    ),
    num_workers=1,
    persistent_workers=True,
    sampler=dict(_scope_='mmseg', shuffle=True, type='InfiniteSampler'),
)
train_pipeline = [
    dict(_scope_='mmseg', type='LoadImageFromFile'),
    dict(_scope_='mmseg', reduce_zero_label=True, type='LoadAnnotations'),
    dict(
        _scope_='mmseg',
        keep_ratio=True,
        ratio_range=(
            0.5,
            2.0,
        ),
        scale=(
            640,
            160,
        ),
        type='RandomResize',
    ),
    dict(
        _scope_='mmseg',
        cat_max_ratio=0.75,
        crop_size=(
            128,
            128,
        ),
        type='RandomCropByHistogram',
    ),
    dict(_scope_='mmseg', prob=0.5, type='RandomFlipByOpenCV'),
    dict(_scope_='mmseg', type='PhotoMetricDistortionByTable'),
    dict(_scope_='mmseg', type='PackSegInputsByPlanes'),
]
tta_model = dict(_scope_='mmseg', type='SegTTAModel')
tta_pipeline = [
    dict(_scope_='mmseg', backend_args=None, type='LoadImageFromFile'),
    dict(
        _scope_='mmseg',
        transforms=[
            [
                dict(keep_ratio=True, scale_factor=0.5, type='Resize'),
                dict(keep_ratio=True, scale_factor=0.75, type='Resize'),
                dict(keep_ratio=True, scale_factor=1.0, type='Resize'),
                dict(keep_ratio=True, scale_factor=1.25, type='Resize'),
                dict(keep_ratio=True, scale_factor=1.5, type='Resize'),
                dict(keep_ratio=True, scale_factor=1.75, type='Resize'),
            ],
            [
                dict(direction='horizontal', prob=0.0, type='RandomFlip'),
                dict(direction='horizontal', prob=1.0, type='RandomFlip'),
            ],
            [
                dict(type='LoadAnnotations'),
            ],
            [
                dict(type='PackSegInputs'),
            ],
        ],
        type='TestTimeAug',
    ),
]
val_cfg = dict(_scope_='mmseg', type='ValLoop')
val_dataloader = dict(
    batch_size=1,
    dataset=dict(
        _scope_='mmseg',
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        data_root='data/mini/ade/ADEChallengeData2016',
        pipeline=[
            dict(_scope_='mmseg', type='LoadImageFromFile'),
            dict(
                _scope_='mmseg',
                keep_ratio=True,
                scale=(
                    640,
                    160,
                ),
                type='Resize',
            ),
            dict(_scope_='mmseg', reduce_zero_label=True, type='LoadAnnotations'),
            dict(_scope_='mmseg', type='PackSegInputs'),
        ],
        type='MiniADE20KDataset',
    ),
    num_workers=1,
    persistent_workers=True,
    sampler=dict(_scope_='mmseg', shuffle=False, type='DefaultSampler'),
)
val_evaluator = dict(
    _scope_='mmseg',
    iou_metrics=[
        'mIoU',
    ],
    type='IoUMetric',
)
vis_backends = [
    dict(_scope_='mmseg', type='LocalVisBackend'),
]
visualizer = dict(
    _scope_='mmseg',
    name='visualizer',
    type='SegLocalVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
    ],
)
