"""Images and masks of the same names in two folders: ADE20K, and custom data."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from rm_mm.data.catalog import ADE20K_FOLDER, IMAGE_SUFFIXES, PUBLISHED
from rm_mm.data.check.images import read_images
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.listing import Contents, list_folder, list_tree
from rm_mm.errors import printable

#: Endings that Cityscapes adds to the names of images and masks.
_ENDINGS = re.compile(r'(_leftImg8bit|_gtFine_(labelTrainIds|labelIds))$')
_MASK_FOLDERS = ('annotations', 'labels', 'masks')
_MASK_SUFFIXES = ('.png', '.tif', '.tiff', '.bmp')


def inspect_ade20k(check: Inspection) -> None:
    """Check ADE20K. Masks are always decoded."""
    check.kind = 'images and masks'
    published = PUBLISHED['ade20k']
    check.classes = published.classes
    inner = check.root / ADE20K_FOLDER
    if inner.is_dir() and not (check.root / 'images').exists():
        check.root = inner
    check.read_subset()
    for split in published.counts:
        images = _list_side(check, f'images/{split}', ('.jpg',))
        masks = _list_side(check, f'annotations/{split}', ('.png',))
        # 0 means no class. mmsegmentation turns it into 255, and 1 to 150 into the classes.
        _check_pairs(check, split, images, masks, published.classes)
    for side in ('images', 'annotations'):
        for name in list_folder(check.root / side).folders:
            if name not in published.counts:
                check.notes.append(f'{side}/{name!a} is not a split of ADE20K: not checked')


def mask_folder(root: Path) -> str | None:
    """Name of the folder whose splits hold masks rather than, for example, boxes of YOLO."""
    for name in _MASK_FOLDERS:
        for split in list_folder(root / name).folders:
            files = list_tree(root / name / split).files
            if any(file.lower().endswith(_MASK_SUFFIXES) for file in files):
                return name
    return None


def inspect_custom_masks(check: Inspection) -> None:
    """Check all splits of ``images`` and of the folder of masks."""
    side = mask_folder(check.root)
    assert side is not None
    splits = {name for top in ('images', side) for name in list_folder(check.root / top).folders}
    for split in sorted(splits):
        images = _list_side(check, f'images/{split}', IMAGE_SUFFIXES)
        masks = _list_side(check, f'{side}/{split}', _MASK_SUFFIXES)
        _check_pairs(check, split, images, masks, None)


@dataclass
class _Side:
    """The images or the masks of a split: a folder below the root, and names by stem.

    An image and its mask have the same stem. The suffix is case-sensitive, as in the loader.
    """

    folder: str
    suffix: str
    contents: Contents
    names: dict[str, str]

    def stems(self) -> dict[str, str]:
        """Stem by name, of the files without a fault."""
        sound = {*self.contents.sound()}
        return {name: stem for stem, name in self.names.items() if name in sound}

    def add_unmatched(self, check: Inspection, other: _Side, kind: str, counterpart: str) -> None:
        """Add a problem for each file that has no counterpart on the other side."""
        for stem in sorted(self.names.keys() - other.names.keys()):
            expected = printable(f'{other.folder}/{stem}{other.suffix}')
            text = f'has no {counterpart}: expected {expected}'
            check.add(f'{kind} {counterpart}', f'{self.folder}/{self.names[stem]}', text)


def _list_side(check: Inspection, folder: str, suffixes: tuple[str, ...]) -> _Side | None:
    """List the files of one side; None if the folder is missing."""
    expected = suffixes[0]
    if not check.has_folder(folder, printable(f'{folder}/*{expected}')):
        return None
    contents = list_tree(check.root / folder)
    check.add_faults(folder, contents)
    check.note_hidden(folder, contents.hidden)
    if len(suffixes) > 1:
        # mmsegmentation reads the files of one suffix: here, that of most files.
        found = [os.path.splitext(name)[1] for name in contents.files]
        found = [suffix for suffix in found if suffix.lower() in suffixes]
        expected = max(sorted({*found}), key=found.count, default=expected)
    names: dict[str, str] = {}
    for name in contents.files:
        stem, suffix = os.path.splitext(name)
        stem = _ENDINGS.sub('', stem)
        if suffix != expected:
            text = f'is not read: expected the suffix {expected}'
            if suffix.lower() == expected:
                text = f'is not read by mmsegmentation: rename it to {expected}'
            check.add('extra files', f'{folder}/{name}', text)
        elif stem in names:
            text = f'belongs to the same file as {os.path.basename(names[stem])!a}'
            check.add('files of the same name', f'{folder}/{name}', text)
        else:
            names[stem] = name
    return _Side(folder, expected, contents, names)


def _check_pairs(
    check: Inspection, split: str, images: _Side | None, masks: _Side | None, highest: int | None
) -> None:
    """Check that images and masks match, and that no label is above the highest, if known."""
    if images is not None:
        sizes = {name: images.contents.files[name] for name in images.names.values()}
        check.fingerprint.add_images(images.folder, sizes)
        check.add_count(split, len(sizes))
    if images is None or masks is None:
        return
    images.add_unmatched(check, masks, 'images without a', 'mask')
    masks.add_unmatched(check, images, 'masks without an', 'image')
    image_stems, mask_stems = images.stems(), masks.stems()
    pixels = {
        image_stems[name]: (read.width, read.height)
        for name, read in read_images(check, images.folder, list(image_stems))
    }
    for name, read in read_images(check, masks.folder, list(mask_stems), 'labels'):
        path = f'{masks.folder}/{name}'
        check.fingerprint.add_content(path, read.sha256)
        size = (read.width, read.height)
        width, height = pixels.get(mask_stems[name], size)
        if size != (width, height):
            text = f'has {read.width} x {read.height} pixels, but its image {width} x {height}'
            check.add('mask sizes', path, text)
        if read.labels is None:
            text = f'is {read.mode}: expected one channel of labels'
            check.add('masks of several channels', path, text)
        elif highest is not None:
            wrong = [label for label in read.labels if not 0 <= label <= highest]
            values = ', '.join(map(str, wrong[:4])) + (', ...' if len(wrong) > 4 else '')
            if wrong:
                text = f'has the label {values}: expected 0 to {highest}'
                check.add('labels out of range', path, text)
