# ResNet and DenseNet on CIFAR: 200 epochs, batch 128 on one process, the rate falling as a cosine
# once an epoch. There is no log of these rows: no warm-up and no Nesterov is what their code does
# unless told otherwise.
# The data set's base has the loader; the leaf hands it this.
batch_size = 128
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(type='CosineAnnealingLR', T_max=200, by_epoch=True, begin=0, end=200)
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
auto_scale_lr = dict(base_batch_size=batch_size)
