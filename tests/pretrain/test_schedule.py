import pytest
import torch

from rm_mm.errors import InputError
from rm_mm.pretrain.schedule import WarmupCosineLR


def build(length):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=1.0)
    return optimizer, WarmupCosineLR(optimizer, T_max=length, warmup=1)


def rate(optimizer):
    return optimizer.param_groups[0]['lr']


def test_a_run_beyond_the_schedule_is_rejected_instead_of_rising_again():
    optimizer, schedule = build(4)
    rates = [rate(optimizer)]
    for _ in range(4):
        optimizer.step()
        schedule.step()
        rates.append(rate(optimizer))
    # 1 / 2 in the warm-up, then (1 + cos(k pi / 4)) / 2.
    assert rates == pytest.approx([0.5, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4, 0.0])
    with pytest.raises(InputError, match='T_max=4 steps, got step 5'):
        schedule.step()


def test_a_resumed_run_continues_and_another_length_is_rejected():
    optimizer, schedule = build(4)
    optimizer.step()
    schedule.step()
    state = schedule.state_dict()

    resumed, same = build(4)
    same.load_state_dict(state)
    resumed.step()
    same.step()
    assert rate(resumed) == pytest.approx(0.5)
    with pytest.raises(InputError, match=r"'T_max': 4, .* the config one with \{'T_max': 8,"):
        build(8)[1].load_state_dict(state)
