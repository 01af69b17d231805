# UperNet on ADE20K, 80,000 iterations, as in the authors' log. mmsegmentation's own recipe uses a
# ResNetV1c stem, which fits no ImageNet ResNet-50, SGD, and 4 GPUs x 4 images.
_base_ = ['./scopes.py', 'mmseg::upernet/upernet_r50_4xb4-80k_ade20k-512x512.py']
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

model = dict(
    pretrained=None,
    # The leaf names the checkpoint. Training stops unless the whole backbone fits and is loaded.
    backbone=dict(type='ResNet', init_cfg=dict(type='VerifiedBackbone')),
    # As in mmsegmentation 0.20: average the loss over all pixels, including those without a label.
    decode_head=dict(loss_decode=dict(avg_non_ignore=False)),
    auxiliary_head=dict(loss_decode=dict(avg_non_ignore=False)),
)
custom_hooks = [dict(type='VerifiedBackboneHook')]
# Same results as the stock transforms, but faster: see rm_mm.data.transforms.
train_pipeline = _base_.train_pipeline
train_pipeline[3].update(type='RandomCropByHistogram')
train_pipeline[4].update(type='RandomFlipByOpenCV')
train_pipeline[5].update(type='PhotoMetricDistortionByTable')
train_pipeline[6].update(type='PackSegInputsByPlanes')
train_dataloader = dict(batch_size=2, num_workers=4, dataset=dict(pipeline=train_pipeline))

# AdamW; weight decay applies to every parameter.
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=1e-4)
)
# Learning rate factor (1 - i / 80000) ** 0.9. mmengine's PolyLR divides by end - 1, hence 80001.
param_scheduler = [dict(type='PolyLR', eta_min=0.0, power=0.9, begin=0, end=80001, by_epoch=False)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1, save_best='mIoU', rule='greater'))
randomness = dict(seed=0)
