"""Data sets that a config reads: where they are, and whether they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError
from rm_mm.recipe.config import entries, type_name

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')

#: The address of a packed data set is ``lmdb://FILE.lmdb``; ``/NAME`` after it is a file in it.
PACK_PREFIX, PACK_SUFFIX = 'lmdb://', '.lmdb'

_CIFAR = '{}/ or {}.tar.gz as published, or {{train,test}}/<class>/*.png'
#: Layout of a data set below its root, by dataset class.
LAYOUTS = {
    'ImageNet': 'train/<class>/*.JPEG  val/<class>/*.JPEG (a folder for each of the 1000 classes)',
    'CocoDataset': 'train2017/*.jpg  val2017/*.jpg  annotations/instances_{train,val}2017.json',
    'ADE20KDataset': (
        'images/{training,validation}/*.jpg  annotations/{training,validation}/*.png'
    ),
    'LocalCIFAR10': _CIFAR.format('cifar-10-batches-py', 'cifar-10-python'),
    'LocalCIFAR100': _CIFAR.format('cifar-100-python', 'cifar-100-python'),
}


def split_pack_uri(uri: str) -> tuple[str, str]:
    """Return the file of a pack and the name in it; the name of the root is empty.

    Raises:
        ValueError: If ``uri`` does not address a pack.
    """
    parts = uri.removeprefix(PACK_PREFIX).split('/')
    for index, part in enumerate(parts):
        if part.endswith(PACK_SUFFIX) and uri.startswith(PACK_PREFIX):
            name = [each for each in parts[index + 1 :] if each]
            return os.path.expanduser('/'.join(parts[: index + 1])), '/'.join(name)
    raise ValueError(
        f'{uri}: expected {PACK_PREFIX}FILE{PACK_SUFFIX}, a file that rm-mm data pack wrote'
    )


def datasets(config: Any, loaders: Sequence[str] = LOADERS) -> Iterator[dict[str, Any]]:
    """Yield the data sets of a config's loaders, including those inside wrappers."""
    pending = [loader['dataset'] for name in loaders if (loader := config.get(name))]
    while pending:
        dataset = pending.pop(0)
        # RepeatDataset and ConcatDataset, for example.
        inner = dataset.get('dataset') or dataset.get('datasets')
        if inner is None:
            yield dataset
        else:
            pending.extend(entries(inner))


def _root(dataset: dict[str, Any]) -> str:
    return str(dataset.get('data_root') or '')


def expected_paths(dataset: dict[str, Any]) -> list[Path]:
    """Return the files and folders that a data set reads; none if it is not on a disk."""
    root = _root(dataset)
    if '://' in root:
        return []
    paths = [Path(root) / part for part in _parts(dataset)]
    return list(dict.fromkeys(paths or [Path(root)]))


def _parts(dataset: dict[str, Any]) -> list[str]:
    """Paths below the root that a data set reads."""
    # A split is a folder of ImageNet only; other data sets find their files themselves.
    split = dataset.get('split') if type_name(dataset) == 'ImageNet' else None
    prefix = dataset.get('data_prefix') or split or ''
    parts = list(prefix.values()) if isinstance(prefix, dict) else [prefix]
    return [str(part) for part in [*parts, dataset.get('ann_file') or ''] if part]


def _missing(dataset: dict[str, Any]) -> dict[str, str]:
    """Paths that a data set reads and that are missing or empty, and which of the two."""
    root = _root(dataset)
    if not root.startswith(PACK_PREFIX):
        missing = {}
        for path in expected_paths(dataset):
            if not path.exists():
                missing[str(path)] = 'not there'
            elif path.is_dir() and not any(path.iterdir()):
                missing[str(path)] = 'empty'
        return missing
    if type_name(dataset).startswith('LocalCIFAR'):
        raise InputError(f'{root}: CIFAR is read from its folder or archive, not from a pack')
    # Imported here because only packed data sets need mmengine; it registers PackedBackend.
    from mmengine import fileio

    try:
        names = [f'{root.rstrip("/")}/{part}' for part in _parts(dataset)] or [root]
        return {name: 'not there' for name in names if not fileio.exists(name)}
    except (OSError, ValueError, ImportError) as error:
        raise InputError(str(error)) from error


def set_data_root(config: Any, root: str) -> None:
    """Change the data root of every loader and evaluator of a config, in place.

    Raises:
        InputError: If the config reads from several roots, which one root cannot replace.
    """
    target = root if '://' in root else str(Path(root).expanduser())
    old = {os.path.normpath(dataset.get('data_root') or '.') for dataset in datasets(config)}
    if len(old) > 1:
        raise InputError(
            f'--data-root cannot replace all of {", ".join(sorted(old))}: set them in the config'
        )
    for dataset in datasets(config):
        dataset['data_root'] = target
    for evaluator in (each for name in EVALUATORS for each in entries(config.get(name))):
        for key, value in list(evaluator.items()):
            if isinstance(value, str) and '/' in value:
                evaluator[key] = _moved(value, old, target)


def _moved(path: str, old: set[str], target: str) -> str:
    """Move a path below an old root to the new one; any other path is returned unchanged."""
    for prefix in old:
        # `data/coco` is not a root of `data/coco2/…`.
        below = os.path.relpath(path, prefix)
        if prefix != '.' and not below.startswith('..'):
            return f'{target.rstrip("/")}/{below}'
    return path


def require_data(
    config: Any, name: str, loaders: Sequence[str] = LOADERS, *, movable: bool = True
) -> None:
    """Check that everything the loaders of a config read exists and is not empty.

    Args:
        config: A resolved mmengine config.
        name: Name of the config in the message.
        loaders: Entries of the config that will be read.
        movable: Whether the command has a ``--data-root`` for this config.

    Raises:
        InputError: With the missing paths, the expected layout, and how to use another folder.
    """
    read = list(datasets(config, loaders))
    missing = {path: state for dataset in read for path, state in _missing(dataset).items()}
    if not missing:
        return
    kinds = dict.fromkeys(map(type_name, read))
    layouts = [f'  {kind}: {LAYOUTS[kind]}' for kind in kinds if kind in LAYOUTS]
    roots = list(dict.fromkeys(_root(dataset) or '.' for dataset in read))
    root = roots[0]
    if root.startswith(PACK_PREFIX):
        elsewhere = f'Pack it: rm-mm data pack NAME ROOT --out FILE{PACK_SUFFIX}'
    elif root.endswith(PACK_SUFFIX):
        elsewhere = f'A packed data set is {PACK_PREFIX}{root}'
    else:
        link = 'Pass --data-root DIR, or link' if movable else 'Link'
        elsewhere = f'{link} it: ln -s DIR {root.rstrip("/")}'
    lines = [
        f'the data set of {name} is not complete. Looked for (from {Path.cwd()}):',
        *(f'  {path}: {state}' for path, state in missing.items()),
        f'expected below {", ".join(roots)}:',
        *(layouts or ['  what the dataset entries of the config name']),
        'still in its archives? rm-mm data prepare NAME ROOT lays it out',
        f'elsewhere? {elsewhere}',
    ]
    raise InputError('\n'.join(lines))


def lay_out_embedded(config: Any, loaders: Sequence[str]) -> None:
    """Write the embedded images if some loaders of a config read them and they are not there yet.

    The mini recipes name their folder in ``embedded_data``.

    Raises:
        InputError: If the folder cannot be written, or holds something else.
    """
    if not config.get('embedded_data'):
        return
    # Imported here because other configs do not need what composes images.
    from rm_mm.data import mini

    folder = Path(config.embedded_data)
    roots = [Path(_root(dataset)) for dataset in datasets(config, loaders)]
    # A stamp is enough, whatever the size of the set: tests and trials make small ones.
    if (folder / mini.STAMP).is_file() or not any(root.is_relative_to(folder) for root in roots):
        return
    try:
        mini.prepare_mini(folder, progress=print, **embedded_sizes(config))
    except (OSError, RuntimeError) as error:
        raise InputError(f'cannot write the embedded images to {folder}: {error}') from error


def reads_embedded(config: Any) -> bool:
    """Return whether a config reads nothing but the embedded images."""
    folder = config.get('embedded_data')
    roots = [Path(_root(dataset)) for dataset in datasets(config)]
    return bool(folder) and all(root.is_relative_to(folder) for root in roots)


def embedded_sizes(config: Any) -> dict[str, int]:
    """Return the numbers of embedded images that a config sets; others have their defaults.

    They are arguments of :func:`rm_mm.data.mini.prepare_mini`, such as ``train_images``.
    """
    return dict(config.get('embedded_sizes') or {})
