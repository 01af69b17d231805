"""A clear word in ``mim download``, which has none for weights that nobody published.

mim writes a config only after its weights, and takes a file that is there for downloaded. So the
metafiles name the folder itself, of which mim says ``. exists in DEST``; this says what that means.
"""

from __future__ import annotations

import sys
from types import FrameType

MODULE = 'mim.commands.download'
#: What reads a config after its weights, in onedl-mim 0.5.1 and openmim 0.3.9. mim runs the file
#: of a command once more, without the name of its module.
FILE, FUNCTION = 'mim/commands/download.py', '_download_configs'
WORD = 'No weights of rm_mm are published: the config alone is written, for you to train.'


def say_so() -> None:
    """Say it if rm_mm is imported because ``mim download`` reads one of its configs."""
    if MODULE not in sys.modules:
        return
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        code = frame.f_code
        if code.co_name == FUNCTION and code.co_filename.replace('\\', '/').endswith(FILE):
            print(WORD)
            return
        frame = frame.f_back
