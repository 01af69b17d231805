"""Finding what ``rm-mm transfer`` was asked for: a task by name, or a config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rm_mm.errors import InputError
from rm_mm.suite.plan.custom import custom_task, stock_leaves
from rm_mm.suite.plan.presets import PRESETS, Preset

#: Preset and task of each (architecture, data set) that a preset has.
_IN_PRESETS = {
    ('atss', 'coco'): ('paper', 'detection'),
    ('upernet', 'ade20k'): ('paper', 'segmentation'),
    ('atss', 'mini'): ('mini', 'detection'),
    ('upernet', 'mini'): ('mini', 'segmentation'),
    ('atss', 'mini-full'): ('mini-full', 'detection'),
    ('upernet', 'mini-full'): ('mini-full', 'segmentation'),
}


def find_target(words: Sequence[str], preset: str | None = None) -> tuple[Preset, str]:
    """Return the preset with the wanted task in it, and the kind of the task.

    Args:
        words: ``ARCHITECTURE DATASET``, or the path of one config.
        preset: Preset whose pretraining a config takes; ``paper`` by default.

    Raises:
        InputError: If there is no such task, or the config is of neither library.
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
            raise InputError(
                f'{architecture} {dataset} belongs to the preset {owner}, not {preset}'
            )
        return PRESETS[owner], kind
    path = stock_leaves().get((architecture, dataset))
    if path is None:
        raise InputError(
            f'no transfer {architecture!a} {dataset!a}: expected one of {_known()}, or the path of '
            'a config'
        )
    return _by_config(str(path), preset or 'paper')


def _by_config(name: str, preset_name: str) -> tuple[Preset, str]:
    """Put a config in the place of the preset's task of the same kind."""
    preset = PRESETS[preset_name]
    task = custom_task(preset, name)
    tasks = {'classification': preset.tasks['classification'], task.kind: task}
    return replace(preset, tasks=tasks), task.kind


def _known() -> str:
    return ', '.join(' '.join(pair) for pair in [*_IN_PRESETS, *stock_leaves()])
