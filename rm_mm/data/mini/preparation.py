"""Write the mini set: completely or not at all, and never over unrelated files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rm_mm.data.mini.articles import SPLITS, embedded_file
from rm_mm.data.mini.compose import SCENE_PIXELS
from rm_mm.data.mini.layouts import write_imagenet, write_scenes
from rm_mm.errors import InputError
from rm_mm.files import write_json

STAMP = 'mini.json'
# Increased whenever the output for the same parameters changes.
FORMAT = 1
PLACEMENT_TRIES = 10
# Errors of a rename after another call has moved the old folder or created a new one.
OVERTAKEN = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY)


def prepare_mini(
    root: Path,
    *,
    seed: int = 0,
    train_images: int = 6000,
    val_images: int = 1000,
    train_scenes: int = 600,
    val_scenes: int = 150,
    scene_size: int = SCENE_PIXELS,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Write the mini set under ``root``, unless it is there already.

    The set is written to a temporary folder next to ``root``, which is renamed when it is complete.
    An interrupted call therefore leaves ``root`` unchanged, and concurrent calls do not mix. The
    same parameters and library versions give the same bytes. A mini set with other parameters is
    replaced.

    Args:
        root: Folder for ``imagenet``, ``coco``, ``ade`` and the stamp ``mini.json``.
        seed: Seed of all images, from 0.
        train_images: Number of images with one article, for pretraining.
        val_images: Those for validation.
        train_scenes: Number of scenes with several articles, for detection and segmentation.
        val_scenes: Those for validation.
        scene_size: Height and width of a scene in pixels.
        progress: Called with a line of text about ten times per split.

    Returns:
        The absolute path of ``root``.

    Raises:
        InputError: If a number is too small, or ``root`` holds anything but a mini set.
    """
    root = root.resolve()
    images = {'train_images': train_images, 'val_images': val_images}
    counts = {**images, 'train_scenes': train_scenes, 'val_scenes': val_scenes}
    _check_numbers(seed, counts, scene_size)
    articles = {split: _digest(embedded_file(split)) for split in SPLITS}
    request = {'format': FORMAT, 'articles': articles, 'seed': seed, **counts}
    request['scene_size'] = scene_size
    if _is_ready(root, request):
        return root
    _check_replaceable(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=root.parent, prefix=f'.{root.name}.', suffix='.preparing'))
    try:
        # mkdtemp creates private folders; this one needs the usual permissions.
        made = staging / root.name
        made.mkdir()
        for split in SPLITS:
            write_imagenet(made, seed, split, counts[f'{split}_images'], progress)
            write_scenes(made, seed, split, counts[f'{split}_scenes'], scene_size, progress)
        files = {path: (made / path).stat().st_size for path in _files(made)}
        stamp = {'request': request, 'fingerprint': fingerprint(made), 'files': files}
        write_json(made / STAMP, stamp)
        _put_in_place(made, root, request, retired=staging / 'replaced')
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return root


def fingerprint(root: Path) -> str:
    """Return the SHA-256 of the names and contents of all files of a mini set.

    All files are read, so a comparison with the ``fingerprint`` in the stamp finds any change.

    Raises:
        InputError: If ``root`` holds no files.
    """
    lines = [f'{path}\0{_digest(root / path)}\n' for path in _files(root)]
    if not lines:
        raise InputError(f'{root} holds no mini set; prepare it first')
    return hashlib.sha256(''.join(lines).encode()).hexdigest()


def _check_numbers(seed: int, counts: dict[str, int], scene_size: int) -> None:
    if seed < 0:
        raise InputError(f'the seed of the mini set must not be negative, got {seed}')
    for name, count in counts.items():
        if count < 1:
            raise InputError(f'{name} of the mini set must be 1 or more, got {count}')
    if scene_size < SCENE_PIXELS:
        raise InputError(
            f'scenes of the mini set need {SCENE_PIXELS} pixels or more for two of the largest '
            f'articles side by side, got {scene_size}'
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(root: Path) -> list[str]:
    """Paths of all files except the stamp, relative to ``root``, sorted, with forward slashes."""
    files = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    return sorted({path.relative_to(root).as_posix() for path in files} - {STAMP})


def _read_stamp(root: Path) -> dict[str, Any] | None:
    """Read the stamp; None if there is none or it belongs to another tool."""
    try:
        stamp = json.loads((root / STAMP).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    ours = isinstance(stamp, dict) and {'request', 'fingerprint', 'files'} <= stamp.keys()
    return stamp if ours else None


def _is_ready(root: Path, request: dict[str, Any]) -> bool:
    """Return whether the requested set is there, with every file at its full size."""
    stamp = _read_stamp(root)
    if stamp is None or stamp['request'] != request:
        return False
    with suppress(OSError):
        return all((root / path).stat().st_size == size for path, size in stamp['files'].items())
    return False


def _check_replaceable(root: Path) -> None:
    """Raise ``InputError`` if ``root`` holds anything that its stamp does not list."""
    if root.exists() and not root.is_dir():
        raise InputError(f'the mini set needs a folder, but {root} is a file; use another folder')
    stamp = _read_stamp(root)
    if stamp is None and root.exists() and any(root.iterdir()):
        raise InputError(
            f'{root} is not empty and has no {STAMP} of a mini set, so it is left unchanged; '
            'use a new or empty folder'
        )
    foreign = [path for path in _files(root) if path not in stamp['files']] if stamp else []
    if foreign:
        raise InputError(
            f'the mini set in {root} is incomplete or has other parameters, and cannot be replaced '
            f'because {foreign[0]} ({len(foreign)} such) is not part of it; move it away, or use '
            'another folder'
        )


def _put_in_place(made: Path, root: Path, request: dict[str, Any], retired: Path) -> None:
    """Rename ``made`` to ``root``, after moving the old content to ``retired``.

    Another call may write its set between any two lines. Folders are only renamed to free or empty
    places, so at worst a rename fails and is tried again, or the set of the other call is used.
    """
    retired.mkdir()
    for attempt in range(PLACEMENT_TRIES):
        if _is_ready(root, request):
            return
        _check_replaceable(root)
        try:
            if _read_stamp(root) is not None:
                root.rename(retired / str(attempt))
            made.rename(root)
            return
        except OSError as error:
            if error.errno not in OVERTAKEN or attempt + 1 == PLACEMENT_TRIES:
                raise
