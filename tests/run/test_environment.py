"""Peak memory of a process."""

import subprocess
import sys

import numpy as np
import pytest

from rm_mm.run import environment

CODE = 'from rm_mm.run.environment import peak_memory_mb; print(peak_memory_mb())'


def test_peak_memory_excludes_the_parent_process():
    held = np.ones(2**26)
    size = held.nbytes / 2**20
    assert environment.peak_memory_mb() > size
    # getrusage would start from the peak of the parent process.
    ended = subprocess.run([sys.executable, '-c', CODE], capture_output=True, check=True, text=True)
    assert 5 < float(ended.stdout) < 400
    del held
    # Freed, but still the peak.
    assert environment.peak_memory_mb() > size


def test_without_proc_it_is_read_from_getrusage(monkeypatch):
    def missing(*given, **named):
        raise FileNotFoundError

    expected = environment.peak_memory_mb()
    monkeypatch.setattr('builtins.open', missing)
    assert environment.peak_memory_mb() == pytest.approx(expected, rel=0.5)
