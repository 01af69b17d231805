# CIFAR-100: differs from CIFAR-10 only in the images and the number of classes.
_base_ = './cifar10.py'

num_classes = 100
data_preprocessor = dict(num_classes=num_classes)
cifar100 = dict(type='LocalCIFAR100', data_root='data/cifar100')
train_dataloader = dict(dataset=cifar100)
val_dataloader = dict(dataset=cifar100)
test_dataloader = val_dataloader
