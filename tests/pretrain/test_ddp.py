"""Two processes on gloo: no search for unused parameters, and no drift between ranks."""

import os
import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from rm_mm.pretrain import RecursiveMix, RecursiveMixLoss


def work(rank, port, folder):
    import numpy as np
    from mmengine.model import MMDistributedDataParallel
    from mmengine.optim import OptimWrapper
    from mmengine.registry import init_default_scope
    from mmpretrain.registry import MODELS
    from mmpretrain.structures import DataSample

    import rm_mm  # noqa: F401
    from tests.pretrain.conftest import MODEL

    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    init_default_scope('mmpretrain')
    import mmpretrain.models  # noqa: F401

    torch.manual_seed(rank)
    np.random.seed(rank)
    model = MMDistributedDataParallel(MODELS.build(MODEL), find_unused_parameters=False)
    augment = model.module.recursive_mix
    optim = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9))
    draw, losses = augment.sample_box, []
    for step in range(20):
        # Steps in which both ranks, one rank or none has a region.
        empty = step % 4 == 1 or (step % 4 == 2 and rank == 0)
        augment.sample_box = (lambda height, width: (0, 0, 0, 0)) if empty else draw
        labels = torch.randint(0, 5, (4,))
        samples = [DataSample().set_gt_label(int(label)) for label in labels]
        log = model.train_step(dict(inputs=torch.rand(4, 3, 64, 64), data_samples=samples), optim)
        losses.append(float(log['loss_roi']))
    # DDP keeps parameters equal; batch-norm statistics differ between ranks.
    state = {name: value.detach() for name, value in model.module.named_parameters()}
    state |= plain_loop(rank)
    torch.save((state, losses), f'{folder}/{rank}.pth')
    dist.barrier()
    # Threads of gloo occasionally abort a process during its shutdown.
    os._exit(0)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.fc, self.fc_roi = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, images):
        feature_map = self.backbone(images)
        return feature_map, self.fc(feature_map.mean(dim=(2, 3)))


def plain_loop(rank):
    """The same in a plain loop, with the region scored outside of DDP's forward pass."""
    model = nn.parallel.DistributedDataParallel(Plain())
    start = model.module.fc_roi.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    mix, criterion = RecursiveMix(num_classes=5), RecursiveMixLoss()
    draw = mix.sample_box
    for step in range(8):
        empty = step % 4 == 1 or (step % 4 == 2 and rank == 0)
        mix.sample_box = (lambda height, width: (0, 0, 0, 0)) if empty else draw
        mixed, targets = mix(torch.rand(4, 3, 16, 16), torch.randint(0, 5, (4,)))
        feature_map, logits = model(mixed)
        region = criterion.region(feature_map, model.module.fc_roi, mix)
        mix.remember_logits(logits)
        optimizer.zero_grad()
        (criterion(logits, targets) + region).backward()
        optimizer.step()
    assert not torch.equal(model.module.fc_roi.weight, start)
    return {f'plain {name}': value.detach() for name, value in model.module.named_parameters()}


def test_twenty_steps_without_find_unused_parameters(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    mp.spawn(work, args=(port, str(tmp_path)), nprocs=2)
    (first, losses), (second, others) = (
        torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)
    )
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert losses[2] == 0
    assert others[2] > 0
    assert losses != others
