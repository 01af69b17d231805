"""Read a checkpoint of unknown origin, without running anything in it."""

from __future__ import annotations

import hashlib
import math
import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from rm_mm.errors import InputError
from rm_mm.transfer.printable import printable

# How `rm_mm.transfer.export` marks the `meta` of the files that it writes.
EXPORT_MARK = 'rm_mm.backbone'

# What mmengine puts beside the weights (`message_hub`: the curves of the training run), and what
# numpy scalars in a log look like. They are read as empty stand-ins: mmengine itself allows the
# real ones, `getattr` among them, which is a way to run anything.
_IGNORED_GLOBALS = (
    'builtins.getattr',
    'builtins.slice',
    'mmengine.logging.history_buffer.HistoryBuffer',
    'numpy.dtype',
    'numpy.ndarray',
    'numpy._core.multiarray._reconstruct',
    'numpy._core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct',
    'numpy.core.multiarray.scalar',
)

_BEST_FILE = re.compile(r'best_(?P<metric>.+)_(?P<unit>epoch|iter)_(?P<number>\d+)\.pth$')
_ACCURACY_NAME = re.compile(r'acc|top-?[15]|prec|err', re.IGNORECASE)


@dataclass(frozen=True)
class CheckpointMeta:
    """What a checkpoint says about its training run.

    Attributes:
        epoch: Epochs trained, or None if the file does not say.
        metrics: Name to value, in the unit of the file; only those that hold for these weights, or
            that the file states without saying for which (the ``best_acc1`` of training scripts).
    """

    epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """The weights in one file.

    Attributes:
        state_dict: Name to dense CPU tensor, detached, names as in the file.
        format: How the file is laid out: ``rm_mm`` (an export of ours), ``mmengine``,
            ``training-script`` (a ``state_dict`` beside other things) or ``state-dict`` (flat).
        meta: What the file says about its training run.
        sha256: Of the whole file, in hexadecimal.
    """

    state_dict: dict[str, Tensor]
    format: str
    meta: CheckpointMeta
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the weights in ``path`` onto the CPU, whoever wrote them.

    Only tensors and plain containers are unpickled; no class or function that the file names is
    looked up, save those that PyTorch needs to rebuild tensors.

    Raises:
        InputError: If there is no such file, it is no PyTorch checkpoint, it is damaged, it holds
            no weights, or it cannot be read without unpickling arbitrary objects.
    """
    shown = printable(path)
    if path.is_symlink() and not path.exists():
        raise InputError(f'{shown} is a link to {printable(path.readlink())}, which does not exist')
    if not path.exists():
        raise InputError(f'no checkpoint at {shown}: there is no such file')
    if not path.is_file():
        raise InputError(f'{shown} is not a file: expected a checkpoint (.pth, .pt, .tar)')
    try:
        # Hash and weights come from one open file, so that they cannot be of two versions.
        with path.open('rb') as file:
            sha256 = _sha256(file)
            content = _load(file, shown)
    except OSError as error:
        raise InputError(f'cannot read {shown}: {error.strerror}') from error
    weights, layout = _find_weights(content, shown)
    return Checkpoint(_dense(weights, shown), layout, _read_meta(content, layout), sha256)


class _Ignored:
    """Takes the place of an object that is not needed, whatever it is built from."""

    def __new__(cls, *args: Any) -> _Ignored:
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


@contextmanager
def _only_stand_ins() -> Iterator[None]:
    """Let ``torch.load`` see the stand-ins, and nothing that other libraries have allowed."""
    allowed_before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([(_Ignored, name) for name in _IGNORED_GLOBALS])
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


def _load(file: BinaryIO, shown: str) -> Any:
    file.seek(0)
    start = file.read(256)
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
    file.seek(0)
    try:
        # PyTorch warns about unusual files in its own words; what comes of them is said below.
        with _only_stand_ins(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:
        named = re.search(r'GLOBAL (\S+)', str(error))
        if isinstance(error, pickle.UnpicklingError) and named:
            raise InputError(
                f'{shown} needs the class or function {printable(named[1])} to be unpickled, which '
                'can run anything: expected only tensors and plain containers; save its state_dict '
                'alone where you trust it'
            ) from None
        # torch.load fails in as many ways as files can be broken, RuntimeError to MemoryError.
        if start.startswith(b'PK'):
            problem = 'is truncated or damaged: download or copy it again'
        else:
            problem = 'is not a PyTorch checkpoint, or is truncated: expected a file of torch.save'
        raise InputError(f'{shown} {problem}') from None


def _find_weights(content: Any, shown: str) -> tuple[dict[Any, Any], str]:
    if not isinstance(content, dict):
        raise InputError(
            f'{shown} holds no weights: expected a dict, found a {type(content).__name__}'
        )
    inner = content.get('state_dict')
    if not isinstance(inner, dict):
        return content, 'state-dict'
    meta = content.get('meta')
    if isinstance(meta, dict):
        return inner, 'rm_mm' if meta.get('format') == EXPORT_MARK else 'mmengine'
    return inner, 'training-script'


def _dense(weights: dict[Any, Any], shown: str) -> dict[str, Tensor]:
    if not any(isinstance(value, Tensor) for value in weights.values()):
        found = ', '.join(printable(name) for name in list(weights)[:8]) or 'nothing'
        raise InputError(
            f'{shown} holds no weights: expected tensors, or a `state_dict` of them; found {found}'
        )
    dense = {}
    for name, value in weights.items():
        if (
            not isinstance(name, str)
            or not isinstance(value, Tensor)
            or value.layout is not torch.strided
            or value.is_quantized
            or value.is_meta
        ):
            raise InputError(
                f'{shown} mixes weights with other things: expected names and dense tensors, '
                f'found {printable(name)} of type {type(value).__name__}'
            )
        dense[name] = value.detach()
    return dense


def _read_meta(content: dict[Any, Any], layout: str) -> CheckpointMeta:
    if layout == 'mmengine':
        meta = content['meta']
        return CheckpointMeta(_whole(meta.get('epoch')), _best_score(content, meta))
    metrics = {
        name: float(value)
        for name, value in content.items()
        if isinstance(name, str)
        and _ACCURACY_NAME.search(name)
        and (isinstance(value, int | float) or (isinstance(value, Tensor) and value.ndim == 0))
        and math.isfinite(float(value))
    }
    return CheckpointMeta(_whole(content.get('epoch')), metrics)


def _best_score(content: dict[Any, Any], meta: dict[Any, Any]) -> dict[str, float]:
    """Return the scores that mmengine noted for exactly these weights.

    A checkpoint is saved before its epoch is validated, so the newest score in it belongs to the
    epoch before; the best score is its own only if the best file is that of the same epoch.
    """
    hub = content.get('message_hub')
    info = hub.get('runtime_info') if isinstance(hub, dict) else None
    if not isinstance(info, dict):
        return {}
    scores: dict[str, float] = {}
    for name, file in info.items():
        best = _BEST_FILE.search(file) if isinstance(file, str) else None
        if best is None or not str(name).startswith('best_ckpt'):
            continue
        score = info.get(str(name).replace('best_ckpt', 'best_score', 1))
        of_these_weights = meta.get(best['unit']) == int(best['number'])
        if of_these_weights and isinstance(score, int | float) and math.isfinite(score):
            scores[best['metric']] = float(score)
    return scores


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
