import os
import signal
import time
from pathlib import Path

import pytest

from rm_mm.data.check import workers
from rm_mm.data.check.workers import map_in_processes
from rm_mm.errors import RejectedError

ITEMS = list(range(100))


def process(item):
    return item, os.getpid()


def killed_at_70(item):
    if item == 70:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def killed_always(item):
    os._exit(1)


def killed_once(path):
    """The first process that gets here dies, as if the system had killed it for memory."""
    if path.name == '40' and not (path.parent / 'died').exists():
        (path.parent / 'died').touch()
        os._exit(1)
    return path.name


def ignores_interrupts(item):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_results_of_other_processes_are_in_order():
    results = list(map_in_processes(process, ITEMS, 2, lambda item: None))
    assert [item for item, _ in results] == ITEMS
    assert os.getpid() not in {pid for _, pid in results}


@pytest.mark.parametrize(('items', 'jobs'), [(ITEMS, 1), (ITEMS[:3], 8)])
def test_few_items_are_handled_in_this_process(items, jobs):
    assert list(map_in_processes(process, items, jobs, lambda item: None)) == [
        (item, os.getpid()) for item in items
    ]


def test_item_that_kills_its_process_is_found():
    started = time.monotonic()
    results = list(map_in_processes(killed_at_70, ITEMS, 2, lambda item: -item))
    assert results == [-item if item == 70 else item for item in ITEMS]
    assert time.monotonic() - started < 30


def test_killed_process_loses_no_results(tmp_path):
    items = [tmp_path / str(number) for number in range(80)]
    results = list(map_in_processes(killed_once, items, 2, lambda item: 'lost'))
    assert results == [str(number) for number in range(80)]
    assert Path(tmp_path / 'died').exists()


def test_check_ends_if_processes_keep_dying(monkeypatch):
    monkeypatch.setattr(workers, '_MOST_DEATHS', 2)
    with pytest.raises(RejectedError, match=r'3 processes .* have died.*Pass --jobs 1'):
        list(map_in_processes(killed_always, ITEMS, 2, lambda item: None))


def test_only_the_command_handles_interrupts():
    assert all(map_in_processes(ignores_interrupts, ITEMS, 2, lambda item: None))
    # This process is unchanged.
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
