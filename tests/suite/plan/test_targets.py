from pathlib import Path

import pytest

from rm_mm.compat import configs_root
from rm_mm.errors import InputError
from rm_mm.suite.plan.presets import PRESETS
from rm_mm.suite.plan.targets import find_target

EXTRA = {
    ('gfl', 'coco'): 'detection',
    ('retinanet', 'coco'): 'detection',
    ('faster_rcnn', 'coco'): 'detection',
    ('mask_rcnn', 'coco'): 'detection',
    ('pspnet', 'ade20k'): 'segmentation',
    ('fcn', 'ade20k'): 'segmentation',
}


def test_the_presets_tasks_have_the_papers_names():
    assert find_target(['ATSS', 'coco']) == (PRESETS['paper'], 'detection')
    assert find_target(['upernet', 'ade20k']) == (PRESETS['paper'], 'segmentation')
    assert find_target(['atss', 'mini']) == (PRESETS['mini'], 'detection')


@pytest.mark.parametrize('words', EXTRA, ids='_'.join)
def test_each_other_task_is_a_leaf_and_nothing_else(words):
    preset, kind = find_target(words)
    assert kind == EXTRA[words]
    task = preset.tasks[kind]
    assert task.config == f'{kind}/{words[0]}_r50_{words[1]}.py'
    # On COCO the paper's baseline is torchvision's, whatever the detector.
    assert task.paper_baseline == PRESETS['paper'].tasks[kind].paper_baseline
    assert preset.tasks['classification'] == PRESETS['paper'].tasks['classification']
    # By its path it is the same task.
    assert find_target([str(configs_root() / task.config)]) == (preset, kind)


@pytest.mark.parametrize(('scope', 'kind'), [('mmdet', 'detection'), ('mmseg', 'segmentation')])
def test_a_config_of_the_users_own(tmp_path, scope, kind):
    path = tmp_path / 'mine.py'
    path.write_text(f"default_scope = '{scope}'\n")
    preset, found = find_target([str(path)])
    assert found == kind
    task = preset.tasks[kind]
    assert Path(task.config) == path
    assert (task.name, task.settings, task.paper_baseline) == ('mine', ('controlled',), None)
    preset, _ = find_target([str(path)], 'mini')
    assert preset.tasks[kind].settings == ('mini',)
    assert preset.tasks['classification'].config == 'classification/r18_{variant}_mini.py'


@pytest.mark.parametrize(
    ('words', 'preset', 'message'),
    [
        (['yolo', 'coco'], None, 'expected one of atss coco.*gfl coco'),
        (['atss'], None, 'expected ARCHITECTURE DATASET'),
        (['atss', 'coco', 'now'], None, 'expected ARCHITECTURE DATASET'),
        (['atss', 'coco'], 'mini', 'belongs to the preset paper'),
        (['no/such.py'], None, 'no config'),
        (['classification/r50_rm_in1k.py'], None, "default_scope 'mmpretrain'"),
    ],
)
def test_what_is_no_task_is_refused(words, preset, message):
    with pytest.raises(InputError, match=message):
        find_target(words, preset)
