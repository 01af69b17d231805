"""``python -m rm_mm.cli``, which the scripts in ``tools/`` and launchers run."""

import sys

from rm_mm.cli import main

sys.exit(main())
