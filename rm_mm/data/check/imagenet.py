"""ImageNet-1k: ``train/<wnid>/*.JPEG`` and ``val/<wnid>/*.JPEG``."""

from __future__ import annotations

import re
import shlex

from rm_mm.data.catalog import PUBLISHED, imagenet_wnids
from rm_mm.data.check.class_folders import (
    check_classes,
    compare_classes,
    list_split,
    loose_images,
)
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import Contents

_SUFFIXES = ('.jpeg', '.jpg')
#: Where the archive of the challenge of later years has the same folders.
_CHALLENGE = 'ILSVRC/Data/CLS-LOC'


def inspect(inspection: Inspection) -> None:
    """Check ImageNet-1k: every file is listed; images are opened with ``--deep`` only."""
    inspection.kind = 'class folders'
    inspection.read_subset()
    wnids = imagenet_wnids()
    inspection.classes = len(wnids)
    for split in PUBLISHED['imagenet'].counts:
        layout = f'{split}/<class>/*.JPEG'
        if (inspection.root / _CHALLENGE / split).is_dir():
            layout += f'. Is ROOT {shlex.quote(str(inspection.root / _CHALLENGE))}?'
        contents = list_split(inspection, split, layout)
        if contents is None:
            continue
        inspection.add_faults(split, contents)
        inspection.note_hidden(split, contents.hidden)
        loose = loose_images(contents, _SUFFIXES)
        if loose:
            _add_unsorted(inspection, split, len(loose), contents)
        if loose and not contents.folders:
            inspection.counts[split] = len(loose)
            continue
        compare_classes(inspection, split, contents.folders, wnids, 'of ImageNet-1k')

        def check_names(wnid: str, names: list[str]) -> None:
            _check_names(inspection, wnid, names)

        check_classes(
            inspection,
            split,
            contents,
            suffixes=_SUFFIXES,
            read_headers=False,
            each=check_names if split == 'train' else None,
        )


def _add_unsorted(inspection: Inspection, split: str, found: int, contents: Contents) -> None:
    folders = f'{len(contents.folders):,}' if contents.folders else 'no'
    text = f'holds {found:,} images directly, beside {folders} class folders'
    if split == 'val' and not contents.folders:
        # What `tar xf ILSVRC2012_img_val.tar` leaves.
        root = shlex.quote(str(inspection.root))
        val = shlex.quote(str(inspection.root / 'val'))
        unsorted = shlex.quote(str(inspection.root / 'val_unsorted'))
        text = (
            f'is flat: {found:,} images directly in it, as in the archive, not in class folders. '
            f'Sort them: mv {val} {unsorted} && rm-mm data prepare imagenet {root} --archives DIR '
            '(DIR: where ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz are)'
        )
    inspection.add('images in no class folder', split, text)


def _check_names(inspection: Inspection, wnid: str, names: list[str]) -> None:
    """Find images of other classes: those of train are called by their class."""
    for name in names:
        if not name.startswith(wnid) and (other := re.match(r'n\d{8}(?=_)', name)):
            text = f'is an image of {other[0]} by its name'
            inspection.add('images of another class', f'train/{wnid}/{name}', text)
