"""ADE20K of the scene parsing benchmark, as in ``ADEChallengeData2016``."""

from __future__ import annotations

from rm_mm.data.catalog import PUBLISHED
from rm_mm.data.check.image_masks import check_pairs
from rm_mm.data.check.inspection import Inspection
from rm_mm.data.check.listing import list_folder

#: The folder that the archive holds.
FOLDER = 'ADEChallengeData2016'
_SIDES = ('images', 'annotations')


def inspect(inspection: Inspection) -> None:
    """Check ADE20K: all of the masks, of every image the header at least."""
    inspection.kind = 'images and masks'
    published = PUBLISHED['ade20k']
    inspection.classes = published.classes
    if (inspection.root / FOLDER).is_dir() and not (inspection.root / 'images').exists():
        inspection.root = inspection.root / FOLDER
    inspection.read_subset()
    for split in published.counts:
        # 0 is what belongs to no class; mmsegmentation makes it 255, and 1 to 150 the classes.
        check_pairs(
            inspection,
            split,
            (f'images/{split}', f'annotations/{split}'),
            (('.jpg',), ('.png',)),
            highest=published.classes,
        )
    for side in _SIDES:
        for name in list_folder(str(inspection.root / side)).folders:
            if name not in published.counts:
                inspection.notes.append(f'{side}/{name!a} is no split of ADE20K: not looked at')
