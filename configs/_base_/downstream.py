# What a task needs besides its stock config. `rm-mm transfer` inserts the backbone of each method.
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

slot = dict(type='VerifiedBackbone', checkpoint='work_dirs/r50_rm_in1k/backbone.pth')
custom_hooks = [dict(type='VerifiedBackboneHook')]
randomness = dict(seed=0)
settings = ('paper', 'controlled')
