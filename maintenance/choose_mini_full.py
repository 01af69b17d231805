"""Try one setting of the mini-full recipes on images that are not used for the reported figures.

The images are composed with another seed and from training articles only: one half of each class
for training, the other half for validation. So no choice depends on an article of the validation
split. docs/mini-full/README.md lists what was tried and with which result. Example::

    python maintenance/choose_mini_full.py work_dirs/choice/rm --images 1000
    classification/r18_rm_mini.py train_cfg.max_epochs=160 param_scheduler.T_max=160
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from mmengine.config import Config

from rm_mm.cli import main
from rm_mm.compat import packaged_config
from rm_mm.data import mini
from rm_mm.data.mini import articles, compose
from rm_mm.logs.scalars import evaluation_curve
from rm_mm.recipe.metric import metric_of
from rm_mm.records import figures_of
from rm_mm.run.outcome import best_checkpoint

SEED = 1
VAL_IMAGES, VAL_SCENES = 4000, 300
ROOTS = {
    'classification': 'imagenet',
    'detection': 'coco/',
    'segmentation': 'ade/ADEChallengeData2016',
}


def half(split: str) -> Any:
    """Return the tiles of one half of the training articles, (classes, articles, 28, 28)."""
    tiles = articles.tiles('train')
    middle = tiles.shape[1] // 2
    return tiles[:, middle:] if split == 'train' else tiles[:, :middle]


def article(split: str, label: int, number: int) -> articles.Article:
    """Return one article of a half, cut out of its tile."""
    return articles.cut_out(half(split)[label, number], label)


def compose_data(images: int, scenes: int) -> Path:
    """Write the data set for one choice below ``data/`` and return its folder."""
    compose.tiles, compose.article = half, article
    return mini.prepare_mini(
        Path('data', f'choice-{images}-{scenes}'),
        seed=SEED,
        train_images=images,
        val_images=VAL_IMAGES,
        train_scenes=scenes,
        val_scenes=VAL_SCENES,
    )


def run(args: argparse.Namespace) -> int:
    """Train one config and write the result to ``choice.json`` in its work directory."""
    task = args.config.partition('/')[0]
    root = compose_data(args.images, args.scenes) / ROOTS[task]
    began = time.monotonic()
    call = ['train', args.config, '--work-dir', str(args.work_dir), '--data-root', f'{root}/']
    if args.backbone:
        call += ['--backbone', str(args.backbone)]
    if code := main([*call, '--cfg-options', 'embedded_data=', *args.options]):
        return code
    metric = metric_of(Config.fromfile(packaged_config(args.config)))
    found = figures_of(evaluation_curve(args.work_dir, metric))
    result = vars(args) | found | {'seconds': round(time.monotonic() - began)}
    text = json.dumps(result, default=str)
    (args.work_dir / 'choice.json').write_text(text + '\n', encoding='utf-8')
    print(text)
    best = best_checkpoint(args.work_dir)
    if task != 'classification' or best is None:
        return 0
    return main(['export', str(best), '-o', str(args.work_dir / 'backbone.pth')])


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dir', type=Path)
    parser.add_argument('--images', type=int, default=1000, help='training images of a pretraining')
    parser.add_argument('--scenes', type=int, default=200, help='training scenes of a transfer')
    parser.add_argument('--backbone', type=Path, help='backbone.pth of an earlier pretraining')
    parser.add_argument('config')
    parser.add_argument('options', nargs='*', help='KEY=VALUE, passed on as --cfg-options')
    sys.exit(run(parser.parse_args()))
