"""Images in one folder a class: ImageNet, CIFAR as images, and one's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from rm_mm.data.check.images import check_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents, list_folder, list_folders

#: What mmpretrain's data sets of class folders read, in any case.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')
#: Left beside the layout by those who unpack there.
ARCHIVES = ('.tar', '.gz', '.tgz', '.zip', '.xz', '.bz2', '.7z')


def list_split(inspection: Inspection, split: str, layout: str) -> Contents | None:
    """List the class folders of a split; None, and a problem, if there is no such folder."""
    path = os.path.join(inspection.root, split)
    if not os.path.isdir(path):
        state = 'is no folder' if os.path.lexists(path) else 'is not there'
        inspection.add('missing folders', split, f'{state}: expected {layout}')
        return None
    return list_folder(path)


def loose_images(contents: Contents, suffixes: Sequence[str]) -> list[str]:
    """The images of a split that are in no class folder."""
    return [name for name in contents.files if name.lower().endswith(tuple(suffixes))]


def compare_classes(
    inspection: Inspection, split: str, found: Sequence[str], wanted: Sequence[str], source: str
) -> None:
    """Add a problem for every class folder that is missing or too many.

    Args:
        inspection: Takes the problems.
        split: Whose folders they are.
        found: Their names.
        wanted: The names that there should be.
        source: Who says so: ``published``, ``in train``.
    """
    there, known = set(found), set(wanted)
    for name in wanted:
        if name not in there:
            text = f'is not there: it is a class {source}'
            inspection.add('missing class folders', f'{split}/{name}', text)
    for name in found:
        if name not in known:
            text = f'is a folder too many: it is no class {source}'
            inspection.add('extra class folders', f'{split}/{name}', text)


def check_classes(
    inspection: Inspection,
    split: str,
    contents: Contents,
    *,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    read_headers: bool = True,
    each: Callable[[str, list[str]], None] | None = None,
    size: tuple[int, int] | None = None,
) -> None:
    """Check the images of all class folders of a split, and count them.

    Args:
        inspection: Takes problems, counts and the fingerprint's part.
        split: Its folder below the root.
        contents: What was listed in it.
        suffixes: Of images, in lower case.
        read_headers: Whether images are opened without ``--deep`` too.
        each: Is given every class, and the names of its images.
        size: Width and height that all images must have, if they must.
    """
    total, readable, hidden = 0, [], []
    for name in contents.sound():
        if not name.lower().endswith((*suffixes, *ARCHIVES)):
            inspection.add('extra files', f'{split}/{name}', 'is a file among the class folders')
    for name, inner in _listed(inspection, split, contents.folders):
        folder = f'{split}/{name}'
        images = {n: size for n, size in inner.files.items() if n.lower().endswith(tuple(suffixes))}
        sound = inner.sound()
        for other in [n for n in sound if n not in images]:
            text = f'is no image: read are {", ".join(suffixes)}'
            inspection.add('extra files', f'{folder}/{other}', text)
        for other in inner.folders:
            inspection.add('extra folders', f'{folder}/{other}', 'is a folder among images')
        inspection.add_faults(folder, inner)
        hidden += [f'{name}/{file}' for file in inner.hidden]
        # Of a folder that cannot be listed nothing else is known.
        if not any(fault.name == '' for fault in inner.faults):
            _check_class_count(inspection, split, folder, len(images))
        if each is not None:
            each(name, list(images))
        total += len(images)
        inspection.fingerprint.add_images(folder, images)
        if inspection.deep or read_headers:
            readable += [f'{name}/{image}' for image in images if image in sound]
    inspection.note_hidden(split, hidden)
    inspection.add_count(split, total)
    check_images(inspection, split, readable, size)


def _listed(
    inspection: Inspection, split: str, folders: Sequence[str]
) -> Iterator[tuple[str, Contents]]:
    paths = [os.path.join(inspection.root, split, name) for name in folders]
    for done, (name, inner) in enumerate(zip(folders, list_folders(paths), strict=True), start=1):
        inspection.progress(f'{split}: {done:,} of {len(folders):,} classes listed')
        yield name, inner


def _check_class_count(inspection: Inspection, split: str, folder: str, found: int) -> None:
    limits = inspection.class_range(split)
    if not found:
        inspection.add('empty class folders', folder, 'holds no images')
    elif limits is not None and not limits[0] <= found <= limits[1]:
        low, high = limits
        span = f'{low:,}' if low == high else f'{low:,} to {high:,}'
        text = f'holds {found:,} images: expected {span}'
        inspection.add('counts of classes', folder, text)
