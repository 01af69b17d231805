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

from rm_mm.errors import InputError, Mistakes, printable
from rm_mm.names import METHODS, TASKS, require_name
from rm_mm.suite.plan.custom import custom_method, custom_task
from rm_mm.suite.plan.presets import PRESETS, Preset
from rm_mm.suite.requests import Entry, sorted_seeds

#: Characters of a value that a message shows.
_LONGEST = 80
_KEYS = ('base', 'work_dir', 'methods', 'tasks', 'seeds')


@dataclass(frozen=True)
class Study:
    """A preset, custom methods and tasks included, and the names and seeds that are to run."""

    preset: Preset
    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]


def build_study(
    preset: str | Preset,
    methods: Sequence[Entry] | None,
    tasks: Sequence[Entry] | None,
    seeds: Sequence[int] | None,
    mistakes: Mistakes,
) -> Study:
    """Combine a preset with the methods, tasks and seeds of a call; None takes the preset's.

    Args:
        preset: Name of a preset, path of a YAML file, or a preset.
        methods: Methods of the call.
        tasks: Tasks of the call.
        seeds: Seeds of the call.
        mistakes: Collects every entry that cannot be used; it is left out.

    Raises:
        InputError: If the preset itself cannot be read.
    """
    if isinstance(preset, str):
        preset = PRESETS[preset] if preset in PRESETS else _from_file(Path(preset), mistakes)
    rows, columns = preset.methods, preset.columns or tuple(preset.tasks)
    if methods is not None:
        preset, rows = _add_methods(preset, methods, None, mistakes)
    if tasks is not None:
        preset, columns = _add_tasks(preset, tasks, None, mistakes)
    return Study(
        preset, _in_order(rows, METHODS), _in_order(columns, TASKS), tuple(seeds or preset.seeds)
    )


def _in_order(names: Iterable[str], first: Sequence[str]) -> tuple[str, ...]:
    """Return stock names in the suite's order, then custom ones in theirs, without duplicates."""
    given = tuple(dict.fromkeys(names))
    return (*(n for n in first if n in given), *(n for n in given if n not in first))


def _add_methods(
    preset: Preset, entries: Sequence[Entry], folder: Path | None, mistakes: Mistakes
) -> tuple[Preset, tuple[str, ...]]:
    """Add custom methods to a preset; also return the names of all methods."""
    custom, names = dict(preset.custom), []
    for name, path in entries:
        with mistakes.collecting():
            _require_whole(name, path)
            if name is None:
                raise InputError(f'{path!a}: a custom method needs a name: NAME={path}')
            if path is not None:
                source = custom_method(name, path, folder)
                if name in names and custom[name] != source:
                    raise InputError(f'two methods are called {name}')
                custom[name] = source
            elif name not in (*METHODS, *custom):
                known = ', '.join((*METHODS, *custom))
                raise InputError(
                    f'no method {name!a}: expected one of {known}, or a custom one as '
                    'NAME=CONFIG.py or NAME=CHECKPOINT'
                )
            names.append(name)
    return replace(preset, custom=custom), tuple(names)


def _add_tasks(
    preset: Preset, entries: Sequence[Entry], folder: Path | None, mistakes: Mistakes
) -> tuple[Preset, tuple[str, ...]]:
    """Add custom tasks to a preset; also return the names of all tasks."""
    tasks, names = dict(preset.tasks), []
    for name, path in entries:
        with mistakes.collecting():
            _require_whole(name, path)
            if path is not None:
                task = custom_task(preset, path, name, folder)
                name = task.name
                # Records are identified by the name of the column.
                if any(other.name == name and other != task for other in tasks.values()):
                    raise InputError(f'two tasks are called {name}: rename one, as NAME=CONFIG.py')
                tasks[name] = task
            if name not in tasks:
                known = ', '.join(tasks)
                raise InputError(f'no task {name!a}: expected one of {known}, or a config (.py)')
            names.append(name)
    return replace(preset, tasks=tasks), tuple(names)


def _require_whole(name: str | None, path: str | None) -> None:
    if '' in (name, path):
        found = name if path is None else f'{name}={path}'
        raise InputError(f'expected names, or NAME=PATH, found {found!a}')


def _from_file(path: Path, mistakes: Mistakes) -> Preset:
    """Read a study file; whatever it does not set comes from its base."""
    values, file, folder = _read_yaml(path), printable(path), path.parent
    for key in (key for key in values if key not in _KEYS):
        mistakes.add(f'{file}: no entry {_short(key)}: expected one of {", ".join(_KEYS)}')
    base = values.get('base', 'paper')
    if not isinstance(base, str) or base not in PRESETS:
        known = ', '.join(PRESETS)
        raise InputError(f'{file}: no preset {_short(base)} as base: expected one of {known}')
    require_name(path.stem, (), 'preset')
    work_dir = values.get('work_dir') or f'work_dirs/{path.stem}'
    if not isinstance(work_dir, str):
        mistakes.add(f'{file}, work_dir: expected a path, found {_short(work_dir)}')
        work_dir = path.stem
    preset = replace(PRESETS[base], name=path.stem, work_dir=Path(work_dir).expanduser())
    if 'methods' in values:
        given = _entries(values['methods'], f'{file}, methods', mistakes)
        preset, names = _add_methods(preset, given, folder, mistakes)
        preset = replace(preset, methods=names)
    if 'tasks' in values:
        given = _entries(values['tasks'], f'{file}, tasks', mistakes)
        preset, names = _add_tasks(preset, given, folder, mistakes)
        preset = replace(preset, columns=names)
    if 'seeds' in values:
        value = values['seeds']
        if seeds := sorted_seeds(value if isinstance(value, list) else [value]):
            return replace(preset, seeds=seeds)
        mistakes.add(f'{file}, seeds: expected numbers such as [0, 1], found {_short(value)}')
    return preset


def _short(value: Any) -> str:
    """Show a value of a file, cut to fit into a message."""
    # reprlib: a value that refers to itself many times would be too long to write out.
    text = reprlib.repr(value).encode('ascii', 'backslashreplace').decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + '…'


def _entries(value: Any, place: str, mistakes: Mistakes) -> list[Entry]:
    """Read ``name: path``, ``name:`` or ``name``, as a mapping or a list of them."""
    pairs: list[tuple[Any, Any]] = []
    for item in value if isinstance(value, list) else [value]:
        pairs += item.items() if isinstance(item, dict) else [(item, None)]
    found: list[Entry] = []
    if not pairs:
        mistakes.add(f'{place}: expected one or more, found none')
    for name, path in pairs:
        if not isinstance(name, str) or not isinstance(path, str | None):
            entry = _short(name) + ('' if path is None else f': {_short(path)}')
            mistakes.add(f'{place}: expected a name, or a name and a path, found {entry}')
        else:
            found.append((None, name) if path is None and name.endswith('.py') else (name, path))
    return found


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


def _read_yaml(path: Path) -> dict[str, Any]:
    """Read the entries of a YAML file; nothing in it is executed."""
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
