"""Which of the two evaluates COCO, what is said of it, and what stays as it was."""

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
def said():
    """What goes to the log of a run, of whose evaluations this is the first."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    coco_eval.evaluator.cache_clear()
    coco_eval._fall_back.cache_clear()
    yield lines
    logger.removeHandler(handler)
    coco_eval.evaluator.cache_clear()
    coco_eval._fall_back.cache_clear()


def by_pycocotools():
    """Evaluate twice, by pycocotools."""
    data = made(images=3)
    expected = evaluated(cocoeval.COCOeval, *data)
    for _ in range(2):
        found = evaluated(FastCOCOeval, *data)
        assert found._accumulated is None
        # The matches of each image, which faster-coco-eval does not tell.
        assert len(found.evalImgs) == len(expected.evalImgs) > 0
        np.testing.assert_array_equal(found.stats, expected.stats)


def test_the_faster_one_evaluates_without_a_word(said):
    found = evaluated(FastCOCOeval, *made(images=3))
    assert coco_eval.evaluator() is faster_coco_eval.COCOeval_faster
    assert found._accumulated is found.eval
    assert not found.evalImgs
    assert said == []


def test_pycocotools_where_it_is_not_installed(said, monkeypatch):
    monkeypatch.setitem(sys.modules, 'faster_coco_eval', None)
    by_pycocotools()
    # It is optional.
    assert said == []


def test_pycocotools_where_it_does_not_import(said, monkeypatch, tmp_path):
    (tmp_path / 'faster_coco_eval.py').write_text("raise ImportError('GLIBC_2.28 not found')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'faster_coco_eval')
    by_pycocotools()
    assert said == [
        'faster-coco-eval does not import (ImportError: GLIBC_2.28 not found): '
        'pycocotools evaluates, with the same figures, in more time'
    ]


@pytest.mark.parametrize('version', ['1.7.2', '1.8.0rc1'])
def test_pycocotools_where_it_is_older_than_was_compared(said, monkeypatch, version):
    monkeypatch.setattr(faster_coco_eval, '__version__', version)
    by_pycocotools()
    (line,) = said
    assert line.startswith(f"faster-coco-eval {version} is older than 1.8.0 (pip install 'rm_mm[f")


def test_pycocotools_where_its_module_is_another(said, monkeypatch):
    module = ModuleType('faster_coco_eval')
    module.__spec__ = faster_coco_eval.__spec__
    monkeypatch.setitem(sys.modules, 'faster_coco_eval', module)
    by_pycocotools()
    assert 'AttributeError' in said[0]
    assert len(said) == 1


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
def test_pycocotools_where_its_interface_is_another(said, monkeypatch, other, why):
    monkeypatch.setattr(faster_coco_eval, 'COCOeval_faster', other)
    by_pycocotools()
    (line,) = said
    assert line.startswith('faster-coco-eval failed (')
    assert why in line


def test_other_parameters_are_refused_rather_than_ignored():
    found = evaluated(FastCOCOeval, *made(images=3))
    with pytest.raises(ValueError, match="pycocotools' own"):
        found.accumulate(found.params)


def test_only_the_name_that_coco_metric_uses_is_another():
    assert coco_metric.COCOeval is FastCOCOeval
    assert api_wrappers.COCOeval is cocoeval.COCOeval
    assert coco_metric.COCOevalMP is api_wrappers.COCOevalMP
    assert not issubclass(api_wrappers.COCOevalMP, FastCOCOeval)
    for name in ('evaluate', 'accumulate', 'summarize'):
        assert getattr(cocoeval.COCOeval, name).__module__ == 'pycocotools.cocoeval'
    assert sys.modules['pycocotools.cocoeval'].__file__ == cocoeval.__file__


def test_nothing_is_imported_before_mmdet_is():
    code = (
        "import rm_mm, sys; print([name for name in ('mmdet', 'pycocotools', 'faster_coco_eval', "
        "'rm_mm.compat.coco_eval') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == '[]\n'


def test_the_record_of_a_run_names_both():
    assert {'pycocotools', 'faster-coco-eval'} <= {*versions()}
