_base_ = '../_base_/r50_in1k.py'

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=76.32, source='arXiv 2203.06844, ImageNet table')
