_base_ = '../_base_/upernet_r50_ade20k.py'

model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_cutmix_in1k/backbone.pth')))

settings = ('paper', 'controlled')
expected = dict(metric='mIoU', value=41.24, source='arXiv 2203.06844, ADE20K table')
