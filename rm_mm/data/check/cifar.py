"""CIFAR-10 and CIFAR-100: the archives or their folders, or a folder of images a class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rm_mm.data.check.class_folders import check_classes, compare_classes, list_split, loose_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents
from rm_mm.data.cifar_batches import RELEASES, Release
from rm_mm.errors import InputError, printable

_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp')
_PIXELS = 32


def inspect(inspection: Inspection) -> None:
    """Check CIFAR, looking for it in the same order as the data sets that read it."""
    release = RELEASES[inspection.name]
    inspection.read_subset()
    inspection.classes = len(release.classes)
    root = inspection.root
    for folder in (root / release.folder, root):
        if folder.is_dir() and any((folder / name).is_file() for name in _own_files(release)):
            inspection.kind = 'batches'
            _check_batches(inspection, release, _from_folder(inspection, release, folder))
            return
    if (root / release.archive).is_file():
        inspection.kind = 'archive'
        _check_batches(inspection, release, _from_archive(inspection, release))
    elif any((root / split).is_dir() for split in ('train', 'test')):
        inspection.kind = 'class folders'
        _check_folders(inspection, release.classes)
    else:
        inspection.problems.add(
            'layout',
            f'no images: expected {release.folder}/{{{",".join(release.batches)}}}, '
            f'{release.archive}, or {{train,test}}/<class>/*.png',
        )


def _own_files(release: Release) -> list[str]:
    # Of CIFAR-100 a batch is called as the folder of a split would be; these are files.
    return [*release.batches, release.meta]


def _from_folder(
    inspection: Inspection, release: Release, folder: Path
) -> Iterator[tuple[str, bytes]]:
    for name in _own_files(release):
        try:
            yield name, (folder / name).read_bytes()
        except FileNotFoundError:
            if name == release.meta:
                inspection.notes.append(f'{name}, with the names of the classes, is not there')
            else:
                inspection.add('missing files', f'{release.folder}/{name}', 'is not there')
        except OSError as error:
            text = f'cannot be read: {error.strerror}'
            inspection.add('unreadable files', f'{release.folder}/{name}', text)


def _from_archive(inspection: Inspection, release: Release) -> Iterator[tuple[str, bytes]]:
    from rm_mm.data.cifar_batches import read_members

    names = list(release.batches)
    try:
        members = read_members(inspection.root / release.archive, release.folder, names)
        yield from zip(names, members, strict=True)
    except InputError as error:
        inspection.problems.add('damaged archives', printable(error))
        return
    try:
        # The published archive has it before the batches, but nothing depends on it.
        archive = inspection.root / release.archive
        for content in read_members(archive, release.folder, [release.meta]):
            yield release.meta, content
    except InputError:
        inspection.notes.append(f'{release.meta}, with the names of the classes, is not there')


def _check_batches(
    inspection: Inspection, release: Release, files: Iterator[tuple[str, bytes]]
) -> None:
    labels: dict[str, Counter[int]] = {split: Counter() for split in ('train', 'test')}
    for name, content in files:
        path = f'{release.folder}/{name}'
        inspection.progress(f'{path}: {len(content):,} bytes')
        inspection.fingerprint.add_content(path, hashlib.sha256(content).hexdigest())
        if name == release.meta:
            _check_meta(inspection, release, path, content)
        else:
            labels[release.batches[name]].update(_batch_labels(inspection, path, content))
    for split, counts in labels.items():
        inspection.add_count(split, counts.total())
        limits = inspection.class_range(split)
        for label, found in sorted(counts.items()):
            if not 0 <= label < len(release.classes):
                text = f'has the label {label} {found:,} times: expected 0 to '
                inspection.add('labels', split, f'{text}{len(release.classes) - 1}')
            elif limits is not None and not limits[0] <= found <= limits[1]:
                text = f'holds {found:,} images of {release.classes[label]}: expected {limits[1]:,}'
                inspection.add('counts of classes', split, text)
        for label in set(range(len(release.classes))) - set(counts) if counts else ():
            text = f'holds no image of {release.classes[label]} (label {label})'
            inspection.add('missing classes', split, text)


def _batch_labels(inspection: Inspection, path: str, content: bytes) -> list[int]:
    from rm_mm.data.cifar_batches import read_cifar_batch as read_batch

    try:
        return read_batch(content)[1]
    except Exception as error:
        # A damaged pickle fails in as many ways as there are bytes.
        text = f'is no batch: {printable(f"{type(error).__name__}: {error}")}'
        inspection.add('damaged batches', path, text)
        return []


def _check_meta(inspection: Inspection, release: Release, path: str, content: bytes) -> None:
    from rm_mm.data.cifar_batches import read_cifar_entries as read_entries

    try:
        entry = read_entries(content)[release.names_key]
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in entry]
    except Exception as error:
        inspection.add('damaged batches', path, f'has no names of classes: {printable(error)}')
        return
    for label, (found, wanted) in enumerate(zip(names, release.classes, strict=False)):
        if found != wanted:
            text = f'calls label {label} {printable(found)}: expected {wanted}'
            inspection.add('names of classes', path, text)
    if len(names) != len(release.classes):
        text = f'names {len(names)} classes: expected {len(release.classes)}'
        inspection.add('names of classes', path, text)


def _check_folders(inspection: Inspection, classes: Sequence[str]) -> None:
    for split in ('train', 'test'):
        contents = list_split(inspection, split, f'{split}/<class>/*.png')
        if contents is None:
            continue
        inspection.add_faults(split, contents)
        if loose := loose_images(contents, _SUFFIXES):
            text = f'holds {len(loose):,} images directly, in no class folder'
            inspection.add('images in no class folder', split, text)
        _check_class_names(inspection, split, contents, classes)
        check_classes(inspection, split, contents, suffixes=_SUFFIXES, size=(_PIXELS, _PIXELS))


def _check_class_names(
    inspection: Inspection, split: str, contents: Contents, classes: Sequence[str]
) -> None:
    """Labels are positions among the sorted names, which may be numbers too."""
    found = contents.folders
    numbers = sorted(str(label) for label in range(len(classes)))
    if found == numbers and found != [str(label) for label in range(len(classes))]:
        inspection.add(
            'order of classes',
            split,
            'has class folders that sort as 0, 1, 10, 11, not as their numbers: name them 00 to '
            f'{len(classes) - 1}, or {classes[0]} to {classes[-1]}',
        )
    width = len(str(len(classes) - 1))
    if found not in (numbers, [f'{label:0{width}}' for label in range(len(classes))]):
        compare_classes(inspection, split, found, classes, f'of {inspection.name}')
