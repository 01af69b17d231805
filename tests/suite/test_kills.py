"""A suite that is killed at 30 random moments, itself or one of its commands, and called again."""

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rm_mm.suite.steps import process_tree
from tests.suite.launch.stand_in import install

ROOT = Path(__file__).parents[2]
KILLS = 30

#: The real suite; only its steps are short ones, which leave the files of the real ones.
SUITE = """
import sys
from rm_mm import cli
from rm_mm.data import mini
from rm_mm.suite import execution
from rm_mm.suite.steps import process_tree

process_tree.GRACE_SECONDS = 0.5
mini.prepare_mini = lambda folder, progress: folder
mini.fingerprint = lambda folder: 'of the images'
execution.check_backbones = lambda *_: None
sys.exit(cli.main(sys.argv[1:]))
"""

#: Trains five epochs, each with its checkpoint and its evaluation; or exports.
COMMAND = """
import json, os, sys, time
from pathlib import Path

def write(path, text):
    temporary = path.with_name('.' + path.name)
    temporary.write_text(text)
    temporary.rename(path)

action, request = sys.argv[1], json.loads(sys.argv[2])
if action == 'export':
    time.sleep(0.05)
    write(Path(request['output']), 'of ' + Path(request['checkpoint']).parent.name)
    sys.exit()
if request.get('details'):
    time.sleep(0.1)
    folder = Path(request['details'])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / 'per_class.json', json.dumps({'bag': 12.5}))
    sys.exit()
folder = Path(request['work_dir'])
key = {'r18': 'accuracy/top1', 'atss': 'coco/bbox_mAP', 'upernet': 'mIoU'}[
    folder.name.split('_')[0]
]
if action == 'test':
    write(Path(request['out']), json.dumps({key: 10.0}))
    sys.exit()
if folder.name.startswith(('atss', 'upernet')):
    backbone = folder.parent / 'r18_rm_mini' / 'backbone.pth'
    assert 'scratch' in folder.name or backbone.read_text() == 'of r18_rm_mini'
scalars = folder / str(time.time()) / 'vis_data' / 'scalars.json'
scalars.parent.mkdir(parents=True)
done = max([int(path.stem.split('_')[1]) for path in folder.glob('epoch_*.pth')], default=0)
for epoch in range(done + 1, 6):
    with (folder / 'trained').open('a') as file:
        file.write(f'{epoch} ')
    time.sleep(0.15)
    with scalars.open('a') as file:
        file.write(json.dumps({key: epoch / 100, 'step': epoch}))
        file.flush()
        file.write('\\n')
    write(folder / 'best_x_epoch_5.pth', str(epoch))
    write(folder / f'epoch_{epoch}.pth', str(epoch))
"""


def start(folder, work_dir):
    call = ['suite', '--preset', 'mini', '--methods', 'scratch,rm', '--work-dir', str(work_dir)]
    path = os.pathsep.join([str(folder / 'site'), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, '-c', SUITE, *call, '--jobs', '2'],
        cwd=ROOT, env=os.environ | {'PYTHONPATH': path},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def kill(suite, mark, generator):
    """Kill the suite, or one of its commands, at a random moment: which of both, or None: it ended.

    Moments are counted from the first command on, since starting takes as long as the machine's
    load lets it; one of five lies before that.
    """
    early = generator.random() < 0.2
    seconds = generator.uniform(0, 1 if early else 2)
    victim = 'suite' if early else generator.choice(['suite', 'command'])
    while suite.poll() is None:
        time.sleep(0.02)
        commands = sorted(process_tree.members(mark))
        seconds -= 0.02 if commands or early else 0
        if seconds > 0 or (victim == 'command' and not commands):
            continue
        if victim == 'suite':
            suite.kill()
            return victim
        # It may have ended since.
        with contextlib.suppress(ProcessLookupError):
            os.kill(generator.choice(commands), signal.SIGKILL)
            return victim
    return None


def records(work_dir):
    """Every record, without what differs between two runs of the same."""
    found = {}
    for path in (work_dir / 'records').glob('*.json'):
        found[path.name] = json.loads(path.read_text())
        assert found[path.name].pop('seconds') >= 0
        # Of a config that names the folder of its backbone.
        assert len(found[path.name].pop('config_sha256')) == 64
    return found


@pytest.mark.slow
def test_thirty_kills_lose_nothing_and_repeat_nothing(tmp_path):
    install(tmp_path, COMMAND)
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    suite = start(tmp_path, whole)
    said, _ = suite.communicate(timeout=120)
    assert suite.returncode == 0, said
    assert len(records(whole)) == 6

    generator = random.Random(6)
    before, killed, numbers = {}, [], itertools.count()
    while len(killed) < KILLS:
        suite = start(tmp_path, cut)
        if victim := kill(suite, process_tree.folder_mark(cut), generator):
            killed.append(victim)
        suite.communicate(timeout=120)
        after = records(cut)
        # A finished cell stays as it is.
        assert {name: after.get(name) for name in before} == before
        before = after
        if len(after) == 6:
            # Anew, so that there is something to kill.
            assert after == records(whole)
            cut, before = tmp_path / f'cut {next(numbers)}', {}
    assert min(killed.count('suite'), killed.count('command')) >= 5
    suite = start(tmp_path, cut)
    said, _ = suite.communicate(timeout=120)
    assert suite.returncode == 0, said
    assert records(cut) == records(whole)
    assert not process_tree.members(process_tree.folder_mark(cut))
    for folder in (path.parent for path in tmp_path.glob('cut*/*/trained')):
        epochs = folder.joinpath('trained').read_text().split()
        # No epoch after its checkpoint was written, and none left out.
        assert (
            list(dict.fromkeys(epochs)) == [str(epoch) for epoch in range(1, 6)][: len(set(epochs))]
        )
        assert epochs == sorted(epochs)


@pytest.mark.slow
def test_a_call_ends_what_a_killed_one_left_and_goes_on(tmp_path):
    install(tmp_path, COMMAND.replace('0.15', '15'))
    suite = start(tmp_path, tmp_path / 'runs')
    mark = process_tree.folder_mark(tmp_path / 'runs')
    end = time.monotonic() + 60
    while not list(tmp_path.glob('runs/*/trained')) and time.monotonic() < end:
        time.sleep(0.1)
    suite.kill()
    suite.communicate()
    left = process_tree.members(mark)
    assert left
    install(tmp_path, COMMAND)
    suite = start(tmp_path, tmp_path / 'runs')
    said, _ = suite.communicate(timeout=120)
    assert suite.returncode == 0, said
    assert 'that a killed call had left' in said
    assert not any(Path(f'/proc/{pid}').exists() for pid in left)
    assert len(records(tmp_path / 'runs')) == 6
