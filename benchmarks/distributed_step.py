"""One process of a distributed training, started by torchrun with ``WAY THREADS BATCH SIZE``.

Rank 0 prints the median seconds of a step over gloo. ``WAY`` is ``plain`` or ``rm``.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample
from training_step import CLASSES, recipe_model

STEPS = 4


def main() -> None:
    """Train a few steps."""
    threads, batch, size = map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    dist.init_process_group('gloo')
    torch.manual_seed(dist.get_rank())
    model, options = recipe_model(sys.argv[1], 'cpu')
    # mmengine's runner wraps the network in the same way.
    model = MMDistributedDataParallel(model, broadcast_buffers=False)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), **options))
    took = []
    for _ in range(STEPS):
        images = torch.randn(batch, 3, size, size)
        samples = [DataSample().set_gt_label(i % CLASSES) for i in range(batch)]
        dist.barrier()
        began = time.perf_counter()
        model.train_step({'inputs': images, 'data_samples': samples}, wrapper)
        took.append(time.perf_counter() - began)
    if dist.get_rank() == 0:
        print(statistics.median(took[1:]))
    dist.destroy_process_group()


if __name__ == '__main__':
    main()
