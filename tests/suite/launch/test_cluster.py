"""What `--cluster` takes, submits and says, with stand-ins for Slurm's commands."""

import hashlib
import json
import os
import pickle
import signal
import sys
import time

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError, Mistakes, RejectedError, StoppedError
from rm_mm.run.requests import TrainRequest
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.launch import launcher_for
from rm_mm.suite.launch.in_process import run_in_process
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.launch.slurm import watch
from rm_mm.suite.launch.slurm.job import CellJob
from rm_mm.suite.launch.slurm.jobs_file import job_prefix, read_jobs, require_no_jobs, write_jobs
from rm_mm.suite.launch.slurm.launcher import run_in_slurm
from rm_mm.suite.launch.slurm.options import JobOptions, job_options, minutes
from rm_mm.suite.launch.slurm.queue import SlurmError, jobs_named
from rm_mm.suite.launch.slurm.submission import job_groups, submit_group
from rm_mm.suite.launch.slurm.watch import LogTail
from rm_mm.suite.plan.cells import plan_cells
from rm_mm.suite.plan.presets import PRESETS
from rm_mm.suite.requests import SlurmRequest, SuiteRequest
from rm_mm.suite.steps.children import stopped_by_signals
from rm_mm.suite.steps.step import Step, command_line, load_request
from tests.suite.cells import prepare_cells

JOB = JobOptions(minutes=30)


class Config(dict):
    """Of a run whose config nobody reads."""

    pretty_text = 'a = 1\n'


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Slurm's commands: each notes its call, and prints the file of its name."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in ('sbatch', 'srun', 'squeue', 'scontrol', 'scancel'):
        script = f'#!/bin/sh\necho {name} "$@" >> {folder}/calls\ncat {folder}/{name}.out\n'
        if name == 'sbatch':
            script += f'cp "$1" {folder}/batch.sh\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
        (folder / f'{name}.out').touch()
    (folder / 'sbatch.out').write_text('Submitted batch job 7\n')
    (folder / 'scontrol.out').write_text('SlurmctldPort = 1\nClusterName             = here\n')
    monkeypatch.setenv('PATH', f'{folder}:/usr/bin:/bin')
    return folder


def planned(work_dir, methods=('baseline', 'rm'), tasks=('classification', 'detection')):
    cells = plan_cells(PRESETS['mini'], methods, tasks, (0,), work_dir)
    return [PreparedCell(cell, Config(expected={'metric': 'x'})) for cell in cells]


def names(group):
    return [item.cell.directory.name for item in group.members]


# --- what can be asked for


@pytest.mark.parametrize(
    ('text', 'expected'),
    [('90', 90), ('1:30', 2), ('2:00:00', 120), ('1-0', 1440), ('1-2:30', 1590), ('0-0:0:1', 1)],
)
def test_times_are_slurms(text, expected):
    assert minutes(text) == expected


@pytest.mark.parametrize('text', ['', '0', 'soon', '1:2:3:4', '-5', '1-', '1.5', 'UNLIMITED'])
def test_other_times_are_refused(text):
    with pytest.raises(InputError, match='--time takes minutes or D-HH:MM:SS'):
        minutes(text)


def test_options_of_sbatch_are_passed_on_and_those_of_the_suite_are_not():
    def options(*extra):
        return job_options(SuiteRequest(slurm=SlurmRequest(time='5', extra=extra)))

    assert options('account=a', 'mail_user=b=c', 'exclusive').extra == {
        'account': 'a',
        'mail-user': 'b=c',
        'exclusive': True,
    }
    for word, said in (
        ('time=5', '--slurm time: pass --time instead'),
        ('dependency=after:1', 'the suite sets it'),
        ('account=', 'KEY=VALUE'),
        ('$(x)=1', 'KEY=VALUE'),
    ):
        with pytest.raises(InputError) as error:
            options(word)
        assert said in str(error.value)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--partition', 'a'], '--partition is for --cluster slurm, this is --cluster local'),
        (['--cluster', 'debug', '--nodes', '2'], '--nodes is for --cluster slurm'),
        (['--cluster', 'debug', '--gpus', '2'], '--cluster debug runs in one process'),
        (['--cluster', 'debug', '--jobs', '2'], '--jobs is for --cluster local'),
        (['--cluster', 'slurm'], '--cluster slurm needs --time'),
        (['--cluster', 'slurm', '--time', '3:30'], '--time 3:30 is too short'),
        (['--cluster', 'slurm', '--time', '9', '--jobs', '2'], '--jobs is for --cluster local'),
        (['--cluster', 'slurm', '--time', '9', '--nodes', '2'], '--nodes 2 needs --gpus'),
        (['--cluster', 'slurm', '--time', '9', '--preset', 'paper'], 'slurm needs --gpus'),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_with_one_line(tmp_path, capsys, words, said):
    assert main(['suite', '--work-dir', str(tmp_path), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    # Of the paper's data sets there is more to say, and of a batch of two processes.
    assert error.count('\n') == 1 or 'paper' in words or '--gpus' in words


def test_without_submitit_the_line_that_installs_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'submitit', None)
    with pytest.raises(InputError, match=r"pip install 'rm_mm\[slurm\]'"):
        launcher_for(
            SuiteRequest(cluster='slurm', slurm=SlurmRequest(time='5')), tmp_path, Mistakes()
        )


# --- what is submitted


def test_a_column_follows_its_pretraining_element_by_element(tmp_path):
    left = planned(tmp_path, ('scratch', 'baseline', 'rm'))
    jobs = {}
    made = []
    for group in job_groups(left, jobs, 'x'):
        made.append((group.name, names(group), group.dependency))
        array = str(len(made))
        jobs |= {name: f'{array}_{index}' for index, name in enumerate(names(group))}
    assert made == [
        ('x-r18_mini', ['r18_baseline_mini', 'r18_rm_mini', 'r18_scratch_mini'], None),
        ('x-atss_r18_mini', ['atss_r18_scratch_mini'], None),
        ('x-atss_r18_mini', ['atss_r18_baseline_mini', 'atss_r18_rm_mini'], 'aftercorr:1'),
    ]


def test_a_cell_whose_pretraining_stands_elsewhere_in_an_array_follows_that_element(tmp_path):
    left = [item for item in planned(tmp_path) if not item.cell.pretrains]
    jobs = {'r18_baseline_mini': '5_3', 'r18_rm_mini': '5_1'}
    made = [(names(group), group.dependency) for group in job_groups(left, jobs, 'x')]
    assert made == [
        (['atss_r18_rm_mini'], 'afterok:5_1'),
        (['atss_r18_baseline_mini'], 'afterok:5_3'),
    ]
    # Pretraining that is done needs no waiting for.
    made = [(names(group), group.dependency) for group in job_groups(left, {}, 'x')]
    assert made == [(['atss_r18_baseline_mini', 'atss_r18_rm_mini'], None)]


def test_the_batch_script(tmp_path, commands):
    asked = JobOptions(720, 'gpu', 64, 3, {'account': 'us', 'exclusive': True})
    work_dir = tmp_path / 'a work dir'
    (group, *_) = job_groups(planned(work_dir), {}, 'x')
    made = submit_group(group, work_dir, CellOptions(gpus=8, nodes=2), asked)
    assert [number for _, number in made] == ['7_0', '7_1']
    text = (commands / 'batch.sh').read_text()
    for line in (
        '--account=us', '--array=0-1%2', '--cpus-per-task=64', '--exclusive', '--gpus-per-node=8',
        '--job-name=x-r18_mini', '--kill-on-invalid-dep=yes', '--nodes=2', '--ntasks-per-node=1',
        '--partition=gpu', '--requeue', '--time=720', '--signal=USR2@90',
    ):  # fmt: skip
        assert f'#SBATCH {line}\n' in text
    assert f"#SBATCH --output='{work_dir}/slurm/%A_%a_0_log.out'" in text
    assert '--kill-on-bad-exit=1 --cpus-per-task 64' in text
    # What is pickled is ours, and plain.
    job = pickle.loads((work_dir / 'slurm' / '7_1_submitted.pkl').read_bytes()).function
    assert isinstance(job, CellJob)
    assert job.cell.directory == work_dir / 'r18_rm_mini'
    # The config is resolved once: the job loads what the submission saved.
    saved = (work_dir / 'configs' / 'r18_rm_mini.py').read_bytes()
    assert job.config_sha256 == hashlib.sha256(saved).hexdigest()
    # It stops what runs in this process; nothing more would be started in it.
    with stopped_by_signals():
        assert job.checkpoint().function is job


def test_what_sbatch_says_is_said(tmp_path, commands, capfd):
    (commands / 'sbatch').write_text('#!/bin/sh\necho "sbatch: error: no such qos" >&2\nexit 1\n')
    (group, *_) = job_groups(planned(tmp_path), {}, 'x')
    with pytest.raises(RejectedError, match=r'^sbatch rejected x-r18_mini: error: no such qos$'):
        submit_group(group, tmp_path, CellOptions(), JOB)
    assert capfd.readouterr().err == ''


def test_several_nodes_meet_at_the_first(tmp_path, monkeypatch):
    environ = {'SLURM_JOB_ID': '123456', 'SLURM_NODEID': '1', 'MASTER_ADDR': 'first'}
    step = Step(TrainRequest('c.py', work_dir=tmp_path), tmp_path / 'log', gpus=8, nodes=2)
    *words, command, text = command_line(step, environ)
    # 12,000 and what is left of 123,456 after six times 20,000.
    assert ' '.join(words[1:]) == (
        '-m torch.distributed.run --nnodes 2 --node-rank 1 --master-addr first --master-port 15456 '
        '--nproc-per-node 8 -m rm_mm.suite.steps'
    )
    request = load_request(command, text)
    assert (command, request.launcher, request.work_dir) == ('train', 'pytorch', str(tmp_path))
    monkeypatch.setenv('SUBMITIT_EXECUTOR', 'slurm')
    monkeypatch.setenv('SLURM_JOB_NODELIST', 'gpu[007-008,011]')
    del environ['MASTER_ADDR']
    assert 'gpu007' in command_line(step, environ)


# --- jobs.json, and what Slurm says


def test_jobs_are_remembered_and_a_damaged_file_is_as_good_as_none(tmp_path, capsys):
    assert read_jobs(tmp_path) == (None, {})
    write_jobs(tmp_path, 'here', {'r18_rm_mini': '7_0'})
    assert read_jobs(tmp_path) == ('here', {'r18_rm_mini': '7_0'})
    whole = (tmp_path / 'jobs.json').read_text()
    for text in (
        whole[:-9],
        '[' * 100_000,
        '[]',
        '{}',
        whole.replace('"7_0"', '7'),
        whole.replace('1', '2'),
    ):
        (tmp_path / 'jobs.json').write_text(text)
        assert read_jobs(tmp_path) == (None, {}), text
        assert 'jobs.json is damaged' in capsys.readouterr().err
        # Elsewhere nobody is asked of its jobs, so that they may still run.
        with pytest.raises(InputError, match='its jobs may still be running'):
            require_no_jobs(tmp_path)


def test_the_queue_is_read_by_the_names_of_the_jobs(commands):
    (commands / 'squeue.out').write_text(
        '7_0|RUNNING|None|rm_mm-1-a\n7_1|PENDING|Priority|rm_mm-1-a\n8|RUNNING|None|other\n'
        '9|CANCELLED|None|rm_mm-1-a|b\n'
    )
    jobs = jobs_named('rm_mm-1')
    assert {job.id: (job.state, job.ended) for job in jobs.values()} == {
        '7_0': ('RUNNING', False), '7_1': ('PENDING', False), '9': ('CANCELLED', True),
    }  # fmt: skip
    (commands / 'squeue').write_text('#!/bin/sh\necho "error: no controller" >&2; exit 1\n')
    with pytest.raises(SlurmError, match='squeue: error: no controller'):
        jobs_named('rm_mm-1')


def test_jobs_of_another_cluster_are_left_alone(tmp_path, commands):
    write_jobs(tmp_path, 'there', {'r18_rm_mini': '7_0'})
    with pytest.raises(InputError, match='belongs to the cluster there, this is here'):
        run_in_slurm(planned(tmp_path), CellOptions(), work_dir=tmp_path, job_options=JOB)
    assert 'sbatch' not in (commands / 'calls').read_text()


def test_no_slurm_here(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(RejectedError, match='no sbatch here: expected the commands of Slurm'):
        run_in_slurm(planned(tmp_path), CellOptions(), work_dir=tmp_path, job_options=JOB)


def test_cells_in_slurms_hands_are_not_run_here(tmp_path, commands):
    require_no_jobs(tmp_path)
    write_jobs(tmp_path, 'here', {'r18_rm_mini': '7_0', 'r18_baseline_mini': '7_1'})
    require_no_jobs(tmp_path)
    (commands / 'squeue.out').write_text(f'7_1|PENDING|Priority|{job_prefix(tmp_path)}-r18_mini\n')
    with pytest.raises(InputError, match=r'1 cells of .* scancel 7_1 cancels them'):
        require_no_jobs(tmp_path)
    (commands / 'squeue').unlink()
    with pytest.raises(InputError, match='which may still be running'):
        require_no_jobs(tmp_path)
    (tmp_path / 'records').mkdir()
    for name in ('r18_rm_mini', 'r18_baseline_mini'):
        (tmp_path / 'records' / f'{name}.json').touch()
    require_no_jobs(tmp_path)


@pytest.mark.parametrize(
    ('state', 'said'),
    [
        ('CANCELLED', 'its job 7 was cancelled; the same call submits it again'),
        ('NODE_FAIL', 'its job 7 was lost with its node; the same call submits it again'),
        ('OUT_OF_MEMORY', 'its job 7 ran out of memory: request more, such as --slurm mem=64G'),
        ('COMPLETED', 'its record is not here: do the nodes share'),
        ('BOOT_FAIL', 'its job 7 ended as BOOT_FAIL'),
        (None, 'its job 7 left no record, and Slurm no longer knows it'),
        ('FAILED', 'exit code 3; the end of'),
    ],
)
def test_how_a_job_ended_is_said_once(tmp_path, commands, monkeypatch, state, said):
    monkeypatch.setattr(watch, 'SECONDS', 0.01)
    monkeypatch.setattr(watch, 'RECORD_SECONDS', 0.05)
    if state:
        (commands / 'squeue.out').write_text(f'7|{state}|None|x-r18_mini\n')
    (item,) = planned(tmp_path, ('rm',), ('classification',))
    (tmp_path / 'slurm').mkdir()
    if state == 'FAILED':
        (tmp_path / 'slurm' / 'r18_rm_mini.failed').write_text('exit code 3; the end of the log')
    else:
        (tmp_path / 'slurm' / '7_0_log.out').write_text('last words\n')
    with (tmp_path / 'progress').open('w') as stream:
        progress = Progress([item.cell], stream=stream)
        failures = watch.Watch(tmp_path, {'r18_rm_mini': '7'}, 'x', progress).wait([item])
    assert len(failures) == 1
    assert failures[0].startswith('classification rm: ')
    assert said in failures[0]
    assert ('last words' in failures[0]) == (state != 'FAILED')


def test_a_log_is_followed_from_near_its_end_by_whole_lines(tmp_path):
    log = tmp_path / 'log'
    tail = LogTail(log, most=8)
    assert tail.lines() == []
    log.write_bytes(b'long ago\nlate\nhal')
    assert tail.lines() == ['late']
    with log.open('ab') as file:
        file.write(b'f\n\xff\n')
    assert tail.lines() == ['half', '\ufffd']
    # Begun anew.
    log.write_bytes(b'a\n')
    assert tail.lines() == ['a']


# --- in this process


@pytest.fixture
def called(monkeypatch):
    """Replace what performs steps; returns what was performed."""
    calls = []

    def stand_in(request):
        name = type(request).__name__
        calls.append((name, os.getpid(), os.environ.get('SET_BY_A_RUN')))
        os.environ['SET_BY_A_RUN'] = 'yes'
        if name == 'ExportRequest':
            request.output.write_bytes(b'backbone')
        elif name == 'TestRequest':
            request.details.mkdir(parents=True)
            (request.details / 'per_class.json').write_text('{"bag": 30.0}')
        else:
            folder = request.work_dir
            if (folder.parent / 'fail').exists():
                raise TypeError('not that')
            (folder / 'best_x.pth').touch()
            scalars = folder / '1' / 'vis_data' / 'scalars.json'
            scalars.parent.mkdir(parents=True)
            scalars.write_text(json.dumps({'accuracy/top1': 30, 'coco/bbox_mAP': 0.3, 'step': 1}))

    monkeypatch.setattr('rm_mm.suite.launch.in_process.perform', stand_in)
    return calls


def prepared(work_dir, options):
    return prepare_cells([item.cell for item in planned(work_dir, ('rm',))], options)[1]


def test_debug_performs_each_step_here_and_leaves_nothing_between(tmp_path, called):
    from mmengine.logging import MMLogger
    from mmengine.registry import DefaultScope

    DefaultScope.get_instance('of a run', scope_name='mmdet')
    MMLogger.get_instance('of a run')
    options = CellOptions(gpus=1)
    assert run_in_process(prepared(tmp_path, options), options) == []
    steps = ('TrainRequest', 'ExportRequest', 'TrainRequest', 'TestRequest')
    assert called == [(name, os.getpid(), None) for name in steps]
    assert not DefaultScope._instance_dict
    assert not MMLogger._instance_dict
    assert len(list((tmp_path / 'records').iterdir())) == 2


def test_debug_continues_after_a_failure_or_shows_where_it_was(tmp_path, called):
    (tmp_path / 'fail').touch()
    remaining = prepared(tmp_path, CellOptions())
    failures = run_in_process(remaining, CellOptions())
    assert [failure.split(' (')[0] for failure in failures] == [
        'classification rm: TypeError: not that',
        'detection rm: not run, because its pretraining failed',
    ]
    with pytest.raises(TypeError, match='not that'):
        run_in_process(remaining, CellOptions(), raises=True)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_debug_ends_at_a_signal_that_a_run_takes_for_an_error(tmp_path, monkeypatch, number):
    def swallowing(request):
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except:  # noqa: E722
            raise SyntaxError('as mmengine has it, where it formats a config') from None

    monkeypatch.setattr('rm_mm.suite.launch.in_process.perform', swallowing)
    # A shell that starts the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as stop, stopped_by_signals():
            run_in_process(prepared(tmp_path, CellOptions()), CellOptions())
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(stop.value, StoppedError) == (number == signal.SIGTERM)
