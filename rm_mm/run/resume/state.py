"""State that a checkpoint holds for an exact resume, in addition to mmengine's.

For each rank: the history of a batch augmentation (its ``history_state``), gradients of an
unfinished accumulation, and the buffers of the network, which mmengine saves for rank 0 only. For
all ranks: the seed of the sampler, the finished batches of the epoch, and whether the evaluation
that was due has been made.
"""

from __future__ import annotations

import logging
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from rm_mm.run.resume.loader import done_of_epoch, sampler_of

#: Key of the state in a checkpoint.
ENTRY = 'resume'


def gather_state(runner: Any, meta: dict[str, Any]) -> dict[str, Any]:
    """Collect the state of all ranks; every rank must call it.

    ``meta``, from the checkpoint, has the epoch and iteration where a run will resume.
    """
    position, loader = (meta['epoch'], meta['iter']), runner.train_dataloader
    return {
        'sampler_seed': getattr(sampler_of(loader), 'seed', None),
        'done_of_epoch': done_of_epoch(loader, *position),
        # A checkpoint written before the evaluation is one step ahead of the runner.
        'evaluated': position == (runner.epoch, runner.iter),
        'ranks': all_gather_object(_state_of_rank(runner, meta['epoch'])),
    }


def load_sampler_seed(loader: Any, state: dict[str, Any]) -> None:
    """Restore the seed of the sampler, which may have been drawn."""
    sampler = sampler_of(loader)
    if state['sampler_seed'] is not None and hasattr(sampler, 'seed'):
        sampler.seed = state['sampler_seed']


def state_of(checkpoint: dict[str, Any]) -> dict[str, Any] | None:
    """Remove the state from a checkpoint and return it, with the part of this rank as ``rank``.

    If the number of ranks has changed, that part is empty and a warning is logged.
    """
    if (state := checkpoint.pop(ENTRY, None)) is None:
        return None
    ranks = state.pop('ranks')
    if len(ranks) == get_world_size():
        return {**state, 'rank': ranks[get_rank()]}
    print_log(
        f'the checkpoint is of {len(ranks)} processes and this run has {get_world_size()}: '
        'the run resumes, but not exactly',
        logger='current',
        level=logging.WARNING,
    )
    return {**state, 'rank': {}}


def load_state(runner: Any, state: dict[str, Any]) -> None:
    """Restore the state of this rank."""
    saved = state['rank']
    for network, buffers in zip(_networks(runner), saved.get('buffers', []), strict=False):
        for name, buffer in network.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])
    for augment, history in zip(_with_history(runner), saved.get('histories', []), strict=False):
        augment.load_history_state(history)
    gradients = saved.get('gradients', {})
    for name, parameter in network_of(runner).named_parameters():
        if name in gradients:
            parameter.grad = gradients[name].to(parameter.device)


def _state_of_rank(runner: Any, epoch: int) -> dict[str, Any]:
    state: dict[str, Any] = {}
    histories = [augment.history_state(epoch) for augment in _with_history(runner)]
    if any(history is not None for history in histories):
        state['histories'] = histories
    grads = {name: value.grad for name, value in network_of(runner).named_parameters()}
    if gradients := {name: grad.detach().cpu() for name, grad in grads.items() if grad is not None}:
        state['gradients'] = gradients
    if get_rank():
        state['buffers'] = [
            {name: buffer.detach().cpu() for name, buffer in network.named_buffers()}
            for network in _networks(runner)
        ]
    return state


def _networks(runner: Any) -> list[Any]:
    """Return the network and the averages of it that hooks keep."""
    averages = (getattr(hook, 'ema_model', None) for hook in runner.hooks)
    return [network_of(runner), *(average for average in averages if average is not None)]


def network_of(runner: Any) -> Any:
    """Return the network of a runner without its wrapper."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def batch_augments(runner: Any) -> list[Any]:
    """Return the batch augmentations of a runner's network."""
    preprocessor = getattr(network_of(runner), 'data_preprocessor', None)
    return list(getattr(getattr(preprocessor, 'batch_augments', None), 'augments', []))


def _with_history(runner: Any) -> list[Any]:
    """Return the batch augmentations that keep a history between iterations."""
    return [augment for augment in batch_augments(runner) if hasattr(augment, 'history_state')]
