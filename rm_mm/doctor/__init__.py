"""What this machine can run, and the exact line that mends each lack.

Whatever may crash or hang is imported in a child process (``children``); what came of it is judged
here, a subject a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial

from rm_mm.doctor import accelerator, binaries, machine, memory, roots, stack
from rm_mm.doctor.children import Answer, ask
from rm_mm.doctor.finding import Finding

#: What is asked of the child, in this order: what others are built on comes first, and rm_mm before
#: mmcv, whose compiled operations it may have to stand in for.
_ASKED = (
    'numpy', 'torch', 'torchvision', '=torch', 'cv2', *list(binaries.BINARIES)[1:], 'rm_mm',
    *stack.LINES, '=ops', 'mmcv._ext',
)  # fmt: skip


def examine() -> list[Finding]:
    """Look at everything that the main job needs, and at what limits the others."""
    return judge(ask(_ASKED))


def judge(answers: Mapping[str, Answer]) -> list[Finding]:
    """Look at the rest, and put everything into lines.

    Args:
        answers: What became of each of the imports.
    """
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ('python', stack.python),
        ('torch', partial(stack.torch, answers)),
        ('binaries', partial(binaries.binaries, answers)),
        ('opencv', partial(binaries.opencv, answers)),
        ('stack', partial(stack.stack, answers)),
        ('mmcv ops', partial(stack.ops, answers)),
        ('gpu', partial(accelerator.accelerator, answers)),
        ('cores', machine.cores),
        ('memory', memory.memory),
        ('shared memory', memory.shared_memory),
        ('disk', machine.disk),
        ('port', machine.port),
        ('slurm', machine.slurm),
        ('configs', roots.configs),
        ('data', roots.data),
    ]
    return [finding for name, check in checks for finding in _guarded(name, check)]


def run_doctor(as_json: bool) -> int:
    """Print the findings.

    Returns:
        0 if the main job can run, 1 if not.
    """
    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f'{finding.state:6}  {finding.name:14}  {finding.found}')
            if finding.mend:
                print(f'        mend with: {finding.mend}')
    return int(any(finding.state == 'broken' for finding in findings))


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check finds; that it failed itself is a finding too."""
    found = []
    try:
        for finding in check():
            found.append(finding)
    except Exception as error:
        # Of a machine in any state anything may be raised.
        found.append(Finding(name, 'note', f'cannot be told: {type(error).__name__}: {error}'))
    return found
