"""Import modules in a child process, so that a crash or a hang is a result and not the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

#: Limit for all imports together. On a slow disk torch alone may take half a minute.
TIMEOUT_SECONDS = 120

# Imports the modules named in its arguments, one after the other. Discards what libraries print,
# captures what they write to stderr. A name after `=` is a function below that returns facts.
_CHILD = r"""
import importlib, json, os, sys, tempfile
replies = os.fdopen(os.dup(1), 'w')
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

def torch():
    import torch
    facts = {'version': torch.__version__, 'cuda': torch.version.cuda, 'devices': []}
    facts['available'] = torch.cuda.is_available()
    facts['nccl'] = torch.distributed.is_available() and torch.distributed.is_nccl_available()
    facts['arches'] = torch.cuda.get_arch_list() if facts['available'] else []
    for index in range(torch.cuda.device_count() if facts['available'] else 0):
        device = torch.cuda.get_device_properties(index)
        facts['devices'].append([device.name, device.major, device.minor, device.total_memory])
    if facts['nccl'] and facts['available']:
        facts['nccl_version'] = '.'.join(map(str, torch.cuda.nccl.version()))
    return facts

def ops():
    from rm_mm.compat import ops_in_use
    return {'kind': ops_in_use()}

def reply(**entry):
    print(json.dumps(entry), file=replies, flush=True)

for name in sys.argv[1:]:
    reply(name=name)
    error, facts = '', {}
    with tempfile.TemporaryFile() as captured:
        original = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            if name.startswith('='):
                facts = globals()[name[1:]]()
            else:
                module = importlib.import_module(name)
                facts = {'version': str(getattr(module, '__version__', ''))}
        except BaseException as problem:
            error = f'{type(problem).__name__}: {problem}'
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
        captured.seek(0)
        stderr = captured.read().decode(errors='replace')
    reply(name=name, error=error, stderr=stderr[-4000:], facts=facts)
"""


@dataclass(frozen=True)
class ImportResult:
    """Result of importing one module in the child.

    Attributes:
        error: Reason for a failure, on one line; empty after success.
        stderr: The last 4000 characters that the module wrote to standard error.
        facts: Requested facts, or the ``version`` of the module.
    """

    error: str
    stderr: str = ''
    facts: dict[str, Any] = field(default_factory=dict)


def import_in_child(
    names: Sequence[str], timeout: float = TIMEOUT_SECONDS
) -> dict[str, ImportResult]:
    """Import modules in order, in a process that any of them may end.

    After a crash or a hang the remaining modules are imported in a new process.

    Args:
        names: Modules to import; ``=torch`` and ``=ops`` ask for facts about torch and mmcv's ops.
        timeout: Limit for each process, in seconds.
    """
    results: dict[str, ImportResult] = {}
    remaining = list(names)
    while remaining:
        finished, fatal, reason = _run_child(remaining, timeout)
        results |= finished
        if fatal is None:
            # The child ended between two imports, so none of the remaining ones can be tried.
            return results | {n: ImportResult(reason) for n in remaining if n not in results}
        results[fatal] = ImportResult(reason)
        remaining = remaining[remaining.index(fatal) + 1 :]
    return results


def _run_child(names: list[str], timeout: float) -> tuple[dict[str, ImportResult], str | None, str]:
    """Return the results, the module that ended the process if one did, and how it ended."""
    command = [sys.executable, '-c', _CHILD, *names]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout)
        output, reason = done.stdout, _ending(done.returncode)
    except subprocess.TimeoutExpired as late:
        output, reason = late.stdout or b'', f'did not finish within {timeout:.0f} s'
    except OSError as error:
        return {}, None, f'no process could be started: {error.strerror}'
    results: dict[str, ImportResult] = {}
    begun = None
    for line in output.splitlines():
        with suppress(ValueError):  # The last line may be incomplete.
            entry = json.loads(line)
            begun = entry['name']
            if 'error' in entry:
                message = ' '.join(entry['error'].split())
                results[begun] = ImportResult(message, entry['stderr'], entry['facts'])
    return results, begun if begun not in results else None, reason


def _ending(code: int) -> str:
    if code >= 0:
        return f'ended its process with exit code {code}'
    name = f'signal {-code}'
    with suppress(ValueError):
        name = signal.Signals(-code).name
    return f'killed its process ({name})'
