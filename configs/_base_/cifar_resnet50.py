# ResNet-50 with a 3x3 stem. The leaf sets the number of classes.
_base_ = './cifar_200_epochs.py'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet_CIFAR', depth=50),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
