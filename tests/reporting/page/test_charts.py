"""Positions of figures in the charts, worked out by hand."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from rm_mm.reporting.page.curves import spread
from rm_mm.reporting.page.document import to_page
from rm_mm.reporting.page.gains import NAME, class_gains
from rm_mm.reporting.page.panel import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from rm_mm.reporting.page.prediction import correlation, pairs
from rm_mm.reporting.results import arrange
from rm_mm.reporting.verdict import TableCell
from tests.reporting.made import RECORD, record, several


def drawn(section, records):
    """The markup of one section of the page; None if the page has none."""
    located = [(Path(f'/r/records/{i}.json'), each) for i, each in enumerate(records)]
    page = to_page(arrange(records), [], located)
    found = re.search(rf'<section id="{section}".*?</section>', page, flags=re.DOTALL)
    return found and found[0]


def test_a_curve_goes_through_its_evaluations():
    markup = drawn('curves', [record('detection', 'rm', 0, 12.0)])
    points = re.search(r'<polyline points="([^"]+)" class="line"', markup)[1]
    places = [tuple(map(float, point.split(','))) for point in points.split()]
    # Steps 1 to 4 with 2 % of 3 on either side: step 1 is 0.06 of 3.12 into the axis.
    width = WIDTH - RIGHT - LEFT
    assert places[0][0] == pytest.approx(LEFT + width * 0.06 / 3.12, abs=0.06)
    assert places[3][0] == pytest.approx(LEFT + width * 3.06 / 3.12, abs=0.06)
    # Figures 6, 9, 12, 11 with 6 % of 6 on either side: 12 is 0.36 of 6.72 below the top.
    height = HEIGHT - BOTTOM - TOP
    assert places[2][1] == pytest.approx(TOP + height * 0.36 / 6.72, abs=0.06)
    assert places[1][1] == pytest.approx(TOP + height * 3.36 / 6.72, abs=0.06)


def test_epochs_and_iterations_have_separate_axes():
    by_epoch = record('detection', 'baseline', 0, 12.0)
    by_iteration = record('detection', 'rm', 0, 12.0, step_unit='iteration')
    markup = drawn('curves', [by_epoch, by_iteration])
    assert 'box AP %, by epoch' in markup
    assert 'box AP %, by iteration' in markup
    # Both panels are two of the charts, besides the samples of the legend.
    assert markup.count('class="chart"') == 2
    assert drawn('curves', [by_epoch]).count('class="chart"') == 1


def test_the_band_covers_the_steps_that_all_seeds_share():
    first = record('detection', 'rm', 0, 12.0)
    second = replace(record('detection', 'rm', 1, 14.0), curve=[[2, 11.0], [3, 14.0]])
    # At step 2: 9 and 11, at step 3: 12 and 14.
    assert spread([first, second]) == [(2, 10.0, 9.0, 11.0), (3, 13.0, 12.0, 14.0)]
    assert '<polygon' in drawn('curves', [first, second])
    assert '<polygon' not in drawn('curves', [first])


def test_curves_without_a_shared_step_are_drawn_separately():
    other = replace(record('detection', 'rm', 1, 14.0), curve=[[7, 3.0]])
    markup = drawn('curves', [record('detection', 'rm', 0, 12.0), other])
    assert len(re.findall(r'class="line"', markup.split('class="panels"')[1])) == 2


def test_the_forest_has_zero_the_interval_and_the_papers_gain():
    records = [
        record('detection', method, seed, 20.0 + 2 * (method == 'rm') * (1 + seed), published=paper)
        for method, paper in (('baseline', 39.0), ('rm', 42.0))
        for seed in (0, 1)
    ]
    markup = drawn('gains', records)
    # Gains of 2 and 4, their mean 3 as the paper's; the bootstrap's ends are 2 and 4. With 6 % of
    # 4 on either side, 0 is 0.24 of 4.48 into the axis that begins right of the names.
    width = WIDTH - RIGHT - NAME
    expected = {gain: NAME + width * (0.24 + gain) / 4.48 for gain in (0, 2, 3, 4)}
    zero = float(re.search(r'x1="([\d.]+)"[^>]*class="zero"', markup)[1])
    assert zero == pytest.approx(expected[0], abs=0.06)
    low, high = re.search(r'<line x1="([\d.]+)" x2="([\d.]+)"[^>]*class="line"', markup).groups()
    assert (float(low), float(high)) == pytest.approx((expected[2], expected[4]), abs=0.06)
    places = re.findall(r'transform="translate\(([\d.]+) [\d.]+\)" class="(point|paper)"', markup)
    assert [name for _, name in places] == ['point', 'paper']
    for place, _ in places:
        assert float(place) == pytest.approx(expected[3], abs=0.06)
    assert 'gain +3.00, interval +2.00 to +4.00, 2 seeds, paper +3.00' in markup


def test_scratch_is_an_arrow_outside_the_scale_of_the_others():
    records = [record('detection', m, 0, best) for m, best in (('baseline', 30.0), ('rm', 31.0))]
    alone = drawn('gains', records)
    markup = drawn('gains', [*records, record('detection', 'scratch', 0, 10.0)])
    zero = r'<line x1="([\d.]+)"[^>]*class="zero"'
    assert re.search(zero, markup)[1] == re.search(zero, alone)[1]
    assert '\N{MINUS SIGN}20.00</text>' in markup
    assert 'scratch: gain \N{MINUS SIGN}20.00' in markup
    # Alone, its own gain sets the scale.
    only = drawn('gains', [records[0], record('detection', 'scratch', 0, 10.0)])
    assert '\N{MINUS SIGN}20.00</text>' not in only
    assert re.search(zero, only)[1] != re.search(zero, alone)[1]


def test_without_a_baseline_there_are_no_gains():
    records = [record('detection', 'rm', 0, 12.0)]
    assert drawn('gains', records) is None
    assert drawn('classes', records) is None


def test_a_run_is_paired_with_the_pretraining_of_its_backbone():
    own = record('classification', 'rm', 0, 70.0, backbone_sha256='a')
    other = record('classification', 'rm', 1, 71.0, backbone_sha256='b')
    after = record('detection', 'rm', 0, 12.0, backbone_sha256='b')
    column = arrange([after]).columns[0]
    # By its hash, whatever its seed.
    assert [pair.before for pair in pairs([own, other, after], column)] == [other]
    unknown = replace(after, backbone_sha256=None)
    assert [pair.before for pair in pairs([own, other, unknown], column)] == [own]
    # The hash is that of a backbone that no record here has.
    assert pairs([own, replace(after, backbone_sha256='c')], column) == []
    scratch = [replace(each, method='scratch') for each in (own, after)]
    assert pairs(scratch, column) == []


def pairs_of(figures):
    records = []
    for index, (before, after) in enumerate(figures):
        own = dict(backbone_sha256=str(index))
        records += [
            record('classification', f'own{index}', 0, before, **own),
            record('detection', f'own{index}', 0, after, **own),
        ]
    return pairs(records, next(c for c in arrange(records).columns if c.task == 'detection'))


def test_few_methods_claim_nothing():
    # Without any relation, identical orders of four have a chance of 2 in 24, above 5 %.
    text = correlation(pairs_of([(1, 1), (2, 2), (3, 3), (4, 4)]))
    assert text == (
        'Over 4 runs: Spearman +1.00, Kendall +1.00. Over the means of 4 methods: n = 4 is too '
        'small for a claim.'
    )


def test_five_methods_in_one_order_claim():
    # 2 in 120 is 0.0167.
    text = correlation(pairs_of([(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]))
    assert text.endswith('n = 5, p 0.017 (Kendall): it predicts.')
    text = correlation(pairs_of([(1, 5), (2, 4), (3, 3), (4, 2), (5, 1)]))
    assert text.endswith('it predicts the reverse.')
    # One pair of ten turned round: (9 - 1) / 10; rank differences of 1 twice, 1 - 6 * 2 / 120.
    text = correlation(pairs_of([(1, 1), (2, 2), (3, 3), (4, 5), (5, 4)]))
    assert 'Spearman +0.90, Kendall +0.80' in text
    # At most one pair turned round: 1 + 4 of 120 orders, on either side. 10 in 120 is 0.083.
    assert text.endswith('n = 5, p 0.083 (Kendall): no claim.')
    assert 'all equal' in correlation(pairs_of([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]))


def test_gains_of_classes_are_paired_and_sorted():
    base = [replace(RECORD, method='baseline', seed=s, per_class=c)
            for s, c in ((0, {'bag': 10.0, 'coat': 5.0}), (1, {'bag': 20.0}))]  # fmt: skip
    first, second = {'bag': 11.0, 'coat': 9.0, 'hat': 1.0}, {'bag': 25.0, 'coat': 3.0}
    own = [replace(RECORD, seed=s, per_class=c) for s, c in ((0, first), (1, second))]
    found = class_gains(TableCell(own, base))
    # coat: 4 of the one seed that has it on both sides; bag: 1 and 5; hat has no baseline.
    assert [(g.name, g.gain, g.baseline, g.seeds) for g in found] == [
        ('coat', 4.0, 5.0, 1), ('bag', 3.0, 15.0, 2)
    ]  # fmt: skip


def test_of_many_classes_both_ends_are_drawn():
    names = [f'class {i:02}' for i in range(30)]
    base = replace(RECORD, method='baseline', per_class=dict.fromkeys(names, 10.0))
    own = replace(RECORD, per_class={name: 10.0 - i for i, name in enumerate(names)})
    markup = drawn('classes', [base, own])
    bars = re.findall(r'<title>(class \d+):', markup)
    assert bars == names[:10] + names[-10:]
    assert '10 classes between are in the table' in markup
    assert all(f'>{name}</th>' in markup for name in names)


def test_curves_of_sixty_methods_are_drawn():
    markup = drawn('curves', several([f'own{i}' for i in range(60)], (0,), ('detection',)))
    assert markup.count('class="mark ') == 60
