# ImageNet-1k, ResNet-50, 300 epochs: what all four methods share.
# Every value is read off the authors' log of the RecursiveMix run (79.20 top-1).
_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    'mmpretrain::_base_/datasets/imagenet_bs64_pil_resize.py',
    'mmpretrain::_base_/default_runtime.py',
]
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

data_preprocessor = dict(
    # Colour jitter, lighting and normalisation run batched on the training device.
    type='ColorAugmentPreprocessor',
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    lighting_std=0.1,
    # The images come as RGB.
    to_rgb=False,
)
# The authors read images through torchvision's ImageFolder: Pillow decodes, nothing turns the image
# as its EXIF orientation says, and everything becomes RGB. These are its levels.
train_pipeline = [
    # Filters before it shrinks, as Pillow; OpenCV's bilinear takes the four nearest pixels.
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
# 8 GPUs x 64; the last, short batch is kept: 2503 iterations an epoch.
train_dataloader = dict(batch_size=64, num_workers=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=64, num_workers=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    # Weight decay on every parameter, norms and biases included.
    optimizer=dict(type='SGD', lr=0.2, momentum=0.9, weight_decay=1e-4),
)
# lr * e / 6 for the first 5 epochs; the cosine counts from epoch 1, not from their end.
param_scheduler = dict(type='WarmupCosineLR', T_max=300, warmup=5, by_epoch=True)
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=512)

default_hooks = dict(
    # The backbone that the downstream tasks take is the best validation epoch's.
    checkpoint=dict(max_keep_ckpts=1, save_best='accuracy/top1', rule='greater'),
)
# Ranks draw their own boxes and colour factors.
randomness = dict(seed=0, diff_rank_seed=True)
