"""Machines in other states than this one."""

import shutil
import socket
from types import SimpleNamespace

import pytest

from rm_mm.doctor import accelerator, machine, memory, roots
from rm_mm.doctor.children import Answer

SOUND = {
    'version': '2.14.1+cu130',
    'cuda': '13.0',
    'available': True,
    'nccl': True,
    'nccl_version': '2.30.7',
    'arches': ['sm_75', 'sm_80', 'sm_90', 'compute_90'],
    'devices': [['H100', 9, 0, 80 * 2**30]],
}


def look(facts, monkeypatch, there='', driver=None):
    monkeypatch.setattr(accelerator, '_gpus_there', lambda: there)
    monkeypatch.setattr(accelerator, 'driver_cuda', lambda: driver)
    answers = {'=torch': Answer('', facts=facts)}
    return {finding.name: finding for finding in accelerator.accelerator(answers)}


def test_a_gpu_that_is_used(monkeypatch):
    found = look(SOUND, monkeypatch, driver=(13, 1))
    assert {finding.state for finding in found.values()} == {'ok'}
    # 80 GiB are 81920 MB, and an image takes 90.
    assert 'about 910 images' in found['gpu 0'].found
    assert found['cuda'].found == 'torch is built for 13.0, the driver takes up to 13.1'
    assert found['nccl'].found == '2.30.7'


def test_several_gpus_without_nccl(monkeypatch):
    facts = SOUND | {'nccl': False, 'devices': SOUND['devices'] * 2}
    assert look(facts, monkeypatch)['nccl'].state == 'note'
    assert 'nccl' not in look(SOUND | {'nccl': False}, monkeypatch)


def test_a_gpu_that_this_build_has_no_code_for(monkeypatch):
    found = look(SOUND | {'devices': [['K80', 3, 7, 2**34]]}, monkeypatch)
    assert found['gpu 0'].state == 'note'
    assert 'compute capability 3.7' in found['gpu 0'].found


@pytest.mark.parametrize(
    ('arches', 'capability', 'runs'),
    [
        (['sm_80'], (8, 6), True),
        (['sm_86'], (8, 0), False),
        (['sm_80'], (9, 0), False),
        (['compute_80'], (9, 0), True),
        (['sm_90a'], (9, 0), True),
        (['sm_120'], (12, 0), True),
        (['odd'], (8, 0), False),
    ],
)
def test_code_runs_within_a_major_version(arches, capability, runs):
    assert accelerator.runs_on(arches, *capability) == runs


@pytest.mark.parametrize(
    ('changes', 'there', 'driver', 'words', 'mend'),
    [
        ({}, '', None, 'none: enough for `make mini`', ''),
        ({'cuda': None}, 'GPU 0: H100', (13, 0), 'built for CPUs only', 'of a build for CUDA'),
        ({}, 'GPU 0: H100', None, 'there is no driver', 'NVIDIA driver'),
        ({}, 'GPU 0: H100', (12, 4), 'takes CUDA up to 12.4', 'update the driver'),
        ({}, '/dev/nvidia0', (13, 0), 'CUDA_VISIBLE_DEVICES', 'unset CUDA_VISIBLE_DEVICES'),
    ],
)
def test_why_torch_sees_no_gpu(changes, there, driver, words, mend, monkeypatch):
    facts = SOUND | {'available': False, 'devices': []} | changes
    (finding,) = look(facts, monkeypatch, there, driver).values()
    assert finding.state == 'note'
    assert words in finding.found
    assert mend in finding.mend


def test_memory_is_what_a_container_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, '_machine', lambda: (64000, 60000))
    monkeypatch.setattr(memory, '_container', lambda: None)
    (finding,) = memory.memory()
    # (60000 - 1200) / 90 = 653.3
    assert '60000 of 64000 MB are free: a ResNet-50 step of up to 653 images' in finding.found
    # A limit beyond what there is limits nothing.
    monkeypatch.setattr(memory, '_container', lambda: (99000, 98000))
    (finding,) = memory.memory()
    assert '60000 of 64000 MB are free: ' in finding.found
    monkeypatch.setattr(memory, '_container', lambda: (8000, 6000))
    (finding,) = memory.memory()
    assert '2000 of 8000 MB are free, by the limit of this container' in finding.found
    assert finding.state == 'note'


def test_both_kinds_of_control_group(tmp_path):
    assert memory._container(tmp_path) is None
    (tmp_path / 'memory').mkdir()
    (tmp_path / 'memory/memory.limit_in_bytes').write_text(f'{2**30}\n')
    (tmp_path / 'memory/memory.usage_in_bytes').write_text(f'{2**20}\n')
    assert memory._container(tmp_path) == (1024, 1)
    (tmp_path / 'memory/memory.limit_in_bytes').write_text('9223372036854771712\n')
    assert memory._container(tmp_path) is None
    (tmp_path / 'memory.max').write_text('max\n')
    assert memory._container(tmp_path) is None
    (tmp_path / 'memory.max').write_text(f'{2**31}\n')
    (tmp_path / 'memory.current').write_text(f'{2**20 * 5}\n')
    assert memory._container(tmp_path) == (2048, 5)
    (tmp_path / 'cpu.max').write_text('150000 100000\n')
    assert machine._quota(tmp_path) == 1.5
    (tmp_path / 'cpu.max').write_text('max 100000\n')
    assert machine._quota(tmp_path) is None


def test_dockers_shared_memory_is_too_small(monkeypatch):
    usage = shutil.disk_usage('/')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(total=64 * 2**20))
    (finding,) = memory.shared_memory()
    assert finding.state == 'note'
    assert '--shm-size' in finding.mend


def test_a_full_disk_is_broken(monkeypatch):
    usage = shutil.disk_usage('/')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(free=2**20))
    (finding,) = machine.disk()
    assert (finding.state, finding.mend) == ('broken', 'free 1000 MB')


def test_a_port_that_is_taken_is_named_with_one_that_is_free(monkeypatch):
    with socket.socket() as taken:
        taken.bind(('', 0))
        taken.listen()
        monkeypatch.setenv('PORT', str(taken.getsockname()[1]))
        (finding,) = machine.port()
        assert finding.state == 'note'
        port = int(finding.mend.removeprefix('export PORT='))
    with socket.socket() as free:
        free.bind(('', port))
    monkeypatch.setenv('PORT', str(port))
    (finding,) = machine.port()
    assert finding.state == 'ok'
    monkeypatch.setenv('PORT', 'x')
    (finding,) = machine.port()
    assert (finding.state, finding.mend) == ('note', 'unset PORT')


@pytest.mark.parametrize(
    ('scripts', 'state', 'words'),
    [
        ({}, 'note', 'not here'),
        ({'sinfo': 'echo "gpu 2 idle"'}, 'note', 'lacks srun sbatch'),
        ({'sinfo': 'echo "gpu 2 idle"', 'srun': '', 'sbatch': ''}, 'ok', 'gpu 2 idle'),
        (
            {'sinfo': 'echo "no controller" >&2; exit 1', 'srun': '', 'sbatch': ''},
            'note',
            'sinfo failed: no controller',
        ),
        ({'sinfo': 'exec sleep 60', 'srun': '', 'sbatch': ''}, 'note', 'does not answer'),
    ],
)
def test_slurm_in_each_state(tmp_path, monkeypatch, scripts, state, words):
    for name, text in scripts.items():
        (tmp_path / name).write_text(f'#!/bin/sh\n{text}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/bin:/usr/bin' if scripts else str(tmp_path))
    monkeypatch.setattr(machine, '_SLURM_SECONDS', 0.5)
    which = shutil.which
    monkeypatch.setattr(machine.shutil, 'which', lambda name: which(name, path=str(tmp_path)))
    (finding,) = machine.slurm()
    assert finding.state == state
    assert words in finding.found


def test_data_roots_in_each_state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data/coco/train2017').mkdir(parents=True)
    (tmp_path / 'data/cifar10').mkdir()
    (tmp_path / 'data/imagenet').symlink_to('/nowhere/imagenet')
    found = {finding.name: finding for finding in roots.data()}
    assert found['coco'].state == 'ok'
    assert found['cifar10'].found == 'data/cifar10 is empty'
    assert (
        found['imagenet'].found
        == 'data/imagenet is a link to /nowhere/imagenet, which is not there'
    )
    assert found['ade20k'].mend == ('rm-mm data prepare ade20k data/ade/ADEChallengeData2016')
    assert {finding.state for name, finding in found.items() if name != 'coco'} == {'note'}


def test_a_check_that_fails_is_a_finding(monkeypatch):
    from rm_mm import doctor

    monkeypatch.setattr(machine, 'cores', lambda: iter([SimpleNamespace()]))

    def fails():
        raise ZeroDivisionError('of this machine')
        yield

    (finding,) = doctor._guarded('cores', fails)
    assert (finding.state, finding.found) == (
        'note',
        'cannot be told: ZeroDivisionError: of this machine',
    )
