_base_ = '../_base_/atss_r50_coco.py'

model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_mixup_in1k/backbone.pth')))

settings = ('paper', 'controlled')
expected = dict(metric='coco/bbox_mAP', value=None, source='not published')
