"""The recipe of a log, by the call, by its name or by its content; and the seeds of logs."""

import json
from pathlib import Path

import pytest

from rm_mm.errors import InputError
from rm_mm.logs.logged_run import LoggedRun, read_run
from rm_mm.reporting.logs.identify import identify
from rm_mm.reporting.logs.rows import read_rows
from rm_mm.reporting.results import arrange
from rm_mm.reporting.sources import files_of
from rm_mm.reporting.table import build_table

ATSS = {
    'model': {'type': 'ATSS', 'backbone': {'type': 'ResNet', 'depth': 50}},
    'dataset_type': 'CocoDataset',
}


@pytest.mark.parametrize(
    ('path', 'metric', 'names', 'config', 'found'),
    [
        # Names of our work directories.
        ('w/r50_rm_in1k/2026/vis_data/scalars.json', 'top1_percent', [], {},
         ('r50_in1k', 'rm', 'classification/r50_rm_in1k.py')),
        ('w/atss_r50_cutmix_coco/2026/vis_data/scalars.json', 'box_ap_percent', [], {},
         ('atss_r50_coco', 'cutmix', 'detection/atss_r50_cutmix_coco.py')),
        ('gfl_r50_coco_mixup.json', 'box_ap_percent', [], {},
         ('gfl_r50_coco', 'mixup', 'detection/gfl_r50_coco.py')),
        ('mask_rcnn_r50_coco_rm.json', 'mask_ap_percent', [], {},
         ('mask_rcnn_r50_coco', 'rm', 'detection/mask_rcnn_r50_coco.py')),
        ('gfl_runs/atss_r50_rm_coco.json', 'box_ap_percent', [], {},
         ('atss_r50_coco', 'rm', 'detection/atss_r50_rm_coco.py')),
        # By their content; the name of the file has priority.
        ('mixup.json', 'box_ap_percent', ['atss_r50_fpn_1x_coco_rm.py'], ATSS,
         ('atss_r50_coco', 'mixup', 'detection/atss_r50_mixup_coco.py')),
        ('x.log', 'top1_percent', ['./logs/cifar100_resnet50_baseline'], {},
         ('resnet50_cifar100', 'baseline', 'classification/resnet50_baseline_cifar100.py')),
        # Matches no recipe: a row without a published figure.
        ('rm.json', 'box_ap_percent', ['yolox_s_voc.py'], {}, ('yolox_s_voc', 'rm', None)),
        # `warm` is no method.
        ('warmup_baseline_r50_in1k.log', 'top1_percent', [], {},
         ('r50_in1k', 'baseline', 'classification/r50_baseline_in1k.py')),
    ],
)  # fmt: skip
def test_found(path, metric, names, config, found):
    # An absolute path: the folder of the tests may have any name.
    run = LoggedRun(Path('/logs', path), 'test', names=names, config=config)
    recipe = identify(run, metric)
    assert (recipe.column, recipe.method, recipe.config) == found


def test_the_method_of_the_call_has_priority():
    run = LoggedRun(Path('r50_rm_in1k.log'), 'test')
    assert identify(run, 'top1_percent', 'cutmix').config == 'classification/r50_cutmix_in1k.py'


@pytest.mark.parametrize('name', ['train.log', 'rm_or_cutmix.log'])
def test_an_unknown_method(name):
    with pytest.raises(InputError, match=f'as in baseline=/logs/{name}'):
        identify(LoggedRun(Path('/logs', name), 'test'), 'top1_percent')


def test_folders_and_log_must_agree():
    def method(path, *names):
        return identify(LoggedRun(Path(path), 'test', names=list(names)), 'top1_percent').method

    assert method('/data/x_baseline/20260101.log') == 'baseline'
    assert method('/data/rm_mm/20260101.log', 'resnet50_cutmix') == 'cutmix'
    assert method('/data/x_rm/20260101.log', 'resnet50_rm') == 'rm'
    assert method('/scratch/me/20260101.log', 'resnet50_rm') == 'rm'
    assert method('/data/x_baseline/cutmix.log', 'resnet50_rm') == 'cutmix'
    with pytest.raises(InputError, match='contain baseline and rm; put the method before the log'):
        method('/data/x_baseline/20260101.log', 'resnet50_rm')


def test_two_logs_of_a_method_are_two_seeds_and_none_is_rejected(tmp_path):
    line = 'Epoch [1/9][0/5]\tlr 0.1\nEpoch(val) [1]\tTest Acc@1: 0.5\tTest\n'
    for name in ('a', 'b'):
        (tmp_path / f'r50_rm_in1k_{name}.log').write_text(line)
    logs = [(None, path) for path in sorted(tmp_path.iterdir())]
    records, remarks = read_rows(logs)
    assert [record.seed for record in records] == [0, 1]
    assert len(remarks) == 3
    assert remarks[-1].endswith('in the order of the call')
    (tmp_path / 'none.log').write_text('Epoch [1/9][0/5]\tlr 0.1\n')
    with pytest.raises(InputError, match='no evaluation in'):
        read_rows([('rm', tmp_path / 'none.log')])
    (tmp_path / 'other.log').write_text('{"multi-label/mAP": 40.0, "time": 0.1, "step": 1}\n')
    with pytest.raises(InputError, match=r'found multi-label/mAP$'):
        read_rows([('rm', tmp_path / 'other.log')])


def log_of(path, seed, value, epochs=12):
    first = {'env_info': '', 'exp_name': path.name, 'seed': seed}
    train = {'mode': 'train', 'epoch': epochs, 'iter': 50}
    made = {'mode': 'val', 'epoch': epochs, 'iter': 9, 'bbox_mAP': value}
    path.write_text('\n'.join(json.dumps(entry) for entry in (first, train, made)) + '\n')
    return (None, path)


def test_a_folder_of_mmcvs_logs_is_one_run(tmp_path):
    _, first = log_of(tmp_path / '20260101_120001.log.json', 0, 0.3, epochs=1)
    _, second = log_of(tmp_path / '20260101_120002.log.json', 0, 0.4, epochs=2)
    run = read_run(*files_of(tmp_path))
    assert run.curve('box_ap_percent') == [(1, 30.0), (2, 40.0)]
    assert run.path == first
    # Names that users gave tell nothing about the runs.
    second.rename(tmp_path / 'rm.log.json')
    with pytest.raises(InputError, match='holds several logs'):
        files_of(tmp_path)


def test_seeds_that_the_logs_state_pair_them_in_any_order(tmp_path):
    base = [log_of(tmp_path / f'atss_r50_coco_baseline_{s}.json', s, 0.4 + s / 100) for s in (1, 2)]
    mixed = [log_of(tmp_path / f'atss_r50_coco_rm_{s}.json', s, 0.45 + s / 100) for s in (2, 1)]
    records, remarks = read_rows([*base, *mixed])
    assert [record.seed for record in records] == [1, 2, 2, 1]
    assert len(remarks) == 4
    # Only the seed that both have is a pair.
    others = [log_of(tmp_path / f'atss_r50_coco_rm_{s}.json', s, 0.5) for s in (8, 9)]
    records, remarks = read_rows([*base, mixed[0], others[1]])
    assert [record.seed for record in records] == [1, 2, 2, 9]
    assert arrange(records).rows[1].cells[0].gains == pytest.approx([5.0])
    assert len(remarks) == 4
    # Without a common seed, logs are paired in their order, with a remark.
    records, remarks = read_rows([*base, *others])
    assert [record.seed for record in records] == [0, 1, 0, 1]
    assert remarks[-1].startswith('atss_r50_coco: ')
    assert 'in the order of the call' in remarks[-1]


def test_a_log_without_a_seed_leaves_others_their_pairs(tmp_path):
    base = [log_of(tmp_path / f'atss_r50_coco_baseline_{s}.json', s, 0.4 + s / 100) for s in (1, 2)]
    mixed = [log_of(tmp_path / f'atss_r50_coco_rm_{s}.json', s, 0.41 + s / 100) for s in (2, 1)]
    silent = log_of(tmp_path / 'atss_r50_coco_cutmix.json', None, 0.5)
    # An unfinished run is in another setting, and takes no seed of theirs.
    short = log_of(tmp_path / 'atss_r50_coco_baseline_short.json', None, 0.1, epochs=3)
    records, remarks = read_rows([short, *base, *mixed, silent])
    assert [record.seed for record in records] == [0, 1, 2, 2, 1, 1]
    rows = {(row.method, row.setting): row.cells[0].gains for row in arrange(records).rows}
    assert rows['rm', 'paper'] == pytest.approx([1.0, 1.0])
    assert rows['cutmix', 'paper'] == pytest.approx([9.0])
    assert remarks[-1].startswith('atss_r50_coco: seeds of logs are numbered')


def test_a_log_of_the_same_run_as_a_record_keeps_its_seed(tmp_path):
    kept, _ = read_rows([log_of(tmp_path / 'atss_r50_coco_baseline.json', 0, 0.4)])
    again = log_of(tmp_path / 'atss_r50_coco_baseline_again.json', 0, 0.4)
    # So that the call can reject it.
    assert read_rows([again], kept)[0][0].seed == 0


def test_two_logs_of_one_seed_are_numbered(tmp_path):
    logs = [log_of(tmp_path / f'atss_r50_coco_rm_{name}.json', 5, 0.4) for name in 'ab']
    records, remarks = read_rows(logs)
    assert [record.seed for record in records] == [0, 1]
    assert remarks[-1] == 'atss_r50_coco: 2 logs of rm state seed 5: are they several runs?'
    distinct = [log_of(tmp_path / f'atss_r50_coco_rm_{seed}.json', seed, 0.4) for seed in (5, 6)]
    assert [record.seed for record in read_rows(distinct)[0]] == [5, 6]


def test_logs_of_no_recipe_that_end_elsewhere_are_no_pair(tmp_path):
    base = log_of(tmp_path / 'atss_r50_coco_baseline.json', 0, 0.4, epochs=11)
    ours = log_of(tmp_path / 'atss_r50_coco_rm.json', 0, 0.2, epochs=3)
    records, _ = read_rows([base, ours])
    table = build_table(records)
    assert table.rows[1][4] == '-'
    assert 'the baseline has a schedule of another length: no gain.' in ' '.join(table.notes)
    again = log_of(tmp_path / 'atss_r50_coco_rm_again.json', 0, 0.2, epochs=4)
    notes = build_table(read_rows([ours, again])[0]).notes
    assert 'rm of atss_r50_coco: its runs end at different steps: 3, 4.' in notes


def test_a_log_is_paired_with_records(tmp_path):
    base = [log_of(tmp_path / f'atss_r50_coco_baseline_{s}.json', s, 0.4 + s / 100) for s in (0, 2)]
    kept, _ = read_rows(base)
    stated = log_of(tmp_path / 'atss_r50_coco_rm_2.json', 2, 0.5)
    (record,), remarks = read_rows([stated], kept)
    assert (record.seed, len(remarks)) == (2, 1)
    silent = log_of(tmp_path / 'atss_r50_coco_rm_none.json', None, 0.5)
    (record,), remarks = read_rows([silent], kept)
    assert record.seed == 0
    assert 'in the order of the call' in remarks[-1]
    # A log of a row with records is another run.
    (record,), _ = read_rows([log_of(tmp_path / 'atss_r50_coco_baseline_x.json', None, 0.5)], kept)
    assert record.seed == 1


def test_a_run_that_is_longer_than_the_recipe_has_no_published_figure(tmp_path):
    _, path = log_of(tmp_path / 'atss_r50_coco_rm.json', 0, 0.43, epochs=12)
    assert read_rows([(None, path)])[0][0].published == 41.5
    log_of(path, 0, 0.43, epochs=36)
    (record,), remarks = read_rows([(None, path)])
    assert (record.published, record.settings) == (None, ['log'])
    assert 'no published figure' in remarks[0]


def test_an_unfinished_run_has_no_published_figure(tmp_path):
    _, path = log_of(tmp_path / 'atss_r50_coco_rm.json', 0, 0.43, epochs=11)
    (record,), remarks = read_rows([(None, path)])
    assert (record.published, record.settings) == (None, ['log'])
    assert '1 evaluation to epoch 11 of 12: unfinished' in remarks[0]


def test_an_evaluation_by_iterations_is_after_the_last_line_of_training(tmp_path):
    # A line every 50 iterations; the last one was lost.
    path = tmp_path / 'upernet_r50_ade20k_baseline.json'
    first = {'env_info': '', 'exp_name': 'x', 'config': 'runner = dict(max_iters=80000)'}
    lines = [{'mode': 'train', 'epoch': 1, 'iter': n} for n in range(50, 79_951, 50)]
    value = {'mode': 'val', 'epoch': 1, 'iter': 250, 'mIoU': 0.4}
    path.write_text('\n'.join(map(json.dumps, [first, *lines, value])))
    (record,), remarks = read_rows([(None, path)])
    assert (record.last_step, record.settings) == (79_950, ['paper'])
    assert 'unfinished' not in remarks[0]
    path.write_text('\n'.join(map(json.dumps, [first, *lines[:-1], value])))
    (record,), remarks = read_rows([(None, path)])
    assert record.settings == ['log']
    assert 'iteration 79900 of 80000: unfinished' in remarks[0]


def test_a_custom_method_is_in_the_column_of_the_recipes(tmp_path):
    _, path = log_of(tmp_path / 'atss_r50_coco_12.json', 0, 0.43)
    (record,), remarks = read_rows([('moco', path)])
    assert (record.method, record.column, record.settings) == ('moco', 'atss_r50_coco', ['paper'])
    assert (record.published, record.config) == (None, '')
    assert 'published' not in remarks[0]
    for name in ('moco_v3', 'baseline'):
        log_of(tmp_path / f'mydet_{name}.json', 0, 0.4)
    logs = [('moco_v3', tmp_path / 'mydet_moco_v3.json'), (None, tmp_path / 'mydet_baseline.json')]
    assert {record.column for record in read_rows(logs)[0]} == {'mydet'}


@pytest.mark.parametrize(
    ('name', 'column'),
    [
        ('mydet_rm.json', 'mydet'),
        ('rm/scalars.json', 'unnamed'),
        ('faster_rm/20260101_120000/vis_data/scalars.json', 'faster'),
    ],
)
def test_a_log_without_a_recipe_is_named_after_its_files_without_the_method(tmp_path, name, column):
    # The names of three folders count.
    path = tmp_path / '1' / '2' / '3' / name
    path.parent.mkdir(parents=True)
    path.write_text('{"coco/bbox_mAP": 0.5, "step": 1}\n')
    (record,), _ = read_rows([(None, path)])
    assert (record.method, record.column) == ('rm', column)


def test_the_config_next_to_an_mmengine_log_identifies_it(tmp_path):
    folder = tmp_path / 'runs' / '20260101_120000' / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('{"coco/bbox_mAP": 0.5, "step": 12}\n')
    config = folder / 'config.py'
    config.write_text(
        "dataset_type = 'CocoDataset'\n"
        "train_dataloader = dict(dataset=dict(dataset=dict(data_root='data/tools/')))\n"
        'randomness = dict(seed=7)\n'
        "default_hooks = dict(logger=dict(type='LoggerHook'))\n"
        "model = dict(type='ATSS', backbone=dict(depth=50))\n"
    )
    (record,), _ = read_rows([('rm', tmp_path / 'runs')])
    assert (record.column, record.published) == ('atss_r50_coco', 41.5)
    config.write_text(config.read_text().replace('ATSS', 'FCOS'))
    (record,), _ = read_rows([('rm', folder)])
    assert (record.column, record.published) == ('FCOS_CocoDataset_resnet50_tools', None)
    # It is read, not run.
    config.write_text('import os\nos.mkdir("here")\n')
    (record,), _ = read_rows([('rm', folder)])
    assert record.column == 'runs'
    assert not Path('here').exists()


def test_a_run_on_the_embedded_images_is_in_their_setting(tmp_path):
    train, evaluated = {'iter': 9, 'step': 9, 'epoch': 6}, {'accuracy/top1': 40.0, 'step': 6}
    lines = [json.dumps(train), json.dumps(evaluated), '']
    (tmp_path / 'r18_rm_mini.json').write_text('\n'.join(lines))
    (record,), _ = read_rows([(None, tmp_path / 'r18_rm_mini.json')])
    assert (record.settings, record.column) == (['mini'], 'r18_mini')


def test_names_are_fit_for_a_terminal(tmp_path):
    path = tmp_path / 'rm.json'
    path.write_text(
        '{"env_info": "", "exp_name": "a\\u001b[31m\\ud800\\n.py"}\n'
        '{"mode": "val", "epoch": 1, "bbox_mAP": 0.5}\n'
    )
    (record,), remarks = read_rows([(None, path)])
    assert record.column.isprintable()
    assert remarks[0].isascii()
