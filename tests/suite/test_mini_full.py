"""The preset behind the measured table: what it consists of, and that all of it reads one set."""

import pytest
from mmengine.config import Config

from rm_mm.cli import main
from rm_mm.compat import packaged_config
from rm_mm.data import mini
from rm_mm.data.sources import datasets
from rm_mm.suite import execution
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS

PRESET = PRESETS['mini-full']


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run a call up to its cells: those, and what the images are laid out with."""
    cells, laid_out = [], []

    def prepare(folder, *, progress, **sizes):
        laid_out.append((str(folder), sizes))
        return folder

    def prepare_cells(planned, options, mistakes):
        cells.extend(planned)
        return [], []

    def run_cells(call, remaining, failures=()):
        options = execution.with_embedded_data(call.options, call.preset)
        assert options.data_fingerprint == 'of data/mini-full'
        return execution.SuiteResult([], [], len(call.cells))

    monkeypatch.setattr(mini, 'prepare_mini', prepare)
    monkeypatch.setattr(mini, 'fingerprint', lambda folder: f'of {folder}')
    monkeypatch.setattr(execution, 'prepare_cells', prepare_cells)
    monkeypatch.setattr(execution, '_run', run_cells)

    def run(*arguments):
        assert main([*arguments, '--work-dir', str(tmp_path)]) == 0
        return cells, laid_out

    return run


def test_nothing_said_is_five_methods_three_tasks_and_five_seeds(call):
    cells, laid_out = call('suite', '--preset', 'mini-full')
    assert len({cell.record for cell in cells}) == 5 * 3 * 5
    assert {cell.seed for cell in cells} == {0, 1, 2, 3, 4}
    assert {cell.method for cell in cells} == {'scratch', 'baseline', 'mixup', 'cutmix', 'rm'}
    recipe = Config.fromfile(packaged_config('detection/atss_r18_rm_mini_full.py'))
    assert laid_out == [('data/mini-full', recipe.embedded_sizes.to_dict())]


def test_a_piece_is_the_seeds_that_are_asked_for(call):
    cells, _ = call('suite', '--preset', 'mini-full', '--seeds', '3')
    assert len(cells) == 15
    assert {cell.seed for cell in cells} == {3}


def test_one_task_of_it_by_name(call):
    cells, _ = call('transfer', 'atss', 'mini-full', '--methods', 'scratch')
    assert [cell.seed for cell in cells] == [0, 1, 2, 3, 4]
    assert {cell.column for cell in cells} == {'atss_r18_mini_full'}


@pytest.mark.parametrize('name', ['mini', 'mini-full'])
def test_all_recipes_of_a_preset_read_the_set_that_it_lays_out(name, tmp_path):
    preset = PRESETS[name]
    methods = ('scratch', 'baseline', 'mixup', 'cutmix', 'rm')
    cells = plan_cells(preset, methods, tuple(preset.tasks), (0,), tmp_path)
    configs = [Config.fromfile(packaged_config(cell.config)) for cell in cells]
    assert len(configs) == 15
    for config in configs:
        assert config.embedded_data == str(preset.data)
        assert config.get('embedded_sizes') == configs[0].get('embedded_sizes')
        roots = [dataset['data_root'] for dataset in datasets(config)]
        assert all(root.startswith(f'{preset.data}/') for root in roots)
        initializer = config.model.backbone.get('init_cfg') or {}
        if checkpoint := initializer.get('checkpoint'):
            assert checkpoint.startswith(f'{preset.work_dir}/r18_')
