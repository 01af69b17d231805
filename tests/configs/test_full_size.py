"""Every full-size config trains one step and tests, on a few images in the real layouts."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from mmpretrain.registry import MODELS

from rm_mm.cli import main
from rm_mm.compat import configs_root
from rm_mm.transfer.export import export

pytestmark = pytest.mark.slow
METHODS = ('baseline', 'mixup', 'cutmix', 'rm')
SIZE = (96, 128)


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.RandomState(seed).randint(0, 256, (*SIZE, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    for split in ('train', 'val'):
        for index in range(4):
            picture(root / f'imagenet/{split}/n{index:08}/a.JPEG', index)
        # Four of the thousand classes, in a list of labels that mmpretrain also reads.
        labels = root / f'imagenet/meta/{split}.txt'
        labels.parent.mkdir(exist_ok=True)
        labels.write_text(''.join(f'n{index:08}/a.JPEG {index}\n' for index in range(4)))
        images, annotations = [], []
        for index in (1, 2):
            picture(root / f'coco/{split}2017/{index}.jpg', index)
            images.append(dict(id=index, file_name=f'{index}.jpg', height=SIZE[0], width=SIZE[1]))
            annotations.append(
                dict(id=index, image_id=index, category_id=index, bbox=[10, 10, 60, 50],
                     area=3000, iscrowd=0,
                     segmentation=[[10, 10, 70, 10, 70, 60, 10, 60]])
            )  # fmt: skip
        names = CocoDataset.METAINFO['classes']
        categories = [dict(id=i + 1, name=name) for i, name in enumerate(names)]
        file = root / f'coco/annotations/instances_{split}2017.json'
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            json.dumps(dict(images=images, annotations=annotations, categories=categories))
        )
    for split in ('training', 'validation'):
        for index in (1, 2):
            picture(root / f'ade/images/{split}/{index}.jpg', index)
            labels = np.random.RandomState(index).randint(0, 151, SIZE, dtype=np.uint8)
            target = root / f'ade/annotations/{split}/{index}.png'
            target.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(target), labels)
    return root


@pytest.fixture(scope='module')
def backbone(tmp_path_factory):
    """A ResNet-50 after one batch, exported from the model of the RecursiveMix recipe."""
    import mmpretrain.models  # noqa: F401

    folder = tmp_path_factory.mktemp('backbone')
    model = Config.fromfile(configs_root() / 'classification/r50_rm_in1k.py').model
    network = MODELS.build(dict(model)).train()
    with torch.no_grad():
        network(torch.rand(2, 3, 64, 64))
    torch.save({'state_dict': network.state_dict(), 'meta': {}}, folder / 'best.pth')
    export(folder / 'best.pth', folder / 'backbone.pth')
    return folder / 'backbone.pth'


def train(config, *options):
    # mmengine stores visualizers by name. A unique name gives each run its own log.
    name = f'visualizer.name={config}'
    options = ['--batch-policy', 'as-is', *options, name, 'default_hooks.logger.interval=1']
    return main(['train', config, *options])


def check(work_dir, metric):
    (log,) = Path(work_dir).glob('*/vis_data/scalars.json')
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(np.isfinite(entry.get('loss', np.nan)) for entry in entries)
    assert any(metric in entry for entry in entries)


@pytest.mark.parametrize('method', METHODS)
def test_imagenet(method, data, tmp_path):
    code = train(
        f'classification/r50_{method}_in1k.py', '--data-root', str(data / 'imagenet'),
        '--work-dir', str(tmp_path), '--cfg-options', 'train_cfg.max_epochs=1',
        'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0', 'val_dataloader.batch_size=2',
    )  # fmt: skip
    assert code == 0
    check(tmp_path, 'accuracy/top1')


@pytest.mark.parametrize(
    'leaf',
    # Two leaves are enough: those of the methods differ only in the path of the backbone.
    [f'atss_r50_{method}_coco' for method in ('baseline', 'rm')]
    + [f'{detector}_r50_coco' for detector in ('gfl', 'retinanet', 'faster_rcnn', 'mask_rcnn')],
)
def test_coco(leaf, data, backbone, tmp_path):
    scores = 'model.test_cfg.rcnn.score_thr' if 'rcnn' in leaf else 'model.test_cfg.score_thr'
    code = train(
        f'detection/{leaf}.py', '--data-root', str(data / 'coco'),
        '--work-dir', str(tmp_path), '--cfg-options', 'train_cfg.max_epochs=1',
        'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0', f'{scores}=0.0',
        f'model.backbone.init_cfg.checkpoint={backbone}',
    )  # fmt: skip
    assert code == 0
    check(tmp_path, 'coco/bbox_mAP')


@pytest.mark.parametrize(
    'leaf',
    [f'upernet_r50_{method}_ade20k' for method in ('baseline', 'rm')]
    + ['pspnet_r50_ade20k', 'fcn_r50_ade20k'],
)
def test_ade20k(leaf, data, backbone, tmp_path):
    code = train(
        f'segmentation/{leaf}.py', '--data-root', str(data / 'ade'),
        '--work-dir', str(tmp_path), '--cfg-options', 'train_cfg.max_iters=1',
        'train_cfg.val_interval=1', 'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
        f'model.backbone.init_cfg.checkpoint={backbone}',
    )  # fmt: skip
    assert code == 0
    check(tmp_path, 'mIoU')


def test_a_backbone_that_does_not_fit_stops_training(data, backbone, tmp_path, capsys):
    broken = tmp_path / 'backbone.pth'
    content = torch.load(backbone, weights_only=True)
    del content['state_dict']['layer3.0.conv2.weight']
    torch.save(content, broken)
    code = train(
        'detection/atss_r50_rm_coco.py', '--data-root', str(data / 'coco'),
        '--work-dir', str(tmp_path / 'run'), '--cfg-options',
        f'model.backbone.init_cfg.checkpoint={broken}', 'train_dataloader.num_workers=0',
    )  # fmt: skip
    assert code == 1
    assert 'missing: layer3.0.conv2.weight' in capsys.readouterr().err
