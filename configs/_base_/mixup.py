# Mixup with Beta(1, 1), as tuned for ImageNet in the CutMix paper (arXiv 1905.04899, section 4.1).
mixup_model = dict(train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
