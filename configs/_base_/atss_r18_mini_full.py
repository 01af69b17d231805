# The mini recipe with fewer scenes and more epochs. docs/mini-full explains the choice.
_base_ = ['./atss_r18_mini.py', './mini_full_data.py']

embedded_data = _base_.mini_full_root
mini_root = embedded_data + '/coco/'
train_dataloader = dict(dataset=dict(data_root=mini_root))
val_dataloader = dict(dataset=dict(data_root=mini_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=mini_root + 'annotations/instances_val2017.json')
test_evaluator = val_evaluator

mini_epochs = 24
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=mini_epochs, milestones=[16, 22])
train_cfg = dict(max_epochs=mini_epochs, val_interval=4)
