_base_ = ['../_base_/cifar10.py', '../_base_/cifar_resnet18.py']

model = dict(head=dict(num_classes=10))
train_dataloader = dict(batch_size=_base_.batch_size)

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=None, source='not published')
