_base_ = '../_base_/r18_mini.py'
