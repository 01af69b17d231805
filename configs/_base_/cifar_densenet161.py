# DenseNet-161 with a 3x3 stem. The leaf sets the number of classes.
_base_ = './cifar_200_epochs.py'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='DenseNet_CIFAR', arch='161'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        in_channels=2208,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
