import pytest
from mmengine.config import Config

from rm_mm.errors import InputError
from rm_mm.recipe.metric import Metric, metric_of


@pytest.mark.parametrize(
    ('evaluator', 'key', 'factor'),
    [
        (dict(type='Accuracy', topk=(1, 5)), 'accuracy/top1', 1.0),
        (dict(type='CocoMetric', metric='bbox'), 'coco/bbox_mAP', 100.0),
        (dict(type='mmdet.CocoMetric', metric=['segm', 'bbox']), 'coco/bbox_mAP', 100.0),
        (dict(type='CocoMetric', metric='segm'), 'coco/segm_mAP', 100.0),
        (dict(type='CocoMetric', prefix='cars'), 'cars/bbox_mAP', 100.0),
        (dict(type='VOCMetric'), 'pascal_voc/mAP', 100.0),
        ([dict(type='Speed'), dict(type='IoUMetric', iou_metrics=['mIoU'])], 'mIoU', 1.0),
    ],
)
def test_what_the_log_calls_it(evaluator, key, factor):
    found = metric_of(Config(dict(val_evaluator=evaluator)))
    assert (found.key, found.factor) == (key, factor)


@pytest.mark.parametrize(
    'evaluator',
    [
        dict(type='CocoMetric', metric='proposal'), dict(type='CocoMetric', format_only=True),
        dict(type='IoUMetric', iou_metrics=['mDice']), dict(type='Accuracy', topk=(5,)),
        dict(type='VOCMetric', metric='recall'),
    ],
)  # fmt: skip
def test_an_evaluator_that_will_not_report_it_is_refused(evaluator):
    with pytest.raises(InputError, match='no metric'):
        metric_of(Config(dict(val_evaluator=evaluator)))


def test_of_several_the_named_one_counts():
    several = [dict(type='CocoMetric'), dict(type='VOCMetric')]
    config = Config(dict(val_evaluator=several, expected=dict(metric='pascal_voc/mAP')))
    assert metric_of(config) == Metric('pascal_voc/mAP', 100.0, 'map_percent')
    assert metric_of(Config(dict(val_evaluator=several))).key == 'coco/bbox_mAP'


def test_a_config_names_its_own():
    config = Config(dict(val_evaluator=dict(type='Mine'), expected=dict(metric='mine/score')))
    assert metric_of(config) == Metric('mine/score', 1.0, 'mine/score')
    with pytest.raises(InputError, match='expected = dict'):
        metric_of(Config(dict(val_evaluator=dict(type='Mine'))))


def test_the_evaluators_really_call_it_so():
    from mmdet.evaluation import CocoMetric, VOCMetric
    from mmpretrain.evaluation import Accuracy
    from mmseg.evaluation import IoUMetric

    for evaluator in (CocoMetric, VOCMetric, Accuracy, IoUMetric):
        key = metric_of(Config(dict(val_evaluator=dict(type=evaluator.__name__)))).key
        prefix = evaluator.default_prefix
        assert key.startswith(f'{prefix}/') if prefix else '/' not in key
