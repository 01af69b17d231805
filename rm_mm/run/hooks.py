"""What every run of ours does beside training: steps, and saying what it ran on.

``rm-mm train`` registers them; a config may name them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process

# By their own modules: the package of hooks may itself be the one that is being imported just now.
from mmengine.hooks.hook import Hook
from mmengine.hooks.param_scheduler_hook import ParamSchedulerHook
from mmengine.registry import HOOKS

from rm_mm.files import write_json
from rm_mm.run.environment import data_fingerprint, git_commit, peak_memory_mb, versions


@HOOKS.register_module()
class StepSchedulerHook(ParamSchedulerHook):
    """Step the schedulers that count iterations only after a batch that made a step.

    mmengine's ``ParamSchedulerHook`` steps them after every batch, so that a warm-up of 500 steps
    under the accumulation of 8 batches would end after 63. Schedulers that count epochs are stepped
    as ever. An accumulation that an epoch's end cuts goes on in the next epoch; the last of a run
    makes a step with what there is (``OptimWrapper.scale_loss``).
    """

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Step if this batch made a step."""
        if runner.optim_wrapper.should_update():
            super().after_train_iter(runner, *args, **kwargs)


@HOOKS.register_module()
class EnvironmentHook(Hook):
    """Write ``environment.json``, and put the same into every checkpoint's ``meta``.

    Training writes it into the work directory and into the folder of this run's logs, so that a
    resumed run keeps what the first part ran on; an evaluation into the latter alone.

    Args:
        facts: What the launcher knows: plain values, such as the hash of the config.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.environment: dict[str, Any] = dict(facts)

    def before_train(self, runner: Any) -> None:
        """Gather and write."""
        self._gather(runner, runner.train_dataloader)
        self._write(Path(runner.work_dir), Path(runner.log_dir))

    def after_train(self, runner: Any) -> None:
        """Add the most memory that the process of rank 0 had, its GPU's if there is one."""
        if torch.cuda.is_available():
            peak = torch.cuda.max_memory_allocated() / 2**20
        else:
            peak = peak_memory_mb()
        self.environment['peak_memory_mb'] = round(peak, 1)
        self._write(Path(runner.work_dir), Path(runner.log_dir))

    def before_test(self, runner: Any) -> None:
        """Gather and write."""
        self._gather(runner, runner.test_dataloader)
        self._write(Path(runner.log_dir))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add it to what is about to be saved, in place."""
        checkpoint['meta']['environment'] = self.environment

    def _gather(self, runner: Any, loader: Any) -> None:
        cuda = torch.cuda.is_available()
        self.environment |= {
            'versions': versions(),
            'cuda': torch.version.cuda if cuda else None,
            'cudnn': torch.backends.cudnn.version() if cuda else None,  # type: ignore[no-untyped-call]
            'git_commit': git_commit(),
            'device': torch.cuda.get_device_name() if cuda else 'cpu',
            'processes': get_world_size(),
            'threads': torch.get_num_threads(),
            # Of boxes it is the sampler of batches that knows.
            'batch_size': loader.batch_size or getattr(loader.batch_sampler, 'batch_size', None),
            'workers': loader.num_workers,
            # Of this process, as of every other.
            'iterations_an_epoch': len(loader),
            'seed': runner.seed,
            'deterministic': runner.deterministic,
            # The same on every rank; reading it is a pass over the annotations.
            'data_fingerprint': data_fingerprint(loader.dataset) if is_main_process() else None,
        }

    def _write(self, *folders: Path) -> None:
        if is_main_process():
            for folder in folders:
                write_json(folder / 'environment.json', self.environment)
