_base_ = '../_base_/atss_r50_coco.py'

# The 300-epoch baseline, so that all methods share one pretraining recipe.
model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_baseline_in1k/backbone.pth')))

settings = ('controlled',)
expected = dict(metric='coco/bbox_mAP', value=None, source='not published')
