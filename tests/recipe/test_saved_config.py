"""Configs that a run saves are read as data, with the values and types that they had."""

import math
import sys

import pytest
from mmengine.config import Config

from rm_mm.compat import configs_root
from rm_mm.errors import InputError
from rm_mm.recipe.config import read_saved_config, save_config
from rm_mm.run.preparation import prepared_config
from rm_mm.run.requests import TrainRequest

LEAVES = sorted(configs_root().glob('[!_]*/*.py'))


def saved(tmp_path, values):
    save_config(Config(values), tmp_path / 'saved.py')
    return read_saved_config(tmp_path / 'saved.py')


@pytest.mark.parametrize(
    'value',
    [
        (1, (2,)), [1, [2]], {'a': {'b': None}}, {1: 2}, range(0, 640),
        set(), {1, 2}, frozenset({1}), slice(1, 2, None), ..., math.inf, -math.inf, -1.5e-8,
        1j, b'x', 'a "quoted" \'text\' \u00e9 \n', True, 10**30,
    ],
    ids=repr,
)  # fmt: skip
def test_values_keep_their_types(tmp_path, value):
    found = saved(tmp_path, {'a': value}).a
    assert found == value
    assert type(found) is type(Config({'a': value}).a)


def test_types_of_python_are_read_by_their_names(tmp_path):
    """mmengine writes them so on the onedl line; on the other it cannot write them."""
    (tmp_path / 'saved.py').write_text('a = [int, str, dict]')
    assert read_saved_config(tmp_path / 'saved.py').a == [int, str, dict]


def test_a_nan_is_one(tmp_path):
    assert math.isnan(saved(tmp_path, {'a': math.nan}).a)


@pytest.mark.parametrize('leaf', LEAVES[::8], ids=lambda path: path.stem)
def test_recipes_come_back_with_the_same_text(tmp_path, leaf):
    config = Config.fromfile(leaf)
    save_config(config, tmp_path / 'saved.py')
    assert read_saved_config(tmp_path / 'saved.py').pretty_text == config.pretty_text


@pytest.mark.parametrize(
    'text',
    [
        'import os\nos.mkdir("made")', 'a = __import__("os").mkdir("made")',
        'a = open("made", "w")',
        'a = [x for x in (1, 2)]', 'a = 1 if True else 2', 'a = dict', 'a = lambda: 1', 'a = (',
        'a = int("3")', 'a.b = 1', 'class A: pass', 'a = unknown',
    ],
)  # fmt: skip
def test_nothing_is_executed(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'saved.py').write_text(text)
    if text == 'a = dict':
        # A type of Python by its name: mmengine writes it so.
        assert read_saved_config(tmp_path / 'saved.py').a is dict
        return
    with pytest.raises(InputError, match='does not parse as a saved config'):
        read_saved_config(tmp_path / 'saved.py')
    assert not (tmp_path / 'made').exists()


def test_a_run_imports_the_custom_modules_of_its_saved_config(tmp_path, monkeypatch):
    (tmp_path / 'a_plug_in.py').write_text('IMPORTED = True\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    config = Config.fromfile(configs_root() / 'classification' / 'r18_rm_mini.py')
    config.custom_imports = dict(imports=['rm_mm', 'a_plug_in'])
    save_config(config, tmp_path / 'saved.py')
    # Reading it, as a plan or a comparison does, imports nothing.
    read_saved_config(tmp_path / 'saved.py')
    assert 'a_plug_in' not in sys.modules
    monkeypatch.setattr('rm_mm.run.preparation.require_data', lambda *_: None)
    monkeypatch.setattr('rm_mm.run.preparation.lay_out_embedded', lambda *_: None)
    prepared_config(TrainRequest(tmp_path / 'saved.py', resolved=True), ('train_dataloader',))
    assert sys.modules.pop('a_plug_in').IMPORTED
    config.custom_imports = dict(imports=['no_such_module'])
    save_config(config, tmp_path / 'saved.py')
    with pytest.raises(InputError, match='cannot be imported'):
        prepared_config(TrainRequest(tmp_path / 'saved.py', resolved=True), ('train_dataloader',))
