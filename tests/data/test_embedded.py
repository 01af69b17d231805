"""When the embedded images are laid out, and when not."""

import pytest
from mmengine.config import Config

from rm_mm.compat import packaged_config
from rm_mm.data import embedded, mini
from rm_mm.errors import InputError

SMALL = dict(train_images=10, val_images=10, train_scenes=2, val_scenes=2)
RECIPES = [
    'classification/r18_rm_mini.py',
    'detection/atss_r18_rm_mini.py',
    'segmentation/upernet_r18_rm_mini.py',
]


@pytest.fixture
def asked():
    """The sizes that prepare is called with."""
    return {}


@pytest.fixture
def calls(tmp_path, monkeypatch, asked):
    """An empty current directory, and the folders that prepare is called with."""
    monkeypatch.chdir(tmp_path)
    seen, prepare = [], mini.prepare

    def small(folder, *, progress, **sizes):
        seen.append(folder)
        asked.update(sizes)
        return prepare(folder, **SMALL)

    monkeypatch.setattr(mini, 'prepare', small)
    return seen


def lay_out(recipe):
    embedded.lay_out_embedded(Config.fromfile(packaged_config(recipe)), ('train_dataloader',))


@pytest.mark.parametrize('recipe', RECIPES)
def test_a_mini_recipe_finds_its_images_anywhere(recipe, calls, tmp_path):
    config = Config.fromfile(packaged_config(recipe))
    embedded.lay_out_embedded(config, ('train_dataloader', 'val_dataloader'))
    assert [str(folder) for folder in calls] == ['data/mini']
    assert (tmp_path / config.train_dataloader.dataset.data_root).is_dir()
    embedded.lay_out_embedded(config, ('train_dataloader',))
    assert len(calls) == 1


@pytest.mark.parametrize('recipe', RECIPES)
def test_a_recipe_says_how_many_images_it_takes(recipe, calls, asked):
    lay_out(recipe)
    assert asked == {}
    full = recipe.replace('_mini', '_mini_full')
    lay_out(full)
    assert [str(folder) for folder in calls] == ['data/mini', 'data/mini-full']
    assert asked == Config.fromfile(packaged_config(full)).embedded_sizes
    assert sorted(asked) == ['train_images', 'train_scenes', 'val_images', 'val_scenes']


def test_images_elsewhere_are_left_to_their_owner(calls):
    config = Config.fromfile(packaged_config(RECIPES[0]))
    config.train_dataloader.dataset.data_root = 'data/mini_of_mine'
    embedded.lay_out_embedded(config, ('train_dataloader',))
    assert not calls


def test_a_set_of_another_size_is_kept(calls, tmp_path):
    mini.prepare(tmp_path / 'data' / 'mini', progress=None)
    before = (tmp_path / 'data' / 'mini' / 'mini.json').read_text()
    calls.clear()
    lay_out(RECIPES[0])
    assert not calls
    assert (tmp_path / 'data' / 'mini' / 'mini.json').read_text() == before


def test_an_empty_folder_is_filled(calls, tmp_path):
    (tmp_path / 'data' / 'mini').mkdir(parents=True)
    lay_out(RECIPES[0])
    assert (tmp_path / 'data' / 'mini' / 'mini.json').is_file()


@pytest.mark.parametrize(
    ('place', 'words'),
    [
        ('a file', 'data/mini is a file'),
        ('files of others', 'is not empty and has no mini.json'),
        ('a file above', 'cannot lay the embedded images out in data/mini'),
        ('a link to itself', 'cannot lay the embedded images out in data/mini'),
    ],
)
def test_what_else_stands_there_is_named_and_not_touched(calls, tmp_path, place, words):
    data = tmp_path / 'data'
    if place == 'a file above':
        data.touch()
    else:
        data.mkdir()
    if place == 'a file':
        (data / 'mini').touch()
    elif place == 'files of others':
        (data / 'mini' / 'imagenet').mkdir(parents=True)
        (data / 'mini' / 'imagenet' / 'x').touch()
    elif place == 'a link to itself':
        (data / 'mini').symlink_to('mini')
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(InputError, match=words):
        lay_out(RECIPES[0])
    assert sorted(tmp_path.rglob('*')) == before


def test_a_full_size_recipe_has_none(calls):
    config = Config.fromfile(packaged_config('classification/r50_rm_in1k.py'))
    embedded.lay_out_embedded(config, ('train_dataloader',))
    assert not calls
