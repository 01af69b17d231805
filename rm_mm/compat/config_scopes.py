"""``_base_ = 'mmseg::…'`` and ``_base_ = 'rm_mm::…'``, next to what mmengine resolves itself.

mmengine finds a scope's configs through a table from module to distribution and through the
folder ``.mim`` inside the installed package. Both are missing in cases that matter here: the
table names a distribution that the onedl line does not have, and a plain checkout has no ``.mim``.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from rm_mm.errors import InputError

SCOPE = 'rm_mm'
_PACKAGE = Path(__file__).resolve().parents[1]


def configs_root() -> Path:
    """Return the folder of this package's configs: the installed one, or else the checkout's.

    Raises:
        InputError: If there is neither.
    """
    candidates = (_PACKAGE / '.mim' / 'configs', _PACKAGE.parent / 'configs')
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise InputError(
        f'the configs of rm_mm are missing: expected {candidates[0]} (installed) or '
        f'{candidates[1]} (checkout), found neither; install rm_mm again'
    )


def config_path(name: str) -> Path:
    """Return the file that ``rm_mm::NAME`` stands for.

    Args:
        name: Path below :func:`configs_root`; the ending ``.py`` may be left out.

    Raises:
        InputError: If there is no such file.
    """
    root = configs_root()
    for candidate in (root / name, root / f'{name}.py'):
        if candidate.is_file():
            return candidate
    known = sorted(path.relative_to(root).as_posix() for path in root.rglob('*.py'))
    close = difflib.get_close_matches(name, known, n=3)
    hint = f'did you mean {" or ".join(close)}?' if close else 'look there for its name'
    raise InputError(f"no config '{SCOPE}::{name}': expected a file below {root}; {hint}")


#: Bases of other packages, and where they are.
_found: dict[str, tuple[str, str | None]] = {}


def install() -> None:
    """Mend mmengine's look-up as soon as mmengine is imported, or now if it is there already."""
    for name, mend in (
        ('mmengine.config.utils', _name_packages),
        ('mmengine.config.config', _resolve_bases),
        ('mmengine.hub.hub', _resolve_hub),
    ):
        wrapt.register_post_import_hook(mend, name)


def _name_packages(utils: ModuleType) -> None:
    packages: dict[str, str] = utils.MODULE2PACKAGE
    packages[SCOPE] = SCOPE
    try:
        importlib.metadata.distribution(packages['mmseg'])
    except importlib.metadata.PackageNotFoundError:
        # mmengine falls back to looking for a module of that name, and this one is the module's.
        packages['mmseg'] = 'mmseg'


def _resolve_bases(config: ModuleType) -> None:
    wrapt.wrap_function_wrapper(config, 'Config._get_cfg_path', _get_cfg_path)


def _get_cfg_path(
    original: Callable[[str, str], tuple[str, str | None]],
    instance: Any,
    args: tuple[str, str],
    kwargs: dict[str, str],
) -> tuple[str, str | None]:
    """Resolve ``rm_mm::`` bases, and leave all others to mmengine, once.

    For each base of another package mmengine reads all metafiles of that, for a third of a second;
    where a base is does not change while a process runs.

    A base from another package is marked with that package's registry scope. Ours gets none: this
    package registers its classes with the libraries that use them and has no registries itself.
    """

    def resolve(cfg_path: str, filename: str) -> tuple[str, str | None]:
        scope, separator, name = cfg_path.partition('::')
        if separator and scope == SCOPE:
            return str(config_path(name)), None
        if not separator:
            return original(cfg_path, filename)
        if cfg_path not in _found:
            _found[cfg_path] = original(cfg_path, filename)
        return _found[cfg_path]

    return resolve(*args, **kwargs)


def _resolve_hub(hub: ModuleType) -> None:
    wrapt.wrap_function_wrapper(hub, '_get_cfg_metainfo', _get_cfg_metainfo)
    wrapt.wrap_function_wrapper(hub, '_get_external_cfg_base_path', _get_external_cfg_base_path)


def _get_cfg_metainfo(
    original: Callable[[str, str], dict[str, Any]],
    instance: Any,
    args: tuple[str, str],
    kwargs: dict[str, str],
) -> dict[str, Any]:
    package_path = Path(args[0])
    index = package_path / '.mim' / 'model-index.yml'
    if package_path.name == SCOPE and not index.is_file():
        # This is how mmengine's own function says "no model of that name, try it as a file".
        raise ValueError(f'{index} does not exist')
    return original(*args, **kwargs)


def _get_external_cfg_base_path(
    original: Callable[[str, str], str],
    instance: Any,
    args: tuple[str, str],
    kwargs: dict[str, str],
) -> str:
    package_path, name = args
    if Path(package_path).name == SCOPE:
        return str(config_path(name))
    return original(*args, **kwargs)
