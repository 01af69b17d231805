"""What ``run_transfer.sh`` was asked for: a task by name, or a config of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rm_mm.compat.config_scopes import configs_root
from rm_mm.config_files import find_config, read_config
from rm_mm.errors import InputError
from rm_mm.names import METHODS
from rm_mm.suite.presets import PRESETS, Preset, Task

#: The tasks of the presets: (architecture, data set) to (preset, kind).
_IN_PRESETS = {
    ('atss', 'coco'): ('paper', 'detection'),
    ('upernet', 'ade20k'): ('paper', 'segmentation'),
    ('atss', 'mini'): ('mini', 'detection'),
    ('upernet', 'mini'): ('mini', 'segmentation'),
    ('atss', 'mini-full'): ('mini-full', 'detection'),
    ('upernet', 'mini-full'): ('mini-full', 'segmentation'),
}
#: Whose configs are of which kind.
_SCOPES = {'mmdet': 'detection', 'mmseg': 'segmentation'}


def find_task(words: Sequence[str], preset: str | None = None) -> tuple[Preset, str]:
    """The preset, with the task in its place, and the task's kind.

    Args:
        words: ``ARCHITECTURE DATASET``, or one path of a config.
        preset: Whose pretraining to take, for a config; ``paper`` if not given.

    Raises:
        InputError: If there is no such task, or a config is of neither kind.
    """
    if len(words) == 2:
        return _by_name(words[0].lower(), words[1].lower(), preset)
    if len(words) == 1 and words[0].endswith('.py'):
        return _by_config(words[0], preset or 'paper')
    raise InputError(
        f'expected ARCHITECTURE DATASET ({_known()}), or the path of one config, got '
        f'{" ".join(words)!a}'
    )


def _by_name(architecture: str, dataset: str, preset: str | None) -> tuple[Preset, str]:
    if (architecture, dataset) in _IN_PRESETS:
        owner, kind = _IN_PRESETS[architecture, dataset]
        if preset not in (None, owner):
            raise InputError(f'{architecture} {dataset} is of the preset {owner}, not {preset}')
        return PRESETS[owner], kind
    path = _leaves().get((architecture, dataset))
    if path is None:
        raise InputError(
            f'no transfer {architecture!a} {dataset!a}: expected one of {_known()}, or the path of '
            'a config'
        )
    return _by_config(str(path), preset or 'paper')


def _by_config(name: str, preset_name: str) -> tuple[Preset, str]:
    """Put a config into the place of the preset's task of the same kind."""
    path = find_config(name).resolve()
    scope = read_config(path).get('default_scope')
    if scope not in _SCOPES:
        raise InputError(
            f'{path} is of default_scope {scope!a}: expected a config of mmdetection (mmdet) or '
            'mmsegmentation (mmseg)'
        )
    preset, kind = PRESETS[preset_name], _SCOPES[scope]
    stock = preset.tasks[kind]
    if path in _leaves().values():
        # One of ours: on the same data as the preset's task, so it has the same two baselines.
        task = replace(stock, config=path.relative_to(configs_root().resolve()).as_posix())
    else:
        # The paper has no rows for it.
        settings = preset.settings if preset.data else ('controlled',)
        task = Task(kind, str(path), stock.weight, settings)
    tasks = {'classification': preset.tasks['classification'], kind: task}
    return replace(preset, tasks=tasks), kind


def _leaves() -> dict[tuple[str, str], Path]:
    """Our leaves that take every method's backbone, by architecture and data set."""
    found = {}
    for kind in _SCOPES.values():
        for path in sorted((configs_root().resolve() / kind).glob('*_r50_*.py')):
            architecture, _, dataset = path.stem.partition('_r50_')
            if not dataset.startswith(METHODS):
                found[architecture, dataset] = path
    return found


def _known() -> str:
    return ', '.join(' '.join(pair) for pair in [*_IN_PRESETS, *_leaves()])
