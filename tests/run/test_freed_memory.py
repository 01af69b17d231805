"""Memory that a step frees is reused by the next."""

import json
import subprocess
import sys

import pytest

STEPS = """
import json, resource, sys
import torch

def faults():
    began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2 ** 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began

faults()
found = [faults()]
{do}
# Small allocations fill holes between large ones until the heap has settled.
for _ in range(30):
    last = faults()
print(json.dumps([*found, last]))
"""
KEEP = 'import rm_mm.run.runner\nif not rm_mm.run.runner.keep_freed_memory(): sys.exit(77)'
RUNNER = """
import mmengine, rm_mm.run.runner
rm_mm.run.runner.get_device = lambda: {device!r}
try:
    rm_mm.run.runner.ChannelsLastRunner(None, {work_dir!r}, launcher='none of them')
except Exception:
    pass
"""


def faults(do):
    """Page faults for 64 MB, before and after."""
    ended = subprocess.run(
        [sys.executable, '-c', STEPS.format(do=do)], capture_output=True, text=True
    )
    if ended.returncode == 77:
        pytest.skip('the C library is not glibc')
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_freed_pages_are_reused():
    before, after = faults(KEEP)
    # At most 2 MB a page.
    assert before >= 32
    assert after <= 2


@pytest.mark.parametrize(('device', 'kept'), [('cpu', True), ('cuda', False)])
def test_the_runner_keeps_freed_memory_on_a_cpu_only(device, kept, tmp_path):
    before, after = faults(RUNNER.format(device=device, work_dir=str(tmp_path)))
    assert before >= 32
    assert (after <= 2) == kept
