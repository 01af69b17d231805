"""Transfer all pretrained methods to a task. Same as ``rm-mm transfer``, for ``mim run``."""

import sys

from rm_mm.cli import main

if __name__ == '__main__':
    sys.exit(main(['transfer', *sys.argv[1:]]))
