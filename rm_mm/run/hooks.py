"""Hooks of every run: schedulers under gradient accumulation, and ``environment.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process

# From their own modules: the package of hooks may be in the middle of its import.
from mmengine.hooks.hook import Hook
from mmengine.hooks.param_scheduler_hook import ParamSchedulerHook
from mmengine.registry import HOOKS

from rm_mm.files import write_json
from rm_mm.run.environment import data_fingerprint, git_commit, peak_memory_mb, versions


@HOOKS.register_module()
class StepSchedulerHook(ParamSchedulerHook):
    """Step the schedulers that count iterations only after a step of the optimiser.

    mmengine's ``ParamSchedulerHook`` steps them after every batch, so with 8 accumulated batches a
    warm-up of 500 steps would end after 63. Schedulers that count epochs are not affected. An
    accumulation continues across epochs; at the end of a run the optimiser makes a step with the
    batches there are (``OptimWrapper.scale_loss``).
    """

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Step the schedulers if the optimiser made a step."""
        if runner.optim_wrapper.should_update():
            super().after_train_iter(runner, *args, **kwargs)


@HOOKS.register_module()
class EnvironmentHook(Hook):
    """Write ``environment.json``, and add its content to the ``meta`` of every checkpoint.

    A training writes it to the work directory and to its log folder, so that a resumed run keeps
    the facts of its first part. An evaluation writes it to the log folder only.

    Args:
        facts: Facts known before the run, as plain values, such as the hash of the config.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.environment: dict[str, Any] = dict(facts)

    def before_train(self, runner: Any) -> None:
        """Collect the facts and write them."""
        self._collect(runner, runner.train_dataloader)
        self._write(runner.work_dir, runner.log_dir)

    def after_train(self, runner: Any) -> None:
        """Add the peak memory of rank 0: of its GPU if there is one, else of the process."""
        if torch.cuda.is_available():
            peak = torch.cuda.max_memory_allocated() / 2**20
        else:
            peak = peak_memory_mb()
        self.environment['peak_memory_mb'] = round(peak, 1)
        self._write(runner.work_dir, runner.log_dir)

    def before_test(self, runner: Any) -> None:
        """Collect the facts and write them."""
        self._collect(runner, runner.test_dataloader)
        self._write(runner.log_dir)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add the facts to a checkpoint, in place."""
        checkpoint['meta']['environment'] = self.environment

    def _collect(self, runner: Any, loader: Any) -> None:
        cuda = torch.cuda.is_available()
        self.environment |= {
            'versions': versions(),
            'cuda': torch.version.cuda if cuda else None,
            'cudnn': torch.backends.cudnn.version() if cuda else None,  # type: ignore[no-untyped-call]
            'git_commit': git_commit(),
            'device': torch.cuda.get_device_name() if cuda else 'cpu',
            'processes': get_world_size(),
            'threads': torch.get_num_threads(),
            # Loaders of detection keep it in the batch sampler.
            'batch_size': loader.batch_size or getattr(loader.batch_sampler, 'batch_size', None),
            'workers': loader.num_workers,
            # The same in every process.
            'iterations_an_epoch': len(loader),
            'seed': runner.seed,
            'deterministic': runner.deterministic,
            # The same on every rank; computing it reads all annotations.
            'data_fingerprint': data_fingerprint(loader.dataset) if is_main_process() else None,
        }

    def _write(self, *folders: str) -> None:
        if is_main_process():
            for folder in folders:
                write_json(Path(folder, 'environment.json'), self.environment)
