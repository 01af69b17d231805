"""Tell mim where an editable install of rm_mm keeps its ``.mim`` folder.

For an editable install, ``setup.py`` copies this file into site-packages next to a ``.pth`` file
that calls :func:`install` when Python starts. Without it

* openmim 0.3.9 looks for the package in site-packages, where an editable install has nothing
  (mmengine#1158 is the same problem in mmengine);
* onedl-mim 0.5.1 takes the whole checkout for the package and rejects every config, because it
  finds it in ``configs`` and again through the link in ``rm_mm/.mim``.

Nothing is imported or changed until mim itself is imported.
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
    """Waits for ``mim.utils``, then patches its look-up of installed packages."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find ``mim.utils`` the usual way, and arrange to patch it once it is loaded."""
        if name != TRIGGER:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_patch(module: ModuleType) -> None:
            load(module)
            _patch(module, self.package)

        spec.loader.exec_module = load_and_patch  # type: ignore[method-assign]
        return spec


def _patch(utils: Any, package: str) -> None:
    """Replace ``get_installed_path``, which mim's commands import from ``mim.utils``."""
    find = getattr(utils, 'get_installed_path', None)
    if find is None:  # an unrelated mim.utils
        return

    def get_installed_path(name: str) -> str:
        if name.lower().replace('-', '_') != DISTRIBUTION:
            return str(find(name))
        if not os.path.isdir(os.path.join(package, '.mim')):
            sys.exit(f'rm_mm was installed with -e from {package}, which has no .mim: reinstall it')
        from importlib.util import find_spec

        # If another rm_mm comes first on the path, mim has to take the configs of that one.
        spec = find_spec(DISTRIBUTION)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        return folders[0] if folders else package

    utils.get_installed_path = get_installed_path


def install(package: str) -> None:
    """Wait for mim to be imported. The ``.pth`` file of an editable install calls this by name.

    ``package`` is the folder ``rm_mm`` in the checkout.
    """
    sys.meta_path.insert(0, _MimFinder(package))
