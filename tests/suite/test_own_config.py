"""A detector and a segmentor of the user's own, on data of their own, through the verified slot."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from rm_mm.data import mini

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

DETECTOR = """
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
classes = {classes}
model = dict(
    backbone=dict(depth=18, base_channels=16, stem_channels=16),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=32),
    bbox_head=dict(num_classes=10, in_channels=32, feat_channels=32),
    test_cfg=dict(score_thr=0.0),
)
data = dict(data_root={root!r} + '/', metainfo=dict(classes=classes))
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=data)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=data)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file={root!r} + '/annotations/instances_val2017.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=1)
auto_scale_lr = dict(base_batch_size=2)
"""

SEGMENTOR = """
_base_ = 'mmseg::fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    pretrained='open-mmlab://resnet18_v1c',
    backbone=dict(type='ResNet', depth=18, base_channels=16, stem_channels=16),
    decode_head=dict(in_channels=128, channels=16, num_classes=12),
    auxiliary_head=dict(in_channels=64, channels=16, num_classes=12),
)
data = dict(
    _delete_=True, type='BaseSegDataset', data_root={root!r}, reduce_zero_label=False,
    metainfo=dict(classes={classes}, palette=[[i, i, i] for i in range(12)]),
    img_suffix='.jpg', seg_map_suffix='.png',
)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=(128, 64))
train_pipeline[3].update(crop_size=(64, 64))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False,
    dataset=dict(
        data, pipeline=train_pipeline,
        data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
    ),
)
val_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(
        data, pipeline=_base_.test_pipeline,
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
    ),
)
test_dataloader = val_dataloader
train_cfg = dict(max_iters=2, val_interval=2)
"""


def call(folder, *words):
    done = subprocess.run(
        [sys.executable, '-m', 'rm_mm.cli', *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory):
    """A folder in which RecursiveMix was pretrained for an epoch on a few images."""
    folder = tmp_path_factory.mktemp('own')
    root = mini.prepare_mini(
        folder / 'few', train_images=40, val_images=20, train_scenes=4, val_scenes=2
    )
    code, output = call(
        folder, 'train', 'classification/r18_rm_mini.py', '--work-dir', 'runs/r18_rm_mini',
        '--data-root', root / 'imagenet', '--batch-policy', 'as-is', '--cfg-options',
        'train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
    )  # fmt: skip
    assert code == 0, output
    return folder


@pytest.mark.parametrize(
    ('text', 'data', 'metric'),
    [
        (DETECTOR, 'coco', 'box_ap_percent'),
        (SEGMENTOR, 'ade/ADEChallengeData2016', 'miou_percent'),
    ],
    ids=['detector', 'segmentor'],
)
def test_a_config_of_ones_own_takes_each_methods_backbone(pretrained, text, data, metric):
    name = metric.partition('_')[0]
    config = pretrained / f'my_{name}.py'
    root = str(pretrained / 'few' / data)
    classes = mini.CLASSES if data == 'coco' else ('nothing', *mini.SEGMENTATION_CLASSES)
    config.write_text(text.format(root=root, classes=classes))
    code, output = call(
        pretrained, 'transfer', config, '--preset', 'mini', '--methods', 'scratch,baseline,rm',
        '--work-dir', 'runs', '--batch-policy', 'as-is',
    )  # fmt: skip
    # The baseline was never pretrained: named, and the others go on.
    assert code == 1, output
    assert 'baseline: not run, its pretraining is missing' in output
    records = [
        json.loads((pretrained / 'runs' / 'records' / f'my_{name}_{method}.json').read_text())
        for method in ('scratch', 'rm')
    ]
    for record in records:
        assert (record['metric'], record['settings']) == (metric, ['mini'])
        assert record['column'] == f'my_{name}'
    backbone = pretrained / 'runs' / 'r18_rm_mini' / 'backbone.pth'
    assert [record['backbone_sha256'] is not None for record in records] == [False, True]
    log = (pretrained / 'runs' / f'my_{name}_rm' / 'output.log').read_text()
    assert '120 of 120 tensors verified and loaded into ResNet' in log
    assert str(Path('runs/r18_rm_mini/backbone.pth')) in log
    assert backbone.exists()
    assert (
        'tensors verified'
        not in (pretrained / 'runs' / f'my_{name}_scratch' / 'output.log').read_text()
    )
    # The user's file is read and left alone; what ran is kept beside the runs.
    assert 'VerifiedBackbone' not in config.read_text()
    ran = Config.fromfile(pretrained / 'runs' / 'configs' / f'my_{name}_rm.py')
    assert ran.custom_hooks[-1] == dict(type='VerifiedBackboneHook')
