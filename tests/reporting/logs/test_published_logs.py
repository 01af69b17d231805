"""The authors' logs give the rows of the paper, with best and last."""

from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.logs.logged_run import read_run
from rm_mm.reporting.logs.rows import read_rows

LOGS = Path(__file__).parents[2] / 'data' / 'evaluations'
#: Read by hand off the lines of the logs and the tables of the paper: column, method, best and its
#: step, last and its step, published.
ROWS = {
    'imagenet_r50_rm.log': ('r50_in1k', 'rm', 79.20, 294, 79.11, 300, 79.20),
    'cifar10_pyramidnet_rm.log': ('pyramidnet200_cifar10', 'rm', 97.72, 247, 97.42, 300, 97.65),
    'coco_atss_r50_rm.json': ('atss_r50_coco', 'rm', 41.5, 12, 41.5, 12, 41.5),
    'ade20k_upernet_r50_rm.json': ('upernet_r50_ade20k', 'rm', 42.3, 80000, 42.3, 80000, 42.3),
    'ade20k_upernet_r50_baseline.json': (
        'upernet_r50_ade20k', 'baseline', 40.46, 72000, 40.4, 80000, 40.4,
    ),
}  # fmt: skip


@pytest.mark.parametrize('name', ROWS)
def test_a_row_of_the_paper(name):
    (record,), _ = read_rows([(None, LOGS / name)])
    assert (
        record.column, record.method, record.best, record.best_step, record.last, record.last_step,
        record.published,
    ) == ROWS[name]  # fmt: skip
    unit = 'iteration' if 'ade20k' in name else 'epoch'
    assert (record.step_unit, record.settings) == (unit, ['paper'])
    assert len(record.curve) == {'im': 300, 'ci': 300, 'co': 12, 'ad': 10}[name[:2]]


def test_time_and_memory():
    found = {name: read_run(LOGS / name) for name in ROWS}
    # The first 200 iterations of three epochs, by the clock: 22:54:17.688 to 22:55:23.613 for one.
    assert found['imagenet_r50_rm.log'].seconds_an_iteration == pytest.approx(0.33, abs=0.01)
    # `"memory": 3334`, in MB.
    assert found['coco_atss_r50_rm.json'].memory_mb == 3334
    assert found['ade20k_upernet_r50_rm.json'].memory_mb == 10225
    assert all(run.unread_count == run.restarts == 0 for run in found.values())


def test_the_table_from_logs_alone(capsys, tmp_path):
    markdown = tmp_path / 'table.md'
    logs = [str(LOGS / name) for name in ROWS if 'cifar' not in name]
    assert main(['report', *logs, '--md', str(markdown)]) == 0
    rows = [line.strip('| \n').split(' | ') for line in markdown.read_text().splitlines()]
    nothing, no_claim = ['-'] * 4 + ['not run'], 'one seed: no claim'
    assert rows[2] == [
        'baseline', 'paper', *nothing, *nothing, '40.460', '40.400', '-', '40.4', no_claim
    ]  # fmt: skip
    assert rows[3] == [
        'rm', 'paper', '79.200', '79.110', '-', '79.2', no_claim, '41.50', '41.50', '-', '41.5',
        no_claim, '42.300', '42.300', '+1.840', '42.3', no_claim,
    ]  # fmt: skip
    assert '10 evaluations to iteration 80000, best at 72000' in capsys.readouterr().out
