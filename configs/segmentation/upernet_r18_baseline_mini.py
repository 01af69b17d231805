_base_ = '../_base_/upernet_r18_mini.py'

model = dict(
    backbone=dict(init_cfg=dict(checkpoint='work_dirs/mini/r18_baseline_mini/backbone.pth'))
)
