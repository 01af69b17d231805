"""Hooks that make a training resumable to the bit; ``rm-mm train`` registers both."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks.hook import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from rm_mm.run.resume.loader import position_loader, seed_generators
from rm_mm.run.resume.state import load_sampler_seed, load_state, state_of

# First number of the key: what the generators are seeded for.
_ITERATION, _SAMPLE, _EVALUATION = 0, 1, 2


@HOOKS.register_module()
class SeedHook(Hook):
    """Seed the generators before each training step and each evaluation, by its position.

    Batch augmentations and dropout then do not depend on earlier draws. As usual in mmengine, all
    ranks draw the same numbers unless ``randomness = dict(diff_rank_seed=True)``.
    """

    # Other hooks may draw numbers before the step.
    priority = 'HIGHEST'

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed a training step."""
        self._seed(runner, _ITERATION)

    def before_val_epoch(self, runner: Any) -> None:
        """Seed an evaluation."""
        self._seed(runner, _EVALUATION)

    def _seed(self, runner: Any, purpose: int) -> None:
        rank = get_rank() if runner._randomness_cfg.get('diff_rank_seed') else 0
        seed_generators(purpose, runner.seed, rank, runner.iter, devices=True)


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Start a training exactly where its checkpoint ends, with the state from :mod:`.state`.

    mmengine saves a checkpoint before it evaluates. If a run was interrupted in an evaluation, this
    hook first repeats it; mmengine would skip it.
    """

    # After the checkpoint hook, which cannot save a best checkpoint before its `before_train`.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._resumed: dict[str, Any] | None = None

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keep the state of this rank until the training begins."""
        state = state_of(checkpoint)
        self._resumed = state if runner._resume else None

    def before_train(self, runner: Any) -> None:
        """Position the loader, restore the state, and run an evaluation that is due."""
        state, self._resumed = self._resumed, None
        loop, done = runner.train_loop, None
        if state is not None:
            load_sampler_seed(loop.dataloader, state)
            done = state['done_of_epoch']
        if not position_loader(loop, _SAMPLE, runner.seed, get_rank(), done=done):
            warning = 'a resumed run draws other samples than an uninterrupted one'
            print_log(f'the training loader has no batches of indices: {warning}', logger='current')
        if state is None:
            return
        load_state(runner, state)
        if not (state['evaluated'] or done) and _evaluation_due(runner):
            runner.val_loop.run()


def _evaluation_due(runner: Any) -> bool:
    """Return whether mmengine's loop would have evaluated next."""
    if runner.val_loop is None:
        return False
    loop = runner.train_loop
    by_iteration = hasattr(loop, 'dataloader_iterator')
    reached = loop.iter if by_iteration else loop.epoch
    length = loop.max_iters if by_iteration else loop.max_epochs
    loop._decide_current_val_interval()
    due = reached % loop.val_interval == 0 or reached == length
    return bool(reached and reached >= loop.val_begin and due)
