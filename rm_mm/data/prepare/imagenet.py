"""ImageNet-1k: a tar of a thousand tars, and validation images without folders."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rm_mm.data.catalog import PUBLISHED
from rm_mm.data.prepare.archives import ARCHIVES, find, require
from rm_mm.data.prepare.folders import copy_classes
from rm_mm.data.prepare.subset import closest, write_stamp
from rm_mm.data.prepare.tars import files_in, reading
from rm_mm.data.prepare.task import Task
from rm_mm.data.prepare.writing import require_space, safe_path
from rm_mm.errors import InputError, RejectedError, printable

_TRAIN, _VAL, _DEVKIT = (archive.name for archive in ARCHIVES['imagenet'])
_META = 'data/meta.mat'
_TRUTH = 'data/ILSVRC2012_validation_ground_truth.txt'
_IMAGE = re.compile(r'.+\.JPE?G', re.IGNORECASE)


def lay_out(task: Task) -> None:
    """Write ``train/<wnid>/*.JPEG`` and ``val/<wnid>/*.JPEG``, all or some of each class.

    Raises:
        InputError: If an archive is missing, damaged or does not belong to the others, there is no
            room, or ``val`` holds images without folders.
    """
    found = _archives(task)
    if not found and task.journal.subset is not None:
        copy_classes(task, ('train', 'val'), task.journal.subset)
        return
    _require_no_flat_val(task.root)
    sizes = [path.stat().st_size for path in found.values()]
    share = 1.0
    if task.journal.subset is not None:
        # Before they are read: as if all images were as large, and all classes the smallest.
        share = min(1.0, task.journal.subset / PUBLISHED['imagenet'].class_counts['train'][0])
    # Of what an earlier call wrote only the rest is still to come.
    there = sum(part['bytes'] for part in task.journal.parts.values())
    require_space(task.root, max(0, int(share * sum(sizes)) - there))
    task.verify(found)
    if _TRAIN in found:
        _lay_out_train(task, found[_TRAIN])
    if _VAL in found:
        _lay_out_val(task, found[_VAL], _val_classes(found[_DEVKIT]))
    if task.journal.subset is not None:
        counts = {split: task.written[split] + task.present[split] for split in ('train', 'val')}
        write_stamp(task.root, task.name, task.journal.subset, counts)


def _archives(task: Task) -> dict[str, Path]:
    """Those that are needed: not of a split that is there and whose archive is not.

    Returns:
        Name to path; nothing if a small version is to be copied from a whole data set.
    """
    train, val, devkit = ARCHIVES['imagenet']
    if task.journal.subset is not None:
        whole = task.elsewhere and all(
            _has_classes(task.source / split) for split in ('train', 'val')
        )
        return {} if whole else require(ARCHIVES['imagenet'], task.source)
    needed = []
    for split, archives in (('train', (train,)), ('val', (val, devkit))):
        gone = find(archives[0], task.source) is None and not task.journal.begun(archives[0].name)
        kept = gone and _has_classes(task.root / split)
        needed += [] if kept else list(archives)
    if not needed:
        raise InputError(
            f'{printable(task.root)} has train and val, and there is no archive in '
            f'{printable(task.source)}: nothing is to be done; rm-mm data check imagenet says '
            'whether they are whole'
        )
    return require(needed, task.source)


def _has_classes(folder: Path) -> bool:
    return folder.is_dir() and any(re.fullmatch(r'n\d{8}', path.name) for path in folder.iterdir())


def _require_no_flat_val(root: Path) -> None:
    val = root / 'val'
    if val.is_dir() and any(_IMAGE.fullmatch(path.name) for path in val.iterdir()):
        raise InputError(
            f'{printable(val)} holds images in no class folder: mv {printable(val)} '
            f'{printable(val)}_unsorted and call again; the archive has them all'
        )


def _lay_out_train(task: Task, path: Path) -> None:
    seen: set[str] = set()
    for member, content in files_in(path):
        name = re.fullmatch(r'(?:.*/)?(n\d{8})\.tar', str(safe_path(member.name, path)))
        if name is None:
            raise InputError(
                f'{printable(path)} holds {printable(member.name)}: expected the tar of a class, '
                'such as n01440764.tar'
            )
        if name[1] in seen:
            raise InputError(f'{printable(path)} holds {name[1]}.tar twice: download it again')
        seen.add(name[1])
        part, folder = f'train/{name[1]}', task.root / 'train' / name[1]
        if task.journal.finished(part, folder):
            task.skip('train', part)
            continue
        chosen = _chosen(task, path, content)
        for image, stream in files_in(path, content):
            stray = re.match(r'(?:.*/)?(n\d{8})_', image.name)
            if stray and stray[1] != name[1]:
                raise InputError(
                    f'{printable(path)}: {name[1]}.tar holds {printable(image.name)}, an image of '
                    'another class; download it again'
                )
            if chosen is None or image.name in chosen:
                _write(task, 'train', folder, image, stream, path)
        if not folder.is_dir():
            raise InputError(f'{printable(path)}: {name[1]}.tar is empty; download it again')
        task.journal.finish(part, folder)
    if not seen:
        raise InputError(f'{printable(path)} holds no class; download it again')
    task.journal.complete(path.name)


def _chosen(task: Task, path: Path, content: IO[bytes]) -> set[str] | None:
    """The images of one class that a small version takes; None for all."""
    if task.journal.subset is None:
        return None
    names = [image.name for image, _ in files_in(path, content)]
    content.seek(0)
    return set(closest(names, task.journal.subset))


def _lay_out_val(task: Task, path: Path, classes: list[str]) -> None:
    part, folder = 'val', task.root / 'val'
    if task.journal.finished(part, folder):
        task.skip('val', part)
        return
    images = [member.name for member, _ in files_in(path)]
    numbers = [re.fullmatch(r'(?:.*/)?ILSVRC2012_val_(\d{8})\.JPEG', image) for image in images]
    strange = next(
        (image for image, number in zip(images, numbers, strict=True) if number is None), None
    )
    if strange is not None:
        raise InputError(
            f'{printable(path)} holds {printable(strange)}: expected names such as '
            'ILSVRC2012_val_00000001.JPEG, whose numbers are those of the labels'
        )
    if len(images) != len(classes):
        raise InputError(
            f'{printable(path)} holds {len(images):,} images, its devkit has labels of '
            f'{len(classes):,}: they do not belong together, or one was cut; download them again'
        )
    found = {int(number[1]): number[0] for number in numbers if number}
    if sorted(found) != list(range(1, len(classes) + 1)):
        raise InputError(
            f'{printable(path)}: the numbers of its images are not 1 to {len(classes)}, each once, '
            'so that their labels cannot be told; download it again'
        )
    wnids = {found[number]: wnid for number, wnid in enumerate(classes, start=1)}
    _require_in_their_classes(folder, wnids)
    chosen = _chosen_val(wnids, task.journal.subset)
    for image, stream in files_in(path):
        if image.name in chosen:
            _write(task, 'val', folder / wnids[image.name], image, stream, path)
    task.journal.finish(part, folder)
    task.journal.complete(path.name)


def _require_in_their_classes(folder: Path, wnids: dict[str, str]) -> None:
    """Check that no validation image lies in the folder of another class.

    Raises:
        RejectedError: If one does; it is left there.
    """
    by_name = {Path(name).name: wnid for name, wnid in wnids.items()}
    for path in sorted(folder.glob('*/*')):
        wnid = by_name.get(path.name)
        if wnid is not None and path.parent.name != wnid:
            raise RejectedError(
                f'{printable(path)} is of the class {wnid} by the devkit: it is left where it is; '
                f'move {printable(folder)} away and call again'
            )


def _chosen_val(wnids: dict[str, str], subset: int | None) -> set[str]:
    if subset is None:
        return set(wnids)
    by_class: dict[str, list[str]] = {}
    for image, wnid in wnids.items():
        by_class.setdefault(wnid, []).append(image)
    return {image for images in by_class.values() for image in closest(images, subset)}


def _write(
    task: Task, split: str, folder: Path, image: tarfile.TarInfo, stream: IO[bytes], path: Path
) -> None:
    name = safe_path(image.name, path).name
    if not _IMAGE.fullmatch(name):
        raise InputError(f'{printable(path)} holds {printable(image.name)}: expected .JPEG images')
    with reading(path):
        task.write(split, folder / name, stream, image.size, path)  # type: ignore[arg-type]


def _val_classes(devkit: Path) -> list[str]:
    """The class of each validation image, in the order of their numbers.

    Raises:
        InputError: If the devkit lacks its table or its labels, or they do not agree.
    """
    wanted = {_META: b'', _TRUTH: b''}
    for member, content in files_in(devkit):
        for name in wanted:
            if member.name.endswith(f'/{name}') or member.name == name:
                with reading(devkit):
                    wanted[name] = content.read()
    absent = [name for name, content in wanted.items() if not content]
    if absent:
        raise InputError(
            f'{printable(devkit)} lacks {" and ".join(absent)}: expected the development kit of '
            'tasks 1 and 2'
        )
    wnids = dict(_synsets(wanted[_META], devkit))
    labels = wanted[_TRUTH].decode('ascii', 'replace').split()
    unknown = next((label for label in labels if label not in wnids), None)
    if unknown is not None:
        raise InputError(
            f'{printable(devkit)}: the label {printable(unknown)} in {_TRUTH} is none of the '
            f'{len(wnids)} classes in {_META}'
        )
    return [wnids[label] for label in labels]


def _synsets(content: bytes, devkit: Path) -> Iterator[tuple[str, str]]:
    """The number, as text, and the wnid of each class; inner nodes of the tree are none."""
    from scipy.io import loadmat

    try:
        for synset in loadmat(io.BytesIO(content), squeeze_me=True)['synsets']:
            if int(synset['num_children']) == 0:
                yield str(int(synset['ILSVRC2012_ID'])), str(synset['WNID'])
    except Exception as error:
        # A damaged file fails in whatever way its numbers lead to.
        raise InputError(
            f'{printable(devkit)}: cannot read {_META}: {type(error).__name__}: {printable(error)}'
        ) from error
