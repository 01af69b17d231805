"""What the import contract in pyproject.toml does not cover: names, and lengths of files."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / 'rm_mm'
#: Each module of the command line adds its parsers; the two entry points are both called main.
SHARED = {'add_parsers', 'main'}


def public_names(path):
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, kinds)]
    return [name for name in names if not name.startswith('_')]


def test_no_public_name_is_used_twice():
    places = defaultdict(list)
    for path in PACKAGE.rglob('*.py'):
        for name in public_names(path):
            places[name].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 500
    assert {name: where for name, where in places.items() if len(where) > 1}.keys() <= SHARED


def test_no_module_name_says_nothing():
    stems = {path.stem for path in PACKAGE.rglob('*.py')}
    assert not stems & {'command', 'common', 'helper', 'helpers', 'misc', 'util', 'utils'}


def test_files_keep_to_one_subject():
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob('*.py')}
    assert {str(path) for path, length in lengths.items() if length > 450} == set()
