"""The embedded images are there for whoever asks for them: laid out at first use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rm_mm.data.presence import datasets
from rm_mm.errors import InputError


def lay_out_embedded(config: Any, loaders: Sequence[str]) -> None:
    """Lay out the embedded images if a config reads them and they are not there.

    Args:
        config: A resolved mmengine config. ``embedded_data`` of the mini recipes is the folder; a
            config that reads its images elsewhere, or has no such entry, is left alone.
        loaders: The entries of the config that are going to be read.

    Raises:
        InputError: If the folder cannot be made, or holds something else.
    """
    if not config.get('embedded_data'):
        return
    # Not at the top of the file: other configs do without what composes images.
    from rm_mm.data.mini import prepare
    from rm_mm.data.mini.preparation import STAMP

    folder = Path(config.embedded_data)
    roots = [Path(dataset.get('data_root') or '') for dataset in datasets(config, loaders)]
    # With a stamp they are there, of any size: tests and trials make small ones.
    if (folder / STAMP).is_file() or not any(root.is_relative_to(folder) for root in roots):
        return
    try:
        prepare(folder, progress=print, **sizes_of(config))
    except (OSError, RuntimeError) as error:
        raise InputError(f'cannot lay the embedded images out in {folder}: {error}') from error


def reads_embedded(config: Any) -> bool:
    """Whether all that a config reads is the embedded images."""
    folder = config.get('embedded_data')
    roots = [Path(entry.get('data_root') or '') for entry in datasets(config)]
    return bool(folder) and all(root.is_relative_to(folder) for root in roots)


def sizes_of(config: Any) -> dict[str, int]:
    """How much of each a config's set of embedded images holds, where it is not the default.

    Args:
        config: A resolved mmengine config. Its ``embedded_sizes`` are arguments of
            :func:`rm_mm.data.mini.prepare`, such as ``train_images``.
    """
    return dict(config.get('embedded_sizes') or {})
