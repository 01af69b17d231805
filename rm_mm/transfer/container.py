"""Open a checkpoint file of unknown origin, without running anything in it.

What a file is, is read off its first bytes and its declared sizes; only then is it handed to the
library that reads it.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from rm_mm.errors import InputError, printable
from rm_mm.transfer.file_kind import require_honest_sizes, require_weights

# What stands beside the weights in the files of mmengine (`message_hub`: the curves of the run),
# of training scripts (`args`), of Lightning (`hyper_parameters`), and what NumPy's scalars in a log
# look like. They are read as empty stand-ins: mmengine itself allows the real ones, `getattr` among
# them, which is a way to run anything.
_IGNORED_GLOBALS = (
    'argparse.Namespace',
    'builtins.dict',
    'builtins.getattr',
    'builtins.int',
    'builtins.list',
    'builtins.slice',
    'builtins.str',
    'mmengine.logging.history_buffer.HistoryBuffer',
    'numpy.dtype',
    'numpy.ndarray',
    'numpy._core.multiarray._reconstruct',
    'numpy._core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct',
    'numpy.core.multiarray.scalar',
    'omegaconf.base.ContainerMetadata',
    'omegaconf.base.Metadata',
    'omegaconf.dictconfig.DictConfig',
    'omegaconf.listconfig.ListConfig',
    'omegaconf.nodes.AnyNode',
    'pathlib.Path',
    'pathlib.PosixPath',
    'pathlib.PurePosixPath',
    'pathlib.WindowsPath',
    'pathlib._local.PosixPath',
    'pathlib._local.WindowsPath',
    'typing.Any',
)
# Dicts with a name, which torch fills as it fills a dict.
_IGNORED_DICTS = (
    'addict.addict.Dict',
    'collections.defaultdict',
    'easydict.EasyDict',
    'lightning.fabric.utilities.data.AttributeDict',
    'lightning.pytorch.utilities.parsing.AttributeDict',
    'lightning_fabric.utilities.data.AttributeDict',
    'mmcv.utils.config.ConfigDict',
    'mmengine.config.config.ConfigDict',
    'pytorch_lightning.utilities.parsing.AttributeDict',
    'yacs.config.CfgNode',
)

_SAFETENSORS_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Content:
    """What one file holds.

    Attributes:
        value: The object that was saved, of tensors on the CPU and plain containers.
        container: ``torch`` or ``safetensors``.
        sha256: Of the whole file, in hexadecimal.
    """

    value: Any
    container: str
    sha256: str


def read_content(path: Path, *, trust: bool = False) -> Content:
    """Read ``path`` onto the CPU.

    Args:
        path: A file of ``torch.save`` or of safetensors, whatever its name.
        trust: Unpickle whatever the file asks for. It can run anything.

    Raises:
        InputError: If there is no such file, it is no checkpoint or a damaged one, it declares
            sizes far beyond its own, or it needs more than tensors and plain containers and
            ``trust`` is not given.
    """
    shown = printable(path)
    try:
        if path.is_symlink() and not path.exists():
            raise InputError(
                f'{shown} is a link to {printable(path.readlink())}, which does not exist'
            )
        if not path.exists():
            raise InputError(f'no checkpoint at {shown}: there is no such file')
        if not path.is_file():
            raise InputError(
                f'{shown} is not a file: expected a checkpoint (.pth, .pt, .tar, .safetensors)'
            )
        # Hash and weights come from one open file, so that they cannot be of two versions.
        with path.open('rb') as file:
            sha256 = _sha256(file)
            file.seek(0)
            start = file.read(512)
            require_weights(start, shown)
            file.seek(0)
            if _is_safetensors(start):
                return Content(_load_safetensors(file, shown), 'safetensors', sha256)
            if start.startswith(b'PK'):
                require_honest_sizes(file, shown)
            return Content(_load_torch(file, start, shown, trust=trust), 'torch', sha256)
    except OSError as error:
        raise InputError(f'cannot read {shown}: {error.strerror}') from error


class _Ignored:
    """Takes the place of an object that is not needed, whatever it is built from."""

    def __new__(cls, *args: Any) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _PlainDict:
    """Takes the place of a class of dicts: what is made of it is a plain one."""

    def __new__(cls, *args: Any) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        # torch fills no subclass of it.
        return OrderedDict()


@contextmanager
def _only_stand_ins() -> Iterator[None]:
    """Let ``torch.load`` see the stand-ins, and nothing that other libraries have allowed."""
    allowed_before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([(_Ignored, name) for name in _IGNORED_GLOBALS])
    torch.serialization.add_safe_globals([(_PlainDict, name) for name in _IGNORED_DICTS])
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed_before)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _is_safetensors(start: bytes) -> bool:
    """Whether a file begins with the length of a JSON header, and that header."""
    return start[8:9] == b'{' and 0 < int.from_bytes(start[:8], 'little') <= (
        _SAFETENSORS_LONGEST_HEADER
    )


def _load_safetensors(file: BinaryIO, shown: str) -> dict[str, Any]:
    # Not at the top of the file: most checkpoints are torch's.
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(file.read())
    except (SafetensorError, ValueError, KeyError, RuntimeError, MemoryError) as error:
        raise InputError(
            f'{shown} is a truncated or damaged safetensors file ({printable(error)}): download or '
            'copy it again'
        ) from None


def _load_torch(file: BinaryIO, start: bytes, shown: str, *, trust: bool) -> Any:
    try:
        # PyTorch warns about unusual files in its own words; what comes of them is said below.
        with _only_stand_ins(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return torch.load(file, map_location='cpu', weights_only=not trust)
    except Exception as error:
        named = re.search(r'GLOBAL (\S+)', str(error))
        if isinstance(error, pickle.UnpicklingError) and named:
            raise InputError(
                f'{shown} needs the class or function {printable(named[1])} to be unpickled, which '
                'can run anything: expected only tensors and plain containers; save its state_dict '
                'alone, or pass --trust to `rm-mm export` if you trust whoever made it'
            ) from None
        if trust and isinstance(error, ImportError | AttributeError):
            raise InputError(
                f'{shown} needs what is not here to be unpickled: {printable(error)}; install it, '
                'or put its folder on PYTHONPATH'
            ) from None
        if isinstance(error, pickle.UnpicklingError) and 'Can only' in str(error):
            why = printable(str(error)[str(error).index('Can only') :].splitlines()[0])
            raise InputError(
                f'{shown} holds objects that cannot be read without running them ({why}): save its '
                'state_dict alone, or pass --trust to `rm-mm export` if you trust whoever made it'
            ) from None
        # torch.load fails in as many ways as files can be broken, RuntimeError to MemoryError.
        if start.startswith(b'PK'):
            problem = 'is truncated or damaged: download or copy it again'
        elif start[257:262] == b'ustar':
            problem = 'is a tar archive: unpack it and name the checkpoint inside'
        else:
            problem = 'is not a PyTorch checkpoint, or is truncated: expected a file of torch.save'
        raise InputError(f'{shown} {problem}') from None
