# ATSS on COCO, 12 epochs, as the authors' log has it: mmdetection's stock recipe, 8 GPUs x 2.
_base_ = 'mmdet::atss/atss_r50_fpn_1x_coco.py'
custom_imports = dict(imports='rm_mm')

# The leaf names the checkpoint; training stops unless all of it fits and is loaded.
model = dict(backbone=dict(init_cfg=dict(_delete_=True, type='VerifiedBackbone')))
custom_hooks = [dict(type='VerifiedBackboneHook')]
# Linear warm-up over 500 iterations from 0.001 of the rate, no gradient clipping (the default).
train_cfg = dict(max_epochs=12, val_interval=1)
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=1, save_best='coco/bbox_mAP', rule='greater'),
)
randomness = dict(seed=0)
