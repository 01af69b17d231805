"""GPUs, cores, memory, disk, port, Slurm and data sets in states that this machine is not in."""

import shutil
import socket

import pytest

from rm_mm import doctor
from rm_mm.doctor import Finding, accelerator, machine
from rm_mm.doctor.imports import ImportResult

SOUND = {
    'version': '2.14.1+cu130',
    'cuda': '13.0',
    'available': True,
    'nccl': True,
    'nccl_version': '2.30.7',
    'arches': ['sm_75', 'sm_80', 'sm_90', 'compute_90'],
    'devices': [['H100', 9, 0, 80 * 2**30]],
}


def check(facts, monkeypatch, gpu='', driver=None):
    monkeypatch.setattr(accelerator, 'visible_gpu', lambda: gpu)
    monkeypatch.setattr(accelerator, 'driver_cuda', lambda: driver)
    results = {'=torch': ImportResult('', facts=facts)}
    return {finding.name: finding for finding in accelerator.check_gpus(results)}


def test_a_usable_gpu(monkeypatch):
    found = check(SOUND, monkeypatch, driver=(13, 1))
    assert {finding.state for finding in found.values()} == {'ok'}
    # 80 GiB are 81920 MB, at 90 MB per image.
    assert 'about 910 images' in found['gpu 0'].found
    assert found['cuda'].found == 'torch is built for 13.0, the driver supports up to 13.1'
    assert found['nccl'].found == '2.30.7'


def test_several_gpus_without_nccl(monkeypatch):
    facts = SOUND | {'nccl': False, 'devices': SOUND['devices'] * 2}
    assert check(facts, monkeypatch)['nccl'].state == 'note'
    assert 'nccl' not in check(SOUND | {'nccl': False}, monkeypatch)


def test_a_gpu_that_torch_has_no_code_for(monkeypatch):
    found = check(SOUND | {'devices': [['K80', 3, 7, 2**34]]}, monkeypatch)
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
    ('changes', 'gpu', 'driver', 'words', 'fix'),
    [
        ({}, '', None, 'none: enough for `make mini`', ''),
        (
            {'cuda': None},
            'GPU 0: H100',
            (13, 0),
            'built for CPUs only',
            'torchvision built for CUDA',
        ),
        ({}, 'GPU 0: H100', None, 'there is no driver', 'NVIDIA driver'),
        ({}, 'GPU 0: H100', (12, 4), 'supports CUDA up to 12.4', 'update the driver'),
        ({}, '/dev/nvidia0', (13, 0), 'CUDA_VISIBLE_DEVICES', 'unset CUDA_VISIBLE_DEVICES'),
    ],
)
def test_why_torch_sees_no_gpu(changes, gpu, driver, words, fix, monkeypatch):
    facts = SOUND | {'available': False, 'devices': []} | changes
    (finding,) = check(facts, monkeypatch, gpu, driver).values()
    assert finding.state == 'note'
    assert words in finding.found
    assert fix in finding.fix


def test_the_memory_limit_of_a_container_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, 'machine_memory', lambda: (64000, 60000))
    monkeypatch.setattr(machine, 'cgroup_memory', lambda: None)
    (finding,) = machine.check_memory()
    # (60000 - 1200) / 90 = 653.3
    assert '60000 of 64000 MB are free: a ResNet-50 step of up to 653 images' in finding.found
    # A limit above the memory of the machine has no effect.
    monkeypatch.setattr(machine, 'cgroup_memory', lambda: (99000, 98000))
    (finding,) = machine.check_memory()
    assert '60000 of 64000 MB are free: ' in finding.found
    monkeypatch.setattr(machine, 'cgroup_memory', lambda: (8000, 6000))
    (finding,) = machine.check_memory()
    assert '2000 of 8000 MB are free (limit of this container)' in finding.found
    assert finding.state == 'note'


def test_both_versions_of_control_groups(tmp_path):
    assert machine.cgroup_memory(tmp_path) is None
    (tmp_path / 'memory').mkdir()
    (tmp_path / 'memory/memory.limit_in_bytes').write_text(f'{2**30}\n')
    (tmp_path / 'memory/memory.usage_in_bytes').write_text(f'{2**20}\n')
    assert machine.cgroup_memory(tmp_path) == (1024, 1)
    (tmp_path / 'memory/memory.limit_in_bytes').write_text('9223372036854771712\n')
    assert machine.cgroup_memory(tmp_path) is None
    (tmp_path / 'memory.max').write_text('max\n')
    assert machine.cgroup_memory(tmp_path) is None
    (tmp_path / 'memory.max').write_text(f'{2**31}\n')
    (tmp_path / 'memory.current').write_text(f'{2**20 * 5}\n')
    assert machine.cgroup_memory(tmp_path) == (2048, 5)
    (tmp_path / 'cpu.max').write_text('150000 100000\n')
    assert machine.cgroup_cores(tmp_path) == 1.5
    (tmp_path / 'cpu.max').write_text('max 100000\n')
    assert machine.cgroup_cores(tmp_path) is None


def test_the_shared_memory_of_docker_is_too_small(monkeypatch):
    usage = shutil.disk_usage('/')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(total=64 * 2**20))
    (finding,) = machine.check_shared_memory()
    assert finding.state == 'note'
    assert '--shm-size' in finding.fix


def test_a_full_disk_is_broken(monkeypatch):
    usage = shutil.disk_usage('/')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(free=2**20))
    (finding,) = machine.check_disk()
    assert (finding.state, finding.fix) == ('broken', 'free 1000 MB')


def test_a_used_port_is_reported_with_a_free_one(monkeypatch):
    with socket.socket() as taken:
        taken.bind(('', 0))
        taken.listen()
        monkeypatch.setenv('PORT', str(taken.getsockname()[1]))
        (finding,) = machine.check_port()
        assert finding.state == 'note'
        port = int(finding.fix.removeprefix('export PORT='))
    with socket.socket() as free:
        free.bind(('', port))
    monkeypatch.setenv('PORT', str(port))
    (finding,) = machine.check_port()
    assert finding.state == 'ok'
    monkeypatch.setenv('PORT', 'x')
    (finding,) = machine.check_port()
    assert (finding.state, finding.fix) == ('note', 'unset PORT')


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
    monkeypatch.setattr(machine, 'SLURM_SECONDS', 0.5)
    which = shutil.which
    monkeypatch.setattr(machine.shutil, 'which', lambda name: which(name, path=str(tmp_path)))
    (finding,) = machine.check_slurm()
    assert finding.state == state
    assert words in finding.found


def test_data_roots_in_each_state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data/coco/train2017').mkdir(parents=True)
    (tmp_path / 'data/cifar10').mkdir()
    (tmp_path / 'data/imagenet').symlink_to('/nowhere/imagenet')
    found = {finding.name: finding for finding in machine.check_data_roots()}
    assert found['coco'].state == 'ok'
    assert found['cifar10'].found == 'data/cifar10 is empty'
    assert (
        found['imagenet'].found
        == 'data/imagenet is a link to /nowhere/imagenet, which does not exist'
    )
    assert found['ade20k'].fix == ('rm-mm data prepare ade20k data/ade/ADEChallengeData2016')
    assert {finding.state for name, finding in found.items() if name != 'coco'} == {'note'}


def test_a_check_that_fails_is_a_finding(monkeypatch):
    def fail():
        yield Finding('cores', 'ok', '2')
        raise ZeroDivisionError('on this machine')

    monkeypatch.setattr(machine, 'check_cores', fail)
    findings = doctor.check_machine({})
    assert [finding for finding in findings if finding.name == 'cores'] == [
        Finding('cores', 'ok', '2'),
        Finding('cores', 'note', 'cannot be checked: ZeroDivisionError: on this machine'),
    ]
    # The checks before and after it have run.
    assert {'python', 'disk', 'port', 'configs'} <= {finding.name for finding in findings}
