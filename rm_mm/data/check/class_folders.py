"""Images in one folder per class: ImageNet, CIFAR as images, and custom data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rm_mm.data.catalog import IMAGE_SUFFIXES
from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents, list_folder, list_folders

#: Archives are often left next to the folders unpacked from them.
_ARCHIVE_SUFFIXES = ('.tar', '.gz', '.tgz', '.zip', '.xz', '.bz2', '.7z')


def check_split(
    inspection: Inspection,
    split: str,
    classes: Sequence[str],
    source: str,
    *,
    layout: str,
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES,
    open_images: bool = True,
    size: tuple[int, int] | None = None,
    class_in_name: bool = False,
    flat_hint: str = '',
) -> None:
    """Check the class folders of a split and their images.

    Args:
        inspection: Check in progress.
        split: Folder of the split, below the root.
        classes: Expected names of the class folders.
        source: Where these are from, for messages: ``of ImageNet-1k``, ``in train``.
        layout: Expected files, for messages.
        suffixes: Suffixes of images, in lower case.
        open_images: Whether images are opened.
        size: Width and height that all images must have.
        class_in_name: Whether file names start with the class, as ``n01440764_1.JPEG`` does.
        flat_hint: What to add to the message if the split has images but no class folders.
    """
    if not inspection.has_folder(split, layout):
        return
    contents = list_folder(inspection.path(split))
    inspection.add_faults(split, contents)
    inspection.note_hidden(split, contents.hidden)
    loose = [name for name in contents.files if name.lower().endswith(suffixes)]
    if loose:
        place = f'next to {len(contents.folders):,} class folders'
        text = place if contents.folders else f'not in class folders{flat_hint}'
        text = f'holds {len(loose):,} images directly, {text}'
        inspection.add('images in no class folder', split, text)
    for name in contents.sound():
        if not name.lower().endswith((*suffixes, *_ARCHIVE_SUFFIXES)):
            text = 'is a file: expected only class folders here'
            inspection.add('extra files', f'{split}/{name}', text)
    if loose and not contents.folders:
        inspection.counts[split] = len(loose)
        return
    known, found = set(classes), set(contents.folders)
    for name in (name for name in classes if name not in found):
        text = f'is missing: it is a class {source}'
        inspection.add('missing class folders', f'{split}/{name}', text)
    for name in (name for name in contents.folders if name not in known):
        text = f'is unexpected: it is not a class {source}'
        inspection.add('extra class folders', f'{split}/{name}', text)
    total, sound, hidden = 0, [], []
    for name, inner in _list_classes(inspection, split, contents.folders):
        folder = f'{split}/{name}'
        images = {n: size for n, size in inner.files.items() if n.lower().endswith(suffixes)}
        _check_class(inspection, split, folder, inner, images, suffixes)
        if class_in_name:
            _check_names(inspection, folder, name, images)
        inspection.fingerprint.add_images(folder, images)
        total += len(images)
        sound += [f'{name}/{image}' for image in inner.sound() if image in images]
        hidden += [f'{name}/{file}' for file in inner.hidden]
    inspection.note_hidden(split, hidden)
    inspection.add_count(split, total)
    for name, read in read_images(inspection, split, sound if open_images else []):
        if size is not None and (read.width, read.height) != size:
            text = f'has {read.width} x {read.height} pixels, expected {size[0]} x {size[1]}'
            inspection.add('image sizes', f'{split}/{name}', text)


def _list_classes(
    inspection: Inspection, split: str, folders: Sequence[str]
) -> Iterator[tuple[str, Contents]]:
    paths = [inspection.path(f'{split}/{name}') for name in folders]
    for done, (name, inner) in enumerate(zip(folders, list_folders(paths), strict=True), start=1):
        inspection.progress(f'{split}: {done:,} of {len(folders):,} classes listed')
        yield name, inner


def _check_class(
    inspection: Inspection,
    split: str,
    folder: str,
    contents: Contents,
    images: dict[str, int],
    suffixes: Sequence[str],
) -> None:
    """Check what one class folder holds."""
    for name in (name for name in contents.sound() if name not in images):
        text = f'is not an image: expected {" or ".join(suffixes)}'
        inspection.add('extra files', f'{folder}/{name}', text)
    for name in contents.folders:
        text = 'is a folder: expected only images here'
        inspection.add('extra folders', f'{folder}/{name}', text)
    inspection.add_faults(folder, contents)
    # Nothing is known about a folder that cannot be listed.
    if any(fault.name == '' for fault in contents.faults):
        return
    if images:
        inspection.add_class_count(split, folder, len(images))
    else:
        inspection.add('empty class folders', folder, 'holds no images')


def _check_names(inspection: Inspection, folder: str, wnid: str, images: dict[str, int]) -> None:
    """Find images of other classes, by the class in their names."""
    for name in images:
        if not name.startswith(wnid) and (other := re.match(r'n\d{8}(?=_)', name)):
            text = f'is an image of {other[0]} by its name'
            inspection.add('images of another class', f'{folder}/{name}', text)
