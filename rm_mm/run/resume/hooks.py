"""The hooks that make a run resumable to the bit; `rm-mm train` registers both."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks.hook import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from rm_mm.run.resume.loader import place_loader
from rm_mm.run.resume.places import seed_generators
from rm_mm.run.resume.state import load_sampler_seed, load_state, state_of

# What the generators are begun for.
_ITERATION, _SAMPLE, _EVALUATION = 0, 1, 2


@HOOKS.register_module()
class SeedHook(Hook):
    """Begin the generators of a training step, and of an evaluation, at its place.

    What was drawn before has no say. Batch augmentations and dropout draw from them. Ranks draw
    alike unless the config says ``randomness = dict(diff_rank_seed=True)``, as ever in mmengine.
    """

    # What other hooks draw before the step is drawn from these too.
    priority = 'HIGHEST'

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed."""
        self._seed(runner, _ITERATION)

    def before_val_epoch(self, runner: Any) -> None:
        """Seed."""
        self._seed(runner, _EVALUATION)

    def _seed(self, runner: Any, purpose: int) -> None:
        rank = get_rank() if runner._randomness_cfg.get('diff_rank_seed') else 0
        seed_generators(purpose, runner.seed, rank, runner.iter, devices=True)


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Begin where the checkpoint says, with all that :mod:`.state` holds of the run.

    The evaluation that was due when the checkpoint was written is made if it was not: mmengine
    saves before it evaluates, and would leave it out of a run that was stopped in it.
    """

    # After the hook of the checkpoints, which cannot save a best one before it has begun.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._resumed: dict[str, Any] | None = None

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keep what this rank needs of a checkpoint until training begins."""
        state = state_of(checkpoint)
        self._resumed = state if runner._resume else None

    def before_train(self, runner: Any) -> None:
        """Place the loader, take up what the checkpoint held, and make the evaluation due."""
        state, self._resumed = self._resumed, None
        loop, done = runner.train_loop, None
        if state is not None:
            load_sampler_seed(loop.dataloader, state)
            done = state['done_of_epoch']
        if not place_loader(loop, _SAMPLE, runner.seed, get_rank(), done=done):
            print_log('the training loader gives no batches by index: a run that is resumed draws '
                      'other samples than one that was not', logger='current')  # fmt: skip
        if state is None:
            return
        load_state(runner, state)
        if not (state['evaluated'] or done) and _evaluation_due(runner):
            runner.val_loop.run()


def _evaluation_due(runner: Any) -> bool:
    """Whether the loop would have evaluated next, as mmengine's loops decide it."""
    loop = runner.train_loop
    if runner.val_loop is None:
        return False
    if hasattr(loop, 'dataloader_iterator'):
        reached, length = loop.iter, loop.max_iters
    else:
        reached, length = loop.epoch, loop.max_epochs
    loop._decide_current_val_interval()
    due = reached % loop.val_interval == 0 or reached == length
    return bool(reached and reached >= loop.val_begin and due)
