# RecursiveMix with the paper's weight of the region loss for CIFAR.
_base_ = './rm.py'

rm_model = dict(head=dict(loss=dict(omega=0.1)))
