"""Runs with stand-ins for the commands: what they would do is tested elsewhere."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError, RejectedError
from rm_mm.records import read_record
from rm_mm.suite.cell.config import resolve_config
from rm_mm.suite.cell.prepared import CellOptions
from rm_mm.suite.launch.local import run_in_children as run
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS, PRETRAINING
from rm_mm.suite.plan.targets import find_target
from rm_mm.suite.steps.children import run_command
from tests.suite.cells import prepare_cells

BARE = 'model = dict(backbone=dict())\ntrain_cfg = dict(max_epochs=1)'
METRIC = {'r18': 'accuracy/top1', 'atss': 'coco/bbox_mAP', 'upernet': 'mIoU'}


@pytest.fixture
def steps(monkeypatch):
    """Replace the steps of a cell by a stand-in that leaves the files of the real ones."""
    calls, failing, dealt = [], set(), []

    def stand_in(step, on_line=None, threads=None, devices=None):
        request = step.request
        if step.command == 'test' and request.details:
            request.details.mkdir(parents=True, exist_ok=True)
            (request.details / 'per_class.json').write_text('{"bag": 12.5}')
            return
        source = request.checkpoint if step.command == 'export' else request.config
        calls.append((step.command, str(source)))
        dealt.append(devices)
        if step.command == 'export':
            request.output.parent.mkdir(exist_ok=True)
            request.output.write_bytes(f'backbone of {source}'.encode())
            return
        folder = request.work_dir
        if folder.name in failing:
            raise RejectedError('exit code 1')
        key = METRIC[folder.name.split('_')[0]]
        if step.command == 'test':
            request.out.write_text(json.dumps({key: 10.0}))
            return
        (folder / 'best_x_epoch_2.pth').touch()
        scalars = folder / '2026' / 'vis_data' / 'scalars.json'
        scalars.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({key: value, 'step': step}) for step, value in ((1, 0.3), (2, 0.2))]
        scalars.write_text('\n'.join(lines))

    monkeypatch.setattr('rm_mm.suite.launch.local.run_in_child', stand_in)
    monkeypatch.setattr('rm_mm.suite.execution.run_in_child', stand_in)
    stand_in.calls, stand_in.failing, stand_in.dealt = calls, failing, dealt
    return stand_in


def planned(work_dir, tasks=('classification', 'detection')):
    return plan_cells(PRESETS['mini'], ('scratch', 'rm'), tasks, (0,), work_dir)


def test_runs_what_is_missing_and_only_that(steps, tmp_path):
    cells = planned(tmp_path)
    done, left = prepare_cells(cells, CellOptions())
    assert (len(done), len(left)) == (0, 4)
    assert run(left, CellOptions(jobs=2)) == []
    assert sorted(command for command, _ in steps.calls) == ['export', 'test', *['train'] * 3]
    record = read_record(cells[-1].record)
    assert (record.task, record.method) == ('detection', 'rm')
    assert (record.best, record.best_step, record.last) == (30.0, 1, 20.0)
    assert record.backbone_sha256 is not None
    assert record.per_class == {'bag': 12.5}
    assert record.checkpoint == 'atss_r18_rm_mini/best_x_epoch_2.pth'
    config = (tmp_path / 'configs' / 'atss_r18_rm_mini.py').read_text()
    assert str(tmp_path / 'r18_rm_mini' / 'backbone.pth') in config
    floor = read_record(tmp_path / 'records' / 'r18_scratch_mini.json')
    assert (floor.best, floor.last_step) == (10.0, 0)

    cells[1].record.unlink()
    done, left = prepare_cells(cells, CellOptions())
    assert [item.cell for item in left] == [cells[1]]
    assert len(done) == 3


def test_a_failure_stops_only_what_depends_on_it(steps, tmp_path):
    steps.failing.add('r18_rm_mini')
    _, left = prepare_cells(planned(tmp_path), CellOptions())
    failures = run(left, CellOptions(jobs=2))
    assert [failure.split(':')[0] for failure in failures] == ['classification rm', 'detection rm']
    assert 'because its pretraining failed' in failures[1]
    assert len(list((tmp_path / 'records').iterdir())) == 2


def test_another_config_in_the_same_folder_is_refused(steps, tmp_path):
    _, left = prepare_cells(planned(tmp_path), CellOptions())
    assert list(tmp_path.iterdir()) == []
    prepare_cells(planned(tmp_path), CellOptions(scale=0.5))
    run(left, CellOptions())
    with pytest.raises(InputError, match='another --schedule-scale'):
        prepare_cells(planned(tmp_path), CellOptions(scale=0.5))


def test_schedules_are_shortened(tmp_path):
    _, left = prepare_cells(planned(tmp_path), CellOptions(scale=0.25))
    config = {item.cell.directory.name: item.config for item in left}['atss_r18_rm_mini']
    full = {
        i.cell.directory.name: i.config
        for i in prepare_cells(planned(tmp_path / 'b'), CellOptions())[1]
    }
    epochs = full['atss_r18_rm_mini'].train_cfg.max_epochs
    assert config.train_cfg.max_epochs == max(1, round(epochs / 4))
    assert config.param_scheduler[1].end == config.train_cfg.max_epochs


def test_a_command_that_fails_shows_the_end_of_its_log(tmp_path):
    code = 'import sys; print("\\n".join(map(str, range(50)))); sys.exit(3)'
    lines = []
    with pytest.raises(RejectedError, match=r'exit code 3(?s:.*)    49') as error:
        run_command([sys.executable, '-c', code], tmp_path / 'log', on_line=lines.append)
    assert '    37' not in str(error.value)
    assert len(lines) == 50
    assert (tmp_path / 'log').read_text().count('\n') == 50


def test_transfer_names_a_method_that_is_not_pretrained(steps, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('rm_mm.suite.cell.checks.require_data', lambda *_, **__: None)
    trained = tmp_path / 'r50_rm_in1k'
    trained.mkdir()
    (trained / 'best_accuracy_top1_epoch_300.pth').touch()
    call = ['transfer', 'atss', 'coco', '--methods', 'baseline,rm', '--work-dir', str(tmp_path)]
    call += ['--gpus', '0', '--batch-policy', 'accumulate']
    assert main([*call, '--setting', 'controlled']) == 1
    out, err = capsys.readouterr()
    assert 'baseline: not run, its pretraining is missing' in err
    assert 'tools/dist_train.sh configs/classification/r50_baseline_in1k.py 8' in err
    # Measured 30.0 beside the paper's 41.5.
    assert '30.00' in out
    assert '41.5' in out
    assert 'controlled' in out

    # The paper's baseline starts from published weights instead.
    steps.calls.clear()
    assert main(call) == 0
    assert steps.calls == [
        ('export', 'torchvision://resnet50'),
        ('train', str(tmp_path / 'configs' / 'atss_r50_baseline_coco.py')),
    ]
    out, _ = capsys.readouterr()
    table = out[out.index('method') :].splitlines()[2:4]
    assert [row.split()[:2] for row in table] == [['baseline', 'paper'], ['rm', 'paper']]


@pytest.mark.parametrize('call', [['suite', '--plan'], ['suite'], ['transfer', 'atss', 'mini']])
def test_a_file_is_no_work_dir(call, tmp_path, capsys):
    (tmp_path / 'f').write_text('x')
    assert main([*call, '--work-dir', str(tmp_path / 'f')]) == 2
    assert 'is a file: expected a folder' in capsys.readouterr().err
    assert (tmp_path / 'f').read_text() == 'x'


def test_two_tasks_have_no_data_root_in_common(tmp_path, capsys):
    call = ['suite', '--preset', 'paper', '--work-dir', str(tmp_path), '--data-root', 'data/coco']
    assert main(call) == 2
    assert 'one transfer task' in capsys.readouterr().err


def test_a_config_of_the_users_own_has_no_published_rows(tmp_path, capsys):
    (tmp_path / 'mine.py').write_text("default_scope = 'mmdet'")
    call = ['transfer', str(tmp_path / 'mine.py'), '--setting', 'paper']
    assert main(call) == 2
    assert 'only the setting controlled' in capsys.readouterr().err


def test_a_metric_that_nobody_knows_is_found_before_anything_runs(tmp_path):
    (tmp_path / 'mine.py').write_text("default_scope = 'mmdet'\n" + BARE)
    preset, kind = find_target([str(tmp_path / 'mine.py')], 'mini')
    cells = plan_cells(preset, ('scratch',), (kind,), (0,), tmp_path)
    with pytest.raises(InputError, match='no metric'):
        prepare_cells(cells, CellOptions())


def test_another_way_to_write_the_work_dir_is_the_same_run(steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(prepare_cells(planned(Path('runs')), CellOptions())[1], CellOptions())
    done, left = prepare_cells(planned(tmp_path / 'runs'), CellOptions())
    assert (len(done), len(left)) == (4, 0)


def test_a_full_disk_stops_only_its_own_cell(steps, tmp_path, monkeypatch):
    def full(path, text):
        if path.name.startswith('atss_r18_rm'):
            raise OSError(28, 'No space left on device', str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    monkeypatch.setattr('rm_mm.recipe.config.write_text', full)
    failures = run(prepare_cells(planned(tmp_path), CellOptions())[1], CellOptions())
    assert len(failures) == 1
    assert failures[0].startswith('detection rm: [Errno 28] No space left')


def test_gpus_and_jobs_do_not_share(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 8)
    call = ['suite', '--preset', 'paper', '--jobs', '2', '--work-dir', str(tmp_path)]
    assert main(call) == 2
    assert 'with 8 GPUs each need 16, found 8' in capsys.readouterr().err


def test_a_part_of_the_embedded_images_is_another_set(steps, tmp_path):
    leaf = "_base_ = 'rm_mm::detection/atss_r18_rm_mini.py'\n"
    (tmp_path / 'all.py').write_text(leaf)
    (tmp_path / 'part.py').write_text(f'{leaf}train_dataloader = dict(dataset=dict(indices=4))\n')
    found = {}
    for name in ('all', 'part'):
        METRIC[name] = 'coco/bbox_mAP'
        preset, kind = find_target([str(tmp_path / f'{name}.py')], 'mini')
        (cell,) = plan_cells(preset, ('scratch',), (kind,), (0,), tmp_path)
        (tmp_path / f'{name}_scratch').mkdir()
        options = CellOptions(data_fingerprint='of all')
        assert run(prepare_cells([cell], options)[1], options) == []
        found[name] = read_record(cell.record).data_fingerprint
    assert found == {'all': 'of all', 'part': None}


def test_a_run_goes_on_with_the_backbone_that_it_was_begun_with(steps, tmp_path):
    cells = planned(tmp_path)
    run(prepare_cells(cells, CellOptions())[1], CellOptions())
    last = next(cell for cell in cells if (cell.task, cell.method) == ('detection', 'rm'))
    # Its training was cut, and pretraining was run again.
    last.record.unlink()
    (last.directory / 'epoch_1.pth').touch()
    last.backbone.write_bytes(b'another')
    (failure,) = run(prepare_cells(cells, CellOptions())[1], CellOptions())
    assert 'was begun with another' in failure


def test_a_published_figure_is_not_that_of_the_users_own_run(steps, tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'rm_mm::detection/atss_r18_rm_mini.py'\n"
        "expected = dict(metric='coco/bbox_mAP', value=41.5, source='paper')\n"
    )
    preset, kind = find_target([str(tmp_path / 'mine.py')], 'mini')
    cells = plan_cells(preset, ('scratch',), (kind,), (0,), tmp_path)
    monkey = prepare_cells(cells, CellOptions())[1]
    (tmp_path / 'mine_scratch').mkdir()
    METRIC['mine'] = 'coco/bbox_mAP'
    assert run(monkey, CellOptions()) == []
    assert read_record(cells[0].record).published is None


def test_evaluations_of_a_run_of_iterations_keep_their_steps(tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'rm_mm::detection/atss_r18_rm_mini.py'\n"
        "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6)\n"
        "visualizer = dict(vis_backends=[dict(type='TensorboardVisBackend')])\n"
    )
    preset, kind = find_target([str(tmp_path / 'mine.py')], 'mini')
    (left,) = prepare_cells(
        plan_cells(preset, ('scratch',), (kind,), (0,), tmp_path), CellOptions()
    )[1]
    assert left.config.default_hooks.logger.log_metric_by_epoch is False
    # So do those of a pretraining of one's own.
    (tmp_path / 'pre.py').write_text(
        "_base_ = 'rm_mm::classification/r18_baseline_mini.py'\n"
        "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6)\n"
    )
    own = replace(PRESETS['mini'], custom={'pre': str(tmp_path / 'pre.py')})
    (cell,) = plan_cells(own, ('pre',), (PRETRAINING,), (0,), tmp_path)
    assert resolve_config(cell).default_hooks.logger.log_metric_by_epoch is False
    # The log that they are read from is written whatever else is.
    backends = [backend.type for backend in left.config.visualizer.vis_backends]
    assert backends == ['TensorboardVisBackend', 'LocalVisBackend']


@pytest.mark.parametrize(
    'line', ['randomness = None', 'train_cfg = None', 'data_preprocessor = dict(mean=127.5)']
)
def test_a_config_with_entries_of_another_kind_is_one_line(tmp_path, capsys, line):
    text = "_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'\n"
    line = f'model = dict({line})' if line.startswith('data') else line
    (tmp_path / 'mine.py').write_text(text + line)
    call = ['transfer', str(tmp_path / 'mine.py'), '--work-dir', str(tmp_path), '--gpus', '8']
    assert main(call) == 2
    assert 'Traceback' not in capsys.readouterr().err
