"""Each verdict, from figures that show it plainly."""

from dataclasses import replace

import pytest

from rm_mm.cli import main
from rm_mm.reporting.formats import to_csv, to_text
from rm_mm.reporting.table import build_table
from rm_mm.reporting.verdict import TableCell, judge_cells
from tests.test_records import RECORD


def runs(method, values, published=None, **changes):
    return [
        replace(
            RECORD, method=method, seed=seed, best=value, last=value, published=published, **changes
        )
        for seed, value in enumerate(values)
    ]


BASE = [40.0, 40.1, 39.9, 40.05, 39.95]


def verdict(values, published=(40.0, 42.0), base=BASE):
    baseline = runs('baseline', base, published[0])
    made = judge_cells(
        [TableCell(baseline, []), TableCell(runs('rm', values, published[1]), baseline)]
    )
    return made[1].text


def plus(*gains):
    return [base + gain for base, gain in zip(BASE, gains, strict=False)]


@pytest.mark.parametrize(
    ('gains', 'text'),
    [
        ((2.0, 2.1, 1.9, 2.2, 1.9), 'reproduced (p '),
        # Ten times the paper's; the other way; nothing; and so wide that it could be either.
        ((20.0, 20.1, 19.9, 20.2, 19.9), 'off (p '),
        ((-2.0, -2.1, -1.9, -2.2, -1.9), 'off (p '),
        ((0.0, 0.1, -0.1, 0.05, -0.05), 'off (p '),
        ((4.0, -3.0, 3.5, -1.0, 2.0), 'not significant (p 0.4'),
        ((2.0,), 'one seed: no claim'),
        # Copies of one run under several seeds.
        ((2.0, 2.0, 2.0, 2.0, 2.0), 'identical figures under every seed: no claim'),
    ],
)
def test_a_gain_against_the_papers(gains, text):
    assert verdict(plus(*gains)).startswith(text)


@pytest.mark.parametrize(
    ('gains', 'text'),
    [
        (
            (2.0, 2.1, 1.9, 2.2, 1.9),
            'no published figure; significantly better than the baseline (p ',
        ),
        (
            (-2.0, -2.1, -1.9, -2.2, -1.9),
            'no published figure; significantly worse than the baseline (p ',
        ),
        ((1.0, -1.0, 0.5, -0.4, 0.1), 'no published figure; not significant (p 0.9'),
        ((2.0,), 'no published figure'),
    ],
)
def test_a_gain_without_a_published_one(gains, text):
    assert verdict(plus(*gains), published=(40.0, None)).startswith(text)
    assert verdict(plus(*gains), published=(None, 42.0)).startswith(text)


@pytest.mark.parametrize(
    ('base', 'text'),
    [
        (BASE, 'reproduced (p '),
        ([value - 1.5 for value in BASE], 'off (p '),
        ([38.0, 42.1], 'not significant (p '),
        ([39.4, 39.4], 'identical figures under every seed: no claim'),
        ([40.0], 'one seed: no claim'),
        ([], 'not run'),
    ],
)
def test_a_baseline_by_its_level(base, text):
    baseline = runs('baseline', base, 40.0)
    cells = [
        TableCell(baseline, []),
        TableCell(runs('rm', [value + 2 for value in base], 42.0), baseline),
    ]
    assert judge_cells(cells)[0].text.startswith(text)


def test_seeds_without_a_partner_do_not_count():
    baseline = runs('baseline', BASE[:1], 40.0)
    made = judge_cells([TableCell(runs('rm', plus(2.0, 2.1, 1.9), 42.0), baseline)])
    assert made[0].text == 'fewer than two seeds in common: no claim'


def test_more_cells_need_stronger_evidence():
    # t = 1.25 / (0.645 / 2) = 3.87 with 3 degrees of freedom: p = 0.030; and 20 times that.
    gains = plus(1.0, 2.0, 1.5, 0.5)
    baseline = runs('baseline', BASE)
    cell = TableCell(runs('rm', gains), baseline)
    assert 'significantly better than the baseline (p 0.03, Holm)' in judge_cells([cell])[0].text
    assert judge_cells([cell] * 20)[0].text.endswith('not significant (p 0.61, Holm)')


def test_runs_with_other_data_or_another_length_are_not_paired():
    base = runs('baseline', BASE, 40.0, data_fingerprint='a')
    mixed = runs('rm', plus(2.0, 2.1, 1.9, 2.2, 1.9), 42.0, data_fingerprint='a')
    mixed[0].data_fingerprint = 'b'
    mixed[1].schedule_scale = 0.5
    # Runs with unknown data are compared.
    mixed[2].data_fingerprint = None
    cell = TableCell(mixed, base)
    assert cell.gains == pytest.approx([1.9, 2.2, 1.9])
    # The paper's figure is for whole runs.
    assert (cell.published, cell.published_gain) == (None, None)
    notes = build_table(base + mixed).notes
    assert 'rm of atss_r18_mini, seed 0: the baseline has other data: no gain.' in notes
    text = 'rm of atss_r18_mini, seed 1: the baseline has a schedule of another length: no gain.'
    assert text in notes


def test_records_that_disagree_on_the_papers_figure_use_none():
    records = runs('rm', BASE, 42.0)
    records[1].published = None
    assert judge_cells([TableCell(records, [])])[0].text == 'no published figure'
    assert build_table(records).notes[-1] == (
        "rm of atss_r18_mini: records disagree on the paper's figure (42.0, None), so none is used."
    )


def test_the_table_has_it_in_every_format():
    records = runs('baseline', BASE, 40.0) + runs('rm', plus(2.0, 2.1, 1.9, 2.2, 1.9), 42.0)
    table = build_table(records)
    assert table.header[-3:] == ['gain', 'paper', 'verdict']
    assert table.rows[1][4].startswith('+2.02 [+1.9')
    assert table.rows[1][-1].startswith('reproduced (p ')
    assert 'Holm-corrected' in to_text(table)
    assert to_csv(table).splitlines()[0].endswith('box AP % verdict')


def test_one_seed_without_a_published_figure_has_no_verdict():
    table = build_table(runs('baseline', [40.0]) + runs('rm', [41.0]))
    assert 'verdict' not in table.header
    assert table.rows[1][-1] == '+1.00'


def test_metrics_are_not_mixed():
    records = runs('baseline', [40.0, 41.0]) + runs('rm', [35.0, 36.0], metric='mask_ap_percent')
    table = build_table(records)
    assert [name for name in table.header if 'best' in name] == ['box AP % best', 'mask AP % best']
    assert not any('[' in cell for row in table.rows for cell in row)


def test_no_run_counts_twice(tmp_path, capsys):
    for name in ('a', 'b'):
        RECORD.write(tmp_path / name / 'records' / 'x.json')
    call = ['report', str(tmp_path / 'a')]
    assert main([*call, str(tmp_path / 'b')]) == 2
    assert 'are both rm of atss_r18_mini with seed 0: drop one' in capsys.readouterr().err
    assert main([*call, str(tmp_path / 'a') + '/']) == 2
    assert 'is given twice' in capsys.readouterr().err
    replace(RECORD, settings=['mini', 'other']).write(tmp_path / 'b' / 'records' / 'x.json')
    assert main([*call, str(tmp_path / 'b')]) == 2
    assert 'drop one' in capsys.readouterr().err
    assert main(['report', f'rm={tmp_path / "a"}']) == 2
    assert 'name their methods themselves' in capsys.readouterr().err
