"""The recipes against the authors' logs, and the page of the results."""

import math
import re
import shlex
from pathlib import Path

import pytest

from rm_mm.fidelity.comparison import FidelityRequest, compare_recipes
from rm_mm.fidelity.page import fidelity_page
from rm_mm.fidelity.schedule import differing_rates
from rm_mm.logs.recipe_log import read_recipe_log
from rm_mm.recipe.config import read_config

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / 'Makefile').read_text()


def compare(config, log):
    (comparison,) = compare_recipes(FidelityRequest(((str(config), log),)))
    return comparison


def pairs():
    """Config and log of each line of `make fidelity`."""
    recipe = re.search(r'rm-mm fidelity(.*?)\n\n', MAKEFILE, re.DOTALL).group(1)
    words = shlex.split(recipe.replace('\\\n', ' ').replace('$(LOGS)', 'tests/data/logs'))
    words = words[words.index('docs/fidelity.md') + 1 :]
    return list(zip(words[::2], words[1::2], strict=True))


@pytest.fixture(scope='module')
def comparisons():
    return {config: compare(config, ROOT / log) for config, log in pairs()}


@pytest.mark.parametrize(
    ('config', 'points'),
    [
        # 300 epochs, first and last line each.
        ('classification/r50_rm_in1k.py', 600),
        ('classification/pyramidnet200_rm_cifar10.py', 600),
        # 12 epochs, iterations 50 to 7300 in steps of 50.
        ('detection/atss_r50_rm_coco.py', 12 * 146),
        ('segmentation/upernet_r50_rm_ade20k.py', 1600),
        ('segmentation/upernet_r50_baseline_ade20k.py', 1600),
    ],
)
def test_every_logged_learning_rate(comparisons, config, points):
    comparison = comparisons[config]
    assert len(comparison.log.rates) == points
    assert comparison.rates == []


def test_no_difference_without_a_reason(comparisons):
    assert [fault for each in comparisons.values() for fault in each.faults] == []


@pytest.mark.parametrize(
    ('config', 'key', 'theirs'),
    [
        ('detection/atss_r50_rm_coco.py', 'model.test_cfg.nms.iou_threshold', 0.6),
        ('detection/atss_r50_rm_coco.py', 'data.train.pipeline.RandomFlip.flip_ratio', 0.5),
        ('detection/atss_r50_rm_coco.py', 'lr_config.step', [8, 11]),
        ('segmentation/upernet_r50_rm_ade20k.py', 'model.auxiliary_head.dropout_ratio', 0.1),
        ('segmentation/upernet_r50_rm_ade20k.py', 'optimizer.weight_decay', 0.0001),
    ],
)
def test_settings_are_the_same(comparisons, config, key, theirs):
    (row,) = (row for row in comparisons[config].rows if row.key == key)
    assert (row.theirs, row.same) == (theirs, True)


@pytest.mark.parametrize('config', [config for config, _ in pairs() if '_rm_' in config][2:])
def test_all_methods_of_a_task_share_the_recipe(config):
    """Only the backbone, and what is published of it, differs from the run with a log."""

    def recipe(method):
        resolved = read_config(config.replace('_rm_', f'_{method}_')).to_dict()
        resolved['model']['backbone'].pop('init_cfg')
        return {
            key: value for key, value in resolved.items() if key not in ('expected', 'settings')
        }

    assert all(recipe(method) == recipe('rm') for method in ('baseline', 'mixup', 'cutmix'))


def test_the_page_is_up_to_date(comparisons):
    written = (ROOT / 'docs/fidelity.md').read_text()
    assert written == fidelity_page(list(comparisons.values())), 'run `make fidelity`'


@pytest.mark.parametrize(
    ('change', 'name'),
    [
        ({'optim_wrapper.optimizer.weight_decay': 5e-4}, 'optimizer.weight_decay'),
        # A setting that only ours has is checked as well.
        ({'optim_wrapper.clip_grad': {'max_norm': 35}}, 'clip_grad'),
        ({'model.neck.relu_before_extra_convs': True}, 'relu_before_extra_convs'),
        # mmdetection's own recipe: the warm-up ends one iteration early.
        ({'param_scheduler.0.end': 500}, 'warmup_iters'),
        ({'model.test_cfg.min_bbox_size': 0}, 'min_bbox_size'),
        ({'model.bbox_head.loss_centerness.avg_non_ignore': True}, 'avg_non_ignore'),
    ],
)
def test_a_change_of_the_recipe_is_found(tmp_path, change, name):
    config = read_config('detection/atss_r50_rm_coco.py')
    config.merge_from_dict(change)
    path = tmp_path / 'changed.py'
    config.dump(path)
    found = compare(path, ROOT / 'tests/data/logs/coco_atss_r50_rm.json').faults
    # The rates that a change of the schedule changes, and the setting itself.
    assert [fault for fault in found if 'learning rate' not in fault] == [
        fault for fault in found if name in fault
    ]
    assert any(name in fault for fault in found)
    assert ('learning rate' in ''.join(found)) is ('warmup' in name)


def test_a_shorter_run_has_none_of_the_last_rates(tmp_path):
    config = read_config('segmentation/upernet_r50_rm_ade20k.py')
    config.train_cfg.max_iters = 79_900
    path = tmp_path / 'shorter.py'
    config.dump(path)
    log = ROOT / 'tests/data/logs/ade20k_upernet_r50_rm.json'
    missing = compare(path, log).rates
    # Iterations 79,950 and 80,000 are logged.
    assert [rate.iteration for rate, _ in missing] == [79_949, 79_999]
    assert all(math.isnan(ours) for _, ours in missing)


def test_every_printed_rate_counts_also_where_a_resumed_run_prints_twice(tmp_path):
    config = read_config('classification/r50_rm_in1k.py')
    log = tmp_path / 'twice.log'
    # Epoch 1 of the warm-up: 0.2 / 6.
    lines = [f'Epoch [1/300][0/3]\tlr {rate}\tLoss' for rate in ('0.033333', '0.2', '0.033333')]
    log.write_text('\n'.join(lines))
    assert [rate.value for rate, _ in differing_rates(config, read_recipe_log(log))] == [0.2]
