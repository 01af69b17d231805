"""Subsets of data sets: the same images whatever they are taken from, and in whatever order."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rm_mm.data.catalog import ARCHIVES, IMAGE_SUFFIXES, layout_root
from rm_mm.data.cifar_batches import CIFAR_PIXELS, RELEASES, read_cifar_batch, read_members
from rm_mm.data.listing import list_folder
from rm_mm.data.prepare.archives import (
    Member,
    SourceFiles,
    find_archive,
    folder_source,
    is_safe_path,
    open_archive,
    parsing,
    require_archives,
)
from rm_mm.data.prepare.preparation import Preparation
from rm_mm.data.prepare.writing import require_space
from rm_mm.errors import InputError, printable


def closest(names: Iterable[str], count: int) -> list[str]:
    """Choose ``count`` names, those with the smallest hashes of their last parts."""
    return sorted(names, key=_rank)[:count]


def covering(classes_of: Mapping[str, Collection[int]], count: int) -> list[str]:
    """Choose images that show each class at least ``count`` times, as far as possible.

    Rare classes come first, since their images also show the common ones. The result is sorted.
    """
    images: dict[int, list[str]] = {}
    for name in sorted(classes_of, key=_rank):
        for label in set(classes_of[name]):
            images.setdefault(label, []).append(name)
    shown: Counter[int] = Counter()
    chosen: set[str] = set()
    for label in sorted(images, key=lambda label: (len(images[label]), label)):
        for name in images[label]:
            if shown[label] >= count:
                break
            if name not in chosen:
                chosen.add(name)
                shown.update(set(classes_of[name]))
    return sorted(chosen)


def _rank(name: str) -> tuple[str, str]:
    return hashlib.sha256(Path(name).name.encode('utf-8', 'surrogateescape')).hexdigest(), name


def copy_classes(prep: Preparation, splits: Sequence[str] = ('train', 'val', 'test')) -> None:
    """Copy images of each class folder of the splits that exist."""
    chosen: dict[str, list[Member]] = {}
    for split in splits:
        for name in list_folder(prep.source / split).folders:
            images = folder_source(prep.source, [f'{split}/{name}'])
            names = [image for image in images if image.lower().endswith(IMAGE_SUFFIXES)]
            if picked := [images[image] for image in closest(names, prep.subset)]:
                chosen.setdefault(split, []).extend(picked)
    if not chosen:
        raise InputError(
            f'{printable(prep.source)} holds no class folders: expected '
            f'{" or ".join(f"{split}/<class>/*" for split in splits)}'
        )
    _copy(prep, chosen)
    prep.stamp({split: len(images) for split, images in chosen.items()})


def _copy(prep: Preparation, chosen: Mapping[str, Sequence[Member]]) -> None:
    """Copy the files of each split to the root, if there is space for all of them."""
    files = [(split, prep.root / file.name, file) for split in chosen for file in chosen[split]]
    require_space(prep.root, sum(file.size for _, target, file in files if not target.exists()))
    for split, target, file in files:
        prep.write(split, target, file)


@contextmanager
def _open_sources(prep: Preparation) -> Iterator[dict[str, SourceFiles]]:
    """Open a laid-out data set in the source folder, or else its archives: files by folder."""
    archives = ARCHIVES[prep.name]
    folders = [folder for archive in archives for folder in archive.folders]
    for root in (prep.source, layout_root(prep.name, prep.source)):
        if prep.elsewhere and all((root / folder).is_dir() for folder in folders):
            yield dict.fromkeys(folders, folder_source(root, folders))
            return
    found = require_archives(prep.name, prep.source)
    prep.verify(found)
    sources: dict[str, SourceFiles] = {}
    with ExitStack() as stack:
        for archive in archives:
            path = found[archive.name]
            members = stack.enter_context(open_archive(path, archive.prefix))
            sources |= dict.fromkeys(archive.folders, SourceFiles(path, members))
        yield sources


def make_ade20k_subset(prep: Preparation) -> None:
    """Copy images that show each class at least ``prep.subset`` times, and their masks."""
    chosen: dict[str, list[str]] = {}
    files: dict[str, list[Member]] = {}
    with _open_sources(prep) as sources:
        for split in ('training', 'validation'):
            source = sources[f'annotations/{split}']
            chosen[split] = covering(_mask_classes(prep, source, split), prep.subset)
            if not chosen[split]:
                raise InputError(f'{printable(source.path)} holds no masks in annotations/{split}')
            files[split] = [
                source[name]
                for stem in chosen[split]
                for name in (f'images/{split}/{stem}.jpg', f'annotations/{split}/{stem}.png')
            ]
        _copy(prep, files)
    prep.stamp({split: len(stems) for split, stems in chosen.items()})


def _mask_classes(prep: Preparation, source: SourceFiles, split: str) -> dict[str, set[int]]:
    """Classes in each mask, by stem, without the 0 of unlabelled pixels."""
    import numpy as np
    from PIL import Image

    found: dict[str, set[int]] = {}
    names = [name for name in source if re.match(rf'annotations/{split}/.*\.png$', name)]
    for done, name in enumerate(names, start=1):
        with source[name].open() as content:
            data = content.read()
        fault = f'{printable(source.path)}: {printable(name)} is not a mask'
        with parsing(fault), Image.open(io.BytesIO(data)) as mask:
            found[Path(name).stem] = {*map(int, np.unique(np.asarray(mask)))} - {0}
        prep.progress(f'{split}: {done:,} of {len(names):,} masks read')
    return found


def make_coco_subset(prep: Preparation) -> None:
    """Copy images that show each category at least ``prep.subset`` times, and their annotations."""
    contents: dict[str, dict[str, Any]] = {}
    chosen: dict[str, list[str]] = {}
    with _open_sources(prep) as sources:
        annotations = sources['annotations']
        for split in ('train2017', 'val2017'):
            path = f'annotations/instances_{split}.json'
            contents[path], categories = _read_instances(annotations, path)
            chosen[split] = covering(categories, prep.subset)
        files = {
            split: [sources[split][f'{split}/{image}'] for image in images]
            for split, images in chosen.items()
        }
        _copy(prep, files)
        for (path, content), images in zip(contents.items(), chosen.values(), strict=True):
            data = json.dumps(_cut(content, {*images})).encode()
            prep.write_bytes('annotations', prep.root / path, data, annotations.path)
    prep.stamp({split: len(images) for split, images in chosen.items()})


def _read_instances(source: SourceFiles, path: str) -> tuple[dict[str, Any], dict[str, set[int]]]:
    """Read an annotation file: its content, and the categories by file name of an image."""
    with source[path].open() as file:
        data = file.read()
    with parsing(f'{printable(source.path)}: {path} is not an annotation file of COCO'):
        content: dict[str, Any] = json.loads(data)
        names = {image['id']: image['file_name'] for image in content['images']}
        if not all(isinstance(name, str) and is_safe_path(name) for name in names.values()):
            raise ValueError('expected file names below the folder of images')
        categories: dict[str, set[int]] = {}
        for annotation in content['annotations']:
            image, category = names[annotation['image_id']], annotation['category_id']
            if not isinstance(category, int):
                raise ValueError('expected whole numbers as category_id')
            categories.setdefault(image, set()).add(category)
    return content, categories


def _cut(content: Mapping[str, Any], chosen: set[str]) -> dict[str, Any]:
    """Keep only the images that were chosen and their annotations."""
    images = [image for image in content['images'] if image['file_name'] in chosen]
    ids = {image['id'] for image in images}
    kept = [entry for entry in content['annotations'] if entry['image_id'] in ids]
    return {**content, 'images': images, 'annotations': kept}


def make_cifar_subset(prep: Preparation) -> None:
    """Write images of each class to ``{train,test}/<class>/*.png``."""
    (archive,) = ARCHIVES[prep.name]
    release = RELEASES[prep.name]
    folder, path = prep.source / release.folder, find_archive(archive, prep.source)
    if path is None and not folder.is_dir():
        if prep.elsewhere and (prep.source / 'train').is_dir():
            copy_classes(prep, ('train', 'test'))
            return
        require_archives(prep.name, prep.source)
    if path is not None:
        prep.verify({archive.name: path})
    # Size of the pixels, which the PNG of a photograph does not exceed.
    images = 2 * prep.subset * len(release.classes)
    require_space(prep.root, images * 3 * CIFAR_PIXELS**2)
    counts = {}
    for split in ('train', 'test'):
        names = release.files_of(split)
        if path is not None:
            batches = read_members(path, release.folder, names)
        else:
            batches = (_read_batch_file(folder / name) for name in names)
        counts[split] = _write_images(prep, split, batches, path or folder)
    prep.stamp(counts)


def _read_batch_file(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f'{printable(path)} is missing: expected a batch of the archive')
    return path.read_bytes()


def _write_images(prep: Preparation, split: str, batches: Iterator[bytes], source: Path) -> int:
    """Write the images of a split; the result is their number."""
    from PIL import Image

    classes = RELEASES[prep.name].classes
    # The images of each class by name.
    found: dict[int, dict[str, Any]] = {}
    number = 0
    for batch in batches:
        with parsing(f'{printable(source)}: a batch of {split} cannot be read'):
            pixels, labels = read_cifar_batch(batch)
        for image, label in zip(pixels, labels, strict=True):
            if not 0 <= label < len(classes):
                raise InputError(
                    f'{printable(source)} has the label {label}: expected 0 to {len(classes) - 1}'
                )
            found.setdefault(label, {})[f'{number:05}.png'] = image
            number += 1
    written = 0
    for label, images in sorted(found.items()):
        for name in closest(images, prep.subset):
            buffer = io.BytesIO()
            Image.fromarray(images[name]).save(buffer, 'png')
            target = prep.root / split / classes[label] / name
            prep.write_bytes(split, target, buffer.getvalue(), source)
            written += 1
    return written
