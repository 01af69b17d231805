"""A work directory of an earlier version is continued: only what is missing runs."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from rm_mm.errors import InputError
from rm_mm.recipe.config import read_saved_config, save_config
from rm_mm.records import read_record
from rm_mm.suite.cell.config import resolve_config
from rm_mm.suite.cell.prepared import CellOptions
from rm_mm.suite.cell.running import run_cell
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from tests.suite.cells import prepare_cells

OLD = Path(__file__).parents[1] / 'data' / 'work_dir'
#: What differs between the two runs, or was not in the fixture.
OTHER = (
    'seconds',
    'backbone_sha256',
    'data_fingerprint',
    'per_class',
    'config_diff',
    'config_sha256',
)


@pytest.fixture
def work_dir(tmp_path):
    """The old work directory, with empty checkpoints."""
    folder = tmp_path / 'mini'
    shutil.copytree(OLD, folder)
    (folder / 'r18_rm_mini' / 'best_accuracy_top1_epoch_6.pth').touch()
    (folder / 'atss_r18_rm_mini' / 'best_coco_bbox_mAP_epoch_3.pth').touch()
    (folder / 'atss_r18_rm_mini' / 'epoch_4.pth').touch()
    return folder


def cells(work_dir, **changes):
    tasks = ('classification', 'detection', 'segmentation')
    planned = plan_cells(PRESETS['mini'], ('rm',), tasks, (0,), work_dir)
    return prepare_cells(planned, CellOptions(**changes))


def test_its_cells_are_done(work_dir):
    done, remaining = cells(work_dir)
    names = ['r18_rm_mini', 'atss_r18_rm_mini', 'upernet_r18_rm_mini']
    assert [item.cell.directory.name for item in done] == names
    assert remaining == []


def test_it_is_known_to_be_another_run(work_dir):
    with pytest.raises(InputError, match='another --schedule-scale'):
        cells(work_dir, scale=0.5)


def test_a_missing_record_is_made_again_from_its_logs(work_dir):
    path = work_dir / 'records' / 'atss_r18_rm_mini.json'
    before = json.loads(path.read_text())
    path.unlink()
    backbone = work_dir / 'r18_rm_mini' / 'backbone.pth'
    backbone.write_bytes(b'the backbone')
    note = work_dir / 'atss_r18_rm_mini' / 'backbone.sha256'
    note.write_text(hashlib.sha256(b'the backbone').hexdigest() + '\n')
    done, (remaining,) = cells(work_dir)
    assert len(done) == 2
    steps = []
    run_cell(remaining, CellOptions(), steps.append)
    # Training is asked to resume, which finds it finished; details are evaluated.
    assert [step.command for step in steps] == ['train', 'test', 'test']
    assert steps[0].request.resume == 'auto'
    after = json.loads(path.read_text())
    assert {k: v for k, v in after.items() if k not in OTHER} == {
        k: v for k, v in before.items() if k not in OTHER
    }
    assert read_record(path).checkpoint == 'atss_r18_rm_mini/best_coco_bbox_mAP_epoch_3.pth'


def test_a_backbone_that_was_exported_again_is_noticed(work_dir):
    (work_dir / 'records' / 'atss_r18_rm_mini.json').unlink()
    (work_dir / 'r18_rm_mini' / 'backbone.pth').write_bytes(b'another')
    (work_dir / 'atss_r18_rm_mini' / 'backbone.sha256').write_text('0' * 64 + '\n')
    _, (remaining,) = cells(work_dir)
    with pytest.raises(ValueError, match='was begun with another'):
        run_cell(remaining, CellOptions(), lambda step: pytest.fail('it ran'))


def test_a_run_that_an_earlier_version_scaled_keeps_its_schedule(work_dir):
    """Ends of warm-ups were scaled to one step less."""
    tasks = ('classification', 'detection', 'segmentation')
    planned = plan_cells(PRESETS['mini'], ('rm',), tasks, (0,), work_dir)
    for cell in planned:
        save_config(resolve_config(cell, scale=0.5), cell.saved_config)
    path = planned[1].saved_config
    now = read_saved_config(path).param_scheduler[0].end
    path.write_text(path.read_text().replace(f'end={now},', f'end={now - 1},', 1))
    done, _ = cells(work_dir, scale=0.5)
    assert done[1].config.param_scheduler[0].end == now - 1
    # Any other difference is another run.
    path.write_text(path.read_text().replace(f'end={now - 1},', f'end={now - 2},', 1))
    with pytest.raises(InputError, match=r'found another param_scheduler\.LinearLR\.end'):
        cells(work_dir, scale=0.5)
