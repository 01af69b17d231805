"""Images and masks of the same names in two folders: ADE20K, and one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents, list_tree

#: What Cityscapes has at the end of the names of images, and of masks.
_ENDINGS = re.compile(r'(_leftImg8bit|_gtFine_(labelTrainIds|labelIds))$')


def check_pairs(
    inspection: Inspection,
    split: str,
    folders: tuple[str, str],
    suffixes: tuple[Sequence[str], Sequence[str]],
    highest: int | None = None,
) -> None:
    """Check that images and masks go together, and every mask from its first to its last pixel.

    Args:
        inspection: Takes problems, counts and the fingerprint's part.
        split: What the number of images is counted as.
        folders: Of images and of masks, below the root.
        suffixes: Of both, as the loader compares them: of another case they are not read.
        highest: Label that may occur; None if there is no saying.
    """
    sides: list[tuple[Contents, dict[str, str]] | None] = []
    for folder, own in zip(folders, suffixes, strict=True):
        if not os.path.isdir(os.path.join(inspection.root, folder)):
            text = f'is not there: expected {folder}/*{own[0]}'
            inspection.add('missing folders', folder, text)
            sides.append(None)
            continue
        contents = list_tree(os.path.join(inspection.root, folder))
        inspection.add_faults(folder, contents)
        inspection.note_hidden(folder, contents.hidden)
        sides.append((contents, _by_stem(inspection, folder, contents, own)))
    image_side, mask_side = sides
    if image_side is not None:
        contents, images = image_side
        sizes = {name: contents.files[name] for name in images.values()}
        inspection.fingerprint.add_images(folders[0], sizes)
        inspection.add_count(split, len(images))
    if image_side is None or mask_side is None:
        return
    images, masks = image_side[1], mask_side[1]
    for stem in sorted(images.keys() - masks.keys()):
        text = f'has no mask: expected {folders[1]}/{stem}{suffixes[1][0]}'
        inspection.add('images without a mask', f'{folders[0]}/{images[stem]}', text)
    for stem in sorted(masks.keys() - images.keys()):
        text = f'has no image: expected {folders[0]}/{stem}{suffixes[0][0]}'
        inspection.add('masks without an image', f'{folders[1]}/{masks[stem]}', text)
    found = _image_sizes(inspection, folders[0], image_side[0], images)
    _check_masks(inspection, folders[1], mask_side[0], masks, found, highest)


def _by_stem(
    inspection: Inspection, folder: str, contents: Contents, suffixes: Sequence[str]
) -> dict[str, str]:
    """The files of a side, by what image and mask have in common."""
    found: dict[str, str] = {}
    for name in contents.files:
        stem, suffix = os.path.splitext(name)
        if suffix not in suffixes:
            text = f'is not read: expected the suffix {" or ".join(suffixes)}'
            if suffix.lower() in suffixes:
                text = f'is not read by mmsegmentation: rename it to {suffix.lower()}'
            inspection.add('extra files', f'{folder}/{name}', text)
            continue
        stem = _ENDINGS.sub('', stem)
        if stem in found:
            text = f'goes together with the same file as {os.path.basename(found[stem])!a}'
            inspection.add('files of the same name', f'{folder}/{name}', text)
            continue
        found[stem] = name
    return found


def _image_sizes(
    inspection: Inspection, folder: str, contents: Contents, images: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """Width and height of every image that can be read, by stem."""
    sound = contents.sound()
    stems = {name: stem for stem, name in images.items() if name in sound}
    return {
        stems[name]: (read.width, read.height)
        for name, read in read_images(inspection, folder, list(stems))
    }


def _check_masks(
    inspection: Inspection,
    folder: str,
    contents: Contents,
    masks: Mapping[str, str],
    sizes: Mapping[str, tuple[int, int]],
    highest: int | None,
) -> None:
    sound = contents.sound()
    stems = {name: stem for stem, name in masks.items() if name in sound}
    for name, read in read_images(inspection, folder, list(stems), 'labels'):
        path = f'{folder}/{name}'
        inspection.fingerprint.add_content(path, read.sha256)
        expected = sizes.get(stems[name])
        if expected is not None and (read.width, read.height) != expected:
            text = (
                f'has {read.width} x {read.height} pixels, its image {expected[0]} x {expected[1]}'
            )
            inspection.add('mask sizes', path, text)
        if read.labels is None:
            text = f'is {read.mode}: expected one channel, whose values are labels'
            inspection.add('masks of several channels', path, text)
        elif highest is not None and (wrong := [v for v in read.labels if not 0 <= v <= highest]):
            values = ', '.join(map(str, wrong[:4])) + (', ...' if len(wrong) > 4 else '')
            text = f'has the label {values}: expected 0 to {highest}'
            inspection.add('labels out of range', path, text)
