"""The photographs that a benchmark is run on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ENDINGS = ('.jpg', '.jpeg')


def add_images(options: argparse.ArgumentParser) -> None:
    """The option that names their folder; the project ships none."""
    options.add_argument(
        '--images', type=Path, required=True, metavar='DIR', help='a folder of JPEG photographs'
    )


def photographs(folder: Path) -> list[str]:
    """Every JPEG in a folder and below, in order; ends the program if there is none."""
    found = [str(path) for path in sorted(folder.rglob('*')) if path.suffix.lower() in ENDINGS]
    if not found:
        print(
            f'--images {folder}: expected a folder with files {" or ".join(ENDINGS)}, found none; '
            'any few hundred photographs will do, such as of ImageNet',
            file=sys.stderr,
        )
        sys.exit(2)
    return found
