"""Names that are spelt the same everywhere: in files, flags, records and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rm_mm.errors import InputError

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

#: Names of one's own: they name folders, and rows or columns of a table.
_OWN = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')


def require_name(name: str, taken: Sequence[str], kind: str) -> None:
    """Check that a name can be one of a folder and of a row, and is not the suite's own.

    Raises:
        InputError: If it is not.
    """
    if name in taken:
        raise InputError(f'{name} is a {kind} of the suite already: call yours otherwise')
    if not _OWN.fullmatch(name):
        raise InputError(
            f'{name!a} cannot name a {kind}: expected letters, digits, "_", "-" and ".", such as '
            f'my_{kind}'
        )
