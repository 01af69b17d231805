"""Records with known figures, and pictures next to them."""

import json
from dataclasses import replace
from pathlib import Path

from PIL import Image

from rm_mm.records import Record

METRICS = {
    'classification': 'top1_percent',
    'detection': 'box_ap_percent',
    'segmentation': 'miou_percent',
}
COLUMNS = {
    'classification': 'r18_mini',
    'detection': 'atss_r18_mini',
    'segmentation': 'upernet_r18_mini',
}
CLASSES = ('bag', 'coat', 'dress')

RECORD = Record(
    preset='mini', task='detection', method='rm', seed=0, metric='box_ap_percent', best=12.0,
    best_step=3, last=11.0, last_step=4, step_unit='epoch',
    curve=[[1, 6.0], [2, 9.0], [3, 12.0], [4, 11.0]], published=None, source=None,
    config='detection/atss_r18_rm_mini.py', config_sha256='c' * 64, schedule_scale=1.0,
    backbone_sha256=None, data_fingerprint='d' * 64, seconds=80.5,
    environment={'python': '3.11', 'device': 'cpu'}, column='atss_r18_mini', settings=['mini'],
    seconds_an_iteration=0.4, memory_mb=900.0, checkpoint='atss_r18_rm_mini/best.pth',
    config_diff={'randomness.seed': [None, 0], 'train_cfg.max_epochs': [4, 4]},
)  # fmt: skip


def record(task, method, seed, best, **more):
    """A record whose curve rises to ``best`` and falls by 1 at the end."""
    curve = [[1, best - 6], [2, best - 3], [3, best], [4, best - 1]]
    return replace(
        RECORD, task=task, method=method, seed=seed, best=best, last=best - 1, curve=curve,
        metric=METRICS[task], column=COLUMNS[task], **more,
    )  # fmt: skip


def several(methods, seeds=(0, 1, 2), tasks=tuple(METRICS)):
    """Records of methods x tasks x seeds; later methods are better."""
    found = []
    for seed in seeds:
        for rank, method in enumerate(methods):
            for task in tasks:
                best = 20.0 + rank + 0.3 * seed + 0.1 * ((rank + seed) % 3)
                per_class = {name: best + i for i, name in enumerate(CLASSES)}
                if task == 'classification':
                    per_class = {}
                sha256 = f'{methods.index(method):032x}{seed:032x}'
                found.append(
                    record(
                        task, method, seed, best, per_class=per_class, backbone_sha256=sha256,
                        published=20.0 + rank if task == 'detection' else None,
                    )
                )  # fmt: skip
    return found


def write(folder: Path, records):
    """Write records as the suite does, and return their paths."""
    paths = []
    for number, each in enumerate(records):
        path = folder / 'records' / f'run {number:04}.json'
        each.write(path)
        paths.append(path)
    return paths


def write_pictures(path: Path, each: Record, colour=(200, 60, 60)):
    """Write the pictures of a record's run, 60 x 40 pixels: two images, or a mixed batch."""
    folder = path.parent.parent / 'pictures' / path.stem
    folder.mkdir(parents=True)
    Image.new('RGB', (60, 40), colour).save(folder / 'mixed.png')
    for index in range(2):
        Image.new('RGB', (60, 40), (30 + 100 * index, 90, 120)).save(folder / f'image_{index}.png')
    (folder / 'map.png').write_bytes((folder / 'image_0.png').read_bytes())
    common = {'config_sha256': each.config_sha256, 'size': [60, 40], 'classes': list(CLASSES)}
    if each.task == 'classification':
        steps = [
            {'step': step, 'lam': 0.75, 'box_xyxy': [30, 0, 60, 20], 'rows': 2, 'size': [60, 40],
             'images': ['mixed.png', 'mixed.png']}
            for step in range(1, 6)
        ]  # fmt: skip
        text = {'config_sha256': each.config_sha256, 'steps': steps}
        (folder / 'mixed.json').write_text(json.dumps(text))
        return folder
    for index in range(2):
        entry = {**common, 'image': f'image_{index}.png', 'name': f'000{index}.jpg'}
        if each.task == 'detection':
            entry |= {'kind': 'detection', 'threshold': 0.3, 'truth': [[0, [5, 5, 20, 20]]],
                      'predicted': [[1, [6, 5, 21, 20], 0.875]]}  # fmt: skip
        else:
            entry |= {'kind': 'segmentation', 'truth': 'map.png', 'predicted': 'map.png',
                      'palette': [[200, 0, 0], [0, 200, 0], [0, 0, 200]],
                      'truth_percent': [[0, 90.0], [2, 10.0]],
                      'predicted_percent': [[0, 100.0]]}  # fmt: skip
        (folder / f'prediction_{index}.json').write_text(json.dumps(entry))
    return folder
