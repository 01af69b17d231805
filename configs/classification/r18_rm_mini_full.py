_base_ = ['../_base_/r18_mini_full.py', '../_base_/rm.py']

model = _base_.rm_model
