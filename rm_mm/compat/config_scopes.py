"""Resolve ``_base_ = 'mmseg::…'`` and ``_base_ = 'rm_mm::…'`` where mmengine cannot.

mmengine finds the configs of a scope through a table from module to distribution and through the
folder ``.mim`` inside the installed package. The table names a distribution that the onedl line
does not have, and a plain checkout has no ``.mim``.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from rm_mm.errors import InputError, printable

SCOPE = 'rm_mm'
PACKAGE = Path(__file__).resolve().parents[1]

_Function = Callable[..., Any]


def configs_root() -> Path:
    """Return the folder of this package's configs: the installed one, else the checkout's.

    Raises:
        InputError: If there is neither.
    """
    candidates = (PACKAGE / '.mim' / 'configs', PACKAGE.parent / 'configs')
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise InputError(
        f'the configs of rm_mm are missing: expected {candidates[0]} (installed) or '
        f'{candidates[1]} (checkout), found neither; install rm_mm again'
    )


def packaged_config(name: str) -> Path:
    """Return the file that ``rm_mm::NAME`` refers to; the suffix ``.py`` is optional.

    Raises:
        InputError: If there is no such file.
    """
    root = configs_root()
    for candidate in (root / name, root / f'{name}.py'):
        if candidate.is_file():
            return candidate
    known = sorted(path.relative_to(root).as_posix() for path in root.rglob('*.py'))
    close = difflib.get_close_matches(name, known, n=3)
    hint = f'did you mean {" or ".join(close)}?' if close else 'see that folder for the names'
    shown = printable(f'{SCOPE}::{name}')
    raise InputError(f"no config '{shown}': expected a file below {root}; {hint}")


#: Resolved bases of other packages. For each base mmengine reads all metafiles of the package,
#: which takes a third of a second.
_resolved: dict[str, Any] = {}


def resolve_scopes() -> None:
    """Patch mmengine's look-up of configs when mmengine is imported, or now if it already is."""
    wrapt.register_post_import_hook(_name_packages, 'mmengine.config.utils')
    wrapt.register_post_import_hook(_wrap_config, 'mmengine.config.config')
    wrapt.register_post_import_hook(_wrap_hub, 'mmengine.hub.hub')


def _wrap_config(config: ModuleType) -> None:
    wrapt.wrap_function_wrapper(config, 'Config._get_cfg_path', _get_cfg_path)


def _wrap_hub(hub: ModuleType) -> None:
    wrapt.wrap_function_wrapper(hub, '_get_cfg_metainfo', _get_cfg_metainfo)
    wrapt.wrap_function_wrapper(hub, '_get_external_cfg_base_path', _get_external_cfg_base_path)


def _name_packages(utils: ModuleType) -> None:
    packages: dict[str, str] = utils.MODULE2PACKAGE
    packages[SCOPE] = SCOPE
    try:
        importlib.metadata.distribution(packages['mmseg'])
    except importlib.metadata.PackageNotFoundError:
        # mmengine falls back to a module of that name, so the module's own name works.
        packages['mmseg'] = 'mmseg'


def _get_cfg_path(original: _Function, instance: Any, args: Any, kwargs: Any) -> Any:
    """Resolve ``rm_mm::`` bases, and cache what mmengine returns for other packages.

    The result is a path and the registry scope of the package. Ours has no scope: it has no
    registries and registers its classes with the libraries' own.
    """
    base = str(args[0])
    scope, separator, name = base.partition('::')
    if not separator:
        return original(*args, **kwargs)
    if scope == SCOPE:
        return str(packaged_config(name)), None
    if base not in _resolved:
        _resolved[base] = original(*args, **kwargs)
    return _resolved[base]


def _get_cfg_metainfo(original: _Function, instance: Any, args: Any, kwargs: Any) -> Any:
    package_path = Path(args[0])
    index = package_path / '.mim' / 'model-index.yml'
    if package_path.name == SCOPE and not index.is_file():
        # mmengine's own function raises this for an unknown model; its caller then tries a file.
        raise ValueError(f'{index} does not exist')
    return original(*args, **kwargs)


def _get_external_cfg_base_path(original: _Function, instance: Any, args: Any, kwargs: Any) -> Any:
    package_path, name = args
    if Path(package_path).name == SCOPE:
        return str(packaged_config(name))
    return original(*args, **kwargs)


#: Shown in ``mim download``, which writes a config only after its weights. Our metafiles name the
#: folder itself as the weights, which mim therefore skips: ``. exists in DEST``.
NO_WEIGHTS = 'rm_mm publishes no weights: only the config is written, for you to train.'


def explain_mim_download() -> None:
    """Print :data:`NO_WEIGHTS` if ``mim download`` is what imports rm_mm.

    In onedl-mim 0.5.1 and openmim 0.3.9, ``_download_configs`` reads a config after its weights.
    mim runs the file of a command a second time, without its module name.
    """
    if 'mim.commands.download' not in sys.modules:
        return
    codes = [frame.f_code for frame, _ in traceback.walk_stack(sys._getframe())]
    files = [Path(code.co_filename) for code in codes if code.co_name == '_download_configs']
    if any(file.parts[-3:] == ('mim', 'commands', 'download.py') for file in files):
        print(NO_WEIGHTS)
