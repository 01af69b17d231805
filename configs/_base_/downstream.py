# What a task needs beside its stock config: `rm-mm transfer` puts each method's backbone in.
custom_imports = dict(imports='rm_mm')
runner_type = 'ChannelsLastRunner'

slot = dict(type='VerifiedBackbone', checkpoint='work_dirs/r50_rm_in1k/backbone.pth')
custom_hooks = [dict(type='VerifiedBackboneHook')]
randomness = dict(seed=0)
settings = ('paper', 'controlled')
