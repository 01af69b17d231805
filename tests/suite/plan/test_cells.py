from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from rm_mm.compat import configs_root
from rm_mm.errors import InputError
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS

MINI = PRESETS['mini']
METHODS = PRESETS['paper'].methods
TASKS = ('classification', 'detection', 'segmentation')


def test_each_cell_comes_after_the_one_whose_backbone_it_takes(tmp_path):
    cells = plan_cells(MINI, ('scratch', 'rm'), ('detection', 'segmentation'), (0, 1), tmp_path)
    names = [cell.name for cell in cells]
    # rm's pretraining was not asked for, but is needed; scratch has none to need.
    assert names == [
        'classification rm',
        'detection scratch',
        'segmentation scratch',
        'detection rm',
        'segmentation rm',
        'classification rm seed 1',
        'detection scratch seed 1',
        'segmentation scratch seed 1',
        'detection rm seed 1',
        'segmentation rm seed 1',
    ]
    rm = {cell.task: cell for cell in cells if cell.method == 'rm' and cell.seed == 1}
    assert rm['detection'].backbone == tmp_path / 'r18_rm_mini_seed1' / 'backbone.pth'
    assert rm['detection'].backbone == rm['classification'].backbone
    assert len({cell.record for cell in cells}) == len({cell.directory for cell in cells}) == 10


def test_paper_runs_are_where_dist_train_leaves_them():
    paper = PRESETS['paper']
    (cell,) = plan_cells(paper, ('rm',), ('classification',), (0,), paper.work_dir)
    assert cell.directory == Path('work_dirs/r50_rm_in1k')
    assert cell.config == 'classification/r50_rm_in1k.py'


def test_a_method_without_configs_is_named():
    with pytest.raises(InputError, match='preset paper has no configs for scratch'):
        plan_cells(PRESETS['paper'], ('scratch', 'rm'), ('detection',), (0,), Path('x'))


def rows(cells):
    return {(cell.column, cell.row): cell for cell in cells}


def test_only_cocos_baseline_differs_between_the_settings(tmp_path):
    preset = PRESETS['paper']
    tasks = tuple(preset.tasks)
    paper = rows(plan_cells(preset, METHODS, tasks, (0,), tmp_path, ('paper',)))
    controlled = rows(plan_cells(preset, METHODS, tasks, (0,), tmp_path, ('controlled',)))
    both = rows(plan_cells(preset, METHODS, tasks, (0,), tmp_path))
    assert set(both) == set(paper) | set(controlled)
    assert set(paper) - set(controlled) == {('atss_r50_coco', 'baseline')}
    assert set(controlled) - set(paper) == {('atss_r50_coco', 'baseline_controlled')}

    published = paper['atss_r50_coco', 'baseline']
    assert published.source == 'torchvision://resnet50'
    assert published.backbone == tmp_path / 'r50_torchvision' / 'backbone.pth'
    assert published.settings == ('paper',)
    ours = controlled['atss_r50_coco', 'baseline_controlled']
    assert ours.source is None
    assert ours.backbone == both['r50_in1k', 'baseline'].backbone
    assert (ours.method, ours.settings) == ('baseline', ('controlled',))
    assert ours.directory != published.directory
    assert both['upernet_r50_ade20k', 'baseline'].settings == ('paper', 'controlled')


def test_a_cell_takes_the_backbone_that_its_leaf_names(tmp_path):
    """Trained alone, a leaf is the same experiment as in the suite."""
    cells = plan_cells(PRESETS['paper'], METHODS, TASKS, (0,), Path('work_dirs'))
    for cell in cells:
        leaf = Config.fromfile(configs_root() / cell.config)
        assert leaf.settings == cell.settings
        if not cell.pretrains:
            assert leaf.model.backbone.init_cfg.checkpoint == str(cell.backbone)


def test_published_weights_need_no_pretraining(tmp_path):
    cells = plan_cells(PRESETS['paper'], ('baseline',), ('detection',), (0,), tmp_path, ('paper',))
    assert [cell.name for cell in cells] == ['detection baseline']


def test_a_column_with_one_config_has_a_folder_for_each_row(tmp_path):
    stock = PRESETS['paper'].tasks['detection']
    task = replace(stock, config='detection/gfl_r50_coco.py')
    preset = replace(
        PRESETS['paper'],
        tasks={'classification': PRESETS['paper'].tasks['classification'], 'detection': task},
    )
    cells = plan_cells(preset, ('baseline', 'rm'), ('detection',), (0, 1), tmp_path)
    folders = [cell.directory.name for cell in cells if not cell.pretrains]
    assert folders == [
        f'gfl_r50_coco_{row}{seed}'
        for seed in ('', '_seed1')
        for row in ('baseline', 'baseline_controlled', 'rm')
    ]
    assert len({cell.record for cell in cells}) == len(cells)
