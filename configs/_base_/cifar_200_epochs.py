# ResNet and DenseNet on CIFAR: 200 epochs, batch 128 in one process, and a cosine learning rate
# that changes once per epoch. The authors published no log of these rows. Their code uses neither
# warm-up nor Nesterov by default.
# The base of the data set defines the loader; the leaf passes this batch size to it.
batch_size = 128
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(type='CosineAnnealingLR', T_max=200, by_epoch=True, begin=0, end=200)
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
auto_scale_lr = dict(base_batch_size=batch_size)
