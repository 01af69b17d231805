_base_ = ['../_base_/r50_in1k.py', '../_base_/rm.py']

model = _base_.rm_model

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=79.20, source='arXiv 2203.06844, ImageNet table')
