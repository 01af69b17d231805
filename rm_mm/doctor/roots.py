"""The configs of this package, and the data sets that they look for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rm_mm.doctor.finding import Finding
from rm_mm.errors import InputError

#: Where the configs look, by the name that ``rm-mm data`` has for it.
DATA_ROOTS = {
    'imagenet': 'data/imagenet',
    'cifar10': 'data/cifar10',
    'cifar100': 'data/cifar100',
    'coco': 'data/coco',
    'ade20k': 'data/ade/ADEChallengeData2016',
}


def configs() -> Iterator[Finding]:
    """Are the configs there?"""
    from rm_mm.compat.config_scopes import configs_root

    try:
        yield Finding('configs', 'ok', str(configs_root()))
    except InputError as error:
        yield Finding('configs', 'broken', str(error), 'pip install -e .')


def data() -> Iterator[Finding]:
    """Is each data set where the configs look for it? Whether it is whole, `data check` says."""
    for name, text in DATA_ROOTS.items():
        root = Path(text)
        prepare = f'rm-mm data prepare {name} {text}'
        if root.is_dir() and any(root.iterdir()):
            found = f'{text}; rm-mm data check {name} {text} says whether it is whole'
            yield Finding(name, 'ok', found)
        elif root.is_symlink() and not root.exists():
            found = f'{text} is a link to {root.readlink()}, which is not there'
            yield Finding(name, 'note', found, f'ln -sfn DIR {text}')
        elif root.is_dir():
            yield Finding(name, 'note', f'{text} is empty', prepare)
        else:
            yield Finding(name, 'note', f'not at {text}; the mini suite does without', prepare)
