# Mixup as the CutMix paper tunes it for ImageNet (arXiv 1905.04899, section 4.1): Beta(1, 1).
mixup_model = dict(train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
