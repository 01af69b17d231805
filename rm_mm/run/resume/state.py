"""What a checkpoint holds of a run beside mmengine's own, so that it goes on as it would have.

For each rank, the history of a batch augmentation, by its ``history_state`` and
``load_history_state``, gradients that wait for the rest of their accumulation, and the buffers of
the network, which mmengine leaves to each rank and saves of the first. For all, the seed of the
sampler, how much of the epoch is done, and whether the evaluation that was due has been made.
"""

from __future__ import annotations

import logging
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from rm_mm.run.resume.loader import done_of_epoch, sampler_of

#: The entry of a checkpoint that holds it.
ENTRY = 'resume'


def gather_state(runner: Any, meta: dict[str, Any]) -> dict[str, Any]:
    """What goes into a checkpoint; to be called on all ranks.

    Args:
        runner: mmengine's.
        meta: The epoch and the iteration that the checkpoint is going to be resumed in.
    """
    position, loader = (meta['epoch'], meta['iter']), runner.train_dataloader
    return {
        'sampler_seed': getattr(sampler_of(loader), 'seed', None),
        'done_of_epoch': done_of_epoch(loader, *position),
        # A checkpoint that is written before the evaluation is one ahead of the runner.
        'evaluated': position == (runner.epoch, runner.iter),
        'ranks': all_gather_object(_state_of_rank(runner, meta['epoch'])),
    }


def load_sampler_seed(loader: Any, state: dict[str, Any]) -> None:
    """Shuffle as the run did, which may have drawn its seed."""
    sampler = sampler_of(loader)
    if state['sampler_seed'] is not None and hasattr(sampler, 'seed'):
        sampler.seed = state['sampler_seed']


def state_of(checkpoint: dict[str, Any]) -> dict[str, Any] | None:
    """Take the entry out of a checkpoint, of the ranks' own parts this rank's alone.

    With a warning, and none of them, if there were more ranks or fewer.
    """
    if (state := checkpoint.pop(ENTRY, None)) is None:
        return None
    ranks = state.pop('ranks')
    if len(ranks) == get_world_size():
        return {**state, 'rank': ranks[get_rank()]}
    print_log(
        f'the checkpoint is of {len(ranks)} processes and this run has {get_world_size()}: '
        'it goes on, but not as it would have',
        logger='current',
        level=logging.WARNING,
    )
    return {**state, 'rank': {}}


def load_state(runner: Any, state: dict[str, Any]) -> None:
    """Take up what this rank had."""
    mine = state['rank']
    for network, buffers in zip(_networks(runner), mine.get('buffers', []), strict=False):
        for name, buffer in network.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])
    for augment, history in zip(_with_history(runner), mine.get('histories', []), strict=False):
        augment.load_history_state(history)
    gradients = mine.get('gradients', {})
    for name, parameter in _model(runner).named_parameters():
        if name in gradients:
            parameter.grad = gradients[name].to(parameter.device)


def _state_of_rank(runner: Any, epoch: int) -> dict[str, Any]:
    state: dict[str, Any] = {}
    histories = [augment.history_state(epoch) for augment in _with_history(runner)]
    if any(history is not None for history in histories):
        state['histories'] = histories
    gradients = {
        name: parameter.grad.detach().cpu()
        for name, parameter in _model(runner).named_parameters()
        if parameter.grad is not None
    }
    if gradients:
        state['gradients'] = gradients
    if get_rank():
        state['buffers'] = [
            {name: buffer.detach().cpu() for name, buffer in network.named_buffers()}
            for network in _networks(runner)
        ]
    return state


def _networks(runner: Any) -> list[Any]:
    """The network, and the averages that hooks keep of it."""
    averages = (getattr(hook, 'ema_model', None) for hook in runner.hooks)
    return [_model(runner), *(average for average in averages if average is not None)]


def _model(runner: Any) -> Any:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _with_history(runner: Any) -> list[Any]:
    """The batch augmentations that remember something from one iteration to the next."""
    preprocessor = getattr(_model(runner), 'data_preprocessor', None)
    augments = getattr(getattr(preprocessor, 'batch_augments', None), 'augments', [])
    return [augment for augment in augments if hasattr(augment, 'history_state')]
