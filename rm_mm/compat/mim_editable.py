"""Tell mim where an editable install of rm_mm has its ``.mim`` folder.

``setup.py`` puts a copy of this file into site-packages, beside a ``.pth`` file that calls
:func:`install` at start-up; of an editable install alone, which such a file makes in any case.
Without it

* openmim 0.3.9 expects the package in site-packages, where an editable install has nothing
  (mmengine#1158 is the same trouble in mmengine);
* onedl-mim 0.5.1 takes the whole checkout for the package, and refuses every config because it
  finds it in ``configs`` and again through the link in ``rm_mm/.mim``.

Nothing is imported, and nothing changes, until mim itself is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

DISTRIBUTION = 'rm_mm'
TRIGGER = 'mim.utils'


class _MimFinder:
    """Waits for ``mim.utils``, then corrects its look-up of installed packages."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find ``mim.utils`` as everybody else does, and mend it once it is loaded."""
        if name != TRIGGER:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_mend(module: ModuleType) -> None:
            load(module)
            _mend(module, self.package)

        spec.loader.exec_module = load_and_mend  # type: ignore[method-assign]
        return spec


def _mend(utils: Any, package: str) -> None:
    """Replace the function in the namespace that mim's commands take it from."""
    find = getattr(utils, 'get_installed_path', None)
    if find is None:  # somebody else's mim.utils
        return

    def get_installed_path(name: str) -> str:
        """Get installed path of package."""
        if name.lower().replace('-', '_') != DISTRIBUTION:
            return str(find(name))
        if not os.path.isdir(os.path.join(package, '.mim')):
            sys.exit(
                f'rm_mm was installed with -e from {package}, which has no .mim: install it anew'
            )
        from importlib.util import find_spec

        # Another rm_mm may come first on the path: then mim has to take that one's configs.
        spec = find_spec(DISTRIBUTION)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        return folders[0] if folders else package

    utils.get_installed_path = get_installed_path


def install(package: str) -> None:
    """Arrange it.

    Args:
        package: The folder ``rm_mm`` of the checkout.
    """
    sys.meta_path.insert(0, _MimFinder(package))
