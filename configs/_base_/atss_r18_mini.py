# The COCO recipe, scaled down to the embedded scenes. Everything not set here is inherited.
_base_ = ['./atss_r50_coco.py', './mini_data.py']

mini_root = 'data/mini/coco/'
mini_dataset = dict(data_root=mini_root, metainfo=dict(classes=_base_.mini_classes))

model = dict(
    backbone=dict(depth=18, base_channels=16, stem_channels=16),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=64),
    bbox_head=dict(num_classes=10, in_channels=64, feat_channels=64, stacked_convs=2),
)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=(160, 160))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(160, 160))
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(pipeline=train_pipeline, filter_cfg=dict(min_size=1), **mini_dataset),
)
val_dataloader = dict(
    batch_size=10, num_workers=1, dataset=dict(pipeline=test_pipeline, **mini_dataset)
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=mini_root + 'annotations/instances_val2017.json')
test_evaluator = val_evaluator

mini_epochs = 4
param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=50)
param_scheduler[1].update(end=mini_epochs, milestones=[2, 3])
train_cfg = dict(max_epochs=mini_epochs, val_interval=1)
default_hooks = dict(logger=dict(interval=10))
auto_scale_lr = dict(base_batch_size=8)
