"""CIFAR-10 and CIFAR-100: the archive, its folder, or folders of images per class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rm_mm.data.catalog import PUBLISHED
from rm_mm.data.check.class_folders import check_split
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.cifar_batches import (
    CIFAR_PIXELS,
    CIFAR_SUFFIXES,
    RELEASES,
    Release,
    read_cifar_batch,
    read_cifar_entries,
    read_members,
)
from rm_mm.data.listing import list_folder
from rm_mm.errors import InputError, printable


def inspect_cifar(check: Inspection) -> None:
    """Check CIFAR, searching for it in the same order as the data sets that load it."""
    name = check.request.name
    release = RELEASES[name]
    check.read_subset()
    check.classes = len(release.classes)
    root = check.root
    splits = tuple(PUBLISHED[name].counts)
    # A batch of CIFAR-100 has the name of a split, but is a file.
    files = [*release.batches, release.meta]
    folders = (root / release.folder, root)
    folder = next((f for f in folders if any((f / file).is_file() for file in files)), None)
    if folder is not None:
        check.kind = 'batches'
        _check_batches(check, release, _read_folder(check, release, folder))
    elif (root / release.archive).is_file():
        check.kind = 'archive'
        _check_batches(check, release, _read_archive(check, release))
    elif any((root / split).is_dir() for split in splits):
        check.kind = 'class folders'
        for split in splits:
            classes = _class_folders(check, split, release.classes)
            check_split(
                check,
                split,
                classes,
                f'of {name}',
                layout=f'{split}/<class>/*.png',
                suffixes=CIFAR_SUFFIXES,
                side=CIFAR_PIXELS,
            )
    else:
        text = (
            f'no images: expected {release.folder}/{{{",".join(release.batches)}}}, '
            f'{release.archive}, or {{train,test}}/<class>/*.png'
        )
        check.problems.add('layout', text)


def _class_folders(check: Inspection, split: str, classes: tuple[str, ...]) -> list[str]:
    """Expected names of the class folders, sorted by label: those of the classes, or numbers."""
    labels = [str(label) for label in range(len(classes))]
    padded = [label.zfill(len(labels[-1])) for label in labels]
    found = list_folder(check.root / split).folders
    if found == sorted(labels) != labels:
        text = 'has class folders that sort as 0, 1, 10, 11, not by number: rename them to '
        text += f'{padded[0]} to {padded[-1]}, or {classes[0]} to {classes[-1]}'
        check.add('order of classes', split, text)
    return found if found in (sorted(labels), padded) else list(classes)


def _read_folder(check: Inspection, release: Release, folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in [*release.batches, release.meta]:
        path = f'{release.folder}/{name}'
        try:
            yield name, (folder / name).read_bytes()
        except FileNotFoundError:
            if name == release.meta:
                _note_no_meta(check, release)
            else:
                check.add('missing files', path, 'is missing')
        except OSError as error:
            check.add('unreadable files', path, f'cannot be read: {error.strerror}')


def _read_archive(check: Inspection, release: Release) -> Iterator[tuple[str, bytes]]:
    archive = check.root / release.archive
    names = list(release.batches)
    try:
        yield from zip(names, read_members(archive, release.folder, names), strict=True)
    except InputError as error:
        check.problems.add('damaged archives', printable(error))
        return
    try:
        for content in read_members(archive, release.folder, [release.meta]):
            yield release.meta, content
    except InputError:
        _note_no_meta(check, release)


def _note_no_meta(check: Inspection, release: Release) -> None:
    check.notes.append(f'{release.meta}, with the names of the classes, is missing')


def _check_batches(check: Inspection, release: Release, files: Iterator[tuple[str, bytes]]) -> None:
    classes = release.classes
    labels: dict[str, Counter[int]] = {split: Counter() for split in ('train', 'test')}
    for name, content in files:
        path = f'{release.folder}/{name}'
        check.progress(f'{path}: {len(content):,} bytes')
        check.fingerprint.add_content(path, hashlib.sha256(content).hexdigest())
        # A damaged pickle raises almost anything.
        try:
            if name == release.meta:
                _check_meta(check, release, path, content)
            else:
                labels[release.batches[name]].update(read_cifar_batch(content)[1])
        except Exception as error:
            text = f'cannot be read: {printable(f"{type(error).__name__}: {error}")}'
            check.add('damaged batches', path, text)
    for split, counts in labels.items():
        check.add_count(split, counts.total())
        for label, found in sorted(counts.items()):
            if 0 <= label < len(classes):
                check.add_class_count(split, split, found, f' of {classes[label]}')
            else:
                text = f'has the label {label} {found:,} times: expected 0 to {len(classes) - 1}'
                check.add('labels', split, text)
        for label, name in enumerate(classes) if counts else ():
            if label not in counts:
                text = f'holds no images of {name} (label {label})'
                check.add('missing classes', split, text)


def _check_meta(check: Inspection, release: Release, path: str, content: bytes) -> None:
    """Compare the names of the classes with the published ones."""
    entry = read_cifar_entries(content)[release.names_key]
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in entry]
    for label, (found, expected) in enumerate(zip(names, release.classes, strict=False)):
        if found != expected:
            text = f'calls label {label} {printable(found)}: expected {expected}'
            check.add('names of classes', path, text)
    if len(names) != len(release.classes):
        text = f'names {len(names)} classes: expected {len(release.classes)}'
        check.add('names of classes', path, text)
