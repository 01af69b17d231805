"""Train a config of any of the three libraries. Same as ``rm-mm train``."""

import sys

from rm_mm.cli import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
