"""Is the data set of a config there? Asked before anything is built."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rm_mm.data.pack_uri import PREFIX, SUFFIX
from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, type_name

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')

#: What a data set looks like below its root, by dataset class.
LAYOUTS = {
    'ImageNet': 'train/<class>/*.JPEG  val/<class>/*.JPEG (a folder for each of the 1000 classes)',
    'CocoDataset': 'train2017/*.jpg  val2017/*.jpg  annotations/instances_{train,val}2017.json',
    'ADE20KDataset': (
        'images/{training,validation}/*.jpg  annotations/{training,validation}/*.png'
    ),
    'LocalCIFAR10': (
        'cifar-10-batches-py/ or cifar-10-python.tar.gz as published, or {train,test}/<class>/*.png'
    ),
    'LocalCIFAR100': (
        'cifar-100-python/ or cifar-100-python.tar.gz as published, or {train,test}/<class>/*.png'
    ),
}


def datasets(config: Any, loaders: Sequence[str] = LOADERS) -> Iterator[dict[str, Any]]:
    """The data set entries of a config's loaders, wrappers such as ``RepeatDataset`` opened."""
    pending = [loader['dataset'] for name in loaders if (loader := config.get(name))]
    while pending:
        dataset = pending.pop(0)
        inner = dataset.get('dataset') or dataset.get('datasets')
        if inner is None:
            yield dataset
        else:
            pending.extend(entries(inner))


def expected_paths(dataset: dict[str, Any]) -> list[Path]:
    """The files and folders that a data set entry reads from; none if it is not on a disk."""
    if '://' in str(dataset.get('data_root') or ''):
        return []
    root = Path(dataset.get('data_root') or '')
    paths = [root / part for part in _parts(dataset)]
    return list(dict.fromkeys(paths or [root]))


def _parts(dataset: dict[str, Any]) -> list[str]:
    """What a data set entry reads from, below its root."""
    # Of ImageNet a split is a folder; other data sets look for theirs themselves.
    split = dataset.get('split') if type_name(dataset) == 'ImageNet' else None
    prefix = dataset.get('data_prefix') or split or ''
    parts = list(prefix.values()) if isinstance(prefix, dict) else [prefix]
    return [str(part) for part in [*parts, dataset.get('ann_file') or ''] if part]


def _missing(dataset: dict[str, Any]) -> dict[str, str]:
    """Of what a data set entry reads from, what is not there or empty, and which of the two."""
    root = str(dataset.get('data_root') or '')
    if root.startswith(PREFIX):
        if type_name(dataset).startswith('LocalCIFAR'):
            raise InputError(f'{root}: CIFAR is read from its folder or archive, not from a pack')
        return _missing_in_pack(root, _parts(dataset))
    missing = {}
    for path in expected_paths(dataset):
        if not path.exists():
            missing[str(path)] = 'not there'
        elif path.is_dir() and not any(path.iterdir()):
            missing[str(path)] = 'empty'
    return missing


def _missing_in_pack(root: str, parts: Sequence[str]) -> dict[str, str]:
    # Not at the top of the file: other data sets do without it.
    from rm_mm.data.packed import PackedBackend

    backend = PackedBackend()
    try:
        names = [backend.join_path(root, part) for part in parts] or [root]
        return {name: 'not there' for name in names if not backend.exists(name)}
    except (OSError, ValueError, ImportError) as error:
        raise InputError(str(error)) from error


def set_data_root(config: Any, root: str) -> None:
    """Point every loader and evaluator of a config at another data root, in place.

    Raises:
        InputError: If the config reads from several roots: one cannot stand for all.
    """
    target = root if '://' in root else str(Path(root).expanduser())
    old = {os.path.normpath(dataset.get('data_root') or '.') for dataset in datasets(config)}
    if len(old) > 1:
        raise InputError(
            f'--data-root cannot stand for all of {", ".join(sorted(old))}: name them in the config'
        )
    for dataset in datasets(config):
        dataset['data_root'] = target
    for name in EVALUATORS:
        for evaluator in entries(config.get(name)):
            for key, value in list(evaluator.items()):
                if isinstance(value, str) and '/' in value:
                    evaluator[key] = _moved(value, old, target)


def _moved(path: str, old: set[str], target: str) -> str:
    """A path below the old root, below the new one; any other as it is."""
    for prefix in old:
        # `data/coco` is no root of `data/coco2/…`.
        below = os.path.relpath(path, prefix)
        if prefix != '.' and not below.startswith('..'):
            return f'{target.rstrip("/")}/{below}'
    return path


def require_data(
    config: Any, what: str, loaders: Sequence[str] = LOADERS, *, movable: bool = True
) -> None:
    """Check that everything the loaders of a config read from is there and not empty.

    Args:
        config: A resolved mmengine config.
        what: Its name, for the message.
        loaders: The entries of the config that are going to be read.
        movable: Whether the call has a ``--data-root`` for it.

    Raises:
        InputError: With the paths looked for, the layout expected, and how to point elsewhere.
    """
    missing: dict[str, str] = {}
    for dataset in datasets(config, loaders):
        missing |= _missing(dataset)
    if not missing:
        return
    kinds = dict.fromkeys(type_name(dataset) for dataset in datasets(config, loaders))
    layouts = [f'  {kind}: {LAYOUTS[kind]}' for kind in kinds if kind in LAYOUTS]
    roots = dict.fromkeys(
        str(dataset.get('data_root') or '.') for dataset in datasets(config, loaders)
    )
    root = next(iter(roots))
    elsewhere = f'{"Say --data-root DIR, or link" if movable else "Link"} it: '
    elsewhere += f'ln -s DIR {root.rstrip("/")}'
    if root.endswith(SUFFIX) and not root.startswith(PREFIX):
        elsewhere = f'A packed data set is {PREFIX}{root}'
    if root.startswith(PREFIX):
        elsewhere = 'Pack it: rm-mm data pack NAME ROOT --out FILE.lmdb'
    lines = [
        f'the data set of {what} is not complete. Looked for (from {Path.cwd()}):',
        *(f'  {path}: {state}' for path, state in missing.items()),
        f'expected below {", ".join(roots)}:',
        *(layouts or ['  what the dataset entries of the config name']),
        'still in its archives? rm-mm data prepare NAME ROOT lays it out',
        f'elsewhere? {elsewhere}',
    ]
    raise InputError('\n'.join(lines))
