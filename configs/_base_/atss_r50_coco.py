# ATSS on COCO, 12 epochs, 8 GPUs x 2 images: mmdetection's stock recipe, as in the authors' log.
_base_ = 'mmdet::atss/atss_r50_fpn_1x_coco.py'
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

# The leaf names the checkpoint. Training stops unless the whole backbone fits and is loaded.
model = dict(
    backbone=dict(init_cfg=dict(_delete_=True, type='VerifiedBackbone')),
    # As in mmdetection 2.19: average over all elements, and keep empty boxes, which 3.x would drop.
    bbox_head=dict(loss_centerness=dict(avg_non_ignore=False)),
    test_cfg=dict(min_bbox_size=-1),
)
custom_hooks = [dict(type='VerifiedBackboneHook')]
# Same results as the stock transform, but faster: see rm_mm.data.transforms.
train_pipeline = _base_.train_pipeline
train_pipeline[4].update(type='PackDetInputsByPlanes')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# Linear warm-up from 0.001 of the learning rate to the full rate after 500 iterations. mmengine's
# LinearLR reaches the full rate at end - 1. No gradient clipping (the default).
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=501),
    dict(type='MultiStepLR', milestones=[8, 11], gamma=0.1, by_epoch=True, begin=0, end=12),
]
train_cfg = dict(max_epochs=12, val_interval=1)
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=1, save_best='coco/bbox_mAP', rule='greater'),
)
randomness = dict(seed=0)
