_base_ = '../_base_/r18_mini_full.py'
