# The ADE20K recipe, scaled down to the embedded scenes. Everything not set here is inherited.
_base_ = ['./upernet_r50_ade20k.py', './mini_data.py']

mini_root = 'data/mini/ade/ADEChallengeData2016'
# The data set class of ADE20K with the class names of the embedded images.
mini_dataset = dict(type='MiniADE20KDataset', data_root=mini_root)

# Five in six pixels are background. Without weights, so short a schedule predicts nothing else.
class_weight = [0.15] + [1.0] * 10

model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(depth=18, base_channels=16, stem_channels=16),
    decode_head=dict(
        in_channels=[16, 32, 64, 128],
        channels=48,
        num_classes=11,
        loss_decode=dict(class_weight=class_weight),
    ),
    auxiliary_head=dict(
        in_channels=64, channels=24, num_classes=11, loss_decode=dict(class_weight=class_weight)
    ),
)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=(640, 160))
train_pipeline[3].update(crop_size=(128, 128))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(640, 160))
train_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(pipeline=train_pipeline, **mini_dataset)
)
val_dataloader = dict(
    batch_size=1, num_workers=1, dataset=dict(pipeline=test_pipeline, **mini_dataset)
)
test_dataloader = val_dataloader

mini_iters = 300
# A learning rate for 300 iterations; the recipe's is for 80,000.
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=mini_iters)
train_cfg = dict(max_iters=mini_iters, val_interval=150)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=150))
auto_scale_lr = dict(base_batch_size=8)
