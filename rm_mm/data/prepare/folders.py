"""A small version of images in one folder a class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rm_mm.data.check.class_folders import IMAGE_SUFFIXES
from rm_mm.data.prepare.stores import FolderStore, require_space_for
from rm_mm.data.prepare.subset import closest, write_stamp
from rm_mm.data.prepare.task import Task
from rm_mm.errors import InputError, printable


def copy_classes(task: Task, splits: Sequence[str], count: int) -> None:
    """Copy as many images of each class of each split.

    Args:
        task: Copies from ``task.source`` to ``task.root``.
        splits: Those of them that are there are copied.
        count: Images of each class.

    Raises:
        InputError: If there is no class folder, or no room.
    """
    store = FolderStore(task.source)
    chosen: dict[str, list[str]] = {}
    for split in splits:
        classes: dict[str, list[str]] = {}
        for name in store.names(split):
            parts = name.split('/')
            if len(parts) > 2 and name.lower().endswith(IMAGE_SUFFIXES):
                classes.setdefault(parts[1], []).append(name)
        if classes:
            chosen[split] = [n for images in classes.values() for n in closest(images, count)]
    if not chosen:
        raise InputError(
            f'{printable(task.source)} holds no class folders: expected '
            f'{" or ".join(f"{split}/<class>/*" for split in splits)}'
        )
    require_space_for(task.root, store, chain.from_iterable(chosen.values()))
    for split, names in chosen.items():
        for name in names:
            with store.open(name) as (stream, size):
                task.write(split, task.root / name, stream, size, store.path)
    write_stamp(task.root, task.name, count, {split: len(n) for split, n in chosen.items()})
