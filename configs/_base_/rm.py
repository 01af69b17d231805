# RecursiveMix (arXiv 2203.06844) with the region loss and the paper's values for ImageNet.
rm_model = dict(
    type='RecursiveMixClassifier',
    head=dict(type='RecursiveMixHead', loss=dict(type='RecursiveMixLoss', omega=0.5)),
    train_cfg=dict(augments=dict(type='RecursiveMix', alpha=0.5, interpolation='nearest')),
)
