"""The suite through a Slurm that the test starts; the commands of the cells are stand-ins."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from rm_mm.data import mini
from tests.suite.launch import slurm_node
from tests.suite.launch.stand_in import install, suite
from tests.suite.test_kills import records

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        bool(slurm_node.lacking()) and os.environ.get('RM_MM_SLURM') != 'required',
        reason=slurm_node.lacking(),
    ),
]
EPOCHS = [str(epoch) for epoch in range(1, 6)]


@pytest.fixture(scope='module')
def cluster():
    with slurm_node.slurm(nodes=2, gpus=1) as environment:
        yield environment


@pytest.fixture
def environment(cluster, tmp_path):
    """What a suite is started with: Slurm, and stand-ins for the commands of the cells."""
    paths = [str(install(tmp_path)), str(ROOT), os.environ.get('PYTHONPATH', '')]
    (tmp_path / 'runs').mkdir()
    yield {**cluster, 'PYTHONPATH': os.pathsep.join(paths), 'MASTER_ADDR': '127.0.0.1'}
    subprocess.run(['scancel', '--user', 'root'], env=cluster, check=True)


def start(environment, work_dir, *options):
    call = suite(work_dir, '--cluster', 'slurm', '--time', '10', *options)
    return subprocess.Popen(
        call,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell starts background jobs with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def pace(work_dir, name, seconds):
    """How long an epoch takes from now on; whole at any time, for it is read all the while."""
    path = work_dir / f'{name}.pace'
    path.write_text(str(seconds))
    path.replace(work_dir / f'{name}.slow')


def read_until(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f'never said: {words}')


def finish(process, code=0):
    said, _ = process.communicate(timeout=180)
    assert process.returncode == code, said
    return said


def wait_for(condition, process=None, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def jobs(work_dir):
    return json.loads((work_dir / 'jobs.json').read_text())['jobs']


def trained(work_dir, name):
    path = work_dir / name / 'trained'
    return path.read_text().split() if path.exists() else []


def in_slurm(environment, *command):
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return result.stdout


def test_the_same_records_as_here_and_each_cell_after_its_own_pretraining(environment, tmp_path):
    cells = ['--methods', 'baseline,rm', '--tasks', 'classification,detection']
    work_dir = tmp_path / 'runs'
    (work_dir / 'r18_baseline_mini.slow').write_text('6')
    said = finish(start(environment, work_dir, *cells))
    assert '[4/4 done]' in said
    # An array a column, the second element by element after the first.
    found = jobs(work_dir)
    first, second = (found[f'{task}_baseline_mini'].split('_')[0] for task in ('r18', 'atss_r18'))
    assert found == {
        'r18_baseline_mini': f'{first}_0', 'r18_rm_mini': f'{first}_1',
        'atss_r18_baseline_mini': f'{second}_0', 'atss_r18_rm_mini': f'{second}_1',
    }  # fmt: skip
    times = {
        name: (float(begun), float(ended))
        for name, begun, ended in map(str.split, (work_dir / 'times').read_text().splitlines())
    }
    for method in ('baseline', 'rm'):
        assert times[f'r18_{method}_mini'][1] < times[f'atss_r18_{method}_mini'][0]
    assert times['atss_r18_rm_mini'][0] < times['r18_baseline_mini'][1]

    here = subprocess.run(
        suite(tmp_path / 'here', *cells, '--jobs', '2'), cwd=ROOT, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert here.returncode == 0, here.stderr
    assert records(work_dir) == records(tmp_path / 'here')
    assert len(records(work_dir)) == 4


def test_a_cell_that_fails_stops_what_needs_it_and_no_other(environment, tmp_path):
    work_dir = tmp_path / 'runs'
    (work_dir / 'r18_rm_mini.fail').touch()
    cells = ['--methods', 'scratch,rm', '--tasks', 'detection']
    said = finish(start(environment, work_dir, *cells), code=1)
    assert '2 of 3 cells are not done' in said
    assert 'classification rm: exit code 3; the end of' in said
    assert 'so it goes' in said.split('not done')[1]
    assert 'detection rm: not run, because its pretraining failed' in said
    assert list(records(work_dir)) == ['atss_r18_scratch_mini.json']
    # Nothing is left pending for ever.
    wait_for(lambda: not in_slurm(environment, 'squeue', '--noheader'))
    (work_dir / 'r18_rm_mini.fail').unlink()
    said = finish(start(environment, work_dir, *cells))
    assert '1 of 3 cells are done already' in said
    assert trained(work_dir, 'atss_r18_scratch_mini') == EPOCHS


def test_a_requeued_cell_goes_on_from_its_checkpoint(environment, tmp_path):
    work_dir = tmp_path / 'runs'
    (work_dir / 'r18_rm_mini.slow').write_text('1')
    process = start(environment, work_dir, '--methods', 'rm', '--tasks', 'detection')
    # The signal that submitit's handler waits for; then what an administrator says.
    for count, requeue in (
        (2, ['scancel', '--signal=USR2']),
        (4, ['scontrol', 'requeue']),
    ):
        epochs = [str(epoch) for epoch in range(1, count + 1)]
        wait_for(lambda now=epochs: trained(work_dir, 'r18_rm_mini')[-1:] == now[-1:], process)
        job = jobs(work_dir)['r18_rm_mini']
        in_slurm(environment, *requeue, job)
        # Slurm gives a requeued job two minutes before it starts.
        wait_for(lambda: 'BeginTime' in in_slurm(environment, 'squeue', '--noheader', '-o', '%r'))
        in_slurm(environment, 'scontrol', 'update', f'JobId={job}', 'StartTime=now')
    finish(process)
    # Two were begun twice: their checkpoints had not been written.
    assert trained(work_dir, 'r18_rm_mini') == ['1', '2', '2', '3', '4', '4', '5']
    assert 'Restarts=2' in in_slurm(environment, 'scontrol', 'show', 'job', job)
    assert len(records(work_dir)) == 2


def test_a_killed_call_is_gone_on_from_and_nothing_runs_twice(environment, tmp_path):
    work_dir = tmp_path / 'runs'
    # It does not end before it may, however long calls take to start.
    pace(work_dir, 'r18_rm_mini', 600)
    cells = ['--methods', 'rm', '--tasks', 'detection']
    process = start(environment, work_dir, *cells)
    wait_for(lambda: trained(work_dir, 'r18_rm_mini') and len(jobs(work_dir)) == 2, process)
    process.kill()
    process.communicate()
    before = jobs(work_dir)
    # A call on this machine leaves them to Slurm.
    here = subprocess.run(
        suite(work_dir, *cells), cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert here.returncode == 2
    assert f'scancel {" ".join(sorted(before.values()))} cancels them' in here.stderr

    process = start(environment, work_dir, *cells)
    assert '2 cells are queued or running already' in process.stdout.readline()
    # Ctrl-C leaves them too.
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    said = finish(process, code=130)
    message = 'jobs keep running; the same call waits for them again; scancel'
    assert f'{message} {before["r18_rm_mini"]}' in said
    pace(work_dir, 'r18_rm_mini', 0.05)
    finish(start(environment, work_dir, *cells))
    assert jobs(work_dir) == before
    assert trained(work_dir, 'r18_rm_mini') == trained(work_dir, 'atss_r18_rm_mini') == EPOCHS


def test_jobs_that_nobody_noted_are_ended_first(environment, tmp_path):
    work_dir = tmp_path / 'runs'
    pace(work_dir, 'r18_rm_mini', 3)
    cells = ['--methods', 'rm', '--tasks', 'classification']
    process = start(environment, work_dir, *cells)
    wait_for(lambda: len(trained(work_dir, 'r18_rm_mini')) == 2, process)
    pace(work_dir, 'r18_rm_mini', 600)
    process.kill()
    process.communicate()
    (number,) = jobs(work_dir).values()
    (work_dir / 'jobs.json').write_text('{"version"')
    process = start(environment, work_dir, *cells)
    read_until(process, 'jobs.json is damaged')
    read_until(
        process, f'cancelling jobs that a killed call submitted and did not record: {number}'
    )
    pace(work_dir, 'r18_rm_mini', 0.05)
    finish(process)
    # It went on from the last checkpoint.
    epochs = trained(work_dir, 'r18_rm_mini')
    assert list(dict.fromkeys(epochs)) == EPOCHS
    assert epochs.count('1') == 1


def test_a_job_that_a_user_ends_is_named(environment, tmp_path):
    work_dir = tmp_path / 'runs'
    (work_dir / 'r18_rm_mini.slow').write_text('5')
    process = start(environment, work_dir, '--methods', 'rm', '--tasks', 'classification')
    wait_for(lambda: trained(work_dir, 'r18_rm_mini'), process)
    (number,) = jobs(work_dir).values()
    in_slurm(environment, 'scancel', number)
    said = finish(process, code=1)
    assert f'its job {number} was cancelled; the same call submits it again' in said


def test_a_cell_on_two_nodes_is_one_run(environment, tmp_path):
    work_dir = tmp_path / 'runs'
    two = ['--gpus', '1', '--nodes', '2', '--cpus-per-task', '2', '--batch-policy', 'as-is']
    finish(start(environment, work_dir, '--methods', 'rm', '--tasks', 'classification', *two))
    assert (work_dir / 'r18_rm_mini' / 'ranks').read_text() == '1 of 2\n'
    assert trained(work_dir, 'r18_rm_mini') == EPOCHS
    assert len(records(work_dir)) == 1


def test_what_sbatch_refuses_is_said_in_its_words(environment, tmp_path):
    process = start(environment, tmp_path / 'runs', '--partition', 'nowhere')
    said = finish(process, code=1)
    assert said.splitlines()[-1].startswith('rm-mm suite: sbatch rejected rm_mm-')
    assert 'invalid partition specified: nowhere' in said
    assert 'Traceback' not in said


def test_real_cells(cluster, tmp_path):
    """Everything is the real thing, on a few images: pretraining, export, transfer, records."""
    mini.prepare_mini(
        tmp_path / 'data' / 'mini', train_images=64, val_images=20, train_scenes=4, val_scenes=2
    )
    environment = {**cluster, 'PYTHONPATH': f'{ROOT}:{os.environ.get("PYTHONPATH", "")}'}
    cells = ['--methods', 'rm', '--tasks', 'segmentation', '--schedule-scale', '0.01']
    call = suite(Path('runs'), '--cluster', 'slurm', '--time', '10', '--cpus-per-task', '1')
    result = subprocess.run(
        [*call, *cells], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found = records(tmp_path / 'runs')
    assert len(found) == 2
    pretraining, transfer = (found[f'{name}r18_rm_mini.json'] for name in ('', 'upernet_'))
    assert transfer['environment']['threads'] == 1
    assert pretraining['backbone_sha256'] == transfer['backbone_sha256']
