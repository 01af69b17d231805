# A backbone without pretraining gets the chance that it needs: nothing frozen, its own statistics.
scratch_model = dict(
    backbone=dict(init_cfg=None, frozen_stages=-1, norm_eval=False),
)
