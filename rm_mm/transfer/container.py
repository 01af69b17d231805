"""Read a checkpoint file of unknown origin without running anything in it.

The first bytes and the declared sizes are checked before a library opens the file.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from rm_mm.errors import InputError, printable

# Objects that mmengine (`message_hub`), training scripts (`args`) and Lightning
# (`hyper_parameters`) save with the weights, and NumPy scalars in logs. They are read as empty
# stand-ins. mmengine itself allows the real ones, including `getattr`, which can run anything.
_IGNORED_GLOBALS = (
    'argparse.Namespace',
    'builtins.dict', 'builtins.getattr', 'builtins.int', 'builtins.list', 'builtins.slice',
    'builtins.str',
    'mmengine.logging.history_buffer.HistoryBuffer',
    'numpy.dtype', 'numpy.ndarray',
    'numpy._core.multiarray._reconstruct', 'numpy._core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct', 'numpy.core.multiarray.scalar',
    'omegaconf.base.ContainerMetadata', 'omegaconf.base.Metadata',
    'omegaconf.dictconfig.DictConfig', 'omegaconf.listconfig.ListConfig',
    'omegaconf.nodes.AnyNode',
    'pathlib.Path', 'pathlib.PosixPath', 'pathlib.PurePosixPath', 'pathlib.WindowsPath',
    'pathlib._local.PosixPath', 'pathlib._local.WindowsPath',
    'typing.Any',
)  # fmt: skip
# Subclasses of dict, which torch fills item by item.
_IGNORED_DICTS = (
    'addict.addict.Dict', 'collections.defaultdict', 'easydict.EasyDict', 'yacs.config.CfgNode',
    'lightning.fabric.utilities.data.AttributeDict',
    'lightning.pytorch.utilities.parsing.AttributeDict',
    'lightning_fabric.utilities.data.AttributeDict',
    'mmcv.utils.config.ConfigDict', 'mmengine.config.config.ConfigDict',
    'pytorch_lightning.utilities.parsing.AttributeDict',
)  # fmt: skip

_SAFETENSORS_LONGEST_HEADER = 100_000_000
# PyTorch does not compress. Zipping floats again saves little; a zip bomb expands a thousandfold.
_LARGEST_EXPANSION = 20


@dataclass(frozen=True)
class Content:
    """Content of one file: the saved object, its container and the hash of the whole file."""

    value: Any
    container: str
    sha256: str


def read_content(path: Path, *, trust: bool = False) -> Content:
    """Read a file of ``torch.save`` or safetensors, whatever its name, onto the CPU.

    Only tensors and plain containers are unpickled. No class or function that the file names is
    looked up, except those that PyTorch needs to rebuild tensors.

    Args:
        path: The file.
        trust: Unpickle whatever the file asks for, which can run anything.

    Raises:
        InputError: If the file is missing, damaged or no checkpoint, declares sizes far beyond its
            own, or needs ``trust`` because it holds more than tensors and plain containers.
    """
    shown = printable(path)
    try:
        if not path.exists():
            if path.is_symlink():
                target = printable(path.readlink())
                raise InputError(f'{shown} is a link to {target}, which does not exist')
            raise InputError(f'no checkpoint at {shown}: there is no such file')
        if not path.is_file():
            raise InputError(
                f'{shown} is not a file: expected a checkpoint (.pth, .pt, .tar, .safetensors)'
            )
        # One open file, so that hash and weights belong to the same version.
        with path.open('rb') as file:
            sha256 = _sha256(file)
            file.seek(0)
            start = file.read(512)
            _require_weights(start, shown)
            file.seek(0)
            if _is_safetensors(start):
                return Content(_load_safetensors(file, shown), 'safetensors', sha256)
            if start.startswith(b'PK'):
                _require_honest_sizes(file, shown)
            return Content(_load_torch(file, start, shown, trust=trust), 'torch', sha256)
    except OSError as error:
        raise InputError(f'cannot read {shown}: {error.strerror}') from error


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _require_weights(start: bytes, shown: str) -> None:
    """Reject the files that are often found in place of a checkpoint."""
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
    if start.startswith((b'\x1f\x8b', b'\xfd7zXZ\x00', b'BZh')):
        raise InputError(f'{shown} is compressed: unpack it and pass the checkpoint inside')


def _require_honest_sizes(file: BinaryIO, shown: str) -> None:
    """Reject damaged and unrelated zip files, and zip bombs, before any member is read."""
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
            f'{shown} declares {declared} bytes in a file of {size}, like a zip bomb: a '
            'checkpoint is not compressed; nothing was read'
        )
    names = [member.filename for member in members]
    if any(name.endswith('constants.pkl') for name in names):
        raise InputError(
            f'{shown} is a TorchScript program: expected weights; load it with torch.jit.load and '
            'save its state_dict()'
        )
    if not any(name.rpartition('/')[2] == 'data.pkl' for name in names):
        first = printable(names[0]) if names else 'nothing'
        raise InputError(
            f'{shown} is a zip archive of other files ({first}): unpack it and pass the checkpoint'
        )


def _is_safetensors(start: bytes) -> bool:
    """Whether a file begins with the length of a JSON header, followed by that header."""
    length = int.from_bytes(start[:8], 'little')
    return start[8:9] == b'{' and 0 < length <= _SAFETENSORS_LONGEST_HEADER


def _load_safetensors(file: BinaryIO, shown: str) -> dict[str, Any]:
    # Imported here because most checkpoints are torch's.
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(file.read())
    except (SafetensorError, ValueError, KeyError, RuntimeError, MemoryError) as error:
        raise InputError(
            f'{shown} is a truncated or damaged safetensors file ({printable(error)}): download or '
            'copy it again'
        ) from None


class _Ignored:
    """Stand-in for an object that is not needed, whatever it is built from."""

    def __new__(cls, *args: Any) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _PlainDict:
    """Stand-in for a subclass of dict, which becomes a plain one."""

    def __new__(cls, *args: Any) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        # torch fills OrderedDict itself, but no subclass of it.
        return OrderedDict()


@contextmanager
def _only_stand_ins() -> Iterator[None]:
    """Allow ``torch.load`` the stand-ins, and nothing that other libraries have allowed."""
    allowed_before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([(_Ignored, name) for name in _IGNORED_GLOBALS])
    torch.serialization.add_safe_globals([(_PlainDict, name) for name in _IGNORED_DICTS])
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed_before)


def _load_torch(file: BinaryIO, start: bytes, shown: str, *, trust: bool) -> Any:
    try:
        # PyTorch's warnings about unusual files would repeat the errors below.
        with _only_stand_ins(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return torch.load(file, map_location='cpu', weights_only=not trust)
    # Files can be broken in many ways: torch.load raises anything from RuntimeError to MemoryError.
    except Exception as error:
        raise InputError(f'{shown} {_load_problem(error, start, trust=trust)}') from None


def _load_problem(error: Exception, start: bytes, *, trust: bool) -> str:
    """What is wrong with a file that ``torch.load`` cannot read, and what to do."""
    save_state_dict = (
        'save only its state_dict, or pass --trust to `rm-mm export` if you trust its author'
    )
    if isinstance(error, pickle.UnpicklingError):
        if named := re.search(r'GLOBAL (\S+)', str(error)):
            return (
                f'needs the class or function {printable(named[1])} to be unpickled, which can run '
                f'anything: expected only tensors and plain containers; {save_state_dict}'
            )
        if reason := re.search(r'Can only.*', str(error)):
            return (
                'holds objects that cannot be read without running them '
                f'({printable(reason[0])}): {save_state_dict}'
            )
    if trust and isinstance(error, ImportError | AttributeError):
        return (
            f'needs something that is not installed: {printable(error)}; install it, or add its '
            'folder to PYTHONPATH'
        )
    if start.startswith(b'PK'):
        return 'is truncated or damaged: download or copy it again'
    if start[257:262] == b'ustar':
        return 'is a tar archive: unpack it and pass the checkpoint inside'
    return 'is not a PyTorch checkpoint, or is truncated: expected a file of torch.save'
