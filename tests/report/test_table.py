import csv
import io
from dataclasses import replace

from rm_mm.report.table import build_table, to_csv, to_html, to_latex, to_markdown, to_text
from tests.suite.test_records import RECORD


def records():
    def one(task, method, seed, best, published=None):
        return replace(
            RECORD, task=task, method=method, seed=seed, best=best, last=best - 0.5,
            published=published,
        )  # fmt: skip

    return [
        one('detection', 'rm', 0, 41.0, 41.5),
        one('detection', 'rm', 1, 43.0, 41.5),
        one('detection', 'baseline', 0, 39.0, 39.4),
        one('detection', 'baseline', 1, 40.0, 39.4),
        one('segmentation', 'rm', 0, 42.0),
    ]


def test_means_gains_and_published_figures():
    table = build_table(records())
    assert table.header[:5] == ['method', 'box AP % best', 'last', 'gain', 'paper']
    # Baseline first; 39 and 40: mean 39.5, standard deviation sqrt(0.5) = 0.71.
    assert table.rows[0][:5] == ['baseline', '39.50 ± 0.71', '39.00 ± 0.71', '-', '39.4']
    # Paired gains are 2 and 3.
    assert table.rows[1][:5] == ['rm', '42.00 ± 1.41', '41.50 ± 1.41', '+2.50', '41.5']
    # No baseline in segmentation: no gain; one seed: no deviation.
    assert table.rows[0][5:] == ['-'] * 4
    assert table.rows[1][5:] == ['42.00', '41.50', '-', '-']


def test_every_format_holds_every_cell():
    table = build_table(records())
    for row in table.rows:
        for cell in row:
            assert cell in to_text(table)
            assert cell in to_markdown(table)
            assert cell in to_html(table)
            assert cell.replace('±', r'$\pm$') in to_latex(table)
    parsed = list(csv.reader(io.StringIO(to_csv(table))))
    assert parsed[1:] == table.rows
    assert len(set(parsed[0])) == len(parsed[0])
    assert r'\%' in to_latex(table)


def test_names_are_escaped():
    table = build_table([replace(RECORD, method='<script>|&_')])
    assert '<script>' not in to_html(table)
    assert r'\|' in to_markdown(table)
    assert r'\&' in to_latex(table)


def test_one_seed_claims_nothing():
    notes = ' '.join(build_table([RECORD]).notes)
    assert 'One seed' in notes
    assert 'shortened' not in notes
    short = build_table([replace(RECORD, schedule_scale=0.05)])
    assert 'shortened to 0.05' in ' '.join(short.notes)
