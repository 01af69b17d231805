_base_ = ['../_base_/r18_mini_full.py', '../_base_/mixup.py']

model = _base_.mixup_model
