"""Networks of the CIFAR tables that mmpretrain lacks."""

from rm_mm.pretrain.networks.densenet_cifar import DenseNet_CIFAR
from rm_mm.pretrain.networks.pyramidnet import PyramidNet

__all__ = ['DenseNet_CIFAR', 'PyramidNet']
