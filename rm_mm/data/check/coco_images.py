"""The images of an annotation file in the format of COCO, compared with those in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rm_mm.data.check.class_folders import IMAGE_SUFFIXES
from rm_mm.data.check.coco_json import Entry
from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents


def check_image_files(
    inspection: Inspection,
    folder: str,
    contents: Contents,
    entries: Mapping[str, Iterable[Entry]],
) -> int:
    """Check that every entry has its image, every image an entry, and their sizes agree.

    Args:
        inspection: Takes the problems.
        folder: Of the images, below the root.
        contents: What is in it and the folders in it.
        entries: By the annotation file that they are from.

    Returns:
        How many images there are.
    """
    images = {
        name: size for name, size in contents.files.items() if name.lower().endswith(IMAGE_SUFFIXES)
    }
    sizes: dict[str, list[tuple[str, Entry]]] = {}
    for where, listed in entries.items():
        for entry in listed:
            sizes.setdefault(entry.name, []).append((where, entry))
            if entry.name not in contents.files:
                text = f'is not there: {where} lists it'
                inspection.add('missing images', f'{folder}/{entry.name}', text)
    files = ' and '.join(entries)
    for name in images:
        if name not in sizes:
            text = f'has no entry in {files}'
            inspection.add('images without an entry', f'{folder}/{name}', text)
    for name in contents.files:
        if name not in images and name not in sizes and not folder_of_all(folder):
            inspection.add('extra files', f'{folder}/{name}', 'is no image')
    inspection.add_faults(folder, contents, {*images, *sizes} if folder_of_all(folder) else ())
    inspection.note_hidden(folder, contents.hidden)
    inspection.fingerprint.add_images(folder, images)
    sound = [name for name in contents.sound() if name in images or name in sizes]
    for name, read in read_images(inspection, folder, sound):
        for where, entry in sizes.get(name, ()):
            if entry.width is not None and (entry.width, entry.height) != (read.width, read.height):
                text = (
                    f'has {read.width} x {read.height} pixels: {where} says '
                    f'{entry.width} x {entry.height}'
                )
                inspection.add('image sizes', f'{folder}/{name}', text)
    return len(images)


def folder_of_all(folder: str) -> bool:
    """Whether the folder of images is the root, where everything else is too."""
    return folder == '.'
