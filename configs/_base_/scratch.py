# For a fair comparison, nothing is frozen in a backbone without pretraining, not even the norms.
scratch_model = dict(
    backbone=dict(init_cfg=None, frozen_stages=-1, norm_eval=False),
)
