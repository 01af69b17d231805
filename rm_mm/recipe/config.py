"""Finding and reading configs of any of the three stacks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import SCOPE, packaged_config
from rm_mm.errors import InputError, RmMmError


def find_config(name: str | Path) -> Path:
    """A config by path, by its path below the project's ``configs/``, or one of a library.

    Args:
        name: The latter as ``mmdet::atss/atss_r50_fpn_1x_coco.py``.

    Raises:
        InputError: If there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    library, separator, _ = str(name).partition('::')
    if separator and library != SCOPE:
        return _of_library(str(name))
    return packaged_config(str(name).removeprefix(f'{SCOPE}::').removeprefix('configs/'))


def _of_library(name: str) -> Path:
    from mmengine.config import Config

    try:
        path = Path(Config._get_cfg_path(name, '')[0])
    except Exception as error:
        # mmengine looks in several places, and has another error for each.
        raise InputError(f'no config {name!a}: {type(error).__name__}: {error}') from error
    if not path.is_file():
        raise InputError(f'no config {name!a}: expected the file {path}')
    return path


def read_config(name: str | Path, options: list[str] | None = None) -> Any:
    """Read a config and apply ``key=value`` overrides.

    Returns:
        The mmengine ``Config``.

    Raises:
        InputError: If it does not parse, or an override is not one.
    """
    from mmengine.config import Config, DictAction

    path = find_config(name)
    try:
        config = Config.fromfile(path)
    except ImportError as error:
        raise InputError(
            f'{path} needs something that cannot be imported: {_first_line(error)}. Is it '
            'installed, or its folder on PYTHONPATH?'
        ) from error
    except (Exception, SystemExit) as error:
        # A config is Python: whatever its author got wrong comes up here.
        raise InputError(f'{path} does not parse: {type(error).__name__}: {error}') from error
    if options:
        wrong = [option for option in options if '=' not in option]
        if wrong:
            raise InputError(f'--cfg-options takes KEY=VALUE, got {wrong[0]!a}')
        parser = argparse.ArgumentParser()
        parser.add_argument('--options', nargs='+', action=DictAction)
        try:
            config.merge_from_dict(parser.parse_args(['--options', *options]).options)
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise InputError(f'--cfg-options {" ".join(options)}: {error}') from error
    return config


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def understood(name: str | Path) -> Iterator[None]:
    """Say of a config whose entries are of other kinds than a run needs that they are.

    Args:
        name: What to call the config.

    Raises:
        InputError: Instead of what Python says of a missing or wrong entry.
    """
    try:
        yield
    except (AttributeError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise InputError(
            f'{name} is not the config of a whole run: {type(error).__name__}: {error}'
        ) from error


@contextmanager
def building(name: str | Path) -> Iterator[None]:
    """Say of a config whose parts do not build that they do not, in the words of the registry.

    Args:
        name: What to call the config.

    Raises:
        InputError: Instead of what registries and constructors raise.
    """
    try:
        yield
    except RmMmError:
        raise
    except Exception as error:
        # A constructor is anyone's code.
        said = ' '.join(str(error).strip('"').split())
        raise InputError(f'{name} does not build: {said}') from error


def entries(value: Any) -> list[Any]:
    """What stands where a config may hold one entry, several or none."""
    if not value:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def type_name(entry: Mapping[str, Any]) -> str:
    """The name of an entry's class, without its scope; configs also hold the class itself."""
    kind = entry.get('type')
    return kind.__name__ if isinstance(kind, type) else str(kind).rpartition('.')[2]
