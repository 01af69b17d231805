"""What a call asks for, put together: a preset, and the methods and tasks of the user's own in it.

Each mistake is found, not the first alone: they are collected and said at once.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, Mistakes, RmMmError, printable
from rm_mm.names import METHODS, TASKS, require_name
from rm_mm.suite.planning.own import own_method, own_task
from rm_mm.suite.planning.presets import PRESETS, Preset
from rm_mm.suite.planning.yaml_file import read_yaml

#: A name of the preset's, or a name and a path; of a task the path alone is enough.
Entry = tuple[str | None, str | None]

#: Letters of a value that a message shows.
_LONGEST = 80
_KEYS = ('base', 'work_dir', 'methods', 'tasks', 'seeds')


@dataclass(frozen=True)
class Choice:
    """A preset with all that the call added to it, and what of it is to run.

    Attributes:
        preset: With methods and tasks of the user's own in their places.
        methods: Names of rows.
        tasks: Names of tasks, as in ``preset.tasks``.
        seeds: How often each.
    """

    preset: Preset
    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]


def choose(
    preset: str | Preset,
    methods: Sequence[Entry] | None,
    tasks: Sequence[Entry] | None,
    seeds: tuple[int, ...] | None,
    mistakes: Mistakes,
) -> Choice:
    """Put a call together.

    Args:
        preset: A name, the path of a YAML file, or what was found of another call.
        methods: Of the call; the preset's if not given.
        tasks: Likewise.
        seeds: Likewise.
        mistakes: Takes up every entry that cannot be used; it is left out.

    Raises:
        InputError: If the preset itself cannot be read.
    """
    if isinstance(preset, Preset):
        found = preset
    else:
        found = PRESETS[preset] if preset in PRESETS else _from_file(Path(preset), mistakes)
    rows = columns = None
    if methods is not None:
        found, rows = _add_methods(found, methods, None, mistakes)
    if tasks is not None:
        found, columns = _add_tasks(found, tasks, None, mistakes)
    return Choice(
        found,
        _in_order(found.methods if rows is None else rows, METHODS),
        _in_order(found.columns or found.tasks if columns is None else columns, TASKS),
        seeds or found.seeds,
    )


def _in_order(names: Iterable[str], first: Sequence[str]) -> tuple[str, ...]:
    """The suite's own in their order, then those of the user's in theirs; each once."""
    given = tuple(dict.fromkeys(names))
    return (*(n for n in first if n in given), *(n for n in given if n not in first))


def _add_methods(
    preset: Preset, entries: Sequence[Entry], folder: Path | None, mistakes: Mistakes
) -> tuple[Preset, tuple[str, ...]]:
    own, names = dict(preset.own), []
    for name, path in entries:
        try:
            _require_whole(name, path)
            if name is None:
                raise InputError(f'{path!a}: a method of your own needs a name: NAME={path}')
            if path is not None:
                resolved = own_method(name, path, folder)
                if name in names and own[name] != resolved:
                    raise InputError(f'two methods are called {name}')
                own[name] = resolved
            elif name not in (*METHODS, *own):
                raise InputError(
                    f'no method {name!a}: expected of {", ".join((*METHODS, *own))}, or your own '
                    'as NAME=CONFIG.py or NAME=CHECKPOINT'
                )
            names.append(name)
        except RmMmError as error:
            mistakes.add(error)
    return replace(preset, own=own), tuple(names)


def _add_tasks(
    preset: Preset, entries: Sequence[Entry], folder: Path | None, mistakes: Mistakes
) -> tuple[Preset, tuple[str, ...]]:
    tasks, names = dict(preset.tasks), []
    for name, path in entries:
        try:
            _require_whole(name, path)
            if path is not None:
                task = own_task(preset, path, name, folder)
                # Records are told apart by the name of the column, whatever a call says for it.
                if any(other.name == task.name and other != task for other in tasks.values()):
                    raise InputError(
                        f'two tasks are called {task.name}: call one otherwise, as NAME=CONFIG.py'
                    )
                tasks[task.name] = task
                names.append(task.name)
            elif name not in tasks:
                raise InputError(
                    f'no task {name!a}: expected of {", ".join(tasks)}, or a config (.py)'
                )
            else:
                names.append(name)
        except RmMmError as error:
            mistakes.add(error)
    return replace(preset, tasks=tasks), tuple(names)


def _require_whole(name: str | None, path: str | None) -> None:
    if '' in (name, path):
        found = name if path is None else f'{name}={path}'
        raise InputError(f'expected names, or NAME=PATH, found {found!a}')


def _from_file(path: Path, mistakes: Mistakes) -> Preset:
    """Read a YAML preset: whatever it does not say is its base's.

    Raises:
        InputError: If it is no such file.
    """
    values = read_yaml(path)
    for key in (key for key in values if key not in _KEYS):
        mistakes.add(f'{printable(path)}: no entry {_short(key)}: expected of {", ".join(_KEYS)}')
    base = values.get('base', 'paper')
    if not isinstance(base, str) or base not in PRESETS:
        raise InputError(
            f'{printable(path)}: no preset {_short(base)} as base: expected of {", ".join(PRESETS)}'
        )
    require_name(path.stem, (), 'preset')
    work_dir = values.get('work_dir') or f'work_dirs/{path.stem}'
    if not isinstance(work_dir, str):
        mistakes.add(f'{printable(path)}, work_dir: expected a path, found {_short(work_dir)}')
        work_dir = path.stem
    preset = replace(PRESETS[base], name=path.stem, work_dir=Path(work_dir).expanduser())
    folder = path.parent
    if 'methods' in values:
        preset, names = _add_methods(
            preset, _entries(values['methods'], path, 'methods', mistakes), folder, mistakes
        )
        preset = replace(preset, methods=_in_order(names, METHODS))
    if 'tasks' in values:
        preset, names = _add_tasks(
            preset, _entries(values['tasks'], path, 'tasks', mistakes), folder, mistakes
        )
        preset = replace(preset, columns=_in_order(names, TASKS))
    if 'seeds' in values:
        preset = replace(preset, seeds=_seeds(values['seeds'], path, mistakes) or preset.seeds)
    return preset


def _short(value: Any) -> str:
    """A value of a file, as far as a message has room for it."""
    # What refers to itself many times over is too long to be written out.
    said = reprlib.repr(value).encode('ascii', 'backslashreplace').decode()
    return said if len(said) <= _LONGEST else said[:_LONGEST] + '…'


def _entries(value: Any, path: Path, key: str, mistakes: Mistakes) -> list[Entry]:
    """``name: path``, ``name:`` or ``name``, as a mapping or as a list of such."""
    pairs: list[tuple[Any, Any]] = []
    for item in value if isinstance(value, list) else [value]:
        pairs += list(item.items()) if isinstance(item, dict) else [(item, None)]
    found: list[Entry] = []
    if not pairs:
        mistakes.add(f'{printable(path)}, {key}: expected one or more, found none')
    for name, target in pairs:
        if not isinstance(name, str) or not isinstance(target, str | None):
            mistakes.add(
                f'{printable(path)}, {key}: expected a name, or a name and a path, found '
                f'{_short(name)}' + ('' if target is None else f': {_short(target)}')
            )
        elif target is None and name.endswith('.py'):
            found.append((None, name))
        else:
            found.append((name, target))
    return found


def _seeds(value: Any, path: Path, mistakes: Mistakes) -> tuple[int, ...]:
    seeds = value if isinstance(value, list) else [value]
    if not seeds or not all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds):
        mistakes.add(
            f'{printable(path)}, seeds: expected numbers such as [0, 1], found {_short(value)}'
        )
        return ()
    return tuple(sorted(set(seeds)))
