"""The checkpoint from which a run resumes, and what a config is set to."""

import pytest
from mmengine.config import Config

from rm_mm.errors import InputError
from rm_mm.run.resume.latest import latest_checkpoint, reached, set_resume


@pytest.mark.parametrize(
    ('files', 'marker', 'found'),
    [
        ([], None, None),
        (['epoch_2.pth'], None, 'epoch_2.pth'),
        (['epoch_9.pth', 'epoch_10.pth'], None, 'epoch_10.pth'),
        # The marker is written after the checkpoint and may lag behind it.
        (['epoch_2.pth', 'epoch_3.pth'], 'epoch_2.pth', 'epoch_2.pth'),
        (['epoch_2.pth'], '/moved/elsewhere/epoch_2.pth\n', 'epoch_2.pth'),
        # The marker is truncated, or what it names is missing.
        (['epoch_2.pth'], '', 'epoch_2.pth'),
        (['epoch_2.pth'], 'work_dirs/x/epo', 'epoch_2.pth'),
        (['iter_100.pth'], 'iter_200.pth', 'iter_100.pth'),
        ([], 'iter_200.pth', None),
        # A best checkpoint and a temporary file are not resumed from.
        (['best_top1_epoch_9.pth', '.epoch_9.pth.0a.tmp', 'epoch_2.pth'], None, 'epoch_2.pth'),
    ],
)  # fmt: skip
def test_the_latest_checkpoint(tmp_path, files, marker, found):
    for name in files:
        (tmp_path / name).touch()
    if marker is not None:
        (tmp_path / 'last_checkpoint').write_text(marker)
    assert latest_checkpoint(tmp_path) == (found and str(tmp_path / found))


def test_how_far_a_run_got(tmp_path):
    assert reached(tmp_path) is None
    (tmp_path / 'last_checkpoint').write_text('runs/epoch_12.pth')
    # The checkpoint itself was removed to save space.
    assert reached(tmp_path) == ('epoch', 12)
    (tmp_path / 'iter_40.pth').touch()
    assert reached(tmp_path) == ('iter', 40)


def test_checkpoints_outside_the_work_directory(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'elsewhere' / 'epoch_3.pth').touch()
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'last_checkpoint').write_text(f'{tmp_path}/elsewhere/epoch_3.pth')
    assert latest_checkpoint(run) == f'{tmp_path}/elsewhere/epoch_3.pth'
    assert reached(run) == ('epoch', 3)
    (run / 'last_checkpoint').write_text('s3://bucket/run/epoch_4.pth')
    assert latest_checkpoint(run) == 's3://bucket/run/epoch_4.pth'


@pytest.mark.parametrize(
    ('own', 'call', 'in_config', 'found'),
    [
        # Its own checkpoint, although the config starts from other weights.
        ('epoch_5.pth', 'auto', {'load_from': 'coco.pth'}, ('{own}', True)),
        # Without one it starts from those weights.
        (None, 'auto', {'load_from': 'coco.pth'}, ('coco.pth', False)),
        (None, 'auto', {}, (None, False)),
        ('epoch_5.pth', 'other.pth', {}, ('other.pth', True)),
        # `resume = True` in the config, as in mmengine.
        ('epoch_5.pth', None, {'resume': True}, ('{own}', True)),
        (None, None, {'resume': True}, (None, False)),
        ('epoch_5.pth', None, {'resume': True, 'load_from': 'other.pth'}, ('other.pth', True)),
    ],
)
def test_a_config_is_set_to_resume(tmp_path, own, call, in_config, found):
    if own:
        (tmp_path / own).touch()
    config = Config({'work_dir': str(tmp_path), **in_config})
    set_resume(config, call, 'any')
    path, resumes = found
    expected = path and path.replace('{own}', str(tmp_path / str(own)))
    assert (config.get('load_from'), config.get('resume')) == (expected, resumes)


def test_a_missing_checkpoint_does_not_start_the_run_again(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_90.pth')
    with pytest.raises(InputError, match=r'names /gone/epoch_90\.pth, which does not exist'):
        set_resume(Config({'work_dir': str(tmp_path)}), 'auto', 'any')
