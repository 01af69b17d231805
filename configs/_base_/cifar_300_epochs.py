# PyramidNet on CIFAR, 300 epochs, batch 64 in one process, as in the authors' log.
# The base of the data set defines the loader; the leaf passes this batch size to it.
batch_size = 64
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.25, momentum=0.9, nesterov=True, weight_decay=1e-4)
)
param_scheduler = [
    # lr * e / 6 in epochs e = 1 to 5, lr from epoch 6, lr / 10 from epoch 151, lr / 100 from 226.
    dict(type='LinearLR', start_factor=1 / 6, by_epoch=True, begin=0, end=6),
    dict(type='MultiStepLR', milestones=[150, 225], gamma=0.1, by_epoch=True, begin=0, end=300),
]
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
auto_scale_lr = dict(base_batch_size=batch_size)
