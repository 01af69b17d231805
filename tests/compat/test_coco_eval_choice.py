"""Which library evaluates COCO, what is logged about it, and what is left unchanged."""

import logging
import subprocess
import sys
from types import ModuleType

import faster_coco_eval
import numpy as np
import pytest
from mmdet.datasets import api_wrappers
from mmdet.evaluation.metrics import coco_metric
from mmengine.logging import MMLogger
from pycocotools import cocoeval

from rm_mm.compat import coco_eval
from rm_mm.compat.coco_eval import FastCOCOeval
from rm_mm.run.environment import versions
from tests.compat.test_coco_eval import evaluated, made


@pytest.fixture
def log():
    """Messages in the log of a run that has not evaluated yet."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    coco_eval.faster_evaluator.cache_clear()
    coco_eval._warn_fallback.cache_clear()
    yield lines
    logger.removeHandler(handler)
    coco_eval.faster_evaluator.cache_clear()
    coco_eval._warn_fallback.cache_clear()


def check_pycocotools_evaluates():
    """Evaluate twice, and check that pycocotools did it."""
    data = made(images=3)
    expected = evaluated(cocoeval.COCOeval, *data)
    for _ in range(2):
        found = evaluated(FastCOCOeval, *data)
        assert found._accumulated is None
        # The matches of each image, which faster-coco-eval does not return.
        assert len(found.evalImgs) == len(expected.evalImgs) > 0
        np.testing.assert_array_equal(found.stats, expected.stats)


def test_the_faster_library_evaluates_silently(log):
    found = evaluated(FastCOCOeval, *made(images=3))
    assert coco_eval.faster_evaluator() is faster_coco_eval.COCOeval_faster
    assert found._accumulated is found.eval
    assert not found.evalImgs
    assert log == []


def test_pycocotools_evaluates_if_the_library_is_not_installed(log, monkeypatch):
    monkeypatch.setitem(sys.modules, 'faster_coco_eval', None)
    check_pycocotools_evaluates()
    # It is optional.
    assert log == []


def test_pycocotools_evaluates_if_the_library_does_not_import(log, monkeypatch, tmp_path):
    (tmp_path / 'faster_coco_eval.py').write_text("raise ImportError('GLIBC_2.28 not found')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'faster_coco_eval')
    check_pycocotools_evaluates()
    assert log == [
        'faster-coco-eval does not import (ImportError: GLIBC_2.28 not found): '
        'pycocotools evaluates instead, slower, with the same figures'
    ]


@pytest.mark.parametrize('version', ['1.7.2', '1.8.0rc1'])
def test_pycocotools_evaluates_if_the_library_is_too_old(log, monkeypatch, version):
    monkeypatch.setattr(faster_coco_eval, '__version__', version)
    check_pycocotools_evaluates()
    (line,) = log
    assert line.startswith(f"faster-coco-eval {version} is older than 1.8.0 (pip install 'rm_mm[f")


def test_pycocotools_evaluates_if_the_module_is_another(log, monkeypatch):
    module = ModuleType('faster_coco_eval')
    module.__spec__ = faster_coco_eval.__spec__
    monkeypatch.setitem(sys.modules, 'faster_coco_eval', module)
    check_pycocotools_evaluates()
    assert 'AttributeError' in log[0]
    assert len(log) == 1


class OtherArguments(faster_coco_eval.COCOeval_faster):
    def __init__(self, truth, detections):
        raise AssertionError


class OtherParameters(faster_coco_eval.COCOeval_faster):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.params.areaRng


class OtherShapes(faster_coco_eval.COCOeval_faster):
    def accumulate(self):
        super().accumulate()
        self.eval['precision'] = self.eval['precision'].transpose(1, 0, 2, 3, 4)


@pytest.mark.parametrize(
    ('other', 'why'),
    [
        (OtherArguments, 'TypeError'),
        (OtherParameters, 'areaRng'),
        (OtherShapes, '101, 10, 6, 4, 3'),
    ],
)
def test_pycocotools_evaluates_if_the_interface_changed(log, monkeypatch, other, why):
    monkeypatch.setattr(faster_coco_eval, 'COCOeval_faster', other)
    check_pycocotools_evaluates()
    (line,) = log
    assert line.startswith('faster-coco-eval failed (')
    assert why in line


def test_other_parameters_are_rejected_rather_than_ignored():
    found = evaluated(FastCOCOeval, *made(images=3))
    with pytest.raises(ValueError, match="pycocotools' own"):
        found.accumulate(found.params)


def test_only_the_name_that_coco_metric_uses_is_replaced():
    assert coco_metric.COCOeval is FastCOCOeval
    assert api_wrappers.COCOeval is cocoeval.COCOeval
    assert coco_metric.COCOevalMP is api_wrappers.COCOevalMP
    assert not issubclass(api_wrappers.COCOevalMP, FastCOCOeval)
    for name in ('evaluate', 'accumulate', 'summarize'):
        assert getattr(cocoeval.COCOeval, name).__module__ == 'pycocotools.cocoeval'
    assert sys.modules['pycocotools.cocoeval'].__file__ == cocoeval.__file__


def test_nothing_is_imported_before_mmdet():
    code = (
        "import rm_mm, sys; print([name for name in ('mmdet', 'pycocotools', 'faster_coco_eval', "
        "'rm_mm.compat.coco_eval') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == '[]\n'


def test_the_environment_of_a_run_lists_both_libraries():
    assert {'pycocotools', 'faster-coco-eval'} <= {*versions()}
