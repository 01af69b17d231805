"""When the embedded images are written, and when not."""

import pytest
from mmengine.config import Config

from rm_mm.compat import packaged_config
from rm_mm.data import mini
from rm_mm.data.sources import lay_out_embedded
from rm_mm.errors import InputError

SMALL = dict(train_images=10, val_images=10, train_scenes=2, val_scenes=2)
RECIPES = [
    'classification/r18_rm_mini.py',
    'detection/atss_r18_rm_mini.py',
    'segmentation/upernet_r18_rm_mini.py',
]


@pytest.fixture
def sizes():
    """The sizes that prepare_mini is called with."""
    return {}


@pytest.fixture
def calls(tmp_path, monkeypatch, sizes):
    """The folders that prepare_mini is called with, starting in an empty directory."""
    monkeypatch.chdir(tmp_path)
    folders, prepare = [], mini.prepare_mini

    def small(folder, *, progress, **given):
        folders.append(folder)
        sizes.update(given)
        return prepare(folder, **SMALL)

    monkeypatch.setattr(mini, 'prepare_mini', small)
    return folders


def lay_out(recipe):
    lay_out_embedded(Config.fromfile(packaged_config(recipe)), ('train_dataloader',))


@pytest.mark.parametrize('recipe', RECIPES)
def test_images_of_a_mini_recipe_are_written_once(recipe, calls, tmp_path):
    config = Config.fromfile(packaged_config(recipe))
    lay_out_embedded(config, ('train_dataloader', 'val_dataloader'))
    assert [str(folder) for folder in calls] == ['data/mini']
    assert (tmp_path / config.train_dataloader.dataset.data_root).is_dir()
    lay_out_embedded(config, ('train_dataloader',))
    assert len(calls) == 1


@pytest.mark.parametrize('recipe', RECIPES)
def test_a_recipe_sets_the_numbers_of_images(recipe, calls, sizes):
    lay_out(recipe)
    assert sizes == {}
    full = recipe.replace('_mini', '_mini_full')
    lay_out(full)
    assert [str(folder) for folder in calls] == ['data/mini', 'data/mini-full']
    assert sizes == Config.fromfile(packaged_config(full)).embedded_sizes
    assert sorted(sizes) == ['train_images', 'train_scenes', 'val_images', 'val_scenes']


def test_nothing_is_written_for_images_elsewhere(calls):
    config = Config.fromfile(packaged_config(RECIPES[0]))
    config.train_dataloader.dataset.data_root = 'data/mini_of_mine'
    lay_out_embedded(config, ('train_dataloader',))
    assert not calls


def test_a_set_of_another_size_is_kept(calls, tmp_path):
    mini.prepare_mini(tmp_path / 'data' / 'mini', progress=None)
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
        ('unrelated files', 'is not empty and has no mini.json'),
        ('a file above', 'cannot write the embedded images to data/mini'),
        ('a link to itself', 'cannot write the embedded images to data/mini'),
    ],
)
def test_anything_else_in_the_way_is_reported_and_left_unchanged(calls, tmp_path, place, words):
    data = tmp_path / 'data'
    if place == 'a file above':
        data.touch()
    else:
        data.mkdir()
    if place == 'a file':
        (data / 'mini').touch()
    elif place == 'unrelated files':
        (data / 'mini' / 'imagenet').mkdir(parents=True)
        (data / 'mini' / 'imagenet' / 'x').touch()
    elif place == 'a link to itself':
        (data / 'mini').symlink_to('mini')
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(InputError, match=words):
        lay_out(RECIPES[0])
    assert sorted(tmp_path.rglob('*')) == before


def test_nothing_is_written_for_a_full_size_recipe(calls):
    config = Config.fromfile(packaged_config('classification/r50_rm_in1k.py'))
    lay_out_embedded(config, ('train_dataloader',))
    assert not calls
