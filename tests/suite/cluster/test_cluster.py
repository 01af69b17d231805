"""What `--cluster` takes, submits and says, with stand-ins for Slurm's commands."""

import argparse
import json
import os
import pickle
import signal
import sys
import time
from pathlib import Path

import pytest

from rm_mm.cli import main
from rm_mm.errors import InputError, Mistakes, RejectedError, StoppedError
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.cluster import chosen_cluster, debug, several_nodes, slurm, watch
from rm_mm.suite.cluster.job import CellJob
from rm_mm.suite.cluster.jobs_file import job_prefix, read_jobs, require_no_jobs, write_jobs
from rm_mm.suite.cluster.queue import SlurmError, jobs_named
from rm_mm.suite.cluster.slurm_options import SlurmOptions, asked_of_slurm, minutes
from rm_mm.suite.cluster.submit import groups, submit
from rm_mm.suite.cluster.tail import Tail
from rm_mm.suite.planning.plan import plan
from rm_mm.suite.planning.presets import PRESETS
from rm_mm.suite.processes import stopped_by_signals
from rm_mm.suite.progress import Progress

ASKED = SlurmOptions(minutes=30)


class Config(dict):
    """Of a run whose config nobody reads."""

    pretty_text = ''


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
    cells = plan(PRESETS['mini'], methods, tasks, (0,), work_dir)
    return [Prepared(cell, Config(expected={'metric': 'x'})) for cell in cells]


def call(*words):
    from rm_mm.cli import build_parser

    return build_parser().parse_args(['suite', *words])


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
    asked = asked_of_slurm(
        call('--time', '5', '--slurm', 'account=a', 'mail_user=b=c', 'exclusive')
    )
    assert asked.extra == {'account': 'a', 'mail-user': 'b=c', 'exclusive': True}
    for word, said in (
        ('time=5', '--slurm time: say --time'),
        ('dependency=after:1', 'the suite sets it'),
        ('account=', 'KEY=VALUE'),
        ('$(x)=1', 'KEY=VALUE'),
    ):
        with pytest.raises(InputError) as error:
            asked_of_slurm(call('--time', '5', '--slurm', word))
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
        chosen_cluster(call('--cluster', 'slurm', '--time', '5'), tmp_path, Mistakes())


# --- what is submitted


def test_a_column_follows_its_pretraining_element_by_element(tmp_path):
    left = planned(tmp_path, ('scratch', 'baseline', 'rm'))
    jobs = {}
    made = []
    for group in groups(left, jobs, 'x'):
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
    made = [(names(group), group.dependency) for group in groups(left, jobs, 'x')]
    assert made == [
        (['atss_r18_rm_mini'], 'afterok:5_1'),
        (['atss_r18_baseline_mini'], 'afterok:5_3'),
    ]
    # Pretraining that is done needs no waiting for.
    made = [(names(group), group.dependency) for group in groups(left, {}, 'x')]
    assert made == [(['atss_r18_baseline_mini', 'atss_r18_rm_mini'], None)]


def test_the_batch_script(tmp_path, commands, monkeypatch):
    asked = SlurmOptions(720, 'gpu', 64, 3, {'account': 'us', 'exclusive': True})
    work_dir = tmp_path / 'a work dir'
    monkeypatch.setattr('rm_mm.suite.cluster.submit._digest', lambda cell, options: 'abc')
    (group, *_) = groups(planned(work_dir), {}, 'x')
    made = submit(group, work_dir, Options(gpus=8, nodes=2), asked)
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
    assert (job.cell.directory, job.config_sha256) == (work_dir / 'r18_rm_mini', 'abc')
    # It stops what runs in this process; nothing more would be started in it.
    with stopped_by_signals():
        assert job.checkpoint().function is job


def test_what_sbatch_says_is_said(tmp_path, commands, monkeypatch, capfd):
    (commands / 'sbatch').write_text('#!/bin/sh\necho "sbatch: error: no such qos" >&2\nexit 1\n')
    monkeypatch.setattr('rm_mm.suite.cluster.submit._digest', lambda cell, options: 'abc')
    (group, *_) = groups(planned(tmp_path), {}, 'x')
    with pytest.raises(RejectedError, match=r'^sbatch refused x-r18_mini: error: no such qos$'):
        submit(group, tmp_path, Options(), ASKED)
    assert capfd.readouterr().err == ''


def test_several_nodes_meet_at_the_first(monkeypatch):
    environ = {'SLURM_JOB_ID': '123456', 'SLURM_NODEID': '1', 'MASTER_ADDR': 'first'}
    words = several_nodes.command(['train', 'c.py'], Options(gpus=8, nodes=2), environ)
    text = ' '.join(words[1:])
    # 12,000 and what is left of 123,456 after six times 20,000.
    assert text == (
        '-m torch.distributed.run --nnodes 2 --node-rank 1 --master-addr first --master-port 15456 '
        '--nproc-per-node 8 -m rm_mm.cli train c.py --launcher pytorch'
    )
    monkeypatch.setenv('SUBMITIT_EXECUTOR', 'slurm')
    monkeypatch.setenv('SLURM_JOB_NODELIST', 'gpu[007-008,011]')
    del environ['MASTER_ADDR']
    assert 'gpu007' in several_nodes.command([], Options(gpus=8, nodes=2), environ)


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
        with pytest.raises(InputError, match='nobody can say whether jobs of it still run'):
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
    with pytest.raises(InputError, match='is of the cluster there, this is here'):
        slurm.run(planned(tmp_path), Options(), work_dir=tmp_path, asked=ASKED)
    assert 'sbatch' not in (commands / 'calls').read_text()


def test_no_slurm_here(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(RejectedError, match='no sbatch here: expected the commands of Slurm'):
        slurm.run(planned(tmp_path), Options(), work_dir=tmp_path, asked=ASKED)


def test_cells_in_slurms_hands_are_not_run_here(tmp_path, commands):
    require_no_jobs(tmp_path)
    write_jobs(tmp_path, 'here', {'r18_rm_mini': '7_0', 'r18_baseline_mini': '7_1'})
    require_no_jobs(tmp_path)
    (commands / 'squeue.out').write_text(f'7_1|PENDING|Priority|{job_prefix(tmp_path)}-r18_mini\n')
    with pytest.raises(InputError, match=r'1 cells of .* scancel 7_1 ends them'):
        require_no_jobs(tmp_path)
    (commands / 'squeue').unlink()
    with pytest.raises(InputError, match='nobody here says whether they still run'):
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
        ('OUT_OF_MEMORY', 'its job 7 ran out of memory: ask for more, as in --slurm mem=64G'),
        ('COMPLETED', 'its record is not here: do the nodes share'),
        ('BOOT_FAIL', 'its job 7 ended as BOOT_FAIL'),
        (None, 'its job 7 left no record, and Slurm knows it no more'),
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
        failures = watch.Watch(tmp_path, {'r18_rm_mini': '7'}, 'x').wait(
            [item], lambda cells: Progress(cells, stream=stream)
        )
    assert len(failures) == 1
    assert failures[0].startswith('classification rm: ')
    assert said in failures[0]
    assert ('last words' in failures[0]) == (state != 'FAILED')


def test_a_log_is_followed_from_near_its_end_by_whole_lines(tmp_path):
    log = tmp_path / 'log'
    tail = Tail(log, most=8)
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
    """Stand-ins for what the commands call; returns what was called."""
    calls = []

    def stand_in(args):
        calls.append((args.command, os.getpid(), os.environ.get('SET_BY_A_RUN')))
        os.environ['SET_BY_A_RUN'] = 'yes'
        if args.command == 'export':
            args.output.write_bytes(b'backbone')
            return 0
        if args.command == 'test':
            args.details.mkdir(parents=True)
            (args.details / 'per_class.json').write_text('{"bag": 30.0}')
            return 0
        folder = Path(args.work_dir)
        if (folder.parent / 'fail').exists():
            raise TypeError('not that')
        (folder / 'best_x.pth').touch()
        scalars = folder / '1' / 'vis_data' / 'scalars.json'
        scalars.parent.mkdir(parents=True)
        scalars.write_text(json.dumps({'accuracy/top1': 30.0, 'coco/bbox_mAP': 0.3, 'step': 1}))
        return 0

    monkeypatch.setattr('rm_mm.cli.COMMANDS', dict.fromkeys(('train', 'export', 'test'), stand_in))
    return calls


def test_debug_calls_each_command_here_and_leaves_nothing_between(tmp_path, called):
    from mmengine.logging import MMLogger
    from mmengine.registry import DefaultScope

    from rm_mm.suite.cells import prepare

    cells = [item.cell for item in planned(tmp_path, ('rm',))]
    DefaultScope.get_instance('of a run', scope_name='mmdet')
    MMLogger.get_instance('of a run')
    _, left = prepare(cells, Options(gpus=1))
    assert debug.run(left, Options(gpus=1)) == []
    assert called == [(name, os.getpid(), None) for name in ('train', 'export', 'train', 'test')]
    assert not DefaultScope._instance_dict
    assert not MMLogger._instance_dict
    assert len(list((tmp_path / 'records').iterdir())) == 2


def test_debug_goes_on_after_a_failure_or_shows_where_it_was(tmp_path, called):
    from rm_mm.suite.cells import prepare

    (tmp_path / 'fail').touch()
    _, left = prepare([item.cell for item in planned(tmp_path, ('rm',))], Options())
    failures = debug.run(left, Options())
    assert [failure.split(' (')[0] for failure in failures] == [
        'classification rm: TypeError: not that',
        'detection rm: not run, because its pretraining failed',
    ]
    with pytest.raises(TypeError, match='not that'):
        debug.run(left, Options(), raises=True)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_debug_ends_at_a_signal_that_a_run_takes_for_an_error(tmp_path, monkeypatch, number):
    from rm_mm.suite.cells import prepare

    def swallowing(args):
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except:  # noqa: E722
            raise SyntaxError('as mmengine has it, where it formats a config') from None

    monkeypatch.setattr('rm_mm.cli.COMMANDS', {'train': swallowing})
    # A shell that starts the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    _, left = prepare([item.cell for item in planned(tmp_path, ('rm',))], Options())
    try:
        with pytest.raises(KeyboardInterrupt) as stop, stopped_by_signals():
            debug.run(left, Options())
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(stop.value, StoppedError) == (number == signal.SIGTERM)


def test_debug_takes_no_second_process():
    debug.require_one_process(argparse.Namespace(gpus=1))
    with pytest.raises(InputError, match='got --gpus 2'):
        debug.require_one_process(argparse.Namespace(gpus=2))
