"""Imports in another process: one that crashes or hangs is a finding, and not the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: For all imports together; on a slow disk torch alone may take half a minute.
TIMEOUT_SECONDS = 120

# Reads names from its arguments and imports one after the other. What libraries print goes nowhere,
# what they complain of is kept; `=` and a name asks for facts instead.
_CHILD = r"""
import importlib, json, os, sys, tempfile
answers = os.fdopen(os.dup(1), 'w')
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

def torch():
    import torch
    found = {'version': torch.__version__, 'cuda': torch.version.cuda, 'devices': []}
    found['available'] = torch.cuda.is_available()
    found['nccl'] = torch.distributed.is_available() and torch.distributed.is_nccl_available()
    found['arches'] = torch.cuda.get_arch_list() if found['available'] else []
    for index in range(torch.cuda.device_count() if found['available'] else 0):
        device = torch.cuda.get_device_properties(index)
        found['devices'].append([device.name, device.major, device.minor, device.total_memory])
    if found['nccl'] and found['available']:
        found['nccl_version'] = '.'.join(map(str, torch.cuda.nccl.version()))
    return found

def ops():
    from rm_mm.compat import ops_in_use
    return {'kind': ops_in_use()}

def say(**entry):
    print(json.dumps(entry), file=answers, flush=True)

for name in sys.argv[1:]:
    say(begun=name)
    error, facts = '', {}
    with tempfile.TemporaryFile() as complaints:
        kept = os.dup(2)
        os.dup2(complaints.fileno(), 2)
        try:
            if name.startswith('='):
                facts = globals()[name[1:]]()
            else:
                module = importlib.import_module(name)
                facts = {'version': str(getattr(module, '__version__', ''))}
        except BaseException as problem:
            error = f'{type(problem).__name__}: {problem}'
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        complaints.seek(0)
        said = complaints.read().decode(errors='replace')
    say(name=name, error=error, said=said[-4000:], facts=facts)
"""


@dataclass(frozen=True)
class Answer:
    """What became of one import.

    Attributes:
        error: Why it failed, on one line; empty if it did not.
        said: What it wrote to standard error.
        facts: What it is asked for, or its version.
    """

    error: str
    said: str = ''
    facts: dict[str, Any] = field(default_factory=dict)


def ask(names: Sequence[str], timeout: float = TIMEOUT_SECONDS) -> dict[str, Answer]:
    """Import modules, in order, in a process that may die of any of them.

    Args:
        names: Of modules; ``=torch`` and ``=ops`` ask for facts about these.
        timeout: Seconds for all of them.

    Returns:
        What became of each.
    """
    answers: dict[str, Answer] = {}
    left = list(names)
    while left:
        found, unfinished, reason = _ask_once(left, timeout)
        answers |= found
        if unfinished is None:
            # It ended without a word: nothing else of these can be asked.
            answers |= {name: Answer(reason) for name in left if name not in answers}
            return answers
        answers[unfinished] = Answer(reason)
        left = left[left.index(unfinished) + 1 :]
    return answers


def _ask_once(names: list[str], timeout: float) -> tuple[dict[str, Answer], str | None, str]:
    """Ask in one process.

    Returns:
        The answers, the name that it died of if it did, and how.
    """
    try:
        result = subprocess.run(
            [sys.executable, '-c', _CHILD, *names], capture_output=True, timeout=timeout
        )
        output, reason = result.stdout, _ended(result.returncode)
    except subprocess.TimeoutExpired as late:
        output, reason = late.stdout or b'', f'did not come to an end in {timeout:.0f} s'
    except OSError as error:
        return {}, None, f'no process could be started: {error.strerror}'
    found: dict[str, Answer] = {}
    begun = None
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if 'begun' in entry:
            begun = entry['begun']
        else:
            found[entry['name']] = Answer(
                ' '.join(entry['error'].split()), entry['said'], entry['facts']
            )
    return found, begun if begun not in found else None, reason


def _ended(code: int) -> str:
    if code >= 0:
        return f'ended its process with {code}'
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f'signal {-code}'
    return f'killed its process ({name})'
