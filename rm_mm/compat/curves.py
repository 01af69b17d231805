"""Read the metric histories in mmengine's checkpoints without trusting the file.

A pickle names the functions to call. A hostile file could use ``numpy.ndarray`` and ``numpy.dtype``
to build arrays of objects at any address. Each NumPy name is therefore replaced by a class or
function that accepts plain numbers only.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
from mmengine.logging import HistoryBuffer

#: NumPy's type codes of booleans, and of integers and floats of up to 8 bytes.
_PLAIN = re.compile(r'b1|[iuf][248]|[iu]1')
#: The methods that a buffer stores by name, as ``getattr(HistoryBuffer, 'mean')``.
_STATISTICS = ('current', 'max', 'mean', 'min')


class PlainDtype:
    """Replacement for ``numpy.dtype`` with a type code such as ``f8``.

    Pickles pass further options, which have no effect on plain numbers. Any other type raises
    `ValueError`.
    """

    def __init__(self, code: str, *options: object) -> None:
        if not isinstance(code, str) or not _PLAIN.fullmatch(code):
            raise ValueError(f'expected the type of a plain number, such as f8, got {code!a}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Set the byte order, the only part of the state that varies for plain numbers."""
        if state[1] not in ('<', '>', '|', '='):
            raise ValueError(f'expected a byte order <, >, | or =, got {state[1]!a}')
        self.dtype = self.dtype.newbyteorder(state[1])

    def numbers(self, content: Any, count: int) -> npt.NDArray[Any]:
        """Return a new array of exactly ``count`` numbers from their bytes."""
        content = content.encode('latin1') if isinstance(content, str) else content
        if not isinstance(content, bytes) or len(content) != count * self.dtype.itemsize:
            raise ValueError(f'expected the bytes of {count} numbers of {self.dtype}')
        return np.frombuffer(content, self.dtype).copy()


class Curve(np.ndarray[Any, Any]):
    """Array of plain numbers, empty until its state is set. Pickles as an ordinary array."""

    def __new__(cls, *ignored: object) -> Curve:
        """Return an empty array, whatever the arguments."""
        return super().__new__(cls, (0,))

    def __setstate__(self, state: Any) -> None:
        """Check shape, type, order and bytes, and set them as ``numpy.ndarray`` would."""
        _, shape, dtype, fortran, content = state
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not sizes or not isinstance(dtype, PlainDtype):
            raise ValueError(f'expected a shape and plain numbers, got {shape!a} and {dtype!a}')
        flat = dtype.numbers(content, math.prod(shape))
        array = flat.reshape(shape, order='F' if fortran else 'C')
        # NumPy's stubs ask for numpy.bool here, which recent versions of NumPy reject.
        super().__setstate__((1, shape, array.dtype, False, array.tobytes()))  # type: ignore[arg-type]

    def __reduce__(self) -> Any:
        """Pickle as a plain array, which can be read without this class."""
        return np.asarray(self).view(np.ndarray).__reduce__()


def _array(*arguments: object) -> object:
    """Replacement for ``numpy.ndarray``, which is only passed to ``_reconstruct``, never called."""
    raise ValueError('the checkpoint builds an array in a way that mmengine never does')


def _scalar(dtype: PlainDtype, content: bytes) -> Any:
    return dtype.numbers(content, 1)[0]


def _statistic(owner: object, name: str) -> object:
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise ValueError(f'the checkpoint reads {name!a} of {owner!a}, which mmengine never does')
    return getattr(HistoryBuffer, name)


def safe_globals() -> list[Any]:
    """Return the replacement of each name in a checkpoint, for ``torch``'s ``safe_globals``."""
    replacements: dict[str, Any] = {
        'numpy.ndarray': _array,
        'numpy.dtype': PlainDtype,
        'builtins.getattr': _statistic,
    }
    # NumPy 1 and 2 write different names.
    for core in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        replacements |= {f'{core}._reconstruct': Curve, f'{core}.scalar': _scalar}
    return [HistoryBuffer, *((answer, name) for name, answer in replacements.items())]
