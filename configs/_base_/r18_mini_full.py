# The mini recipe with fewer images and many epochs. docs/mini-full explains the choice.
_base_ = ['./r18_mini.py', './mini_full_data.py']

embedded_data = _base_.mini_full_root
mini_root = embedded_data + '/imagenet'
train_dataloader = dict(dataset=dict(data_root=mini_root))
val_dataloader = dict(dataset=dict(data_root=mini_root))
test_dataloader = val_dataloader

mini_epochs = 160
param_scheduler = dict(T_max=mini_epochs, warmup=5)
train_cfg = dict(max_epochs=mini_epochs, val_interval=20)
