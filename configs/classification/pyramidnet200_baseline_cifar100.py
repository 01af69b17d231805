_base_ = ['../_base_/cifar100.py', '../_base_/cifar_pyramidnet200.py']

model = dict(head=dict(num_classes=100))
train_dataloader = dict(batch_size=_base_.batch_size)

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=None, source='not published')
