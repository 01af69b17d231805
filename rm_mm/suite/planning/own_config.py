"""Would a config of the user's own train, and leave what the suite needs? Asked before it runs."""

from __future__ import annotations

import copy
from typing import Any

from rm_mm.config_files import building, entries
from rm_mm.errors import InputError
from rm_mm.suite.planning.network import build_network


def require_trainable(config: Any) -> None:
    """Check what would end a run before it has begun, or leave nothing of one that has ended.

    Args:
        config: A resolved mmengine config.

    Raises:
        InputError: If it would.
    """
    from rm_mm.launch import local_checkpoint
    from rm_mm.pretrain.schedule import require_length

    for name in ('train_dataloader', 'val_dataloader', 'optim_wrapper'):
        if not config.get(name):
            raise InputError(
                f'it has no {name}: expected the config of a whole run; what cannot be evaluated '
                'is given as its checkpoint'
            )
    _require_evaluation(config)
    require_length(config)
    if config.get('load_from') and '://' not in config.load_from:
        local_checkpoint(config.load_from)
    _require_buildable(config)


def _require_evaluation(config: Any) -> None:
    """Check that the schedule comes to an evaluation, which a record is of."""
    loop = config.train_cfg
    unit = 'max_iters' if loop.get('max_iters') else 'max_epochs'
    # The loops of mmengine evaluate at their end, whatever the interval.
    if loop[unit] < (begin := loop.get('val_begin', 1)):
        raise InputError(
            f'it ends before it is evaluated: expected a val_begin up to {unit}={loop[unit]}, '
            f'found {begin}'
        )


def _require_buildable(config: Any) -> None:
    """Look up what registries have to know, and build the network and its optimiser.

    Raises:
        InputError: In the registry's words.
    """
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import OPTIM_WRAPPERS

    from rm_mm.machine import adapt_to_cpu, has_accelerator

    scope = config.get('default_scope')
    _require_registered(config, scope)
    config = copy.deepcopy(config)
    if not has_accelerator():
        adapt_to_cpu(config)
    with building('it'):
        network = build_network(config)
        with OPTIM_WRAPPERS.switch_scope_and_registry(scope):
            build_optim_wrapper(network, config.optim_wrapper)


def _require_registered(config: Any, scope: str | None) -> None:
    """Check the names of what is built only when a run has begun.

    Raises:
        InputError: If one is of nothing.
    """
    from mmengine.registry import HOOKS, OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS, RUNNERS

    wrapper = config.optim_wrapper
    hooks = [*(config.get('default_hooks') or {}).values(), *entries(config.get('custom_hooks'))]
    named = [
        (RUNNERS, {'type': config.get('runner_type')}),
        (OPTIM_WRAPPERS, wrapper),
        (OPTIMIZERS, wrapper.get('optimizer') or {}),
        *((PARAM_SCHEDULERS, entry) for entry in entries(config.get('param_scheduler'))),
        *((HOOKS, hook) for hook in hooks if hook),
    ]
    for registry, entry in named:
        kind = entry.get('type')
        with registry.switch_scope_and_registry(scope) as inner:
            if isinstance(kind, str) and inner.get(kind) is None:
                raise InputError(f'it does not build: no {registry.name} is called {kind!a}')
