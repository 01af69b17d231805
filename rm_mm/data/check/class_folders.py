"""Images in one folder per class: ImageNet, CIFAR as images, and custom data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from rm_mm.data.catalog import IMAGE_SUFFIXES, PUBLISHED, imagenet_wnids
from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.listing import Contents, list_folder, list_folders

#: Archives are often left next to the folders unpacked from them.
_ARCHIVE_SUFFIXES = ('.tar', '.gz', '.tgz', '.zip', '.xz', '.bz2', '.7z')
# Path of the same folders in the archive of later challenges.
_LATER_CHALLENGE = 'ILSVRC/Data/CLS-LOC'


def inspect_imagenet(check: Inspection) -> None:
    """Check ImageNet-1k. Every file is listed; images are opened only by a deep check."""
    check.kind = 'class folders'
    check.read_subset()
    wnids = imagenet_wnids()
    check.classes = len(wnids)
    root = check.root
    quoted, val, unsorted = (shlex.quote(str(root / n)) for n in ('', 'val', 'val_unsorted'))
    # What `tar xf ILSVRC2012_img_val.tar` leaves.
    flat_val = (
        f', as in the archive. To sort them: mv {val} {unsorted} && rm-mm data prepare imagenet '
        f'{quoted} --archives DIR (DIR: the folder of ILSVRC2012_img_val.tar and '
        'ILSVRC2012_devkit_t12.tar.gz)'
    )
    for split in PUBLISHED['imagenet'].counts:
        layout = f'{split}/<class>/*.JPEG'
        if (root / _LATER_CHALLENGE / split).is_dir():
            layout += f'. Is ROOT {shlex.quote(str(root / _LATER_CHALLENGE))}?'
        check_split(
            check,
            split,
            wnids,
            'of ImageNet-1k',
            layout=layout,
            suffixes=('.jpeg', '.jpg'),
            open_images=check.request.deep,
            class_in_name=split == 'train',
            flat_hint=flat_val if split == 'val' else '',
        )


def inspect_custom_classes(check: Inspection) -> None:
    """Check custom class folders, and that all splits have the same classes."""
    classes = {
        split: list_folder(check.root / split).folders
        for split in ('train', 'val', 'test')
        if (check.root / split).is_dir()
    }
    if len(classes) == 1:
        text = 'is missing, and so is test: expected val/<class>/* or test/<class>/*'
        check.add('missing folders', 'val', text)
    union = sorted({name for names in classes.values() for name in names})
    check.classes = len(union)
    for split in classes:
        others = ' and '.join(other for other in classes if other != split)
        check_split(check, split, union, f'in {others}', layout=f'{split}/<class>/*')


def check_split(
    check: Inspection,
    split: str,
    classes: Sequence[str],
    source: str,
    *,
    layout: str,
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES,
    open_images: bool = True,
    side: int | None = None,
    class_in_name: bool = False,
    flat_hint: str = '',
) -> None:
    """Check the class folders of a split and their images.

    Args:
        check: Check in progress.
        split: Folder of the split, below the root.
        classes: Expected names of the class folders.
        source: Origin of these names, for messages: ``of ImageNet-1k``, ``in train``.
        layout: Expected files, for messages.
        suffixes: Suffixes of images, in lower case.
        open_images: Whether images are opened.
        side: Width and height that all images must have.
        class_in_name: Whether file names start with the class, as ``n01440764_1.JPEG`` does.
        flat_hint: Addition to the message about images without any class folders.
    """
    if not check.has_folder(split, layout):
        return
    contents = list_folder(check.root / split)
    folders = contents.folders
    check.add_faults(split, contents)
    check.note_hidden(split, contents.hidden)
    loose = [name for name in contents.files if name.lower().endswith(suffixes)]
    if loose:
        beside = f'next to {len(folders):,} class folders'
        place = beside if folders else f'not in class folders{flat_hint}'
        text = f'holds {len(loose):,} images directly, {place}'
        check.add('images in no class folder', split, text)
    for name in contents.sound():
        if not name.lower().endswith((*suffixes, *_ARCHIVE_SUFFIXES)):
            text = 'is a file: expected only class folders here'
            check.add('extra files', f'{split}/{name}', text)
    if loose and not folders:
        check.counts[split] = len(loose)
        return
    present, expected = {*folders}, {*classes}
    for name in classes:
        if name not in present:
            text = f'is missing: it is a class {source}'
            check.add('missing class folders', f'{split}/{name}', text)
    for name in folders:
        if name not in expected:
            text = f'is unexpected: it is not a class {source}'
            check.add('extra class folders', f'{split}/{name}', text)
    total, sound, hidden = 0, [], []
    listed = list_folders([check.root / f'{split}/{name}' for name in folders])
    for done, (name, inner) in enumerate(zip(folders, listed, strict=True), start=1):
        check.progress(f'{split}: {done:,} of {len(folders):,} classes listed')
        folder = f'{split}/{name}'
        images = _check_class(check, split, folder, inner, suffixes)
        for image in images if class_in_name else ():
            other = re.match(r'n\d{8}(?=_)', image)
            if other and not image.startswith(name):
                text = f'is an image of {other[0]} by its name'
                check.add('images of another class', f'{folder}/{image}', text)
        total += len(images)
        sound += [f'{name}/{image}' for image in inner.sound() if image in images]
        hidden += [f'{name}/{file}' for file in inner.hidden]
    check.note_hidden(split, hidden)
    check.add_count(split, total)
    for name, read in read_images(check, split, sound if open_images else []):
        if side is not None and (read.width, read.height) != (side, side):
            text = f'has {read.width} x {read.height} pixels, expected {side} x {side}'
            check.add('image sizes', f'{split}/{name}', text)


def _check_class(
    check: Inspection, split: str, folder: str, contents: Contents, suffixes: tuple[str, ...]
) -> dict[str, int]:
    """Check the contents of a class folder; the result is the size of each image by name."""
    files = contents.files.items()
    images = {file: size for file, size in files if file.lower().endswith(suffixes)}
    for file in contents.sound():
        if file not in images:
            text = f'is not an image: expected {" or ".join(suffixes)}'
            check.add('extra files', f'{folder}/{file}', text)
    for inner in contents.folders:
        check.add('extra folders', f'{folder}/{inner}', 'is a folder: expected only images here')
    check.add_faults(folder, contents)
    check.fingerprint.add_images(folder, images)
    # Nothing is known about a folder that cannot be listed.
    if all(fault.name for fault in contents.faults):
        if images:
            check.add_class_count(split, folder, len(images))
        else:
            check.add('empty class folders', folder, 'holds no images')
    return images
