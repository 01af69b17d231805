"""Relative speed of GPUs, from their data sheets."""

from __future__ import annotations

from rm_mm.errors import InputError

#: From NVIDIA's data sheets; for cards with several versions, the slowest. Peak float32 throughput
#: without tensor cores, in teraflops, and memory bandwidth, in GB/s.
GPUS = {
    'TITAN Xp': (12.1, 547.7),
    'GTX 1080 Ti': (11.3, 484.0),
    'RTX 2080 Ti': (13.4, 616.0),
    'RTX 3090': (35.6, 936.0),
    'RTX 4090': (82.6, 1008.0),
    'RTX A6000': (38.7, 768.0),
    'T4': (8.1, 320.0),
    'V100': (14.0, 900.0),
    'A10': (31.2, 600.0),
    'L4': (30.3, 300.0),
    'L40S': (91.6, 864.0),
    'A100': (19.5, 1555.0),
    'H100': (51.0, 2000.0),
    'H200': (60.0, 4800.0),
}


def find_gpu(name: str) -> str:
    """Return the name of a GPU as ``GPUS`` spells it.

    Args:
        name: The name in any spelling: ``rtx3090``, ``NVIDIA A100``.

    Raises:
        InputError: If there is no data sheet for it.
    """
    for known in GPUS:
        if _plain(known) == _plain(name):
            return known
    raise InputError(f'--device {name!a}: expected one of {", ".join(GPUS)}; --probe measures')


def speedup(device: str, reference: str) -> float:
    """Estimate how many times faster one GPU is than another, as the smaller of two ratios.

    Training is bound by arithmetic in some layers and by memory in others. Tensor cores are not
    counted, so the estimate for a newer card is cautious.
    """
    return min(new / old for new, old in zip(GPUS[device], GPUS[reference], strict=True))


def _plain(name: str) -> str:
    kept = ''.join(sign for sign in name.lower() if sign.isalnum())
    return kept.removeprefix('nvidia').removeprefix('geforce')
