_base_ = '../_base_/atss_r50_coco.py'

model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_baseline_in1k/backbone.pth')))

expected = dict(metric='coco/bbox_mAP', value=39.4, source='arXiv 2203.06844, COCO table')
