"""What would end a run of one's own config later is said at planning."""

from dataclasses import replace

import pytest

from rm_mm.cli import main
from rm_mm.compat import configs_root
from rm_mm.errors import InputError
from rm_mm.recipe.config import read_config
from rm_mm.suite.cell.config import continued_config, resolve_config
from rm_mm.suite.cell.trainable import require_trainable
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS, PRETRAINING


def config_of(tmp_path, text, leaf='classification/r18_baseline_mini.py'):
    path = tmp_path / 'own.py'
    path.write_text(f'_base_ = {str(configs_root() / leaf)!r}\n{text}\n')
    return read_config(path)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('train_cfg = dict(val_begin=7)', 'it ends before it is evaluated: .* found 7'),
        ('train_cfg = dict(max_epochs=200)', 'max_epochs=200 is more than T_max=6'),
        ("load_from = 'nope.pth'", 'nope.pth'),
        ("model = dict(head=dict(type='NoSuchHead'))", 'it does not build: .*NoSuchHead'),
        ("optim_wrapper = dict(optimizer=dict(type='Best'))", "no optimizer is called 'Best'"),
        ("param_scheduler = dict(type='Up', _delete_=True)", "no parameter scheduler .*'Up'"),
        ('model = dict(backbone=dict(base_channels=-4))', 'it does not build: .*negative'),
        ("train_dataloader = dict(dataset=dict(type='NoSet'))", "no dataset is called 'NoSet'"),
        ("train_dataloader = dict(sampler=dict(type='NoOrder'))", "no data sampler .*'NoOrder'"),
        ("val_dataloader = dict(dataset=dict(pipeline=[dict(type='Lod')]))", "no .* called 'Lod'"),
        ('val_cfg = None', 'it has no val_cfg'),
        (
            'default_hooks = dict(logger=dict(intervall=1))',
            "LoggerHook has no argument 'intervall'",
        ),
        ('val_evaluator = dict(nonsense=1)', "Accuracy has no argument 'nonsense'"),
        ("custom_hooks = [dict(type='NoHook')]", "no hook is called 'NoHook'"),
        ("runner_type = 'NoRunner'", "no runner is called 'NoRunner'"),
        ('optim_wrapper = None', 'it has no optim_wrapper'),
    ],
)
def test_a_pretraining_that_would_fail(tmp_path, text, said):
    config = config_of(tmp_path, text)
    with pytest.raises(InputError, match=said):
        require_trainable(config)


@pytest.mark.parametrize(
    'name',
    [
        'classification/r50_rm_in1k.py',
        'mmpretrain::resnet/resnet50_8xb256-rsb-a1-600e_in1k.py',
        'mmseg::convnext/convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py',
        'detection/atss_r18_rm_mini.py',
        'segmentation/upernet_r18_rm_mini.py',
        'mmpretrain::resnet/resnet50_8xb32_in1k.py',
        'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
        'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py',
    ],
)
def test_recipes_and_the_libraries_own_would_train(name, capsys):
    require_trainable(read_config(name))
    # Of what constructors have to say a plan says nothing.
    assert capsys.readouterr().out == ''


def test_what_needs_several_processes_is_built_by_them(tmp_path):
    text = "dict(type='ZeroRedundancyOptimizer', optimizer_type='SGD', lr=0.1, _delete_=True)"
    require_trainable(config_of(tmp_path, f'optim_wrapper = dict(optimizer={text})'))


@pytest.mark.parametrize(
    ('checkpoint', 'kept'),
    [
        ('dict(save_best=None)', 'accuracy/top1'),
        ('None', 'accuracy/top1'),
        ("dict(save_best='auto')", 'accuracy/top1'),
        ("dict(save_best=['accuracy/top5'])", ['accuracy/top5', 'accuracy/top1']),
    ],
)
def test_the_best_of_a_pretraining_is_kept(tmp_path, checkpoint, kept):
    config_of(tmp_path, f'default_hooks = dict(checkpoint={checkpoint})')
    own = replace(PRESETS['mini'], custom={'mine': str(tmp_path / 'own.py')})
    (cell,) = plan_cells(own, ('mine',), (PRETRAINING,), (0,), tmp_path)
    hook = resolve_config(cell).default_hooks.checkpoint
    assert (hook.type, hook.save_best, hook.rule) == ('CheckpointHook', kept, 'greater')


def test_a_folder_that_was_moved_is_of_the_same_run_and_one_without_a_trace_of_none(tmp_path):
    def cell(work_dir):
        return plan_cells(PRESETS['mini'], ('rm',), ('detection',), (0,), work_dir)[1]

    first, moved = cell(tmp_path / 'first'), cell(tmp_path / 'moved')
    first.saved_config.parent.mkdir(parents=True)
    first.saved_config.write_text(resolve_config(first).pretty_text)
    first.directory.mkdir()
    (first.directory / 'epoch_1.pth').touch()
    (tmp_path / 'first').rename(tmp_path / 'moved')
    continued_config(moved, resolve_config(moved))
    with pytest.raises(InputError, match=r'found another param_scheduler\.LinearLR\.end'):
        continued_config(moved, resolve_config(moved, scale=0.5))
    # A run that never began is begun with whatever the config is by now.
    (moved.directory / 'epoch_1.pth').unlink()
    continued_config(moved, resolve_config(moved, scale=0.5))


def test_a_norm_of_several_processes_is_no_mistake(tmp_path):
    norm = "model = dict(neck=dict(norm_cfg=dict(type='MMSyncBN')))"
    require_trainable(config_of(tmp_path, norm, 'detection/atss_r18_rm_mini.py'))


def test_planning_asks_each_config_of_ones_own(tmp_path, capsys):
    leaf = configs_root() / 'classification/r18_baseline_mini.py'
    for name, text in (
        ('a', "train_dataloader = dict(dataset=dict(data_root='nowhere'))"),
        ('b', 'train_cfg = dict(max_epochs=200)'),
        ('c', "val_evaluator = dict(type='ConfusionMatrix', _delete_=True)"),
        ('d', 'import sys\nsys.exit(3)'),
    ):
        (tmp_path / f'{name}.py').write_text(f'_base_ = {str(leaf)!r}\n{text}\n')
    methods = ','.join(f'm{name}={tmp_path}/{name}.py' for name in 'abcd')
    call = ['suite', '--preset', 'mini', '--plan', '--work-dir', str(tmp_path / 'runs')]
    assert main([*call, '--tasks', 'detection', '--methods', methods]) == 2
    said = capsys.readouterr().err
    # Nothing is said of backbones that such a run would have left.
    assert '4 mistakes' in said
    assert 'nowhere/train: not there' in said
    assert f'{tmp_path}/b.py: max_epochs=200 is more than' in said
    assert f'{tmp_path}/c.py: no metric' in said
    assert 'd.py does not parse: SystemExit: 3' in said


def test_all_that_is_wrong_with_the_options_is_said(tmp_path, capsys):
    words = ['--gpus', '-1', '--jobs', '0', '--partition', 'x', '--device', 'A100', '--probe']
    assert main(['suite', '--preset', 'mini', '--plan', '--work-dir', str(tmp_path), *words]) == 2
    said = capsys.readouterr().err
    assert '4 mistakes' in said
    for word in ('--gpus must', '--jobs must', '--partition is for', 'leave out --device'):
        assert word in said


def test_a_folder_that_cannot_be_is_no_work_dir(tmp_path, capsys):
    (tmp_path / 'file').touch()
    call = ['suite', '--preset', 'mini', '--plan', '--work-dir']
    assert main([*call, str(tmp_path / 'file' / 'below')]) == 2
    assert f'{tmp_path}/file is a file: expected a folder' in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit_:
        main([*call, ''])
    assert exit_.value.code == 2


def test_what_cannot_be_probed_leaves_the_others_their_cost(tmp_path, capsys, monkeypatch):
    from rm_mm.errors import RejectedError
    from rm_mm.suite.cost import estimate
    from rm_mm.suite.cost.probe import Probe

    def probe(item, options):
        if item.cell.pretrains:
            raise RejectedError('it fell over')
        return Probe(0.5, 100, 4, 10**6, 'CPU')

    monkeypatch.setattr(estimate, 'probe_cell', probe)
    call = ['suite', '--preset', 'mini', '--plan', '--probe', '--work-dir', str(tmp_path)]
    assert main([*call, '--methods', 'rm', '--tasks', 'detection', '--gpus', '0']) == 2
    captured = capsys.readouterr()
    assert 'classification rm: it fell over' in captured.err
    assert 'atss_r18_mini: 0.5 s an iteration' in captured.out
