auto_scale_lr = dict(base_batch_size=8, enable=False)
backend_args = None
custom_hooks = [
    dict(type='VerifiedBackboneHook'),
]
custom_imports = dict(imports='rm_mm')
data_root = 'data/coco/'
dataset_type = 'CocoDataset'
default_hooks = dict(
    checkpoint=dict(
        _scope_='mmdet',
        interval=1,
        max_keep_ckpts=1,
        rule='greater',
        save_best='coco/bbox_mAP',
        type='CheckpointHook',
    ),
    logger=dict(_scope_='mmdet', interval=10, type='LoggerHook'),
    param_scheduler=dict(_scope_='mmdet', type='ParamSchedulerHook'),
    sampler_seed=dict(_scope_='mmdet', type='DistSamplerSeedHook'),
    timer=dict(_scope_='mmdet', type='IterTimerHook'),
    visualization=dict(_scope_='mmdet', type='DetVisualizationHook'),
)
default_scope = 'mmdet'
embedded_data = 'data/mini'
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
)
load_from = None
log_level = 'INFO'
log_processor = dict(_scope_='mmdet', by_epoch=True, type='LogProcessor', window_size=50)
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
    data_root='data/mini/coco/',
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
mini_epochs = 4
mini_root = 'data/mini/coco/'
model = dict(
    _scope_='mmdet',
    backbone=dict(
        base_channels=16,
        depth=18,
        frozen_stages=1,
        init_cfg=dict(
            checkpoint='work_dirs/mini/r18_rm_mini/backbone.pth', type='VerifiedBackbone'
        ),
        norm_cfg=dict(requires_grad=True, type='BN'),
        norm_eval=True,
        num_stages=4,
        out_indices=(
            0,
            1,
            2,
            3,
        ),
        stem_channels=16,
        style='pytorch',
        type='ResNet',
    ),
    bbox_head=dict(
        anchor_generator=dict(
            octave_base_scale=8,
            ratios=[
                1.0,
            ],
            scales_per_octave=1,
            strides=[
                8,
                16,
                32,
                64,
                128,
            ],
            type='AnchorGenerator',
        ),
        bbox_coder=dict(
            target_means=[
                0.0,
                0.0,
                0.0,
                0.0,
            ],
            target_stds=[
                0.1,
                0.1,
                0.2,
                0.2,
            ],
            type='DeltaXYWHBBoxCoder',
        ),
        feat_channels=64,
        in_channels=64,
        loss_bbox=dict(loss_weight=2.0, type='GIoULoss'),
        loss_centerness=dict(
            avg_non_ignore=False, loss_weight=1.0, type='CrossEntropyLoss', use_sigmoid=True
        ),
        loss_cls=dict(alpha=0.25, gamma=2.0, loss_weight=1.0, type='FocalLoss', use_sigmoid=True),
        num_classes=10,
        stacked_convs=2,
        type='ATSSHead',
    ),
    data_preprocessor=dict(
        bgr_to_rgb=True,
        mean=[
            123.675,
            116.28,
            103.53,
        ],
        pad_size_divisor=32,
        std=[
            58.395,
            57.12,
            57.375,
        ],
        type='DetDataPreprocessor',
    ),
    neck=dict(
        add_extra_convs='on_output',
        in_channels=[
            16,
            32,
            64,
            128,
        ],
        num_outs=5,
        out_channels=64,
        start_level=1,
        type='FPN',
    ),
    test_cfg=dict(
        max_per_img=100,
        min_bbox_size=-1,
        nms=dict(iou_threshold=0.6, type='nms'),
        nms_pre=1000,
        score_thr=0.05,
    ),
    train_cfg=dict(
        allowed_border=-1, assigner=dict(topk=9, type='ATSSAssigner'), debug=False, pos_weight=-1
    ),
    type='ATSS',
)
optim_wrapper = dict(
    _scope_='mmdet',
    optimizer=dict(lr=0.01, momentum=0.9, type='SGD', weight_decay=0.0001),
    type='OptimWrapper',
)
param_scheduler = [
    dict(begin=0, by_epoch=False, end=50, start_factor=0.001, type='LinearLR'),
    dict(
        begin=0,
        by_epoch=True,
        end=4,
        gamma=0.1,
        milestones=[
            2,
            3,
        ],
        type='MultiStepLR',
    ),
]
randomness = dict(seed=0)
resume = False
runner_type = 'ChannelsLastRunner'
test_cfg = dict(_scope_='mmdet', type='TestLoop')
test_dataloader = dict(
    batch_size=10,
    dataset=dict(
        _scope_='mmdet',
        ann_file='annotations/instances_val2017.json',
        backend_args=None,
        data_prefix=dict(img='val2017/'),
        data_root='data/mini/coco/',
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
            dict(_scope_='mmdet', backend_args=None, type='LoadImageFromFile'),
            dict(
                _scope_='mmdet',
                keep_ratio=True,
                scale=(
                    160,
                    160,
                ),
                type='Resize',
            ),
            dict(_scope_='mmdet', type='LoadAnnotations', with_bbox=True),
            dict(
                _scope_='mmdet',
                meta_keys=(
                    'img_id',
                    'img_path',
                    'ori_shape',
                    'img_shape',
                    'scale_factor',
                ),
                type='PackDetInputs',
            ),
        ],
        test_mode=True,
        type='CocoDataset',
    ),
    drop_last=False,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(_scope_='mmdet', shuffle=False, type='DefaultSampler'),
)
test_evaluator = dict(
    _scope_='mmdet',
    ann_file='data/mini/coco/annotations/instances_val2017.json',
    backend_args=None,
    format_only=False,
    metric='bbox',
    type='CocoMetric',
)
test_pipeline = [
    dict(_scope_='mmdet', backend_args=None, type='LoadImageFromFile'),
    dict(
        _scope_='mmdet',
        keep_ratio=True,
        scale=(
            160,
            160,
        ),
        type='Resize',
    ),
    dict(_scope_='mmdet', type='LoadAnnotations', with_bbox=True),
    dict(
        _scope_='mmdet',
        meta_keys=(
            'img_id',
            'img_path',
            'ori_shape',
            'img_shape',
            'scale_factor',
        ),
        type='PackDetInputs',
    ),
]
train_cfg = dict(_scope_='mmdet', max_epochs=4, type='EpochBasedTrainLoop', val_interval=1)
train_dataloader = dict(
    batch_sampler=dict(_scope_='mmdet', type='AspectRatioBatchSampler'),
    batch_size=8,
    dataset=dict(
        _scope_='mmdet',
        ann_file='annotations/instances_train2017.json',
        backend_args=None,
        data_prefix=dict(img='train2017/'),
        data_root='data/mini/coco/',
        filter_cfg=dict(filter_empty_gt=True, min_size=1),
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
            dict(_scope_='mmdet', backend_args=None, type='LoadImageFromFile'),
            dict(_scope_='mmdet', type='LoadAnnotations', with_bbox=True),
            dict(
                _scope_='mmdet',
                keep_ratio=True,
                scale=(
                    160,
                    160,
                ),
                type='Resize',
            ),
            dict(_scope_='mmdet', prob=0.5, type='RandomFlip'),
            dict(_scope_='mmdet', type='PackDetInputsByPlanes'),
        ],
        type='CocoDataset',
    ),
    num_workers=1,
    persistent_workers=True,
    sampler=dict(_scope_='mmdet', shuffle=True, type='DefaultSampler'),
)
train_pipeline = [
    dict(_scope_='mmdet', backend_args=None, type='LoadImageFromFile'),
    dict(_scope_='mmdet', type='LoadAnnotations', with_bbox=True),
    dict(
        _scope_='mmdet',
        keep_ratio=True,
        scale=(
            160,
            160,
        ),
        type='Resize',
    ),
    dict(_scope_='mmdet', prob=0.5, type='RandomFlip'),
    dict(_scope_='mmdet', type='PackDetInputsByPlanes'),
]
val_cfg = dict(_scope_='mmdet', type='ValLoop')
val_dataloader = dict(
    batch_size=10,
    dataset=dict(
        _scope_='mmdet',
        ann_file='annotations/instances_val2017.json',
        backend_args=None,
        data_prefix=dict(img='val2017/'),
        data_root='data/mini/coco/',
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
            dict(_scope_='mmdet', backend_args=None, type='LoadImageFromFile'),
            dict(
                _scope_='mmdet',
                keep_ratio=True,
                scale=(
                    160,
                    160,
                ),
                type='Resize',
            ),
            dict(_scope_='mmdet', type='LoadAnnotations', with_bbox=True),
            dict(
                _scope_='mmdet',
                meta_keys=(
                    'img_id',
                    'img_path',
                    'ori_shape',
                    'img_shape',
                    'scale_factor',
                ),
                type='PackDetInputs',
            ),
        ],
        test_mode=True,
        type='CocoDataset',
    ),
    drop_last=False,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(_scope_='mmdet', shuffle=False, type='DefaultSampler'),
)
val_evaluator = dict(
    _scope_='mmdet',
    ann_file='data/mini/coco/annotations/instances_val2017.json',
    backend_args=None,
    format_only=False,
    metric='bbox',
    type='CocoMetric',
)
vis_backends = [
    dict(_scope_='mmdet', type='LocalVisBackend'),
]
visualizer = dict(
    _scope_='mmdet',
    name='visualizer',
    type='DetLocalVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
    ],
)
