"""How much faster another GPU is, by the data sheets."""

from __future__ import annotations

from dataclasses import dataclass

from rm_mm.errors import InputError


@dataclass(frozen=True)
class Gpu:
    """One data sheet.

    Attributes:
        teraflops: Peak of plain float32, without tensor cores.
        gigabytes_a_second: Of its memory.
    """

    teraflops: float
    gigabytes_a_second: float


#: NVIDIA's data sheets; of several versions of one card the slower.
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
    """The name as the table has it.

    Args:
        name: In any spelling: ``rtx3090``, ``NVIDIA A100``.

    Raises:
        InputError: If there is no data sheet of it.
    """
    wanted = _plain(name)
    for known in GPUS:
        if wanted == _plain(known):
            return known
    raise InputError(f'--device {name!a}: expected one of {", ".join(GPUS)}; --probe measures')


def speedup(device: str, reference: str) -> float:
    """How many times as fast as another card one is: the smaller of the two ratios.

    Training is bound by arithmetic in some layers and by memory in others. Tensor cores come on
    top, so that this estimate of a newer card is a cautious one.
    """
    new, old = GPUS[device], GPUS[reference]
    return min(
        new.teraflops / old.teraflops,
        new.gigabytes_a_second / old.gigabytes_a_second,
    )


def _plain(name: str) -> str:
    kept = ''.join(sign for sign in name.lower() if sign.isalnum())
    return kept.removeprefix('nvidia').removeprefix('geforce')
