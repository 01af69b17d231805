_base_ = ['../_base_/r50_in1k.py', '../_base_/mixup.py']

model = _base_.mixup_model

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=77.42, source='arXiv 2203.06844, ImageNet table')
