_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '../_base_/downstream.py']

model = dict(backbone=dict(init_cfg=dict(_delete_=True, **_base_.slot)))

expected = dict(metric='coco/bbox_mAP', value=None, source='not published')
