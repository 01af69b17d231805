"""Write configs/*/metafile.yml from the configs and from the records of measured runs.

mim lists the entries of these files. Length, batch, published figure, setting and source come from
the resolved config. Measured figures come from the records in docs/mini and docs/mini-full, as the
mean over the seeds. Nothing in the files is edited by hand.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

import rm_mm  # noqa: F401  needed for configs with an mmsegmentation base
from rm_mm.data.sources import datasets
from rm_mm.names import METHODS, MINI_SETTING

ROOT = Path(__file__).resolve().parents[1]
RECORDS = [ROOT / 'docs' / name / 'records' for name in ('mini', 'mini-full')]

HEADER = """\
# Written by maintenance/make_metafiles.py. Do not edit.
# `Published` figures are from the paper; `Measured` figures are from docs/mini*/records.
"""
# mim downloads the weights before it writes the config. It names the file after the last part of
# this address and skips the download if that exists. The folder `.` always exists, so mim goes
# straight to the config.
WEIGHTS = 'not published: train this config/.'

#: Task and metric of each folder, spelled as in OpenMMLab's metafiles.
TASKS = {
    'classification': ('Image Classification', 'Top 1 Accuracy'),
    'detection': ('Object Detection', 'box AP'),
    'segmentation': ('Semantic Segmentation', 'mIoU'),
}
#: Name of the data set in each default folder.
DATA = {
    'data/imagenet': 'ImageNet-1k',
    'data/cifar10': 'CIFAR-10',
    'data/cifar100': 'CIFAR-100',
    'data/coco': 'COCO 2017',
    'data/ade/ADEChallengeData2016': 'ADE20K',
    'data/mini': 'mini (Fashion-MNIST)',
    'data/mini-full': 'mini-full (Fashion-MNIST)',
}
#: Collection and paper by method (classification) or by network (downstream tasks).
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
    """Return the method in a config's name, or None if the config works with any backbone."""
    return next((method for method in METHODS if method in stem.split('_')), None)


def collection_of(folder: str, stem: str) -> tuple[str, str | None]:
    """Return the name and the paper of a config's collection."""
    key = method_of(stem) if folder == 'classification' else re.split(r'_r\d+_', stem)[0]
    return PAPERS[str(key)]


def data_of(config: Config) -> str:
    """Return the name of a config's training data."""
    (dataset,) = datasets(config, ('train_dataloader',))
    root = str(config.get('embedded_data') or dataset['data_root'])
    return DATA[root.rstrip('/')]


def records_of(config: str) -> list[dict[str, Any]]:
    """Return the records of a config's runs, sorted by seed."""
    records = [
        json.loads(path.read_text(encoding='utf-8'))
        for folder in RECORDS
        for path in sorted(folder.glob('*.json'))
    ]
    found = [record for record in records if record['config'] == config]
    return sorted(found, key=lambda record: int(record['seed']))


def measured(records: list[dict[str, Any]]) -> str:
    """Describe the runs behind the measured figures."""
    if not records:
        return 'not run'
    seeds = ', '.join(str(record['seed']) for record in records)
    return f'one run, seed {seeds}' if len(records) == 1 else f'mean over seeds {seeds}'


def model(path: Path) -> dict[str, Any]:
    """Return the metafile entry of one config."""
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
    """Return the text of one folder's ``metafile.yml``."""
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
