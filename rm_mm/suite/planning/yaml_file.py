"""A YAML file of entries, read as YAML has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from rm_mm.errors import InputError, printable


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which PyYAML takes the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                said = f'{key.value!a} is there twice'
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The entries of a file; nothing in it is run.

    Raises:
        InputError: If it cannot be read, is no YAML, or holds no entries.
    """
    try:
        values = yaml.load(path.read_text(encoding='utf-8'), _Loader)
    except (OSError, UnicodeError) as error:
        said = getattr(error, 'strerror', None) or 'it is no text'
        raise InputError(f'cannot read the preset {printable(path)}: {said}') from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = ' '.join(str(error).split())
        if mark := getattr(error, 'problem_mark', None):
            said = f'line {mark.line + 1}: {getattr(error, "problem", said)}'
        raise InputError(f'{printable(path)} is no YAML: {printable(said)}') from error
    if not isinstance(values, dict):
        raise InputError(
            f'{printable(path)}: expected entries such as "methods:", found {type(values).__name__}'
        )
    return values
