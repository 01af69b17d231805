"""The photographs for a benchmark."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ENDINGS = ('.jpg', '.jpeg')


def add_images(options: argparse.ArgumentParser) -> None:
    """Add the option for their folder. The project does not include photographs."""
    options.add_argument(
        '--images', type=Path, required=True, metavar='DIR', help='a folder of JPEG photographs'
    )


def photographs(folder: Path) -> list[str]:
    """Return every JPEG in and below a folder, sorted. Exit with 2 if there is none."""
    found = [str(path) for path in sorted(folder.rglob('*')) if path.suffix.lower() in ENDINGS]
    if not found:
        print(
            f'--images {folder}: expected a folder with files {" or ".join(ENDINGS)}, found none; '
            'any few hundred photographs will do, for example from ImageNet',
            file=sys.stderr,
        )
        sys.exit(2)
    return found
