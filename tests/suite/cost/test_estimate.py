"""The plan and its price; expected figures are worked out by hand from the published paces."""

import json
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.suite.cell.prepared import CellOptions
from rm_mm.suite.cost.cost import Cost, checkpoint_bytes, from_log, from_probe, wall_seconds
from rm_mm.suite.cost.estimate import duration
from rm_mm.suite.cost.gpus import find_gpu, speedup
from rm_mm.suite.cost.probe import Probe, probe_cell, shortened
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from tests.suite.cells import prepare_cells

PAPER = PRESETS['paper']


def prepared(preset, method, task, work_dir):
    cells = [c for c in plan_cells(preset, (method,), (task,), (0,), work_dir) if c.task == task]
    return prepare_cells(cells, CellOptions())[1][0]


def test_a_published_log_is_scaled_by_gpus_schedule_and_card(tmp_path):
    item = prepared(PAPER, 'rm', 'classification', tmp_path)
    pace = PAPER.tasks['classification'].pace
    # 300 epochs of 2503 iterations, 0.325 s each, on eight cards.
    assert pace.seconds == pytest.approx(244_042.5)
    cost = from_log(item, pace, CellOptions(gpus=8), 'TITAN Xp')
    assert cost.gpu_hours == pytest.approx(244_042.5 * 8 / 3600)
    assert cost.seconds == pytest.approx(244_042.5)
    half = from_log(item, pace, CellOptions(gpus=16, scale=0.5), 'TITAN Xp')
    assert half.gpu_hours == pytest.approx(cost.gpu_hours / 2)
    assert half.seconds == pytest.approx(244_042.5 / 4)
    # 19.5 by 12.1 teraflops is less than 1555 by 547.7 GB/s.
    faster = from_log(item, pace, CellOptions(gpus=8), 'A100')
    assert faster.seconds == pytest.approx(244_042.5 * 12.1 / 19.5)


def test_cards_are_found_in_any_spelling():
    assert find_gpu('nvidia a100') == 'A100'
    assert find_gpu('RTX-3090') == find_gpu('GeForce RTX 3090') == 'RTX 3090'
    assert speedup('TITAN Xp', 'TITAN Xp') == 1
    # Bound by its memory: 1008 by 547.7.
    assert speedup('RTX 4090', 'TITAN Xp') == pytest.approx(1008 / 547.7)
    with pytest.raises(InputError, match=r"--device 'A1000': expected one of TITAN Xp.*--probe"):
        find_gpu('A1000')


def test_a_probe_is_multiplied_by_the_schedule(tmp_path):
    found = Probe(0.5, 100, 10**6, 'cpu', 12)
    epochs = prepared(PRESETS['mini'], 'rm', 'classification', tmp_path)
    # Six epochs; last, best and one being written.
    assert from_probe(epochs, found, CellOptions()) == Cost(6 * 100 * 0.5, 0, 3 * 10**6)
    iterations = prepared(PRESETS['mini'], 'rm', 'segmentation', tmp_path)
    assert from_probe(iterations, found, CellOptions()).seconds == 300 * 0.5
    # Accumulated over four batches, a step takes four iterations: the recipe's batch is 16.
    iterations = prepared(PAPER, 'rm', 'segmentation', tmp_path)
    cost = from_probe(iterations, found, CellOptions(gpus=2, batch_policy='accumulate'))
    assert cost.seconds == 4 * 80_000 * 0.5
    assert cost.gpu_hours == pytest.approx(4 * 80_000 * 0.5 * 2 / 3600)


def test_wall_time_waits_for_backbones_and_for_a_free_place(tmp_path):
    cells = plan_cells(
        PRESETS['mini'], ('scratch', 'rm'), ('classification', 'detection'), (0,), tmp_path
    )
    seconds = {'classification scratch': 0, 'classification rm': 10} | dict.fromkeys(
        ['detection scratch', 'detection rm'], 4
    )
    pairs = [(cell, Cost(seconds[cell.name], 1, 0)) for cell in cells]
    assert wall_seconds(pairs, 1) == 18
    # 10 of pretraining, beside which scratch is trained, and 4 after it.
    assert wall_seconds(pairs, 2) == 14
    assert wall_seconds([], 2) == 0
    # More than there are cells is as many as there are cells.
    assert wall_seconds(pairs, 10**14) == wall_seconds(pairs, len(pairs))


def test_duration():
    assert [duration(s) for s in (59.6, 3725, 86_399, 86_400, 3 * 86_400 + 7_260)] == [
        '1:00', '1:02:05', '23:59:59', '1 d 00:00', '3 d 02:01'
    ]  # fmt: skip


def test_a_checkpoint_of_the_paper_is_as_large_as_its_numbers(tmp_path):
    """ResNet-50: 25,557,032 parameters (torchvision's own count), 53 norms of 26,560 channels."""
    numbers = 25_557_032 + 2 * 26_560 + 53
    item = prepared(PAPER, 'baseline', 'classification', tmp_path)
    assert checkpoint_bytes(item.config, 8) == 4 * 2 * numbers
    # RecursiveMix: a second layer of 2048 x 1000, and eight batches of 64 images.
    item = prepared(PAPER, 'rm', 'classification', tmp_path)
    region = 2048 * 1000 + 1000
    history = 8 * 64 * 3 * 224 * 224
    assert checkpoint_bytes(item.config, 8) == 4 * (2 * (numbers + region) + history)


def test_a_network_that_cells_share_is_built_once(tmp_path, monkeypatch):
    from rm_mm.suite.cost import cost

    monkeypatch.setattr(cost, '_sizes', {})
    item = prepared(PAPER, 'baseline', 'classification', tmp_path)
    numbers = checkpoint_bytes(item.config, 8)
    assert len(cost._sizes) == 1
    with monkeypatch.context() as patch:
        patch.setattr('mmengine.registry.Registry.build', None)
        assert checkpoint_bytes(item.config, 8) == numbers
    other = prepared(PAPER, 'rm', 'classification', tmp_path)
    assert checkpoint_bytes(other.config, 8) > numbers
    assert len(cost._sizes) == 2
    # A task's cells load another file each.
    for method in ('mixup', 'cutmix'):
        checkpoint_bytes(prepared(PAPER, method, 'detection', tmp_path).config, 8)
    assert len(cost._sizes) == 3


def plan_of(capsys, *words):
    code = main(['suite', '--plan', *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_plan_of_the_paper(capsys, tmp_path):
    code, out, err = plan_of(
        capsys, '--preset', 'paper', '--methods', 'rm', '--tasks', 'detection', '--gpus', '8',
        '--usd-per-gpu-hour', '2', '--work-dir', str(tmp_path / 'w'),
    )  # fmt: skip
    lines = [line.split() for line in out.splitlines()]
    # 244042.5 s and 12 x 7330 x 0.36 s, times eight.
    assert lines[2][:5] == ['classification', 'rm', 'pretrain,', 'evaluate', 'missing']
    assert lines[2][5:9] == ['542.3', '2', 'd', '19:47']
    assert lines[3][:5] == ['detection', 'rm', 'transfer,', 'evaluate', 'missing']
    assert lines[3][5:9] == ['classification', 'rm', '70.4', '8:47:46']
    assert 'To run: 613 GPU-hours, 3 d 04:35 of wall time on 8 GPUs a cell' in out
    assert 'At 2 USD a GPU-hour: 1,225 USD.' in out
    assert '0.36 s an iteration, 87,960 iterations on 8 x TITAN Xp' in out
    # The data sets are not there: the plan is shown, and then what is wrong with it.
    assert code == 2
    assert '2 mistakes' in err
    assert not (tmp_path / 'w').exists()


def test_the_plan_tells_what_is_done_and_what_was_begun(capsys, tmp_path):
    cells = plan_cells(PRESETS['mini'], ('rm',), ('detection', 'segmentation'), (0,), tmp_path)
    record = json.loads(
        (Path(__file__).parents[2] / 'data/records/schema2.json').read_text(encoding='utf-8')
    )
    cells[1].record.parent.mkdir()
    cells[1].record.write_text(json.dumps(record))
    cells[0].directory.mkdir()
    (cells[0].directory / 'epoch_2.pth').touch()
    length = {'length': {'max_epochs': 6}}
    (cells[0].directory / 'environment.json').write_text(json.dumps(length))
    code, out, _ = plan_of(
        capsys, '--methods', 'rm', '--tasks', 'detection,segmentation', '--work-dir', str(tmp_path)
    )
    assert code == 0
    rows = {' '.join(line.split()[:2]): line for line in out.splitlines()}
    assert 'epoch 2 of 6' in rows['classification rm']
    assert rows['detection rm'].split()[4] == 'done'
    assert rows['segmentation rm'].split()[4] == 'missing'
    assert '3 cells: 1 done, 2 to run.' in out
    assert 'r18_mini: no published log; --probe measures it here.' in out


@pytest.mark.parametrize('words', [['--probe'], ['--device', 'A100'], ['--usd-per-gpu-hour', '0']])
def test_questions_about_the_plan_need_a_plan(words, capsys):
    assert main(['suite', *words]) == 2
    assert f'{words[0]} is a question about the plan' in capsys.readouterr().err


def test_a_probe_is_of_this_machine(capsys):
    assert plan_of(capsys, '--probe', '--device', 'A100')[0] == 2


@pytest.mark.slow
def test_a_probe_trains_and_measures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    item = prepared(PRESETS['mini'], 'baseline', 'detection', tmp_path)
    found = probe_cell(item, CellOptions(jobs=2))
    assert 0 < found.seconds_an_iteration < 60
    # 600 scenes in batches of eight.
    assert found.iterations_an_epoch == 75
    assert found.device == 'cpu'
    # The estimate counts numbers; the file holds names, the generators' states and more beside.
    numbers = checkpoint_bytes(item.config, 1)
    assert numbers < found.checkpoint_bytes < 1.5 * numbers + 10**6


def test_a_probe_keeps_what_a_backbone_freezes(tmp_path):
    item = prepared(PAPER, 'rm', 'detection', tmp_path)
    backbone = shortened(item, CellOptions(gpus=8)).model.backbone
    assert (backbone.frozen_stages, backbone.norm_eval) == (1, True)
    assert backbone.init_cfg is None
    item = prepared(PAPER, 'rm', 'classification', tmp_path)
    assert shortened(item, CellOptions(gpus=8)).train_cfg.max_iters == 12
    # Eight batches make a step, which leaves two steps for about as many batches.
    accumulated = CellOptions(gpus=1, batch_policy='accumulate')
    assert shortened(item, accumulated).train_cfg.max_iters == 2


def test_what_cannot_be_used_is_neither_done_nor_to_run(capsys, tmp_path):
    config = tmp_path / 'empty.py'
    config.write_text("default_scope = 'mmpretrain'\n")
    code, out, err = plan_of(
        capsys, '--methods', f'baseline,m={config}', '--tasks', 'classification', '--work-dir',
        str(tmp_path / 'w'), '--device', 'foo',
    )  # fmt: skip
    assert code == 2
    rows = {' '.join(line.split()[:2]): line for line in out.splitlines()}
    assert rows['classification m'].split()[-1] == 'wrong'
    assert '2 cells: 0 done, 1 to run, 1 wrong.' in out
    # Both, at once.
    assert 'is not the config of a whole run' in err
    assert "--device 'foo'" in err
