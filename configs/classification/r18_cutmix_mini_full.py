_base_ = ['../_base_/r18_mini_full.py', '../_base_/cutmix.py']

model = _base_.cutmix_model
