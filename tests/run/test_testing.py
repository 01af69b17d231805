"""The metrics that a test returns."""

import json
import math

import numpy as np
import pytest
import torch

import rm_mm
from rm_mm.errors import InputError
from tests.test_errors import TEXT, write_tiny


class Evaluated:
    """A runner whose evaluation is finished."""

    def register_hook(self, hook):
        pass

    def _init_model_weights(self):
        pass

    def test(self):
        return {
            'top1': np.float32(12.5), 'top5': torch.tensor(50.0), 'loss': math.nan,
            'precision_classwise': [25.0, math.inf],
        }  # fmt: skip


def test_metrics_are_plain_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('rm_mm.run.testing.build_runner', lambda *_, **__: Evaluated())
    write_tiny(tmp_path)
    expected = {'top1': 12.5, 'top5': 50.0, 'loss': None, 'precision_classwise': [25.0, None]}
    assert rm_mm.test('tiny.py', 'none', out='metrics.json') == expected
    assert json.loads((tmp_path / 'metrics.json').read_text()) == expected


def test_a_config_without_a_test_loop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path, f'{TEXT}test_cfg = None\n')
    with pytest.raises(InputError, match=r'tiny\.py is not the config of a whole run'):
        rm_mm.test('tiny.py', 'none', amp=True)
