"""Configs as flat mappings: one dotted key a setting, transforms by name instead of by index."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any


class _Absent:
    """The value of a key that is not there."""

    def __repr__(self) -> str:
        return '—'


ABSENT = _Absent()


def flatten(
    node: Any, prefix: str = '', renamed: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """The settings of a config.

    A list of components, such as a pipeline, becomes the list of their types under its own key,
    and the settings of each under its type: ``pipeline.Resize.scale``, ``pipeline.Resize#2.scale``
    for the second of a type. Tuples become lists.

    Args:
        node: A config, or what is below one of its keys.
        prefix: That key, dotted.
        renamed: Other names for types in such lists.
    """
    if isinstance(node, Mapping):
        if not node:
            return {prefix: {}}
        flat: dict[str, Any] = {}
        for key, value in node.items():
            flat |= flatten(value, f'{prefix}.{key}' if prefix else str(key), renamed)
        return flat
    if isinstance(node, (list, tuple)):
        if node and all(isinstance(part, Mapping) and 'type' in part for part in node):
            kinds = [_renamed(part['type'], renamed) for part in node]
            flat = {prefix: kinds}
            for index, part in enumerate(node):
                settings = {key: value for key, value in part.items() if key != 'type'}
                before = kinds[:index].count(kinds[index])
                name = f'{kinds[index]}#{before + 1}' if before else kinds[index]
                if settings:
                    flat |= flatten(settings, f'{prefix}.{name}', renamed)
            return flat
        return {prefix: [*node]}
    return {prefix: node}


def _renamed(kind: Any, renamed: Mapping[str, str]) -> Any:
    # A log may have anything here.
    return renamed.get(kind, kind) if isinstance(kind, str) else kind


def effective(flat: Mapping[str, Any], key: str, scope: str) -> Any:
    """What a config resolves to at a key: what it says, else its class's default.

    Args:
        flat: Of the config.
        key: Dotted.
        scope: Whose registries name its classes, such as ``mmdet``.
    """
    if key in flat:
        return flat[key]
    parent, _, name = key.rpartition('.')
    # An element of a list is keyed by its type.
    kind = flat.get(f'{parent}.type', parent.rpartition('.')[2])
    default = _default(kind, name, scope)
    if default is ABSENT and kind == 'RandomResize':
        # It hands on what it does not know.
        default = _default(effective(flat, f'{parent}.resize_type', scope), name, scope)
    return [*default] if isinstance(default, tuple) else default


def _default(kind: Any, name: str, scope: str) -> Any:
    component = _component(kind, scope) if isinstance(kind, str) and kind.isidentifier() else None
    for base in inspect.getmro(component) if inspect.isclass(component) else ():
        parameter = inspect.signature(base).parameters.get(name)
        if parameter is not None and parameter.default is not parameter.empty:
            return parameter.default
    return ABSENT


@cache
def _component(name: str, scope: str) -> Any:
    import_module(f'{scope}.utils').register_all_modules(init_default_scope=False)
    registries = import_module(f'{scope}.registry')
    # Beside its own, the module holds the root registries, whose classes of a name are others.
    own = (each for each in vars(registries).values() if getattr(each, 'scope', None) == scope)
    return next((found for each in own if (found := each.get(name))), None)
