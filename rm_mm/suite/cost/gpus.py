"""Relative speed of GPUs, from their data sheets."""

from __future__ import annotations

from dataclasses import dataclass

from rm_mm.errors import InputError


@dataclass(frozen=True)
class Gpu:
    """One data sheet.

    Attributes:
        teraflops: Peak float32 throughput, without tensor cores.
        gigabytes_a_second: Memory bandwidth.
    """

    teraflops: float
    gigabytes_a_second: float


#: From NVIDIA's data sheets; for cards with several versions, the slowest.
GPUS = {
    'TITAN Xp': Gpu(12.1, 547.7),
    'GTX 1080 Ti': Gpu(11.3, 484.0),
    'RTX 2080 Ti': Gpu(13.4, 616.0),
    'RTX 3090': Gpu(35.6, 936.0),
    'RTX 4090': Gpu(82.6, 1008.0),
    'RTX A6000': Gpu(38.7, 768.0),
    'T4': Gpu(8.1, 320.0),
    'V100': Gpu(14.0, 900.0),
    'A10': Gpu(31.2, 600.0),
    'L4': Gpu(30.3, 300.0),
    'L40S': Gpu(91.6, 864.0),
    'A100': Gpu(19.5, 1555.0),
    'H100': Gpu(51.0, 2000.0),
    'H200': Gpu(60.0, 4800.0),
}


def find_gpu(name: str) -> str:
    """Return the name of a GPU as ``GPUS`` spells it.

    Args:
        name: The name in any spelling: ``rtx3090``, ``NVIDIA A100``.

    Raises:
        InputError: If there is no data sheet for it.
    """
    wanted = _plain(name)
    for known in GPUS:
        if wanted == _plain(known):
            return known
    raise InputError(f'--device {name!a}: expected one of {", ".join(GPUS)}; --probe measures')


def speedup(device: str, reference: str) -> float:
    """Estimate how many times faster one GPU is than another, as the smaller of two ratios.

    Training is bound by arithmetic in some layers and by memory in others. Tensor cores are not
    counted, so the estimate for a newer card is cautious.
    """
    new, old = GPUS[device], GPUS[reference]
    return min(
        new.teraflops / old.teraflops,
        new.gigabytes_a_second / old.gigabytes_a_second,
    )


def _plain(name: str) -> str:
    kept = ''.join(sign for sign in name.lower() if sign.isalnum())
    return kept.removeprefix('nvidia').removeprefix('geforce')
