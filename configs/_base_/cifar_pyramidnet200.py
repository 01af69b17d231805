# PyramidNet-200, alpha 240, bottleneck blocks. The leaf sets the number of classes.
_base_ = './cifar_300_epochs.py'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='PyramidNet', depth=200, alpha=240),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        in_channels=1024,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
