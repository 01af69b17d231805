"""What is found in the place of checkpoints, told by first bytes and declared sizes."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from rm_mm.errors import InputError, printable

# PyTorch stores without compressing. Somebody's zip tool may have compressed floats by a little;
# a bomb is a thousandfold.
_LARGEST_EXPANSION = 20


def require_weights(start: bytes, shown: str) -> None:
    """Refuse what is found in the place of checkpoints.

    Raises:
        InputError: If the file begins as one of them.
    """
    if not start:
        raise InputError(f'{shown} is empty (0 bytes): download or copy it again')
    if start.startswith(b'version https://git-lfs'):
        raise InputError(
            f'{shown} is a git-LFS pointer, not the weights: run `git lfs pull` where it came from'
        )
    if start.lstrip(b'\xef\xbb\xbf \t\r\n').startswith(b'<'):
        raise InputError(
            f'{shown} is a web page, not a checkpoint: the download failed; open its address in a '
            'browser to see why'
        )
    if start[:2] == b'\x1f\x8b' or start[:6] == b'\xfd7zXZ\x00' or start[:3] == b'BZh':
        raise InputError(f'{shown} is compressed: unpack it and name the checkpoint inside')


def require_honest_sizes(file: BinaryIO, shown: str) -> None:
    """Refuse a zip whose members declare far more bytes than there are, before any is read.

    Raises:
        InputError: Also if it is a damaged zip, or one of other things.
    """
    size = file.seek(0, 2)
    try:
        members = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise InputError(f'{shown} is truncated or damaged: download or copy it again') from error
    finally:
        file.seek(0)
    declared = sum(member.file_size for member in members)
    if declared > _LARGEST_EXPANSION * size + 2**20:
        raise InputError(
            f'{shown} declares {declared} bytes in a file of {size}, as a zip bomb does: a '
            'checkpoint is not compressed; nothing of it was read'
        )
    names = [member.filename for member in members]
    if any(name.endswith('constants.pkl') for name in names):
        raise InputError(
            f'{shown} is a TorchScript program: expected weights; save the state_dict() of what '
            'torch.jit.load makes of it'
        )
    if not any(name.rpartition('/')[2] == 'data.pkl' for name in names):
        first = printable(names[0]) if names else 'nothing'
        raise InputError(
            f'{shown} is a zip archive of other things ({first}): unpack it and name the checkpoint'
        )
