"""Custom methods and tasks: one entry of a call or of a study file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rm_mm.compat.config_scopes import configs_root
from rm_mm.errors import InputError, printable
from rm_mm.names import METHODS, TASKS, require_name
from rm_mm.recipe.config import find_config, read_config
from rm_mm.suite.plan.presets import Preset, Task
from rm_mm.transfer.location import require_address

#: Task of a downstream config, by its ``default_scope``.
SCOPES = {'mmdet': 'detection', 'mmseg': 'segmentation'}


def custom_method(name: str, path: str, folder: Path | None = None) -> str:
    """Return the absolute path, or the address, of what a custom method starts from.

    Args:
        name: Name of its row.
        path: Classification config that pretrains, or a checkpoint: a file or an address.
        folder: Folder that a relative path starts from, if the file exists there.

    Raises:
        InputError: If the name is taken or invalid, or there is no such file.
    """
    require_name(name, METHODS, 'method')
    if path.endswith('.py'):
        config = _find(path, folder)
        if (scope := read_config(config).get('default_scope')) != 'mmpretrain':
            raise InputError(
                f'{name}: {printable(config)} has default_scope {scope!a}: expected a '
                'classification config of mmpretrain, or a checkpoint'
            )
        return str(config)
    if '://' in path:
        require_address(path)
        return path
    file = _below(folder, path)
    if not file.is_file():
        raise InputError(
            f'{name}: no file {printable(file)}: expected a classification config (.py) or a '
            'checkpoint'
        )
    return str(file.resolve())


def custom_task(
    preset: Preset, path: str, name: str | None = None, folder: Path | None = None
) -> Task:
    """Return the task of one config: a custom one, or one of ours that no preset has.

    Args:
        preset: Preset whose pretrained backbones it takes.
        path: Config of mmdetection or mmsegmentation.
        name: Name of its column; by default that of the config.
        folder: As for :func:`custom_method`.

    Raises:
        InputError: If the config is of neither library, or the name is taken or invalid.
    """
    if name is not None:
        require_name(name, TASKS, 'task')
    found = _find(path, folder)
    scope = read_config(found).get('default_scope')
    if scope not in SCOPES:
        raise InputError(
            f'{printable(found)} has default_scope {scope!a}: expected a config of mmdetection '
            '(mmdet) or mmsegmentation (mmseg)'
        )
    kind = SCOPES[scope]
    stock = preset.tasks[kind]
    if found in stock_leaves().values():
        # One of ours: on the data of the preset's task, so it has the same two baselines.
        config = found.relative_to(configs_root().resolve()).as_posix()
        return replace(stock, config=config, pace=None, label=name)
    # The paper has no rows for it.
    settings = preset.settings if preset.data else ('controlled',)
    if not found.stem.isprintable():
        raise InputError(f'{printable(found)}: the name of this config cannot name a column')
    return Task(kind, str(found), stock.weight, settings, label=name)


def stock_leaves() -> dict[tuple[str, str], Path]:
    """Return our configs that take any method's backbone, by architecture and data set."""
    found = {}
    for kind in SCOPES.values():
        for path in sorted((configs_root().resolve() / kind).glob('*_r50_*.py')):
            architecture, _, dataset = path.stem.partition('_r50_')
            if not dataset.startswith(METHODS):
                found[architecture, dataset] = path
    return found


def _below(folder: Path | None, path: str) -> Path:
    """Resolve a path against the folder of a study file first."""
    beside = (folder or Path()) / Path(path).expanduser()
    return beside if beside.exists() else Path(path).expanduser()


def _find(path: str, folder: Path | None) -> Path:
    beside = _below(folder, path)
    if beside.is_file():
        return beside.resolve()
    try:
        return find_config(path).resolve()
    except InputError as error:
        raise InputError(
            f'no config {path!a}: expected {printable(beside.resolve())}, or one of ours'
        ) from error
