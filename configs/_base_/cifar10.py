# CIFAR-10: images, augmentation, normalisation and accuracy.
_base_ = 'mmpretrain::_base_/default_runtime.py'
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

num_classes = 10
data_preprocessor = dict(
    num_classes=num_classes,
    mean=[0.4914 * 255, 0.4822 * 255, 0.4465 * 255],
    std=[0.2023 * 255, 0.1994 * 255, 0.2010 * 255],
    # The images are RGB already.
    to_rgb=False,
)
cifar = dict(type='LocalCIFAR10', data_root='data/cifar10')
train_dataloader = dict(
    num_workers=4,
    dataset=dict(
        split='train',
        pipeline=[
            dict(type='RandomCrop', crop_size=32, padding=4),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
        **cifar,
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=100,
    num_workers=4,
    dataset=dict(split='test', pipeline=[dict(type='PackInputs')], **cifar),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()

default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=1, save_best='accuracy/top1', rule='greater'),
)
randomness = dict(seed=0, diff_rank_seed=True)
