import csv
import io
from dataclasses import replace

from rm_mm.reporting.formats import to_csv, to_latex, to_markdown, to_text
from rm_mm.reporting.table import Table, build_table
from tests.test_records import RECORD

METRICS = {'detection': 'box_ap_percent', 'segmentation': 'miou_percent'}
COLUMNS = {'detection': 'atss_r50_coco', 'segmentation': 'upernet_r50_ade20k'}


def records():
    def one(task, method, seed, best, published=None, settings=('paper', 'controlled')):
        return replace(
            RECORD, task=task, method=method, seed=seed, best=best, last=best - 0.5,
            published=published, column=COLUMNS[task], metric=METRICS[task],
            settings=list(settings),
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
    assert table.header[:6] == ['method', 'setting', 'box AP % best', 'last', 'gain', 'paper']
    both = 'paper, controlled'
    # Baseline first; 39 and 40: mean 39.5, standard deviation sqrt(0.5) = 0.71.
    assert table.rows[0][:6] == ['baseline', both, '39.50 ± 0.71', '39.00 ± 0.71', '-', '39.4']
    # Paired gains are 2 and 3.
    assert table.rows[1][:6] == [
        'rm',
        both,
        '42.00 ± 1.41',
        '41.50 ± 1.41',
        '+2.50 [+2.00, +3.00]',
        '41.5',
    ]
    # No baseline in segmentation: no gain; one seed: no deviation.
    assert table.rows[0][7:] == ['-'] * 4 + ['not run']
    assert table.rows[1][7:] == ['42.000', '41.500', '-', '-', 'no published figure']


def test_two_baselines_make_two_settings_with_separate_gains():
    found = records()
    for record in found:
        if record.method == 'baseline':
            record.settings = ['paper']
    controlled = [
        replace(record, best=record.best - 1, settings=['controlled'], published=None)
        for record in found
        if record.method == 'baseline'
    ]
    rows = [row[:6] for row in build_table([*found, *controlled]).rows]
    assert [row[:2] for row in rows] == [
        ['baseline', 'paper'],
        ['rm', 'paper'],
        ['baseline', 'controlled'],
        ['rm', 'controlled'],
    ]
    # The same runs of rm, over two baselines: 39.5 and 38.5.
    assert [row[4] for row in rows] == [
        '-', '+2.50 [+2.00, +3.00]', '-', '+3.50 [+3.00, +4.00]',
    ]  # fmt: skip
    assert rows[1][2] == rows[3][2]
    # If only one setting has runs of its own, only its rows are shown.
    assert {row[1] for row in build_table(found).rows} == {'paper'}
    assert 'controlled:' not in ' '.join(build_table(found).notes)


def test_every_row_names_its_settings():
    other = replace(RECORD, settings=[])
    marks = [row[1] for row in build_table([RECORD, other, *records()]).rows]
    assert marks == ['mini', '-', 'paper, controlled', 'paper, controlled']


def test_two_columns_of_a_task_have_different_headings():
    table = build_table([RECORD, replace(RECORD, column='gfl_r50_coco')])
    assert table.header[2] == 'atss_r18_mini box AP % best'
    assert table.header[5] == 'gfl_r50_coco box AP % best'


def test_every_format_holds_every_cell():
    table = build_table(records())
    for row in table.rows:
        for cell in row:
            assert cell in to_text(table)
            assert cell in to_markdown(table)
            assert cell.replace('±', r'$\pm$') in to_latex(table)
    assert r'\%' in to_latex(table)


def test_csv_has_one_number_per_field():
    header = ['method', 'setting', 'AP best', 'last', 'gain', 'paper', 'verdict', 'mIoU best']
    rows = [
        ['rm', 'paper', '41.5 ± 0.1', '41.25', '+1.5 [+1.0, +2.0]', '41.5', 'off (p 0.01)', '-'],
        ['=1+1', '-', '-', '-', '-', '-', 'not run', '42.3'],
    ]
    parsed = list(csv.reader(io.StringIO(to_csv(Table(header, rows, [])))))
    assert parsed == [
        ['method', 'setting', 'AP best', 'AP best std', 'AP last', 'AP last std', 'AP gain',
         'AP gain low', 'AP gain high', 'AP paper', 'AP verdict', 'mIoU best', 'mIoU best std'],
        ['rm', 'paper', '41.5', '0.1', '41.25', '', '+1.5', '+1.0', '+2.0', '41.5', 'off (p 0.01)',
         '', ''],
        # No spreadsheet evaluates a name.
        ["'=1+1", '-', '', '', '', '', '', '', '', '', 'not run', '42.3', ''],
    ]  # fmt: skip


def test_names_are_escaped():
    table = build_table([replace(RECORD, method='<script>|&_')])
    assert r'\|' in to_markdown(table)
    assert r'\&' in to_latex(table)


def test_latex_syntax_is_escaped():
    table = Table(['method', 'task', 'AP'], [['a<b>_{#1}$^~\\x', 'coco', '1']], [])
    escaped = (
        r'a\textless{}b\textgreater{}\_\{\#1\}'
        r'\$\textasciicircum{}\textasciitilde{}\textbackslash{}x & coco'
    )
    assert escaped in to_latex(table)
    # After the end of a row, brackets would be a distance.
    assert '\n{[}5pt] & 1' in to_latex(Table(['method', 'AP'], [['[5pt]', '1']], []))


def test_markdown_syntax_in_names_and_notes_is_escaped():
    name = r'[x](javascript:1) a\|b `*`'
    text = to_markdown(Table(['method', 'setting', 'AP'], [[name, '-', '1 [+1, +2]']], ['<b>: n.']))
    assert r'| [x]\(javascript:1) a\\\|b \`\*\` | - | 1 [+1, +2] |' in text
    assert text.endswith('&lt;b&gt;: n.\n')


def test_one_seed_claims_nothing():
    notes = ' '.join(build_table([RECORD]).notes)
    assert 'One seed' in notes
    assert 'shortened' not in notes
    short = build_table([replace(RECORD, schedule_scale=0.05)])
    assert 'shortened to 0.05' in ' '.join(short.notes)
    # The paper has no figure for such a run, so the table has no column for it.
    assert 'paper' not in short.header


def test_notes_about_single_figures():
    found = records()
    found[0].batch = 'global batch 2 (1 process x 2) instead of 16, as asked for'
    text = ' '.join(build_table(found).notes)
    assert f'detection rm: {found[0].batch}.' in text
    # Two seeds in detection, one in segmentation.
    assert 'Only 1 seed: segmentation rm.' in text
    assert 'Only' not in ' '.join(build_table(found[:4]).notes)
