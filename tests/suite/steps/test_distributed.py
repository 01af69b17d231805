"""The exact command lines of torchrun and srun."""

import subprocess
import sys
from pathlib import Path

import pytest

from rm_mm.cli import launch
from rm_mm.errors import InputError
from rm_mm.suite.steps.distributed import Rendezvous, manual_rendezvous, srun, torchrun

ROOT = Path(__file__).parents[3]
MODULE = ['-m', 'rm_mm.cli', 'train', 'c.py']


def test_torchrun_on_one_node_and_on_several():
    assert ' '.join(torchrun(MODULE, 8)[1:]) == (
        '-m torch.distributed.run --standalone --nproc-per-node 8 -m rm_mm.cli train c.py'
    )
    line = torchrun(MODULE, 4, Rendezvous(2, '1', 'first', '29500'))
    assert ' '.join(line[1:]) == (
        '-m torch.distributed.run --nnodes 2 --node-rank 1 --master-addr first '
        '--master-port 29500 --nproc-per-node 4 -m rm_mm.cli train c.py'
    )


def test_srun_has_one_task_per_gpu():
    line = srun(MODULE, partition='p', job='j', gpus=16, gpus_per_node=8, cpus_per_task='5')
    assert (
        line
        == (
            'srun --partition p --job-name j --gres gpu:8 --ntasks 16 --ntasks-per-node 8 '
            f'--cpus-per-task 5 --kill-on-bad-exit=1 {sys.executable} -u -m rm_mm.cli train c.py'
        ).split()
    )
    # Fewer GPUs than a node has.
    line = srun(MODULE, partition='p', job='j', gpus=2, gpus_per_node=8, cpus_per_task='5')
    assert line[line.index('--gres') + 1] == 'gpu:2'


def test_machines_that_the_user_starts():
    assert manual_rendezvous({}).nodes == 1
    environ = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'first', 'PORT': '3'}
    assert manual_rendezvous(environ) == Rendezvous(2, '1', 'first', '3')
    with pytest.raises(InputError, match='NNODES=2 needs MASTER_ADDR'):
        manual_rendezvous({'NNODES': '2'})
    with pytest.raises(InputError, match="NNODES is the number of machines, got 'two'"):
        manual_rendezvous({'NNODES': 'two'})


@pytest.fixture
def replaced(monkeypatch):
    """Note the check and the command line that a script would be replaced by."""
    calls = []

    def check(words):
        import os

        calls.append((words, os.environ['WORLD_SIZE']))
        return 2 if 'wrong.py' in words else 0

    monkeypatch.setattr(launch, 'run_command', check)
    monkeypatch.setattr('os.execvpe', lambda file, line, environ: calls.append((line, environ)))
    for name in ('NNODES', 'GPUS', 'GPUS_PER_NODE', 'SRUN_ARGS', 'WORLD_SIZE'):
        monkeypatch.delenv(name, raising=False)
    # Set and removed again, so that the test leaves the variable as it was.
    monkeypatch.setenv('WORLD_SIZE', '1')
    return calls


def test_a_script_checks_once_and_becomes_torchrun(replaced):
    launch.launch('train', ['c.py', '8', '--amp'])
    (check, world), (line, environ) = replaced
    assert (check, world) == (['train', 'c.py', '--amp', '--check'], '8')
    assert (
        line[1:]
        == torchrun(['-m', 'rm_mm.cli', 'train', 'c.py', '--amp', '--launcher', 'pytorch'], 8)[1:]
    )
    assert environ['WORLD_SIZE'] == '1'


def test_an_evaluation_takes_its_checkpoint_before_the_gpus(replaced):
    launch.launch('test', ['c.py', 'a.pth', '2', '--out', 'm.json'])
    assert replaced[0][0] == ['test', 'c.py', 'a.pth', '--out', 'm.json', '--check']
    assert replaced[1][0][-7:] == [
        'test',
        'c.py',
        'a.pth',
        '--out',
        'm.json',
        '--launcher',
        'pytorch',
    ]


def test_slurm_becomes_srun(replaced, monkeypatch):
    monkeypatch.setenv('GPUS', '16')
    monkeypatch.setenv('SRUN_ARGS', '--qos high')
    launch.launch('slurm', ['part', 'name', 'c.py', '--resume'])
    (check, world), (line, _) = replaced
    assert (check, world) == (['train', 'c.py', '--resume', '--check'], '16')
    assert line[:5] == ['srun', '--partition', 'part', '--job-name', 'name']
    assert line[-6:] == ['-m', 'rm_mm.cli', 'train', 'c.py', '--resume', '--launcher', 'slurm'][-6:]
    assert line[line.index('--kill-on-bad-exit=1') + 1 :][:2] == ['--qos', 'high']


def test_a_wrong_call_starts_nothing(replaced, capsys):
    assert launch.main(['train', 'wrong.py', '8']) == 2
    assert len(replaced) == 1
    for words in (['train', 'c.py'], ['train', 'c.py', '0'], ['test', 'c.py', '2'], ['slurm', 'p']):
        assert launch.main(words) == 2
        assert 'usage: tools/' in capsys.readouterr().err
    assert len(replaced) == 1


@pytest.mark.parametrize(
    ('script', 'words'),
    [('dist_train.sh', ['c.py']), ('dist_test.sh', ['c.py', '2']), ('slurm_train.sh', ['p'])],
)
def test_the_scripts_pass_their_arguments_on(script, words):
    environ = {'PYTHON': sys.executable, 'PATH': '/usr/bin:/bin'}
    done = subprocess.run(
        ['bash', ROOT / 'tools' / script, *words], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f'usage: tools/{script}' in done.stderr
