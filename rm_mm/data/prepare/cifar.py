"""CIFAR-10 and CIFAR-100: an archive of batches; small versions are images."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rm_mm.data.cifar_batches import RELEASES, read_members
from rm_mm.data.cifar_batches import read_cifar_batch as read_batch
from rm_mm.data.prepare.archives import ARCHIVES, find, require
from rm_mm.data.prepare.folders import copy_classes
from rm_mm.data.prepare.subset import closest, write_stamp
from rm_mm.data.prepare.tars import files_in, reading
from rm_mm.data.prepare.task import Task
from rm_mm.data.prepare.writing import require_space, safe_path
from rm_mm.errors import InputError, printable

_IMAGE_BYTES = 32 * 32 * 3


def lay_out(task: Task) -> None:
    """Write the folder of the archive.

    Raises:
        InputError: If the archive is missing, damaged or unsafe, or there is no room.
        RejectedError: If another file is in the place of one.
    """
    found = require(ARCHIVES[task.name], task.source)
    ((_, path),) = found.items()
    part = RELEASES[task.name].folder
    folder = task.root / part
    members = {safe_path(member.name, path): member.size for member, _ in files_in(path)}
    stray = next((name for name in members if name.parts[0] != part), None)
    if stray is not None or not members:
        raise InputError(
            f'{printable(path)} is not the published archive: expected all of it in {part}/, '
            f'found {printable(stray or "nothing")}'
        )
    require_space(
        task.root, sum(size for name, size in members.items() if not (task.root / name).exists())
    )
    task.verify(found)
    if task.journal.finished(part, folder):
        task.skip(part, part)
        return
    for member, content in files_in(path):
        target = task.root / safe_path(member.name, path)
        with reading(path):
            task.write(part, target, content, member.size, path)  # type: ignore[arg-type]
    task.journal.finish(part, folder)


def lay_out_subset(task: Task, count: int) -> None:
    """Write ``{train,test}/<class>/*.png``.

    Raises:
        InputError: If neither the archive nor the whole data set is in ``task.source``.
    """
    (archive,) = ARCHIVES[task.name]
    release = RELEASES[task.name]
    folder, path = task.source / release.folder, find(archive, task.source)
    if path is None and not folder.is_dir() and task.elsewhere and (task.source / 'train').is_dir():
        copy_classes(task, ('train', 'test'), count)
        return
    if path is None and not folder.is_dir():
        require([archive], task.source)
    if path is not None:
        task.verify({archive.name: path})
    # As pixels; the PNG of a photograph is smaller.
    require_space(task.root, 2 * count * len(release.classes) * _IMAGE_BYTES)
    counts = {}
    for split in ('train', 'test'):
        names = release.files_of(split)
        if path is not None:
            batches = read_members(path, release.folder, names)
        else:
            batches = (_batch(folder / name) for name in names)
        counts[split] = _write_images(task, split, batches, count, path or folder)
    write_stamp(task.root, task.name, count, counts)


def _batch(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f'{printable(path)} is not there: expected a batch of the archive')
    return path.read_bytes()


def _write_images(
    task: Task, split: str, batches: Iterator[bytes], count: int, source: Path
) -> int:
    from PIL import Image

    classes = RELEASES[task.name].classes
    images: list[Any] = []
    labels: dict[int, list[str]] = {}
    for batch in batches:
        try:
            pixels, found = read_batch(batch)
        except Exception as error:
            # A damaged pickle fails in as many ways as there are bytes.
            raise InputError(
                f'{printable(source)}: a batch of {split} cannot be read: '
                f'{type(error).__name__}: {printable(error)}'
            ) from error
        for image, label in zip(pixels, found, strict=True):
            if not 0 <= label < len(classes):
                raise InputError(
                    f'{printable(source)}: label {label}: expected 0 to {len(classes) - 1}'
                )
            labels.setdefault(label, []).append(f'{len(images):05}.png')
            images.append(image)
    written = 0
    for label, names in sorted(labels.items()):
        for name in closest(names, count):
            buffer = io.BytesIO()
            Image.fromarray(images[int(name[:5])]).save(buffer, 'png')
            size = buffer.tell()
            buffer.seek(0)
            target = task.root / split / classes[label] / name
            task.write(split, target, buffer, size, source)
            written += 1
    return written
