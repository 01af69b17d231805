"""The order of measurements, and the report about them."""

import importlib
import json
import sys

import pytest

from tests.packaging.conftest import ROOT


@pytest.fixture(scope='module')
def alternation():
    sys.path.insert(0, str(ROOT / 'benchmarks'))
    yield importlib.import_module('alternation')
    sys.path.remove(str(ROOT / 'benchmarks'))


def test_ways_are_measured_in_turn_in_a_rotating_order(alternation):
    order = []
    ways = {
        name: lambda name=name: order.append(name) or float(len(order)) for name in ('a', 'b', 'c')
    }
    figures = alternation.alternate(ways, 4)
    # The first measurement of each way is a warm-up.
    assert ''.join(order) == 'abc' + 'abc' + 'bca' + 'cab' + 'abc'
    assert figures == {'a': [4, 9, 11, 13], 'b': [5, 7, 12, 14], 'c': [6, 8, 10, 15]}


def test_ratios_are_computed_within_a_repetition(alternation, tmp_path, capsys):
    # In the second repetition the machine was half as fast.
    figures = {'ours': [1.0, 2.0, 1.5], 'theirs': [2.0, 4.0, 2.0]}
    bars = [
        alternation.Bar('ours', 'theirs', 0.5),
        alternation.Bar('theirs', 'ours', 2.5, at_most=False),
        alternation.Bar('ours', None, 1.5),
    ]
    target = tmp_path / 'a.json'
    good = alternation.report('x', 's', figures, bars, target=target, facts={'n': 3})
    assert not good
    written = json.loads(target.read_text())
    assert [bar['found'] for bar in written['bars']] == [
        [0.5, 0.5, 0.75], [2.0, 2.0, 2.0 / 1.5], [1.0, 2.0, 1.5]
    ]  # fmt: skip
    assert [bar['reached'] for bar in written['bars']] == [True, False, True]
    assert (written['figures'], written['facts'], written['unit']) == (figures, {'n': 3}, 's')
    assert written['machine']['cores'] >= 1
    printed = capsys.readouterr().out
    assert 'ours / theirs <= 0.5: 0.5 (0.5 to 0.75), reached' in printed
    assert 'theirs / ours >= 2.5: 2 (1.333 to 2), NOT REACHED' in printed
    assert alternation.report('x', 's', figures, bars[:1])
