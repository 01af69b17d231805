"""The curves in mmengine's checkpoints, rebuilt without trusting the file that they come from.

A pickle names what is to be called. ``numpy.ndarray`` and ``numpy.dtype`` themselves would make
arrays of objects at addresses that a file chooses, so each of NumPy's names is answered here by
something that takes only plain numbers.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
from mmengine.logging import HistoryBuffer

#: NumPy's own letters: boolean, integers and floats of up to 8 bytes.
_PLAIN = re.compile(r'b1|[iuf][248]|[iu]1')
#: What a buffer remembers of itself, as ``getattr(HistoryBuffer, 'mean')``.
_STATISTICS = ('current', 'max', 'mean', 'min')


class Kind:
    """Stands for a ``numpy.dtype`` of plain numbers.

    Args:
        letters: Such as ``f8``.
        options: That pickles add, and which mean nothing for plain numbers.

    Raises:
        ValueError: If it is of any other kind.
    """

    def __init__(self, letters: str, *options: object) -> None:
        if not isinstance(letters, str) or not _PLAIN.fullmatch(letters):
            raise ValueError(
                f'{letters!a} is no plain number: a checkpoint of mmengine has no such'
            )
        self.dtype = np.dtype(letters)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order, all that varies for plain numbers."""
        if state[1] not in ('<', '>', '|', '='):
            raise ValueError(f'byte order {state[1]!a}: expected one of <, >, | or =')
        self.dtype = self.dtype.newbyteorder(state[1])

    def numbers(self, content: Any, count: int) -> npt.NDArray[Any]:
        """A new array of so many numbers, from their bytes.

        Raises:
            ValueError: If there are more or fewer.
        """
        content = content.encode('latin1') if isinstance(content, str) else content
        if not isinstance(content, bytes) or len(content) != count * self.dtype.itemsize:
            raise ValueError(f'expected {count} numbers of {self.dtype}, found something else')
        return np.frombuffer(content, self.dtype).copy()


class Curve(np.ndarray[Any, Any]):
    """An array of plain numbers, empty until its state is set; it is saved as any other array."""

    def __new__(cls, *ignored: object) -> Curve:
        """Make an empty one, whatever is asked for."""
        return super().__new__(cls, (0,))

    def __setstate__(self, state: Any) -> None:
        """Take shape, kind, order and bytes, as ``numpy.ndarray`` would, and check them."""
        _, shape, kind, fortran, content = state
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not sizes or not isinstance(kind, Kind):
            raise ValueError(f'expected a shape and plain numbers, found {shape!a} and {kind!a}')
        flat = kind.numbers(content, math.prod(shape))
        array = flat.reshape(shape, order='F' if fortran else 'C')
        # NumPy's stubs want its own boolean here, which NumPy itself has come to refuse.
        super().__setstate__((1, shape, array.dtype, False, array.tobytes()))  # type: ignore[arg-type]

    def __reduce__(self) -> Any:
        """Save it as what it stands for, so that nobody needs this class to read it."""
        return np.asarray(self).view(np.ndarray).__reduce__()


def _array(*arguments: object) -> object:
    """Is only ever handed to ``_reconstruct``: called, it would make an array of anything."""
    raise ValueError('a checkpoint makes an array as mmengine never does: nobody vouches for it')


def _scalar(kind: Kind, content: bytes) -> Any:
    return kind.numbers(content, 1)[0]


def _statistic(owner: object, name: str) -> object:
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise ValueError(f'a checkpoint asks for {name!a} of {owner!a}: nobody vouches for it')
    return getattr(HistoryBuffer, name)


def safe_globals() -> list[Any]:
    """What answers for each name in a checkpoint, as ``torch``'s ``safe_globals`` takes it."""
    answers: dict[str, Any] = {
        'numpy.ndarray': _array,
        'numpy.dtype': Kind,
        'builtins.getattr': _statistic,
    }
    # NumPy 1 and 2 write different names.
    for core in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        answers |= {f'{core}._reconstruct': Curve, f'{core}.scalar': _scalar}
    return [HistoryBuffer, *((answer, name) for name, answer in answers.items())]
