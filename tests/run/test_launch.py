import pytest
from mmengine.config import Config

from rm_mm.cli import main
from rm_mm.compat import packaged_config
from rm_mm.data import mini
from rm_mm.run.preparation import default_work_dir
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS

CONFIG = 'classification/r18_rm_mini.py'


@pytest.mark.parametrize(
    ('call', 'present', 'missing'),
    [
        (['train', CONFIG, '--no-validate'], 'train', None),
        (['train', CONFIG], 'train', 'val'),
        (['train', CONFIG, '--no-validate'], 'val', 'train'),
        (['test', CONFIG, 'none'], 'val', None),
        (['test', CONFIG, 'none'], 'train', 'val'),
    ],
)
def test_only_the_data_that_is_read_has_to_be_there(tmp_path, capsys, call, present, missing):
    # An ImageNet split is a folder with one a class; of the mini preset `test` reads `val`.
    (tmp_path / present / 'bag').mkdir(parents=True)
    code = main([*call, '--check', '--data-root', str(tmp_path)])
    message = capsys.readouterr().err
    if missing is None:
        assert (code, message) == (0, '')
    else:
        assert code == 2
        assert f'{tmp_path}/{missing}: not there' in message
        assert f'{tmp_path}/{present}: ' not in message


def test_a_mini_recipe_needs_nothing_but_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare = mini.prepare_mini
    sizes = dict(train_images=10, val_images=10, train_scenes=2, val_scenes=2)
    monkeypatch.setattr(mini, 'prepare_mini', lambda folder, progress: prepare(folder, **sizes))
    assert main(['train', CONFIG, '--check']) == 0
    assert (tmp_path / 'data' / 'mini' / 'imagenet' / 'train').is_dir()


@pytest.mark.parametrize('preset', PRESETS)
def test_a_run_goes_where_the_suite_looks_for_it(preset):
    chosen = PRESETS[preset]
    for cell in plan_cells(chosen, ('rm',), chosen.tasks, (0,), chosen.work_dir):
        config = Config.fromfile(packaged_config(cell.config))
        assert default_work_dir(config, cell.config) == cell.directory
