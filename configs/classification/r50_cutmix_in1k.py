_base_ = ['../_base_/r50_in1k.py', '../_base_/cutmix.py']

model = _base_.cutmix_model

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=78.60, source='arXiv 2203.06844, ImageNet table')
