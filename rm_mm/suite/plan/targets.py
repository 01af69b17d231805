"""Finding what ``rm-mm transfer`` was asked for: a task by name, or a config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rm_mm.errors import InputError
from rm_mm.suite.plan.custom import custom_task, stock_leaves
from rm_mm.suite.plan.presets import PRESETS, PRETRAINING, Preset

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
    leaves = stock_leaves()
    known = ', '.join(' '.join(pair) for pair in [*_IN_PRESETS, *leaves])
    if len(words) == 1 and words[0].endswith('.py'):
        return _by_config(words[0], preset or 'paper')
    if len(words) != 2:
        raise InputError(
            f'expected ARCHITECTURE DATASET ({known}), or the path of one config, got '
            f'{" ".join(words)!a}'
        )
    pair = words[0].lower(), words[1].lower()
    if pair in _IN_PRESETS:
        owner, kind = _IN_PRESETS[pair]
        if preset not in (None, owner):
            raise InputError(f'{" ".join(pair)} belongs to the preset {owner}, not {preset}')
        return PRESETS[owner], kind
    if pair in leaves:
        return _by_config(str(leaves[pair]), preset or 'paper')
    raise InputError(
        f'no transfer {pair[0]!a} {pair[1]!a}: expected one of {known}, or the path of a config'
    )


def _by_config(name: str, preset_name: str) -> tuple[Preset, str]:
    """Put a config in the place of the preset's task of the same kind."""
    preset = PRESETS[preset_name]
    task = custom_task(preset, name)
    tasks = {PRETRAINING: preset.tasks[PRETRAINING], task.kind: task}
    return replace(preset, tasks=tasks, settings=task.settings), task.kind
