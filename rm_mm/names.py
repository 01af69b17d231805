"""Names that are spelt the same everywhere: in files, flags, records and tables."""

from __future__ import annotations

#: Ways of pretraining; ``scratch`` is none.
METHODS = ('scratch', 'baseline', 'mixup', 'cutmix', 'rm')

TASKS = ('classification', 'detection', 'segmentation')

#: Sets of configs that belong in one table.
PRESETS = ('mini', 'mini-full', 'paper')

#: ``paper``: each row starts from the backbone that the published row started from.
#: ``controlled``: all methods share one pretraining recipe.
SETTINGS = ('paper', 'controlled')

#: The embedded images: neither of the two, though all methods share one recipe there too.
MINI_SETTING = 'mini'

#: What ``rm-mm data`` knows; ``custom`` is one's own, in any of three layouts.
DATASETS = ('imagenet', 'cifar10', 'cifar100', 'coco', 'ade20k', 'custom')

#: Whose names an export has. ``safetensors`` is the file of timm's hub: timm's names for the
#: networks that timm has, and OpenMMLab's for any other.
EXPORT_LAYOUTS = ('openmmlab', 'torchvision', 'timm', 'safetensors')
