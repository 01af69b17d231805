"""Finding, reading and saving configs of mmpretrain, mmdetection and mmsegmentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import SCOPE, packaged_config
from rm_mm.errors import InputError, RmMmError
from rm_mm.files import write_text
from rm_mm.recipe.literal import parse_literals


def find_config(name: str | Path) -> Path:
    """Return the file of a config.

    Args:
        name: A path; a path below the project's ``configs/``; or a config of a library, such as
            ``mmdet::atss/atss_r50_fpn_1x_coco.py``.

    Raises:
        InputError: If there is no such config.
    """
    if (path := Path(name)).is_file():
        return path
    library, separator, _ = str(name).partition('::')
    if not separator or library == SCOPE:
        return packaged_config(str(name).removeprefix(f'{SCOPE}::').removeprefix('configs/'))
    from mmengine.config import Config

    try:
        path = Path(Config._get_cfg_path(str(name), '')[0])
    except Exception as error:
        # mmengine looks in several places, and raises a different error for each.
        raise InputError(f'no config {name!a}: {type(error).__name__}: {error}') from error
    if not path.is_file():
        raise InputError(f'no config {name!a}: expected the file {path}')
    return path


def read_config(name: str | Path, options: Mapping[str, Any] | None = None) -> Any:
    """Read an mmengine config, which executes it, and apply overrides.

    Args:
        name: As for :func:`find_config`.
        options: Values by dotted key, such as ``{'train_cfg.max_epochs': 3}``.

    Raises:
        InputError: If the config does not parse, or an override does not apply.
    """
    from mmengine.config import Config

    path = find_config(name)
    try:
        config = Config.fromfile(path)
    except ImportError as error:
        raise _not_importable(path, error) from error
    except (Exception, SystemExit) as error:
        # A config is Python: it can raise anything.
        raise InputError(f'{path} does not parse: {type(error).__name__}: {error}') from error
    if options:
        try:
            config.merge_from_dict(dict(options))
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise InputError(f'--cfg-options {" ".join(options)}: {error}') from error
    return config


def _not_importable(path: Path, error: ImportError) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(
        f'{path} needs something that cannot be imported: {reason}. Is it installed, or its folder '
        'on PYTHONPATH?'
    )


def save_config(config: Any, path: Path) -> None:
    """Save a resolved config as text that :func:`read_saved_config` reads."""
    write_text(path, config.pretty_text)


def read_saved_config(path: Path, *, custom_imports: bool = False) -> Any:
    """Read a resolved mmengine config that a run saved, as data: nothing in it is executed.

    Args:
        path: The file.
        custom_imports: Whether to import the modules that it names in ``custom_imports``, as
            mmengine does, so that what they register can be built.

    Raises:
        InputError: If the file cannot be read, holds more than plain values, or names a module that
            cannot be imported.
    """
    from mmengine.config import Config
    from mmengine.utils import import_modules_from_strings

    try:
        values = parse_literals(path.read_text(encoding='utf-8'), exact=True)
        if custom_imports and values.get('custom_imports'):
            import_modules_from_strings(**values['custom_imports'])
        return Config(values, filename=str(path))
    except ImportError as error:
        raise _not_importable(path, error) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'{path} does not parse as a saved config: {error}. Expected plain values, as a run '
            'writes them; restore the file, or remove it and its run to train again'
        ) from error


@contextmanager
def understood(name: str | Path) -> Iterator[None]:
    """Turn Python's errors about missing or wrong entries of a config into ``InputError``."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise InputError(
            f'{name} is not the config of a whole run: {type(error).__name__}: {error}'
        ) from error


@contextmanager
def building(name: str | Path) -> Iterator[None]:
    """Turn whatever registries and constructors raise into ``InputError``."""
    try:
        yield
    except RmMmError:
        raise
    except Exception as error:
        # Constructors are third-party code and raise anything.
        message = ' '.join(str(error).strip('"').split())
        raise InputError(f'{name} does not build: {message}') from error


def entries(value: Any) -> list[Any]:
    """Return a config value that may be one entry, several or none, as a list."""
    if not value:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def type_name(entry: Mapping[str, Any]) -> str:
    """Return the class name of an entry, without its scope; ``type`` may be the class itself."""
    kind = entry.get('type')
    return kind.__name__ if isinstance(kind, type) else str(kind).rpartition('.')[2]
