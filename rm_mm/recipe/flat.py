"""Configs as flat mappings of dotted keys to settings, with transforms by name, not by index."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any


class _Absent:
    """The value of a missing key."""

    def __repr__(self) -> str:
        return '—'


ABSENT = _Absent()


def flatten(
    node: Any, prefix: str = '', renamed: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Flatten a config.

    A list of components, such as a pipeline, becomes the list of their types. The settings of each
    component have its type in their keys: ``pipeline.Resize.scale``, or for the second one of a
    type ``pipeline.Resize#2.scale``. Tuples become lists.

    Args:
        node: A config, or the value of one of its keys.
        prefix: Dotted key of that value.
        renamed: Other names for the types of components.
    """
    if isinstance(node, Mapping):
        if not node:
            return {prefix: {}}
        flat: dict[str, Any] = {}
        for key, value in node.items():
            flat |= flatten(value, f'{prefix}.{key}' if prefix else str(key), renamed)
        return flat
    if not isinstance(node, list | tuple):
        return {prefix: node}
    if not node or not all(isinstance(part, Mapping) and 'type' in part for part in node):
        return {prefix: [*node]}
    types = [part['type'] for part in node]
    # The config of a log may have any value here.
    kinds = [renamed.get(kind, kind) if isinstance(kind, str) else kind for kind in types]
    flat = {prefix: kinds}
    for index, (kind, part) in enumerate(zip(kinds, node, strict=True)):
        before = kinds[:index].count(kind)
        name = f'{prefix}.{kind}#{before + 1}' if before else f'{prefix}.{kind}'
        if settings := {key: value for key, value in part.items() if key != 'type'}:
            flat |= flatten(settings, name, renamed)
    return flat


def effective(flat: Mapping[str, Any], key: str, scope: str) -> Any:
    """Return the value that takes effect at a dotted key: the config's, or the class's default.

    ``scope`` is that of the registries that have the classes, such as ``mmdet``.
    """
    if key in flat:
        return flat[key]
    parent, _, name = key.rpartition('.')
    # An element of a list is keyed by its type.
    kind = flat.get(f'{parent}.type', parent.rpartition('.')[2])
    default = _default(kind, name, scope)
    if default is ABSENT and kind == 'RandomResize':
        # It passes unknown arguments to the class in `resize_type`.
        default = _default(effective(flat, f'{parent}.resize_type', scope), name, scope)
    return [*default] if isinstance(default, tuple) else default


def without_tuples(value: Any) -> Any:
    """Return a value with its tuples as lists, at any depth of lists."""
    return [without_tuples(part) for part in value] if isinstance(value, list | tuple) else value


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
    # The module also has the root registries, with other classes of the same names.
    own = (each for each in vars(registries).values() if getattr(each, 'scope', None) == scope)
    return next((found for each in own if (found := each.get(name))), None)
