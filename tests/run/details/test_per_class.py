"""Figures of classes, compared with the libraries' own."""

import json

import pytest
import torch
from mmengine.config import Config

from rm_mm.recipe.config import read_config
from rm_mm.run.details.per_class import ask_per_class, read_per_class

CLASSES = ('bag', 'coat', 'screen door')


def test_both_stacks_are_configured():
    config = read_config('detection/atss_r18_rm_mini.py')
    ask_per_class(config)
    assert config.test_evaluator.classwise
    assert config.test_evaluator.metric == 'bbox'
    config = read_config('segmentation/upernet_r18_rm_mini.py')
    ask_per_class(config)
    assert config.test_evaluator.type == 'mmseg.PerClassIoUMetric'


def test_the_metric_that_counts_is_evaluated():
    evaluator = dict(type='CocoMetric', metric=['bbox', 'segm'])
    config = Config(dict(val_evaluator=evaluator, test_evaluator=[evaluator],
                         expected=dict(metric='coco/segm_mAP')))  # fmt: skip
    ask_per_class(config)
    assert config.test_evaluator[0].metric == 'segm'


def test_figures_are_per_cent_and_only_of_classes_that_have_one():
    metrics = {
        'coco/bbox_mAP': 0.3, 'coco/screen door_precision': 0.125, 'coco/bag_precision': 0.5,
        'coco/coat_precision': float('nan'),
    }  # fmt: skip
    assert read_per_class(metrics, CLASSES) == {'bag': 50.0, 'screen door': 12.5}
    assert read_per_class({'mIoU': 30.0, 'coat_IoU': 41.25}, CLASSES) == {'coat': 41.25}
    # A screen door is not a door.
    assert read_per_class(metrics, ('door',)) == {}


def test_iou_of_each_class():
    from rm_mm.run.details.iou import PerClassIoUMetric

    metric = PerClassIoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dict(classes=CLASSES)
    truth = torch.tensor([[0, 0], [1, 1]])
    predicted = torch.tensor([[0, 1], [1, 1]])
    metric.process({}, [dict(pred_sem_seg=dict(data=predicted), gt_sem_seg=dict(data=truth))])
    found = metric.evaluate(1)
    # bag: one pixel of two; coat: two of three; there is no screen door.
    assert (found['bag_IoU'], found['coat_IoU']) == (50.0, 66.67)
    assert 'screen door_IoU' not in found
    assert found['mIoU'] == pytest.approx((50 + 66.67) / 2, abs=0.01)


def test_ap_of_each_class_as_mmdetection_names_it(tmp_path):
    from mmdet.evaluation import CocoMetric

    box = [10, 10, 20, 20]
    annotations = {
        'images': [{'id': 1, 'width': 100, 'height': 100, 'file_name': 'a.jpg'}],
        'categories': [{'id': i, 'name': name} for i, name in enumerate(CLASSES)],
        'annotations': [
            {'id': i + 1, 'image_id': 1, 'category_id': i, 'bbox': box, 'area': 400, 'iscrowd': 0}
            for i in range(2)
        ],
    }
    (tmp_path / 'a.json').write_text(json.dumps(annotations))
    config = Config(dict(test_evaluator=dict(type='CocoMetric'),
                         val_evaluator=dict(type='CocoMetric')))  # fmt: skip
    ask_per_class(config)
    arguments = {k: v for k, v in config.test_evaluator.items() if k != 'type'}
    metric = CocoMetric(ann_file=str(tmp_path / 'a.json'), **arguments)
    metric.dataset_meta = dict(classes=CLASSES)
    found = dict(
        bboxes=torch.tensor([[10.0, 10, 30, 30]]), scores=torch.tensor([0.9]),
        labels=torch.tensor([0]),
    )  # fmt: skip
    metric.process({}, [dict(img_id=1, ori_shape=(100, 100), pred_instances=found)])
    metrics = metric.evaluate(1)
    # The bag is found to the pixel, the coat is not; there is no screen door.
    assert read_per_class(metrics, CLASSES) == {'bag': 100.0, 'coat': 0.0}
