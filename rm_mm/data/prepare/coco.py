"""COCO 2017: three zips whose members are the layout."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rm_mm.data.prepare.archives import ARCHIVES, find, require
from rm_mm.data.prepare.stores import FolderStore, Store, open_store, require_space_for
from rm_mm.data.prepare.subset import covering, write_stamp
from rm_mm.data.prepare.task import Task
from rm_mm.data.prepare.unpack import unpack
from rm_mm.data.prepare.writing import safe_path
from rm_mm.errors import InputError, printable

_SPLITS = ('train2017', 'val2017')
_ANNOTATIONS = {split: f'annotations/instances_{split}.json' for split in _SPLITS}


def lay_out(task: Task) -> None:
    """Write ``train2017``, ``val2017`` and ``annotations``.

    Raises:
        InputError: If an archive is missing, damaged or unsafe, or there is no room.
        RejectedError: If another file is in the place of one.
    """
    # A folder that is there and whose archive is not is left as it is.
    folders = (*_SPLITS, 'annotations')
    needed = [
        archive
        for archive, folder in zip(ARCHIVES['coco'], folders, strict=True)
        if find(archive, task.source) is not None
        or task.journal.begun(archive.name)
        or not (task.root / folder).is_dir()
    ]
    if not needed:
        raise InputError(
            f'{printable(task.root)} has {", ".join(folders)}, and there is no archive in '
            f'{printable(task.source)}: nothing is to be done; rm-mm data check coco says whether '
            'they are whole'
        )
    found = require(needed, task.source)
    holds = dict(zip((archive.name for archive in ARCHIVES['coco']), folders, strict=True))
    unpack(task, task.root, {path: (holds[name],) for name, path in found.items()})


def lay_out_subset(task: Task, count: int) -> None:
    """Write images that show each category at least ``count`` times, and their annotations.

    Raises:
        InputError: If neither the archives nor the whole data set are in ``task.source``, or
            there is no room.
    """
    counts: dict[str, int] = {}
    with ExitStack() as stack:
        stores = _stores(task, stack)
        contents = {split: _read(stores['annotations'], _ANNOTATIONS[split]) for split in _SPLITS}
        chosen = {split: _choose(content, count) for split, content in contents.items()}
        for split, images in chosen.items():
            names = (f'{split}/{image}' for image in images)
            require_space_for(task.root, stores[split], names)
        for split, images in chosen.items():
            for image in images:
                with stores[split].open(f'{split}/{image}') as (stream, size):
                    target = task.root / split / image
                    task.write(split, target, stream, size, stores[split].path)
            _cut(contents[split], set(images))
            text = json.dumps(contents[split]).encode()
            target = task.root / _ANNOTATIONS[split]
            task.write('annotations', target, io.BytesIO(text), len(text), stores[split].path)
            counts[split] = len(images)
    write_stamp(task.root, task.name, count, counts)


def _stores(task: Task, stack: ExitStack) -> dict[str, Store]:
    folders = (*_SPLITS, 'annotations')
    if task.elsewhere and all((task.source / folder).is_dir() for folder in folders):
        return dict.fromkeys(folders, FolderStore(task.source))
    found = require(ARCHIVES['coco'], task.source)
    task.verify(found)
    return {
        folder: stack.enter_context(open_store(found[archive.name], Path()))
        for archive, folder in zip(ARCHIVES['coco'], folders, strict=True)
    }


def _read(store: Store, name: str) -> dict[str, Any]:
    with store.open(name) as (stream, _):
        try:
            content = json.load(stream)
            names = {image['id']: image['file_name'] for image in content['images']}
            if not all(isinstance(image, str) for image in names.values()):
                raise ValueError('file names that are no text')
            for image in names.values():
                safe_path(image, store.path)
            for annotation in content['annotations']:
                _ = names[annotation['image_id']]
                if not isinstance(annotation['category_id'], int):
                    raise ValueError('categories that are no numbers')
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(
                f'{printable(store.path)}: {name} is no annotation file of COCO: '
                f'{type(error).__name__}: {printable(error)}'
            ) from error
    assert isinstance(content, dict)
    return content


def _choose(content: dict[str, Any], count: int) -> list[str]:
    names = {image['id']: image['file_name'] for image in content['images']}
    categories: dict[str, set[int]] = {}
    for annotation in content['annotations']:
        image = names[annotation['image_id']]
        categories.setdefault(image, set()).add(annotation['category_id'])
    return covering(categories, count)


def _cut(content: dict[str, Any], chosen: set[str]) -> None:
    """Leave the entries of the chosen images, in place; everything else of the file stays."""
    content['images'] = [image for image in content['images'] if image['file_name'] in chosen]
    kept = {image['id'] for image in content['images']}
    content['annotations'] = [
        annotation for annotation in content['annotations'] if annotation['image_id'] in kept
    ]
