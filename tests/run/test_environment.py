"""What a process says of itself."""

import subprocess
import sys

import numpy as np
import pytest

from rm_mm.run import environment

CODE = 'from rm_mm.run.environment import peak_memory_mb; print(peak_memory_mb())'


def test_peak_memory_is_that_of_this_process_alone():
    held = np.ones(2**26)
    size = held.nbytes / 2**20
    assert environment.peak_memory_mb() > size
    # What getrusage says of a process begins with what the one that started it had.
    ended = subprocess.run([sys.executable, '-c', CODE], capture_output=True, check=True, text=True)
    assert 5 < float(ended.stdout) < 400
    del held
    # Given back, and still the most.
    assert environment.peak_memory_mb() > size


def test_without_linux_it_is_what_the_system_says(monkeypatch):
    def missing(*given, **named):
        raise FileNotFoundError

    expected = environment.peak_memory_mb()
    monkeypatch.setattr('builtins.open', missing)
    assert environment.peak_memory_mb() == pytest.approx(expected, rel=0.5)
