"""Evaluate a checkpoint of any of the three libraries. Same as ``rm-mm test``."""

import sys

from rm_mm.cli import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
