"""The same seed gives the same run, and every run says what it ran on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rm_mm import __version__
from rm_mm.cli import main
from rm_mm.cli.values import overrides
from rm_mm.data import mini
from rm_mm.recipe.config import read_config
from rm_mm.run.environment import config_digest, data_fingerprint, git_commit

ROOT = Path(__file__).parents[1]
CONFIG = 'classification/r18_rm_mini.py'
#: Two epochs of three steps, so that the history of RecursiveMix crosses an epoch.
SHORT = [
    'train_cfg.max_epochs=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=16',
    'auto_scale_lr.base_batch_size=16',
]  # fmt: skip


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data')
    return mini.prepare_mini(folder, train_images=40, val_images=10, train_scenes=2, val_scenes=2)


def train(images, folder, seed=0, workers=0):
    """Train in a process of its own, as a user does; return the last checkpoint."""
    options = [*SHORT, f'randomness.seed={seed}', f'train_dataloader.num_workers={workers}']
    command = ['train', CONFIG, '--work-dir', str(folder), '--data-root', str(images / 'imagenet')]
    subprocess.run(
        [sys.executable, '-m', 'rm_mm.cli', *command, '--cfg-options', *options],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    # mmengine keeps its log buffers in a checkpoint; this one was written above.
    return torch.load(folder / 'epoch_2.pth', weights_only=False)


def tensors(checkpoint):
    found = dict(checkpoint['state_dict'])
    for index, state in checkpoint['optimizer']['state'].items():
        found |= {f'{index}.{name}': value for name, value in state.items()}
    return found


def same(first, second):
    first, second = tensors(first), tensors(second)
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(images, tmp_path):
    first = train(images, tmp_path / 'a', workers=0)
    assert same(first, train(images, tmp_path / 'b', workers=0))
    assert not same(first, train(images, tmp_path / 'c', workers=0, seed=1))

    assert same(
        train(images, tmp_path / 'd', workers=2), train(images, tmp_path / 'e', workers=2)
    )  # fmt: skip

    written = json.loads((tmp_path / 'a' / 'environment.json').read_text())
    # What the whole run took is known after its last checkpoint.
    assert written['peak_memory_mb'] > 100
    assert first['meta']['environment'] | {'peak_memory_mb': written['peak_memory_mb']} == written
    (copy,) = (tmp_path / 'a').glob('2*/environment.json')
    assert json.loads(copy.read_text()) == written
    assert written['versions']['rm_mm'] == __version__
    assert written['versions']['torch'] == torch.__version__.partition('+')[0]
    assert (written['seed'], written['workers'], written['processes']) == (0, 0, 1)
    assert (written['device'], written['batch_size'], written['batch']) == (
        'cpu', 16, "the recipe's"
    )  # fmt: skip
    assert written['git_commit'] == git_commit()
    assert set(written['length']) == {'max_epochs'}
    options = [*SHORT, 'randomness.seed=0', 'train_dataloader.num_workers=0']
    assert written['config_sha256'] == config_digest(read_config(CONFIG, overrides(options)))
    assert len(written['data_fingerprint']) == 64


class Listing:
    """A data set of samples as mmengine's have them."""

    def __init__(self, root, samples):
        self.data_root = root
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def get_data_info(self, index):
        name, label = self.samples[index]
        return {
            'img_path': f'{self.data_root}/{name}',
            'gt_label': np.int64(label),
            'sample_idx': index,
        }


def test_the_fingerprint_is_of_the_data_and_not_of_its_place():
    samples = [('train/a/1.png', 0), ('train/b/2.png', 1)]
    found = data_fingerprint(Listing('/one', samples))
    assert found == data_fingerprint(Listing('/two/three', samples))
    assert found != data_fingerprint(Listing('/one', samples[:1]))
    assert found != data_fingerprint(Listing('/one', [samples[0], ('train/b/2.png', 0)]))
    assert found != data_fingerprint(Listing('/one', [samples[0], ('train/b/3.png', 1)]))

    class Repeated:
        dataset = Listing('/one', samples)

    assert data_fingerprint(Repeated()) == found
    assert data_fingerprint(object()) is None


def test_an_evaluation_says_what_it_ran_on(images, tmp_path):
    arguments = ['test', CONFIG, 'none', '--work-dir', str(tmp_path)]
    assert main([*arguments, '--data-root', str(images / 'imagenet')]) == 0
    (written,) = tmp_path.glob('2*/environment.json')
    assert json.loads(written.read_text())['checkpoint'] == 'none'
    assert not (tmp_path / 'environment.json').exists()


def test_the_commit_is_this_checkouts():
    head = subprocess.run(
        ['git', 'rev-parse', 'HEAD'], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    found = git_commit()
    assert (found or '').removesuffix('-dirty') == head
