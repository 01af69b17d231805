# CutMix, arXiv 1905.04899, section 4.1: Beta(1, 1), applied to every batch.
cutmix_model = dict(train_cfg=dict(augments=dict(type='CutMix', alpha=1.0)))
