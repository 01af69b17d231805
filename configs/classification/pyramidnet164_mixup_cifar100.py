_base_ = ['../_base_/cifar100.py', '../_base_/cifar_pyramidnet164.py', '../_base_/mixup.py']

model = _base_.mixup_model
model.head = dict(model.get('head', {}), num_classes=100)
train_dataloader = dict(batch_size=_base_.batch_size)

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=None, source='not published')
