_base_ = '../_base_/atss_r50_coco.py'

# The published row is mmdetection's own run. It starts from torchvision's ResNet-50; export it with
# rm-mm export torchvision://resnet50 -o work_dirs/r50_torchvision/backbone.pth
model = dict(backbone=dict(init_cfg=dict(checkpoint='work_dirs/r50_torchvision/backbone.pth')))

settings = ('paper',)
expected = dict(
    metric='coco/bbox_mAP', value=39.4, source="arXiv 2203.06844, COCO table: mmdetection's own run"
)
