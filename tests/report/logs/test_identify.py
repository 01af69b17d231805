"""Which recipe a log is of: by the call, by its name, by what stands in it; or it is refused."""

import json
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError
from rm_mm.report.logs.curve import LoggedRun
from rm_mm.report.logs.identify import identify
from rm_mm.report.logs.rows import named_path, read_rows

ATSS = {
    'model': {'type': 'ATSS', 'backbone': {'type': 'ResNet', 'depth': 50}},
    'dataset_type': 'CocoDataset',
}


@pytest.mark.parametrize(
    ('path', 'metric', 'names', 'config', 'found'),
    [
        # By the names of our own runs.
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
        # By what stands in them; the file's own name comes first.
        ('mixup.json', 'box_ap_percent', ['atss_r50_fpn_1x_coco_rm.py'], ATSS,
         ('atss_r50_coco', 'mixup', 'detection/atss_r50_mixup_coco.py')),
        ('x.log', 'top1_percent', ['./logs/cifar100_resnet50_baseline'], {},
         ('resnet50_cifar100', 'baseline', 'classification/resnet50_baseline_cifar100.py')),
        # Of no recipe here: a row without a published figure.
        ('rm.json', 'box_ap_percent', ['yolox_s_voc.py'], {}, ('yolox_s_voc', 'rm', None)),
        # `warm` is none of the methods.
        ('warmup_baseline_r50_in1k.log', 'top1_percent', [], {},
         ('r50_in1k', 'baseline', 'classification/r50_baseline_in1k.py')),
    ],
)  # fmt: skip
def test_found(path, metric, names, config, found):
    # Wherever the tests are run: the folder above may be called anything.
    run = LoggedRun(Path('/logs', path), 'test', names=names, config=config)
    recipe = identify(run, metric)
    assert (recipe.column, recipe.method, recipe.config) == found


def test_the_call_has_the_last_word():
    run = LoggedRun(Path('r50_rm_in1k.log'), 'test')
    assert identify(run, 'top1_percent', 'cutmix').config == 'classification/r50_cutmix_in1k.py'


@pytest.mark.parametrize('name', ['train.log', 'rm_or_cutmix.log'])
def test_nothing_says(name):
    with pytest.raises(InputError, match=f'as in baseline=/logs/{name}'):
        identify(LoggedRun(Path('/logs', name), 'test'), 'top1_percent')


def test_folders_and_log_have_to_agree():
    def method(path, *names):
        return identify(LoggedRun(Path(path), 'test', names=list(names)), 'top1_percent').method

    assert method('/data/x_baseline/20260101.log') == 'baseline'
    assert method('/data/rm_mm/20260101.log', 'resnet50_cutmix') == 'cutmix'
    assert method('/data/x_rm/20260101.log', 'resnet50_rm') == 'rm'
    assert method('/scratch/me/20260101.log', 'resnet50_rm') == 'rm'
    assert method('/data/x_baseline/cutmix.log', 'resnet50_rm') == 'cutmix'
    with pytest.raises(InputError, match='is baseline and rm: say it before the log'):
        method('/data/x_baseline/20260101.log', 'resnet50_rm')


def test_a_method_before_a_path():
    assert named_path('rm=a/b.log') == ('rm', Path('a/b.log'))
    assert named_path('lr=0.1/b.log') == (None, Path('lr=0.1/b.log'))
    assert named_path('a.log') == (None, Path('a.log'))


def test_two_of_one_method_are_two_seeds_and_none_is_refused(tmp_path):
    line = 'Epoch [1/9][0/5]\tlr 0.1\nEpoch(val) [1]\tTest Acc@1: 0.5\tTest\n'
    for name in ('a', 'b'):
        (tmp_path / f'r50_rm_in1k_{name}.log').write_text(line)
    logs = [(None, path) for path in sorted(tmp_path.iterdir())]
    records, said = read_rows(logs)
    assert [record.seed for record in records] == [0, 1]
    assert len(said) == 3
    assert said[-1].endswith('in the order of the call')
    (tmp_path / 'none.log').write_text('Epoch [1/9][0/5]\tlr 0.1\n')
    with pytest.raises(InputError, match='no evaluation in'):
        read_rows([('rm', tmp_path / 'none.log')])


def log_of(path, seed, value, epochs=12):
    first = {'env_info': '', 'exp_name': path.name, 'seed': seed}
    train = {'mode': 'train', 'epoch': epochs, 'iter': 50}
    made = {'mode': 'val', 'epoch': epochs, 'iter': 9, 'bbox_mAP': value}
    path.write_text('\n'.join(json.dumps(entry) for entry in (first, train, made)) + '\n')
    return (None, path)


def test_seeds_that_the_logs_state_pair_them_in_any_order(tmp_path):
    base = [log_of(tmp_path / f'atss_r50_coco_baseline_{s}.json', s, 0.4 + s / 100) for s in (1, 2)]
    mixed = [log_of(tmp_path / f'atss_r50_coco_rm_{s}.json', s, 0.45 + s / 100) for s in (2, 1)]
    records, said = read_rows([*base, *mixed])
    assert [record.seed for record in records] == [1, 2, 2, 1]
    assert len(said) == 4
    # Without the same ones, in their order; and it is said.
    other = log_of(tmp_path / 'atss_r50_coco_rm_9.json', 9, 0.5)
    records, said = read_rows([*base, mixed[0], other])
    assert [record.seed for record in records] == [0, 1, 0, 1]
    assert 'in the order of the call' in said[-1]


def test_a_run_that_is_longer_than_the_recipe_has_no_published_figure(tmp_path):
    _, path = log_of(tmp_path / 'atss_r50_coco_rm.json', 0, 0.43, epochs=12)
    assert read_rows([(None, path)])[0][0].published == 41.5
    log_of(path, 0, 0.43, epochs=36)
    (record,), said = read_rows([(None, path)])
    assert (record.published, record.settings) == (None, ['log'])
    assert 'no published figure' in said[0]


def test_a_run_on_the_embedded_images_stands_with_theirs(tmp_path):
    (tmp_path / 'r18_rm_mini.json').write_text('{"accuracy/top1": 40.0, "step": 1}\n')
    (record,), _ = read_rows([(None, tmp_path / 'r18_rm_mini.json')])
    assert (record.settings, record.column) == (['mini'], 'r18_mini')


def test_names_are_fit_for_a_terminal(tmp_path):
    path = tmp_path / 'rm.json'
    path.write_text(
        '{"env_info": "", "exp_name": "a\\u001b[31m\\ud800\\n.py"}\n'
        '{"mode": "val", "epoch": 1, "bbox_mAP": 0.5}\n'
    )
    (record,), said = read_rows([(None, path)])
    assert record.column.isprintable()
    assert said[0].isascii()


@pytest.mark.parametrize(
    ('path', 'word'), [('rm=', 'expected the path'), ('rm=no/such', 'does not exist')]
)
def test_what_is_not_there(path, word, capsys):
    assert main(['report', path]) == 2
    assert word in capsys.readouterr().err
