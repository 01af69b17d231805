_base_ = ['../_base_/cifar10.py', '../_base_/cifar_pyramidnet200.py', '../_base_/rm_cifar.py']

model = _base_.rm_model
model.head = dict(model.get('head', {}), num_classes=10)
train_dataloader = dict(batch_size=_base_.batch_size)

settings = ('paper', 'controlled')
expected = dict(metric='accuracy/top1', value=97.65, source='arXiv 2203.06844, CIFAR-10: mean of 3')
