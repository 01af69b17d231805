"""The forty CIFAR configs."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmpretrain.registry import MODELS

import rm_mm.pretrain  # noqa: F401
from rm_mm.cli import main
from rm_mm.compat import configs_root
from rm_mm.fidelity.schedule import stepped_rates

ROOT = Path(__file__).parents[2]
FOLDER = configs_root() / 'classification'

spec = importlib.util.spec_from_file_location('leaves', ROOT / 'maintenance/make_cifar_configs.py')
generator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generator)
LEAVES = generator.leaves()

#: Parameters with 10 and with 100 classes, and features of the last stage. One count of each pair
#: is published; the other differs by 90 classes x (features + 1).
PARAMETERS = {
    'pyramidnet200': (26_752_702, 26_844_952, 1024),
    'pyramidnet164': (27_319_071 - 90 * 1145, 27_319_071, 1144),
    'densenet161': (26_681_188 - 90 * 2209, 26_681_188, 2208),
    'resnet18': (11_220_132 - 90 * 513, 11_220_132, 512),
    'resnet50': (23_705_252 - 90 * 2049, 23_705_252, 2048),
}
#: Parameters with the region head.
WITH_REGION = {
    ('pyramidnet200', 10): 26_762_952,
    ('pyramidnet200', 100): 26_947_452,
    ('pyramidnet164', 100): 27_433_571,
    ('densenet161', 100): 26_902_088,
    ('resnet18', 100): 11_271_432,
    ('resnet50', 100): 23_910_152,
}


def load(network, method, data):
    return Config.fromfile(FOLDER / f'{network}_{method}_{data}.py')


def count(config):
    return sum(parameter.numel() for parameter in MODELS.build(config.model).parameters())


def test_leaves_match_the_template():
    assert len(LEAVES) == 5 * 4 * 2
    assert {path.name: path.read_text() for path in FOLDER.glob('*_cifar10*.py')} == LEAVES


@pytest.mark.parametrize('classes', [10, 100])
@pytest.mark.parametrize('network', PARAMETERS)
def test_parameters(network, classes):
    plain = PARAMETERS[network][classes == 100]
    features = PARAMETERS[network][2]
    assert count(load(network, 'baseline', f'cifar{classes}')) == plain
    region = count(load(network, 'rm', f'cifar{classes}'))
    assert region == plain + (features + 1) * classes
    assert region == WITH_REGION.get((network, classes), region)


@pytest.mark.parametrize('name', LEAVES)
def test_recipe(name):
    network, method, data = name.removesuffix('.py').split('_')
    config = load(network, method, data)
    classes = int(data.removeprefix('cifar'))
    assert config.model.head.num_classes == config.data_preprocessor.num_classes == classes
    for loader, split in (('train', 'train'), ('val', 'test'), ('test', 'test')):
        dataset = config[f'{loader}_dataloader'].dataset
        assert (dataset.type, dataset.split) == (f'LocalCIFAR{classes}', split)
        assert dataset.data_root == f'data/{data}'
    crop, flip, _ = config.train_dataloader.dataset.pipeline
    assert (crop.type, crop.crop_size, crop.padding) == ('RandomCrop', 32, 4)
    assert (flip.type, flip.prob, flip.direction) == ('RandomFlip', 0.5, 'horizontal')
    pre = config.data_preprocessor
    assert [value / 255 for value in pre.mean] == pytest.approx([0.4914, 0.4822, 0.4465])
    assert [value / 255 for value in pre.std] == pytest.approx([0.2023, 0.1994, 0.2010])
    optimizer = config.optim_wrapper.optimizer
    pyramid = network.startswith('pyramid')
    epochs, batch, lr, decay = (300, 64, 0.25, 1e-4) if pyramid else (200, 128, 0.1, 5e-4)
    assert config.train_cfg.max_epochs == epochs
    assert config.train_dataloader.batch_size == config.auto_scale_lr.base_batch_size == batch
    assert (optimizer.type, optimizer.momentum) == ('SGD', 0.9)
    assert (optimizer.lr, optimizer.weight_decay) == (lr, decay)
    assert optimizer.get('nesterov', False) is pyramid
    augments = config.model.get('train_cfg', {}).get('augments', {})
    kinds = {'mixup': 'Mixup', 'cutmix': 'CutMix', 'rm': 'RecursiveMix'}
    assert augments.get('type') == kinds.get(method)
    if method == 'rm':
        assert (augments.alpha, config.model.head.loss.omega) == (0.5, 0.1)
        assert config.model.head.type == 'RecursiveMixHead'
    published = (network, method, classes) == ('pyramidnet200', 'rm', 10)
    assert config.expected.value == (97.65 if published else None)


def test_resnet_learning_rates_follow_a_cosine():
    rates = list(stepped_rates(load('resnet18', 'rm', 'cifar100'), 1))
    # 0.1 * (1 + cos(pi * e / 200)) / 2 for e = 0, 50, 100, 150.
    assert rates[::50] == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-7)
    assert len(rates) == 200


def test_a_leaf_trains(tmp_path):
    """Train on images in the layout of the published archive."""
    folder = tmp_path / 'cifar-10-batches-py'
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in [*(f'data_batch_{index}' for index in range(1, 6)), 'test_batch']:
        entry = {
            b'data': generator.integers(0, 256, (4, 3072), dtype=np.uint8),
            b'labels': [int(label) for label in generator.integers(0, 10, 4)],
        }
        (folder / name).write_bytes(pickle.dumps(entry, protocol=2))
    options = ['train_cfg.max_epochs=1', 'train_dataloader.num_workers=0']
    options += ['val_dataloader.num_workers=0', 'train_dataloader.batch_size=10']
    options += ['auto_scale_lr.base_batch_size=10', 'model.backbone.base_channels=4']
    options += ['model.backbone.stem_channels=4', 'model.head.in_channels=32']
    arguments = ['train', 'classification/resnet18_rm_cifar10.py', '--data-root', str(tmp_path)]
    arguments += ['--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]
    assert main(arguments) == 0
    assert list((tmp_path / 'run').glob('best_accuracy_top1_epoch_1.pth'))
