from pathlib import Path

import pytest

from rm_mm.errors import InputError
from rm_mm.suite.plan import plan
from rm_mm.suite.presets import PRESETS, find_transfer

MINI = PRESETS['mini']


def test_each_cell_comes_after_the_one_whose_backbone_it_takes(tmp_path):
    cells = plan(MINI, ('scratch', 'rm'), ('detection', 'segmentation'), (0, 1), tmp_path)
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
    (cell,) = plan(paper, ('rm',), ('classification',), (0,), paper.work_dir)
    assert cell.directory == Path('work_dirs/r50_rm_in1k')
    assert cell.config == 'classification/r50_rm_in1k.py'


def test_a_method_without_configs_is_named():
    with pytest.raises(InputError, match='preset paper has no configs for scratch'):
        plan(PRESETS['paper'], ('scratch', 'rm'), ('detection',), (0,), Path('x'))


def test_transfers_have_the_papers_names():
    assert find_transfer('ATSS', 'coco') == (PRESETS['paper'], 'detection')
    assert find_transfer('upernet', 'ade20k') == (PRESETS['paper'], 'segmentation')
    with pytest.raises(InputError, match='expected one of atss coco'):
        find_transfer('yolo', 'coco')
