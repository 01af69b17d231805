# CutMix with Beta(1, 1), applied to every batch (arXiv 1905.04899, section 4.1).
cutmix_model = dict(train_cfg=dict(augments=dict(type='CutMix', alpha=1.0)))
