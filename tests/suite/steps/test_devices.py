"""No GPU is dealt to two cells at once, and none is lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from rm_mm.suite.steps.devices import DevicePool, visible_devices


def test_every_cell_has_its_own_and_all_are_used():
    devices = DevicePool(['0', '1', '2', '3', '4'], each=2)
    lock, held, most, seen = threading.Lock(), set(), [0], set()

    def cell(_):
        with devices.deal() as dealt:
            mine = dealt.split(',')
            assert len(mine) == 2
            with lock:
                assert held.isdisjoint(mine)
                held.update(mine)
                seen.update(mine)
                most[0] = max(most[0], len(held))
            time.sleep(0.002)
            with lock:
                held.difference_update(mine)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cell, range(50)))
    # Five make two cells at a time, and the odd one has its turn.
    assert most == [4]
    assert seen == {'0', '1', '2', '3', '4'}


def test_a_cell_that_fails_gives_its_own_back():
    devices = DevicePool(['7'], each=1)
    for _ in range(2):
        try:
            with devices.deal() as dealt:
                assert dealt == '7'
                raise OSError
        except OSError:
            pass


def test_none_are_dealt_out_where_cells_share():
    with DevicePool([], each=0).deal() as dealt:
        assert dealt is None


def test_those_that_the_caller_may_use(monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', ' 3, GPU-8a,')
    assert visible_devices() == ['3', 'GPU-8a']
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    assert visible_devices() == []
