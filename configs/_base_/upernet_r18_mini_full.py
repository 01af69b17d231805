# The mini recipe with fewer scenes and more iterations. docs/mini-full explains the choice.
_base_ = ['./upernet_r18_mini.py', './mini_full_data.py']

embedded_data = _base_.mini_full_root
mini_root = embedded_data + '/ade/ADEChallengeData2016'
train_dataloader = dict(dataset=dict(data_root=mini_root))
val_dataloader = dict(dataset=dict(data_root=mini_root))
test_dataloader = val_dataloader

mini_iters = 900
param_scheduler = _base_.param_scheduler
param_scheduler[0].update(end=mini_iters)
train_cfg = dict(max_iters=mini_iters, val_interval=150)
