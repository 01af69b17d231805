"""The embedded images are there for whoever asks for them: laid out at first use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rm_mm.data.presence import datasets


def lay_out_embedded(config: Any, loaders: Sequence[str]) -> None:
    """Lay out the embedded images if a config reads them and nothing is in their place.

    Args:
        config: A resolved mmengine config. ``embedded_data`` of the mini recipes is the folder; a
            config that reads its images elsewhere, or has no such entry, is left alone.
        loaders: The entries of the config that are going to be read.

    Raises:
        InputError: If the folder cannot be made.
    """
    if not config.get('embedded_data'):
        return
    folder = Path(config.embedded_data)
    roots = [Path(dataset.get('data_root') or '') for dataset in datasets(config, loaders)]
    if any(root.is_relative_to(folder) for root in roots) and not folder.exists():
        from rm_mm.data.mini import prepare

        prepare(folder, progress=print)
