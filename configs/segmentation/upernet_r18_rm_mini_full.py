_base_ = '../_base_/upernet_r18_mini_full.py'

model = dict(
    backbone=dict(init_cfg=dict(checkpoint='work_dirs/mini-full/r18_rm_mini_full/backbone.pth'))
)
