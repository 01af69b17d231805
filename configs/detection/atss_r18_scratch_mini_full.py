_base_ = ['../_base_/atss_r18_mini_full.py', '../_base_/scratch.py']

model = _base_.scratch_model
