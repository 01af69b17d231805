"""Configs written as literals, such as those in logs and checkpoints, read without running them."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from typing import Any

from rm_mm.errors import printable

#: Numbers in all ranges of a config. The longest known range lists the GPUs of a run; a config of
#: unknown origin must not fill the memory.
_LONGEST_RANGE = 100_000
#: What mmengine writes by name, and by a call, besides literals.
_NAMES: dict[str, Any] = {
    kind.__name__: kind for kind in (bool, bytes, complex, dict, float, int, list, set, str, tuple)
} | {'Ellipsis': ..., 'inf': math.inf, 'nan': math.nan}
_CALLS: dict[str | None, Any] = {kind.__name__: kind for kind in (set, frozenset, slice)}


def parse_literals(text: str, *, strict: bool = True, exact: bool = False) -> dict[str, Any]:
    """Parse the assignments of a config, without running any of it.

    Values are literals and calls of ``dict`` and ``range``, nested in any way.

    Args:
        text: The config.
        strict: Whether to raise ``ValueError`` on anything else. Otherwise other statements are
            skipped, a value that is no literal is None, and a text that does not parse has no
            assignments.
        exact: Whether values keep their types, for a config that mmengine wrote: also types of
            Python, infinities, sets and slices, by their names. Otherwise tuples and ranges become
            lists: configs in the logs of mmcv 1.x do not reliably keep these apart.
    """
    reader = _LiteralReader(strict, exact)
    values: dict[str, Any] = {}
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        if strict:
            raise ValueError(f'the config does not parse: {error}') from error
        return values
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        try:
            if not isinstance(statement, ast.Assign) or len(names) < len(targets):
                reader.reject('holds more than assignments of names', statement)
                continue
            value = reader.value(statement.value)
        except (RecursionError, MemoryError) as error:
            if strict:
                raise ValueError('the config is nested too deeply') from error
            value = None
        values |= dict.fromkeys(names, value)
    return values


class _LiteralReader:
    """Evaluates the values of one config."""

    def __init__(self, strict: bool, exact: bool) -> None:
        self._strict, self._exact = strict, exact
        self._numbers = 0

    def reject(self, problem: str, node: ast.AST) -> None:
        """Raise in strict mode; otherwise the value is None."""
        if self._strict:
            raise ValueError(f'the config {problem}: {printable(ast.unparse(node))}')

    def value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.List | ast.Tuple):
            elements = [self.value(element) for element in node.elts]
            keeps_tuple = self._exact and isinstance(node, ast.Tuple)
            return tuple(elements) if keeps_tuple else elements
        if isinstance(node, ast.Dict):
            return self._mapping(zip(node.keys, node.values, strict=True))
        if self._exact and isinstance(node, ast.Name) and node.id in _NAMES:
            return _NAMES[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.value(node.operand)
            return -value if isinstance(value, int | float | complex) else None
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError):
            return self.reject('holds more than literals', node)

    def _mapping(self, entries: Iterable[tuple[ast.expr | None, ast.expr]]) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key, node in entries:
            value = self.value(node)
            if key is None:  # ``**value``
                if isinstance(value, dict):
                    mapping |= value
                else:
                    self.reject('unpacks what is no mapping', node)
                continue
            try:
                mapping[ast.literal_eval(key)] = value
            except (ValueError, TypeError):
                self.reject('has a key that is no literal', key)
        return mapping

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in ('dict', 'range', *(_CALLS if self._exact else ())):
            return self.reject('calls a function', node)
        arguments = [self.value(argument) for argument in node.args]
        named = self._mapping(
            (ast.Constant(keyword.arg) if keyword.arg else None, keyword.value)
            for keyword in node.keywords
        )
        try:
            if name in _CALLS:
                return _CALLS[name](*arguments, **named)
            if name == 'range':
                return self._range(*arguments, **named)
            if not self._strict:
                arguments = [argument for argument in arguments if argument is not None]
            return {**dict(*arguments), **named}
        except (TypeError, ValueError, OverflowError) as error:
            return self.reject(f'has a call that fails ({error})', node)

    def _range(self, *ends: int) -> range | list[int]:
        numbers = range(*ends)
        if self._exact:
            return numbers
        if self._numbers + len(numbers) > _LONGEST_RANGE:
            raise ValueError(f'more than {_LONGEST_RANGE} numbers')
        self._numbers += len(numbers)
        return list(numbers)
