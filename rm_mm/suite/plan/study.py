"""A study: a preset, with the custom methods and tasks of a call or of a YAML file.

All mistakes are collected and reported at once.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from rm_mm.errors import InputError, Mistakes, RmMmError, printable
from rm_mm.names import METHODS, TASKS, require_name
from rm_mm.suite.plan.custom import custom_method, custom_task
from rm_mm.suite.plan.presets import PRESETS, Preset
from rm_mm.suite.requests import Entry

#: Characters of a value that a message shows.
_LONGEST = 80
_KEYS = ('base', 'work_dir', 'methods', 'tasks', 'seeds')


@dataclass(frozen=True)
class Study:
    """A preset with its custom entries, and what of it is to run.

    Attributes:
        preset: Preset, custom methods and tasks included.
        methods: Names of the rows.
        tasks: Names of the tasks, as in ``preset.tasks``.
        seeds: Seeds of each cell.
    """

    preset: Preset
    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]


def build_study(
    preset: str | Preset,
    methods: Sequence[Entry] | None,
    tasks: Sequence[Entry] | None,
    seeds: tuple[int, ...] | None,
    mistakes: Mistakes,
) -> Study:
    """Combine a preset with the entries of a call.

    Args:
        preset: Name of a preset, path of a YAML file, or a preset.
        methods: Methods of the call; the preset's if None.
        tasks: Tasks of the call; the preset's if None.
        seeds: Seeds of the call; the preset's if None.
        mistakes: Collects every entry that cannot be used; it is left out.

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
    return Study(
        found,
        _in_order(found.methods if rows is None else rows, METHODS),
        _in_order(found.columns or found.tasks if columns is None else columns, TASKS),
        seeds or found.seeds,
    )


def _in_order(names: Iterable[str], first: Sequence[str]) -> tuple[str, ...]:
    """Return stock names in the suite's order, then custom ones in theirs, without duplicates."""
    given = tuple(dict.fromkeys(names))
    return (*(n for n in first if n in given), *(n for n in given if n not in first))


def _add_methods(
    preset: Preset, entries: Sequence[Entry], folder: Path | None, mistakes: Mistakes
) -> tuple[Preset, tuple[str, ...]]:
    custom, names = dict(preset.custom), []
    for name, path in entries:
        try:
            _require_whole(name, path)
            if name is None:
                raise InputError(f'{path!a}: a custom method needs a name: NAME={path}')
            if path is not None:
                resolved = custom_method(name, path, folder)
                if name in names and custom[name] != resolved:
                    raise InputError(f'two methods are called {name}')
                custom[name] = resolved
            elif name not in (*METHODS, *custom):
                raise InputError(
                    f'no method {name!a}: expected one of {", ".join((*METHODS, *custom))}, or a '
                    'custom one as NAME=CONFIG.py or NAME=CHECKPOINT'
                )
            names.append(name)
        except RmMmError as error:
            mistakes.add(error)
    return replace(preset, custom=custom), tuple(names)


def _add_tasks(
    preset: Preset, entries: Sequence[Entry], folder: Path | None, mistakes: Mistakes
) -> tuple[Preset, tuple[str, ...]]:
    tasks, names = dict(preset.tasks), []
    for name, path in entries:
        try:
            _require_whole(name, path)
            if path is not None:
                task = custom_task(preset, path, name, folder)
                # Records are identified by the name of the column.
                if any(other.name == task.name and other != task for other in tasks.values()):
                    raise InputError(
                        f'two tasks are called {task.name}: rename one, as NAME=CONFIG.py'
                    )
                tasks[task.name] = task
                names.append(task.name)
            elif name not in tasks:
                raise InputError(
                    f'no task {name!a}: expected one of {", ".join(tasks)}, or a config (.py)'
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
    """Read a study file; whatever it does not set comes from its base.

    Raises:
        InputError: If it is not such a file.
    """
    values = read_yaml(path)
    for key in (key for key in values if key not in _KEYS):
        mistakes.add(
            f'{printable(path)}: no entry {_short(key)}: expected one of {", ".join(_KEYS)}'
        )
    base = values.get('base', 'paper')
    if not isinstance(base, str) or base not in PRESETS:
        raise InputError(
            f'{printable(path)}: no preset {_short(base)} as base: expected one of '
            f'{", ".join(PRESETS)}'
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
    """Return a value of a file, cut to fit into a message."""
    # reprlib: a value that refers to itself many times would be too long to write out.
    text = reprlib.repr(value).encode('ascii', 'backslashreplace').decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + '…'


def _entries(value: Any, path: Path, key: str, mistakes: Mistakes) -> list[Entry]:
    """Read ``name: path``, ``name:`` or ``name``, as a mapping or a list of them."""
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


class _Loader(yaml.SafeLoader):
    """Rejects duplicate keys, for which PyYAML takes the last value."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f'duplicate key {key.value!a}'
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the entries of a YAML file; nothing in it is executed.

    Raises:
        InputError: If it cannot be read, is not YAML, or holds no entries.
    """
    try:
        values = yaml.load(path.read_text(encoding='utf-8'), _Loader)
    except (OSError, UnicodeError) as error:
        problem = getattr(error, 'strerror', None) or 'it is not text'
        raise InputError(f'cannot read the preset {printable(path)}: {problem}') from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = ' '.join(str(error).split())
        if mark := getattr(error, 'problem_mark', None):
            problem = f'line {mark.line + 1}: {getattr(error, "problem", problem)}'
        raise InputError(f'{printable(path)} is not YAML: {printable(problem)}') from error
    if not isinstance(values, dict):
        raise InputError(
            f'{printable(path)}: expected entries such as "methods:", found {type(values).__name__}'
        )
    return values
