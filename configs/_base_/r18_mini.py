# The ImageNet recipe, scaled down to the embedded images. Everything not set here is inherited.
_base_ = ['./r50_in1k.py', './mini_data.py']

mini_root = 'data/mini/imagenet'
mini_dataset = dict(data_root=mini_root, metainfo=dict(classes=_base_.mini_classes))

model = dict(
    backbone=dict(depth=18, base_channels=16, stem_channels=16),
    head=dict(num_classes=10, in_channels=128, topk=(1,)),
)
data_preprocessor = dict(num_classes=10)
train_pipeline = [
    # The images are so small that decoding only the crop gains nothing.
    dict(type='LoadRGBImage'),
    # Crops as small as ImageNet's would often miss the object.
    dict(type='AntialiasedRandomResizedCrop', scale=64, crop_ratio_range=(0.5, 1.0)),
    *_base_.train_pipeline[1:],
]
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=64)
test_pipeline[2].update(crop_size=64)
train_dataloader = dict(
    batch_size=32, num_workers=1, dataset=dict(pipeline=train_pipeline, **mini_dataset)
)
val_dataloader = dict(
    batch_size=100, num_workers=1, dataset=dict(pipeline=test_pipeline, **mini_dataset)
)
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator

mini_epochs = 6
optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = dict(T_max=mini_epochs, warmup=1)
train_cfg = dict(max_epochs=mini_epochs, val_interval=2)
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=20))
