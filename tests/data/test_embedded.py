"""When the embedded images are laid out, and when not."""

import pytest
from mmengine.config import Config

from rm_mm.compat import config_path
from rm_mm.data import embedded, mini

SMALL = dict(train_images=10, val_images=10, train_scenes=2, val_scenes=2)
RECIPES = [
    'classification/r18_rm_mini.py',
    'detection/atss_r18_rm_mini.py',
    'segmentation/upernet_r18_rm_mini.py',
]


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """An empty current directory, and what prepare is called with."""
    monkeypatch.chdir(tmp_path)
    seen, prepare = [], mini.prepare

    def small(folder, *, progress):
        seen.append(folder)
        return prepare(folder, **SMALL)

    monkeypatch.setattr(mini, 'prepare', small)
    return seen


@pytest.mark.parametrize('recipe', RECIPES)
def test_a_mini_recipe_finds_its_images_anywhere(recipe, calls, tmp_path):
    config = Config.fromfile(config_path(recipe))
    embedded.lay_out_embedded(config, ('train_dataloader', 'val_dataloader'))
    assert [str(folder) for folder in calls] == ['data/mini']
    assert (tmp_path / config.train_dataloader.dataset.data_root).is_dir()
    embedded.lay_out_embedded(config, ('train_dataloader',))
    assert len(calls) == 1


def test_images_elsewhere_are_left_to_their_owner(calls):
    config = Config.fromfile(config_path(RECIPES[0]))
    config.train_dataloader.dataset.data_root = 'data/mini_of_mine'
    embedded.lay_out_embedded(config, ('train_dataloader',))
    assert not calls


def test_what_stands_there_is_not_touched(calls, tmp_path):
    (tmp_path / 'data' / 'mini').mkdir(parents=True)
    embedded.lay_out_embedded(Config.fromfile(config_path(RECIPES[0])), ('train_dataloader',))
    assert not calls


def test_a_full_size_recipe_has_none(calls):
    config = Config.fromfile(config_path('classification/r50_rm_in1k.py'))
    embedded.lay_out_embedded(config, ('train_dataloader',))
    assert not calls
