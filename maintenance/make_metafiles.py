"""Write configs/*/metafile.yml anew, from the configs and from the records of what was run.

What mim lists of a recipe comes from the resolved config (length, batch, published figure, setting,
source) and, if it was run here, from its records in docs/mini and docs/mini-full, of which several
seeds become their mean. Nothing is written by hand.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

import rm_mm  # noqa: F401  configs name bases of mmsegmentation
from rm_mm.data.sources import datasets
from rm_mm.names import METHODS, MINI_SETTING

ROOT = Path(__file__).resolve().parents[1]
RECORDS = [ROOT / 'docs' / name / 'records' for name in ('mini', 'mini-full')]

HEADER = """\
# Written by maintenance/make_metafiles.py from the configs and, see there, from docs/mini*/records.
# `Published` figures are the paper's, `Measured` ones come from docs/mini*/records.
"""
# mim downloads weights before it writes a config, to a file named as what follows the last slash,
# unless that exists: the folder itself always does, and so the config is written.
WEIGHTS = 'not published: train this config/.'

#: Folder to task and metric, as metafiles of the field spell them.
TASKS = {
    'classification': ('Image Classification', 'Top 1 Accuracy'),
    'detection': ('Object Detection', 'box AP'),
    'segmentation': ('Semantic Segmentation', 'mIoU'),
}
#: Where the data sets are looked for, to their names.
DATA = {
    'data/imagenet': 'ImageNet-1k',
    'data/cifar10': 'CIFAR-10',
    'data/cifar100': 'CIFAR-100',
    'data/coco': 'COCO 2017',
    'data/ade/ADEChallengeData2016': 'ADE20K',
    'data/mini': 'mini (Fashion-MNIST)',
    'data/mini-full': 'mini-full (Fashion-MNIST)',
}
#: Beginning of a config's name to its collection: of classification the method, else the network.
PAPERS = {
    'scratch': ('No pretraining', None),
    'baseline': ('Baseline', None),
    'mixup': ('Mixup', 'https://arxiv.org/abs/1710.09412'),
    'cutmix': ('CutMix', 'https://arxiv.org/abs/1905.04899'),
    'rm': ('RecursiveMix', 'https://arxiv.org/abs/2203.06844'),
    'atss': ('ATSS', 'https://arxiv.org/abs/1912.02424'),
    'faster_rcnn': ('Faster R-CNN', 'https://arxiv.org/abs/1506.01497'),
    'gfl': ('GFL', 'https://arxiv.org/abs/2006.04388'),
    'mask_rcnn': ('Mask R-CNN', 'https://arxiv.org/abs/1703.06870'),
    'retinanet': ('RetinaNet', 'https://arxiv.org/abs/1708.02002'),
    'fcn': ('FCN', 'https://arxiv.org/abs/1411.4038'),
    'pspnet': ('PSPNet', 'https://arxiv.org/abs/1612.01105'),
    'upernet': ('UPerNet', 'https://arxiv.org/abs/1807.10221'),
}


def method_of(stem: str) -> str | None:
    """The method in a config's name; None of a config that takes every method's backbone."""
    return next((method for method in METHODS if method in stem.split('_')), None)


def collection_of(folder: str, stem: str) -> tuple[str, str | None]:
    """Name and paper of the collection that a config belongs to."""
    key = method_of(stem) if folder == 'classification' else re.split(r'_r\d+_', stem)[0]
    return PAPERS[str(key)]


def data_of(config: Config) -> str:
    """What the training images of a config are called."""
    (dataset,) = datasets(config, ('train_dataloader',))
    root = str(config.get('embedded_data') or dataset['data_root'])
    return DATA[root.rstrip('/')]


def records_of(config: str) -> list[dict[str, Any]]:
    """Of every run of a config, by seed."""
    records = [
        json.loads(path.read_text(encoding='utf-8'))
        for folder in RECORDS
        for path in sorted(folder.glob('*.json'))
    ]
    found = [record for record in records if record['config'] == config]
    return sorted(found, key=lambda record: int(record['seed']))


def measured(records: list[dict[str, Any]]) -> str:
    """What the measured figures are of."""
    if not records:
        return 'not run'
    seeds = ', '.join(str(record['seed']) for record in records)
    return f'one run, seed {seeds}' if len(records) == 1 else f'mean over seeds {seeds}'


def model(path: Path) -> dict[str, Any]:
    """The entry of one config."""
    config, folder = Config.fromfile(path), path.parent.name
    task, metric = TASKS[folder]
    expected = config.get('expected') or {}
    loop = config.train_cfg
    length = {'Epochs': loop.max_epochs} if 'max_epochs' in loop else {'Iterations': loop.max_iters}
    figures = {}
    if expected.get('value') is not None:
        figures[f'Published {metric}'] = expected['value']
    records = records_of(f'{folder}/{path.name}')
    for which in ('best', 'last') if records else ():
        mean = statistics.fmean(record[which] for record in records)
        figures[f'Measured {metric} {which}'] = round(mean, 4)
    entry: dict[str, Any] = {
        'Name': path.stem,
        'In Collection': collection_of(folder, path.stem)[0],
        'Config': f'configs/{folder}/{path.name}',
        'Metadata': {
            'Training Data': data_of(config),
            **length,
            'Batch Size': config.auto_scale_lr.base_batch_size,
            'Method': method_of(path.stem) or 'any',
            'Setting': list(config.get('settings') or [MINI_SETTING]),
            'Source': expected.get('source', 'not published'),
            'Measured': measured(records),
        },
        'Weights': WEIGHTS,
    }
    if figures:
        entry['Results'] = [{'Task': task, 'Dataset': data_of(config), 'Metrics': figures}]
    return entry


def metafile(folder: str) -> str:
    """The text of one folder's ``metafile.yml``."""
    paths = sorted((ROOT / 'configs' / folder).glob('*.py'))
    collections = dict(collection_of(folder, path.stem) for path in paths)
    content = {
        'Collections': [
            {'Name': name, **({'Paper': paper} if paper else {})}
            for name, paper in collections.items()
        ],
        'Models': [model(path) for path in paths],
    }
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=100)


if __name__ == '__main__':
    for folder in TASKS:
        target = ROOT / 'configs' / folder / 'metafile.yml'
        target.write_text(metafile(folder), encoding='utf-8')
