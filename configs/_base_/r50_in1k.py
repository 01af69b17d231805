# ImageNet-1k, ResNet-50, 300 epochs: the part of the recipe that all four methods share.
# Every value comes from the authors' log of the RecursiveMix run (79.20 top-1).
_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    'mmpretrain::_base_/datasets/imagenet_bs64_pil_resize.py',
    'mmpretrain::_base_/default_runtime.py',
]
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

data_preprocessor = dict(
    # Colour jitter, lighting and normalisation run on the training device, in batches.
    type='ColorAugmentPreprocessor',
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    lighting_std=0.1,
    # The images are RGB already.
    to_rgb=False,
)
# The authors read images through torchvision's ImageFolder: Pillow decodes, the EXIF orientation is
# ignored, and every image becomes RGB. These transforms give the same pixel values.
train_pipeline = [
    # Filters before shrinking, as Pillow does. OpenCV's bilinear resize uses only four pixels.
    dict(type='LoadRandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadRGBImage'),
    dict(type='ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bilinear'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
# 8 GPUs x 64 images. The last, smaller batch is kept: 2503 iterations per epoch.
train_dataloader = dict(batch_size=64, num_workers=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=64, num_workers=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    # Weight decay applies to every parameter, including norms and biases.
    optimizer=dict(type='SGD', lr=0.2, momentum=0.9, weight_decay=1e-4),
)
# Warm-up: lr * e / 6 in epochs e = 1 to 5. The cosine counts from epoch 1, not from epoch 6.
param_scheduler = dict(type='WarmupCosineLR', T_max=300, warmup=5, by_epoch=True)
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=512)

default_hooks = dict(
    # Downstream tasks use the backbone of the best validation epoch.
    checkpoint=dict(max_keep_ckpts=1, save_best='accuracy/top1', rule='greater'),
)
# Each rank draws its own boxes and colour factors.
randomness = dict(seed=0, diff_rank_seed=True)
