_base_ = '../_base_/atss_r50_coco.py'

model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_cutmix_in1k/backbone.pth')))

settings = ('paper', 'controlled')
expected = dict(metric='coco/bbox_mAP', value=40.1, source='arXiv 2203.06844, COCO table')
