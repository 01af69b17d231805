"""Names that are spelt the same everywhere: in files, flags, records and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rm_mm.errors import InputError

#: Ways of pretraining; ``scratch`` is a backbone without pretraining.
METHODS = ('scratch', 'baseline', 'mixup', 'cutmix', 'rm')

TASKS = ('classification', 'detection', 'segmentation')

#: Sets of configs that belong in one table.
PRESETS = ('mini', 'mini-full', 'paper')

#: ``paper``: each row starts from the backbone that the published row started from.
#: ``controlled``: all methods share one pretraining recipe.
SETTINGS = ('paper', 'controlled')

#: The setting of the embedded images. All methods share one recipe there too.
MINI_SETTING = 'mini'

#: Data sets that ``rm-mm data`` supports; ``custom`` is a user's own, in one of three layouts.
DATASETS = ('imagenet', 'cifar10', 'cifar100', 'coco', 'ade20k', 'custom')

#: Naming schemes of an export. ``safetensors`` is the format of timm's hub: timm's names for
#: networks that timm has, and OpenMMLab's names for others.
EXPORT_LAYOUTS = ('openmmlab', 'torchvision', 'timm', 'safetensors')

#: Where a suite runs its cells: child processes here, Slurm, or the process of the call.
CLUSTERS = ('local', 'slurm', 'debug')

#: What started the processes of a distributed run, as mmengine names it.
PROCESS_LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')

#: Folder that training with RecursiveMix writes into its work directory.
MIXED_IMAGES = 'mixed_images'

#: File with the figure of each class, in the folder of ``rm-mm test --details``.
PER_CLASS = 'per_class.json'

# Custom names become names of folders, and of rows or columns of a table.
_CUSTOM = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')


def require_name(name: str, taken: Sequence[str], kind: str) -> None:
    """Raise `InputError` if a custom method or task cannot have this name."""
    if name in taken:
        raise InputError(f'{name} is a {kind} of the suite already: choose another name')
    if not _CUSTOM.fullmatch(name):
        raise InputError(
            f'{name!a} cannot name a {kind}: expected letters, digits, "_", "-" and ".", such as '
            f'my_{kind}'
        )
