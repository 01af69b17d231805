"""Substitute for ``mmcv._ext``, built on torch and torchvision, for an mmcv without compiled ops.

mmcv's Python wrappers look up their ops in the extension module ``mmcv._ext``. The finder below is
the last in ``sys.meta_path``, so a compiled extension is found first.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Literal, NoReturn

from rm_mm.compat.missing_op import MissingOpError

EXTENSION = 'mmcv._ext'
SUBSTITUTE_MARK = '__rm_mm_substitute__'


def _absent_op(name: str) -> Callable[..., NoReturn]:
    """Return a placeholder that raises when called: mmcv checks at import that its ops exist."""
    if name.startswith('_'):
        raise AttributeError(f'module {EXTENSION!r} has no attribute {name!r}')

    def absent(*args: object, **kwargs: object) -> NoReturn:
        raise MissingOpError(name)

    absent.__name__ = absent.__qualname__ = name
    return absent


class _SubstituteFinder(MetaPathFinder, Loader):
    """Finds and loads ``mmcv._ext`` and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of ``mmcv._ext``."""
        if fullname != EXTENSION:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        """Add the substitutes to the module, and a placeholder for every other op."""
        from rm_mm.compat.ops import OPS

        module.__dict__.update(OPS, __getattr__=_absent_op, **{SUBSTITUTE_MARK: True})


def substitute_mmcv_ops() -> bool:
    """Append the finder to ``sys.meta_path``; return False if it is there already."""
    if any(isinstance(finder, _SubstituteFinder) for finder in sys.meta_path):
        return False
    sys.meta_path.append(_SubstituteFinder())
    if 'mmdet.models' in sys.modules and EXTENSION not in sys.modules:
        # mmdet's modules tolerate a missing op at import and never look it up again.
        warnings.warn(
            'mmdet was imported before rm_mm and has no ops, so detectors will fail: import rm_mm '
            'first (note that mmpretrain.models imports mmdet)',
            stacklevel=2,
        )
    return True


def ops_in_use() -> Literal['compiled', 'substitute', 'none']:
    """Return which ``mmcv._ext`` this process has imported, or would import; 'none' without mmcv.

    Imports nothing.
    """
    if (loaded := sys.modules.get(EXTENSION)) is not None:
        return 'substitute' if hasattr(loaded, SUBSTITUTE_MARK) else 'compiled'
    if (mmcv := importlib.util.find_spec('mmcv')) is None:
        return 'none'
    compiled = PathFinder.find_spec(EXTENSION, mmcv.submodule_search_locations)
    return 'substitute' if compiled is None else 'compiled'
