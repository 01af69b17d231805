"""Pictures of the first mixed images; writing them does not change the training."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from rm_mm.pretrain.recursive_mix import RecursiveMix
from rm_mm.run.details.mixed import MixedImagesHook, mixed_images_hook
from tests.run.resume.small import differences, run, state

MEAN, STD = 100.0, 50.0


@pytest.fixture
def augment(monkeypatch):
    augment = RecursiveMix(reset='never')
    monkeypatch.setattr(augment, 'sample_box', lambda height, width: (4, 2, 8, 6))
    return augment


def feed(augment, hook, folder, step, level):
    augment((torch.full((6, 3, 8, 8), float(level)) - MEAN) / STD, torch.eye(6, 5))
    # Like the classifier, before the hook is called.
    augment.take_mix()
    hook.after_train_iter(SimpleNamespace(iter=step, work_dir=str(folder)))


def test_pictures_show_the_mixed_images(augment, tmp_path):
    preprocessor = SimpleNamespace(mean=torch.full((3, 1, 1), MEAN), std=torch.full((3, 1, 1), STD))
    hook = MixedImagesHook(augment, preprocessor, 'c' * 64)
    for step in range(7):
        feed(augment, hook, tmp_path, step, 10 * (step + 1))
    found = json.loads((tmp_path / 'mixed_images' / 'mixed.json').read_text())
    assert found['config_sha256'] == 'c' * 64
    assert [step['step'] for step in found['steps']] == [1, 2, 3, 4, 5]
    # 16 of 64 pixels are pasted over.
    assert [step['lam'] for step in found['steps']] == [1.0, 0.75, 0.75, 0.75, 0.75]
    assert [step['box_xyxy'] for step in found['steps']] == [[0, 0, 0, 0], *[[4, 2, 8, 6]] * 4]
    assert [len(step['images']) for step in found['steps']] == [4] * 5
    assert len(list((tmp_path / 'mixed_images').glob('*.png'))) == 20
    with Image.open(tmp_path / 'mixed_images' / found['steps'][1]['images'][3]) as image:
        pixels = np.asarray(image)
    expected = np.full((8, 8, 3), 20)
    expected[2:6, 4:8] = 10
    assert (pixels == expected).all()


def test_a_batch_of_another_augmentation_is_skipped(augment, tmp_path):
    hook = MixedImagesHook(augment, SimpleNamespace(), '')
    feed(augment, hook, tmp_path, 0, 10)
    hook.after_train_iter(SimpleNamespace(iter=1, work_dir=str(tmp_path)))
    feed(augment, hook, tmp_path, 2, 20)
    found = json.loads((tmp_path / 'mixed_images' / 'mixed.json').read_text())
    assert [step['step'] for step in found['steps']] == [1, 3]


def test_nothing_is_written_before_a_batch(tmp_path):
    hook = MixedImagesHook(RecursiveMix(), SimpleNamespace(), '')
    hook.after_train_iter(SimpleNamespace(iter=0, work_dir=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_weights_are_the_same_to_the_bit(tmp_path):
    watched, seen = run(tmp_path / 'watched', epochs=2, hooks=[Late()])
    alone, seen_alone = run(tmp_path / 'alone', epochs=2)
    assert len(list((tmp_path / 'watched' / 'mixed_images').glob('*.png'))) > 4
    assert differences(state(watched), state(alone)) == []
    assert seen == seen_alone


class Late(MixedImagesHook):
    """Finds the augmentation once the runner has its model."""

    def __init__(self):
        pass

    def before_train(self, runner):
        hook = mixed_images_hook(runner, 'c' * 64)
        assert hook is not None
        self.__dict__.update(hook.__dict__)


def test_other_trainings_have_no_hook():
    model = SimpleNamespace(data_preprocessor=SimpleNamespace(batch_augments=None))
    assert mixed_images_hook(SimpleNamespace(model=model), '') is None
    assert mixed_images_hook(SimpleNamespace(model=SimpleNamespace()), '') is None
