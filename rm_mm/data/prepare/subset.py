"""Which images a small version takes: the same ones wherever and in whatever order they lie."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from rm_mm import files
from rm_mm.data.catalog import SUBSET_STAMP


def closest(names: Iterable[str], count: int) -> list[str]:
    """As many names, chosen by the hash of their last part: any choice that nothing else moves."""
    return sorted(names, key=_rank)[:count]


def covering(classes_of: Mapping[str, Collection[int]], count: int) -> list[str]:
    """Images that show each class at least ``count`` times, as far as there are so many.

    Rare classes choose first, since their images show the common ones too.

    Args:
        classes_of: The classes in each image.
        count: Images of each class.
    """
    images: dict[int, list[str]] = {}
    for name in sorted(classes_of, key=_rank):
        for label in set(classes_of[name]):
            images.setdefault(label, []).append(name)
    shown: Counter[int] = Counter()
    chosen: dict[str, None] = {}
    for label in sorted(images, key=lambda label: (len(images[label]), label)):
        for name in images[label]:
            if shown[label] >= count:
                break
            if name not in chosen:
                chosen[name] = None
                shown.update(set(classes_of[name]))
    return sorted(chosen)


def write_stamp(folder: Path, name: str, count: int, counts: Mapping[str, int]) -> None:
    """Say in a root that it is a small version, and how many images it holds by split."""
    stamp = {'schema_version': 1, 'name': name, 'images_a_class': count, 'counts': dict(counts)}
    files.write_json(folder / SUBSET_STAMP, stamp)


def _rank(name: str) -> tuple[str, str]:
    return hashlib.sha256(Path(name).name.encode('utf-8', 'surrogateescape')).hexdigest(), name
