"""What a call goes on from: what it names, the run's own last checkpoint, or nothing."""

import pytest
from mmengine.config import Config

from rm_mm.errors import InputError
from rm_mm.run.resume.go_on import go_on


@pytest.mark.parametrize(
    ('own', 'call', 'in_config', 'found'),
    [
        # The run's own, though its config begins with other weights.
        ('epoch_5.pth', 'auto', {'load_from': 'coco.pth'}, ('{own}', True)),
        # It has none: it begins, with those weights.
        (None, 'auto', {'load_from': 'coco.pth'}, ('coco.pth', False)),
        (None, 'auto', {}, (None, False)),
        ('epoch_5.pth', 'other.pth', {}, ('other.pth', True)),
        # A config that says it itself, as mmengine takes it.
        ('epoch_5.pth', None, {'resume': True}, ('{own}', True)),
        (None, None, {'resume': True}, (None, False)),
        ('epoch_5.pth', None, {'resume': True, 'load_from': 'other.pth'}, ('other.pth', True)),
    ],
)
def test_what_is_gone_on_from(tmp_path, own, call, in_config, found):
    if own:
        (tmp_path / own).touch()
    config = Config({'work_dir': str(tmp_path), **in_config})
    go_on(config, call, 'any')
    path, resumes = found
    expected = path and path.replace('{own}', str(tmp_path / str(own)))
    assert (config.get('load_from'), config.get('resume')) == (expected, resumes)


def test_a_checkpoint_that_is_gone_is_no_reason_to_begin_anew(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_90.pth')
    with pytest.raises(InputError, match=r'names /gone/epoch_90\.pth, which is not there'):
        go_on(Config({'work_dir': str(tmp_path)}), 'auto', 'any')
