"""Check what this machine can run, and find the command that fixes each problem.

Imports that may crash or hang run in a child process (:mod:`rm_mm.doctor.imports`). The doctor uses
the standard library only, so that it also works in a broken environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from rm_mm.doctor import accelerator, machine, packages
from rm_mm.doctor.finding import Finding
from rm_mm.doctor.imports import ImportResult, import_in_child

__all__ = ['Finding', 'check_machine', 'examine']

#: Imported by the child in this order: dependencies come first, and rm_mm comes before mmcv, whose
#: compiled ops it may have to substitute.
MODULES = (
    'numpy', 'torch', 'torchvision', '=torch', 'cv2', *list(packages.BINARIES)[1:], 'rm_mm',
    *packages.DISTRIBUTIONS, '=ops', 'mmcv._ext',
)  # fmt: skip


def examine() -> list[Finding]:
    """Import everything in a child process and run all checks."""
    return check_machine(import_in_child(MODULES))


def check_machine(results: Mapping[str, ImportResult]) -> list[Finding]:
    """Run all checks, with the results of importing ``MODULES``."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        'python': packages.check_python,
        'torch': partial(packages.check_torch, results),
        'binaries': partial(packages.check_binaries, results),
        'opencv': partial(packages.check_opencv, results),
        'stack': partial(packages.check_stack, results),
        'mmcv ops': partial(packages.check_mmcv_ops, results),
        'gpu': partial(accelerator.check_gpus, results),
        'cores': machine.check_cores,
        'memory': machine.check_memory,
        'shared memory': machine.check_shared_memory,
        'disk': machine.check_disk,
        'port': machine.check_port,
        'slurm': machine.check_slurm,
        'configs': machine.check_configs,
        'data': machine.check_data_roots,
    }
    return [finding for name, check in checks.items() for finding in _run(name, check)]


def _run(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return the findings of a check; its own failure is a finding too."""
    findings: list[Finding] = []
    try:
        for finding in check():
            findings.append(finding)
    except Exception as error:
        # On an unknown machine a check may raise anything.
        text = f'cannot be checked: {type(error).__name__}: {error}'
        findings.append(Finding(name, 'note', text))
    return findings
