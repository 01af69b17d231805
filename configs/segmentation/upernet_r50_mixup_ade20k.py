_base_ = '../_base_/upernet_r50_ade20k.py'

model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_mixup_in1k/backbone.pth')))

settings = ('paper', 'controlled')
expected = dict(metric='mIoU', value=None, source='not published')
