"""ADE20K of the scene parsing benchmark: one zip."""

from __future__ import annotations

import io
from itertools import chain
from pathlib import Path

from rm_mm.data.prepare.archives import ARCHIVES, find, require
from rm_mm.data.prepare.stores import Store, open_store, require_space_for
from rm_mm.data.prepare.subset import covering, write_stamp
from rm_mm.data.prepare.task import Task
from rm_mm.data.prepare.unpack import unpack
from rm_mm.errors import InputError, printable

#: The folder in the zip, which the configs take for the root of the data.
FOLDER = 'ADEChallengeData2016'
_SPLITS = ('training', 'validation')


def inner_root(root: Path) -> Path:
    """The folder that holds ``images``: the root itself if it is called so, else one in it."""
    return root if root.resolve().name == FOLDER else root / FOLDER


def lay_out(task: Task) -> None:
    """Write ``images`` and ``annotations``.

    Raises:
        InputError: If the archive is missing, damaged or unsafe, or there is no room.
        RejectedError: If another file is in the place of one.
    """
    found = require(ARCHIVES['ade20k'], task.source)
    folders = [f'{side}/{split}' for side in ('images', 'annotations') for split in _SPLITS]
    archives = dict.fromkeys(found.values(), folders)
    unpack(task, inner_root(task.root), archives, strip=f'{FOLDER}/')


def lay_out_subset(task: Task, count: int) -> None:
    """Write images that show each class at least ``count`` times, and their masks.

    Raises:
        InputError: If neither the archive nor the whole data set is in ``task.source``, or there is
            no room.
    """
    (archive,) = ARCHIVES['ade20k']
    folder = next(
        (
            candidate
            for candidate in (task.source, inner_root(task.source))
            if task.elsewhere and (candidate / 'annotations').is_dir()
        ),
        None,
    )
    path = find(archive, task.source)
    if folder is None or path is not None:
        found = require([archive], task.source)
        task.verify(found)
        path, folder = found[archive.name], task.source
    root = inner_root(task.root)
    with open_store(path, folder, f'{FOLDER}/') as store:
        chosen = {split: covering(_classes(task, store, split), count) for split in _SPLITS}
        for split, stems in chosen.items():
            if not stems:
                raise InputError(f'{printable(store.path)} holds no masks in annotations/{split}')
        files = {
            split: [
                name
                for stem in stems
                for name in (f'images/{split}/{stem}.jpg', f'annotations/{split}/{stem}.png')
            ]
            for split, stems in chosen.items()
        }
        require_space_for(root, store, chain.from_iterable(files.values()))
        for split, names in files.items():
            for name in names:
                with store.open(name) as (stream, size):
                    task.write(split, root / name, stream, size, store.path)
    write_stamp(root, task.name, count, {split: len(stems) for split, stems in chosen.items()})


def _classes(task: Task, store: Store, split: str) -> dict[str, set[int]]:
    """The classes in each mask; 0 is what is none of them."""
    import numpy as np
    from PIL import Image

    found: dict[str, set[int]] = {}
    names = [name for name in store.names(f'annotations/{split}/') if name.endswith('.png')]
    for done, name in enumerate(names, start=1):
        with store.open(name) as (stream, _):
            try:
                with Image.open(io.BytesIO(stream.read())) as mask:
                    labels = {int(label) for label in np.unique(np.asarray(mask))}
            except Exception as error:  # Pillow has one for each way in which a file can be wrong
                raise InputError(
                    f'{printable(store.path)}: {printable(name)} is no mask: {printable(error)}'
                ) from error
        found[Path(name).stem] = labels - {0}
        task.progress(f'{split}: {done:,} of {len(names):,} masks read')
    return found
