"""ImageNet-1k: a tar with a tar per class, and a flat tar of validation images."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from rm_mm.data.catalog import ARCHIVES, PUBLISHED
from rm_mm.data.prepare.archives import Member, parsing, require_archives, tar_members
from rm_mm.data.prepare.preparation import Preparation
from rm_mm.data.prepare.subsets import closest, copy_classes
from rm_mm.data.prepare.writing import require_space
from rm_mm.errors import InputError, RejectedError, printable

_TRAIN, _VAL, _DEVKIT = (archive.name for archive in ARCHIVES['imagenet'])
_META = 'data/meta.mat'
_TRUTH = 'data/ILSVRC2012_validation_ground_truth.txt'
_IMAGE = re.compile(r'.+\.JPE?G', re.IGNORECASE)


def lay_out_imagenet(prep: Preparation) -> None:
    """Write ``train/<wnid>/*.JPEG`` and ``val/<wnid>/*.JPEG``, all images or a subset.

    Raises:
        InputError: If an archive is missing, damaged or does not match the others, there is not
            enough space, or ``val`` holds images without class folders.
        RejectedError: If another file, or another class, is in the place of an image.
    """
    splits = ('train', 'val')
    if prep.subset and prep.elsewhere and all(_has_classes(prep.source / s) for s in splits):
        copy_classes(prep, splits)
        return
    archives = None if prep.subset else prep.needed_archives(_has_classes)
    found = require_archives(prep.name, prep.source, archives)
    _require_no_flat_val(prep.root)
    needed = sum(path.stat().st_size for path in found.values())
    if prep.subset:
        # An upper estimate, as if every class were the smallest.
        smallest, _ = PUBLISHED['imagenet'].class_counts['train']
        needed = int(needed * min(1.0, prep.subset / smallest))
    existing = sum(part.bytes for part in prep.journal.parts.values())
    require_space(prep.root, max(0, needed - existing))
    prep.verify(found)
    if _TRAIN in found:
        _lay_out_train(prep, found[_TRAIN])
    if _VAL in found:
        _lay_out_val(prep, found[_VAL], _val_classes(found[_DEVKIT]))
    if prep.subset:
        prep.stamp({split: prep.written[split] + prep.present[split] for split in splits})


def _has_classes(folder: Path) -> bool:
    return folder.is_dir() and any(re.fullmatch(r'n\d{8}', path.name) for path in folder.iterdir())


def _require_no_flat_val(root: Path) -> None:
    val = root / 'val'
    if val.is_dir() and any(_IMAGE.fullmatch(path.name) for path in val.iterdir()):
        name = printable(val)
        raise InputError(
            f'{name} holds images that are in no class folder: mv {name} {name}_unsorted and '
            'repeat the call; the archive has all of them'
        )


def _lay_out_train(prep: Preparation, path: Path) -> None:
    wnids: set[str] = set()
    for member in tar_members(path):
        name = re.fullmatch(r'(?:.*/)?(n\d{8})\.tar', member.name)
        if name is None:
            raise InputError(
                f'{printable(path)} holds {printable(member.name)}: expected the tar of a class, '
                'such as n01440764.tar'
            )
        if name[1] in wnids:
            raise InputError(f'{printable(path)} holds {name[1]}.tar twice: download it again')
        wnids.add(name[1])
        part = f'train/{name[1]}'
        if not prep.has_finished(part):
            with member.open() as content:
                _lay_out_class(prep, path, name[1], content)
            prep.finish(part)
    if not wnids:
        raise InputError(f'{printable(path)} holds no classes: download it again')
    prep.journal.complete(path.name)


def _lay_out_class(prep: Preparation, path: Path, wnid: str, content: BinaryIO) -> None:
    chosen: set[str] | None = None
    if prep.subset:
        chosen = {*closest((image.name for image in tar_members(path, content)), prep.subset)}
        content.seek(0)
    empty = True
    for image in tar_members(path, content):
        empty = False
        stray = re.match(r'(?:.*/)?(n\d{8})_', image.name)
        if stray and stray[1] != wnid:
            raise InputError(
                f'{printable(path)}: {wnid}.tar holds {printable(image.name)}, an image of '
                'another class. Download it again'
            )
        if chosen is None or image.name in chosen:
            _write_image(prep, 'train', wnid, image)
    if empty:
        raise InputError(f'{printable(path)}: {wnid}.tar is empty. Download it again')


def _lay_out_val(prep: Preparation, path: Path, classes: list[str]) -> None:
    """Sort the validation images into class folders; ``classes`` are in the order of the images."""
    if prep.has_finished('val'):
        return
    numbers: list[tuple[int, str]] = []
    for image in tar_members(path):
        number = re.fullmatch(r'(?:.*/)?ILSVRC2012_val_(\d{8})\.JPEG', image.name)
        if number is None:
            raise InputError(
                f'{printable(path)} holds {printable(image.name)}: expected names such as '
                'ILSVRC2012_val_00000001.JPEG, whose numbers give the labels'
            )
        numbers.append((int(number[1]), image.name))
    numbers.sort()
    if [number for number, _ in numbers] != list(range(1, len(classes) + 1)):
        raise InputError(
            f'{printable(path)} does not match the devkit, which labels the images 1 to '
            f'{len(classes):,}: it holds {len(numbers):,} images, not each of these numbers once. '
            'Download both again'
        )
    wnids = {name: wnid for (_, name), wnid in zip(numbers, classes, strict=True)}
    _require_right_classes(prep.root / 'val', wnids)
    by_class: dict[str, list[str]] = {}
    for name, wnid in wnids.items():
        by_class.setdefault(wnid, []).append(name)
    most = prep.subset or len(wnids)
    chosen = {name for names in by_class.values() for name in closest(names, most)}
    for image in tar_members(path):
        if image.name in chosen:
            _write_image(prep, 'val', wnids[image.name], image)
    prep.finish('val')
    prep.journal.complete(path.name)


def _require_right_classes(folder: Path, wnids: Mapping[str, str]) -> None:
    """Check that no validation image exists in the folder of another class."""
    by_name = {PurePosixPath(name).name: wnid for name, wnid in wnids.items()}
    for path in sorted(folder.glob('*/*')):
        wnid = by_name.get(path.name, path.parent.name)
        if path.parent.name != wnid:
            raise RejectedError(
                f'{printable(path)} belongs to the class {wnid} according to the devkit: it was '
                f'kept. Move {printable(folder)} away and repeat the call'
            )


def _write_image(prep: Preparation, split: str, wnid: str, image: Member) -> None:
    name = PurePosixPath(image.name).name
    if not _IMAGE.fullmatch(name):
        found = f'{printable(image.source)} holds {printable(image.name)}'
        raise InputError(f'{found}: expected .JPEG images')
    prep.write(split, prep.root / split / wnid / name, image)


def _val_classes(devkit: Path) -> list[str]:
    """Class of each validation image, in the order of their numbers."""
    contents = {_META: b'', _TRUTH: b''}
    for member in tar_members(devkit):
        for name in contents:
            if f'/{member.name}'.endswith(f'/{name}'):
                with member.open() as content:
                    contents[name] = content.read()
    missing = [name for name, content in contents.items() if not content]
    if missing:
        raise InputError(
            f'{printable(devkit)} lacks {" and ".join(missing)}: expected the development kit of '
            'tasks 1 and 2'
        )
    wnids = _read_synsets(contents[_META], devkit)
    labels = contents[_TRUTH].decode('ascii', 'replace').split()
    unknown = next((label for label in labels if label not in wnids), None)
    if unknown is not None:
        raise InputError(
            f'{printable(devkit)} has the label {printable(unknown)} in {_TRUTH}, which is not '
            f'among the {len(wnids)} classes in {_META}'
        )
    return [wnids[label] for label in labels]


def _read_synsets(content: bytes, devkit: Path) -> dict[str, str]:
    """Wnid of each class by its number, as text, without the inner nodes of the tree."""
    from scipy.io import loadmat

    with parsing(f'{printable(devkit)}: cannot read {_META}'):
        return {
            str(int(synset['ILSVRC2012_ID'])): str(synset['WNID'])
            for synset in loadmat(io.BytesIO(content), squeeze_me=True)['synsets']
            if int(synset['num_children']) == 0
        }
