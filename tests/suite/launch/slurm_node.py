"""A Slurm of its own in a temporary directory: munged, slurmctld and a slurmd a node, as root.

Two nodes are two slurmd on this machine, each with all of its cores. There is no accounting:
``sacct`` does not answer.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: Debian: slurm-wlm, munge.
NEEDED = ('munged', 'slurmctld', 'slurmd', 'sbatch', 'srun', 'squeue', 'scontrol', 'scancel')
SEARCH = f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin'

CONFIG = """\
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=0,defer_batch=no,requeue_delay=1
SchedulerType=sched/backfill
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobRequeue=1
ReturnToService=2
KillWait=3
MinJobAge=600
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def lacking():
    """Why there can be no Slurm here, or an empty text."""
    if os.geteuid():
        return 'a Slurm of its own needs root'
    absent = [name for name in NEEDED if not shutil.which(name, path=SEARCH)]
    return f'apt-get install slurm-wlm munge: no {", ".join(absent)}' if absent else ''


def free_ports(count):
    """Ports that nobody listens on; all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def slurm(nodes=1, gpus=0):
    """Start it; yield the environment in which Slurm's commands find it.

    Args:
        nodes: How many.
        gpus: That each node claims to have.
    """
    # munged refuses a socket below a folder that others may write to, unless it is sticky; and the
    # path of a socket has at most 107 characters, which pytest's own folders may exceed.
    folder = Path(tempfile.mkdtemp(prefix='slurm-', dir='/tmp'))
    daemons = []
    try:
        folder.chmod(0o755)
        environment = os.environ | {'PATH': SEARCH, 'SLURM_CONF': str(folder / 'slurm.conf')}
        _configure(folder, nodes, gpus)
        socket_file = _start_munge(folder, daemons)
        _wait(socket_file.exists, 'munged', folder / 'munge.out')
        names = [f'node{number}' for number in range(nodes)]
        for command in (['slurmctld', '-D'], *(['slurmd', '-D', '-N', name] for name in names)):
            _start(command, folder / f'{"-".join(command)}.out', environment, daemons)
        _wait(lambda: _idle(environment) == nodes, 'an idle node', folder / 'slurmctld.log')
        yield environment
        subprocess.run(['scancel', '--user', 'root'], env=environment, timeout=30)
        _wait(lambda: not _queue(environment), 'an empty queue', folder / 'slurmctld.log')
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder, nodes, gpus):
    controller, *ports = free_ports(1 + nodes)
    host = socket.gethostname()
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2**20
    lines = [
        f'NodeName=node{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} '
        f'CPUs={os.cpu_count()} RealMemory={memory * 9 // 10} State=UNKNOWN'
        + (f' Gres=gpu:{gpus}' if gpus else '')
        for number, port in enumerate(ports)
    ]
    text = CONFIG.format(
        cluster=f'test{secrets.token_hex(3)}', host=host, controller=controller, folder=folder,
        nodes='\n'.join(lines),
    )  # fmt: skip
    (folder / 'slurm.conf').write_text(text)
    # Slurm counts the files and opens none: cards that only it believes in.
    (folder / 'gres.conf').write_text(f'Name=gpu File=/dev/tty[1-{gpus}]\n' if gpus else '')
    (folder / 'state').mkdir()
    for number in range(nodes):
        (folder / f'spool-node{number}').mkdir()


def _start_munge(folder, daemons):
    home = folder / 'munge'
    home.mkdir(mode=0o755)
    key = home / 'key'
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    for path in (home, key):
        shutil.chown(path, 'munge', 'munge')
    files = {'socket': 'socket', 'key-file': 'key', 'pid-file': 'pid', 'log-file': 'log',
             'seed-file': 'seed'}  # fmt: skip
    options = [f'--{option}={home / name}' for option, name in files.items()]
    _start(
        ['munged', '--foreground', *options], folder / 'munge.out', {**os.environ}, daemons,
        user='munge', group='munge', extra_groups=[],
    )  # fmt: skip
    return home / 'socket'


def _start(command, log, environment, daemons, **options):
    path = shutil.which(command[0], path=SEARCH)
    with log.open('wb') as file:
        daemons.append(
            subprocess.Popen(
                [path, *command[1:]], env=environment, stdout=file, stderr=file,
                stdin=subprocess.DEVNULL, **options,
            )
        )  # fmt: skip


def _ask(environment, *command):
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    return result.stdout if result.returncode == 0 else ''


def _idle(environment):
    # One of several partitions is listed once for each.
    said = _ask(environment, 'sinfo', '-N', '--noheader', '--states=idle', '-o', '%N')
    return len(set(said.split()))


def _queue(environment):
    return _ask(environment, 'squeue', '--noheader', '-o', '%i').split()


def _wait(condition, what, log, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            said = log.read_text(errors='replace')[-2000:] if log.exists() else ''
            raise RuntimeError(f'no {what} within {seconds:.0f} s:\n{said}')
        time.sleep(0.1)
