"""``mmcv._ext`` from torch and torchvision, for an mmcv whose ops were not compiled.

mmcv's Python wrappers look their ops up in the extension module ``mmcv._ext``. The finder below
answers for that name alone and stands last in ``sys.meta_path``, so that a compiled extension,
which the ordinary finder sees first, always wins.
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

from rm_mm.errors import InputError

EXTENSION = 'mmcv._ext'
SUBSTITUTE_MARK = '__rm_mm_substitute__'


class MissingOpError(InputError, RuntimeError):
    """An op was called that only a compiled mmcv has."""


def missing_op(name: str) -> MissingOpError:
    """Return the error that names an op and the two ways to get it.

    The advice on building follows the build script of onedl-mmcv 2.3.6: it finds torch only without
    build isolation and asks for C++17, while the headers of torch after 2.10 need C++20.
    """
    return MissingOpError(
        f"mmcv op '{name}' is not compiled here and rm_mm has no substitute for it. Either install "
        'a compiled wheel that matches this torch (pip install onedl-mim && mim install '
        'onedl-mmcv), or build it with torch <= 2.10 and a C++17 compiler (pip install '
        '--no-build-isolation --no-binary onedl-mmcv --force-reinstall --no-deps onedl-mmcv; '
        'prefix FORCE_CUDA=1 for CUDA where no GPU is visible)'
    )


class _SubstituteLoader(Loader):
    """Fills the module on first import."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the ops in, and a stand-in for every op that there is not."""
        from rm_mm.compat.ops import OPS

        module.__dict__.update(OPS)
        module.__dict__[SUBSTITUTE_MARK] = True
        module.__dict__['__getattr__'] = _absent_op


def _absent_op(name: str) -> Callable[..., NoReturn]:
    """Stand in for an op: mmcv asks at import that it exists, long before anybody calls it."""
    if name.startswith('_'):
        raise AttributeError(f'module {EXTENSION!r} has no attribute {name!r}')

    def absent(*args: object, **kwargs: object) -> NoReturn:
        raise missing_op(name)

    absent.__name__ = absent.__qualname__ = name
    return absent


class _SubstituteFinder(MetaPathFinder):
    """Answers for ``mmcv._ext`` and for nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the substitute's spec, or None for any other name."""
        if fullname != EXTENSION:
            return None
        return importlib.util.spec_from_loader(fullname, _SubstituteLoader())


def install() -> bool:
    """Append the finder, once.

    Returns:
        Whether it was appended now, that is, False if it already stood there.
    """
    if any(isinstance(finder, _SubstituteFinder) for finder in sys.meta_path):
        return False
    sys.meta_path.append(_SubstituteFinder())
    if 'mmdet.models' in sys.modules and EXTENSION not in sys.modules:
        # Their modules put up with a missing op at import, and do not look for it again.
        warnings.warn(
            'mmdet was imported before rm_mm, without any ops, and detectors will fail; '
            'import rm_mm first (mmpretrain.models imports mmdet, too)',
            stacklevel=2,
        )
    return True


def ops_in_use() -> Literal['compiled', 'substitute', 'none']:
    """Say which ``mmcv._ext`` this process has imported, or else would import.

    Imports nothing. ``'none'`` means that there is no mmcv at all.
    """
    loaded = sys.modules.get(EXTENSION)
    if loaded is not None:
        return 'substitute' if hasattr(loaded, SUBSTITUTE_MARK) else 'compiled'
    package, _, _ = EXTENSION.partition('.')
    mmcv = importlib.util.find_spec(package)
    if mmcv is None:
        return 'none'
    compiled = PathFinder.find_spec(EXTENSION, mmcv.submodule_search_locations)
    return 'substitute' if compiled is None else 'compiled'
