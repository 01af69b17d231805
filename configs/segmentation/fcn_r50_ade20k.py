_base_ = [
    '../_base_/scopes.py',
    'mmseg::fcn/fcn_r50-d8_4xb4-80k_ade20k-512x512.py',
    '../_base_/downstream.py',
]

# The deep stem of the stock config (ResNetV1c) fits no ImageNet ResNet-50.
model = dict(pretrained=None, backbone=dict(type='ResNet', init_cfg=_base_.slot))
# On eight GPUs, this is the global batch of the stock config (4 GPUs x 4 images).
train_dataloader = dict(batch_size=2)
auto_scale_lr = dict(enable=False, base_batch_size=16)

expected = dict(metric='mIoU', value=None, source='not published')
