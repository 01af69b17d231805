"""Checking, before it runs, that a custom config trains and leaves what the suite needs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from typing import Any

from rm_mm.data.sources import EVALUATORS, LOADERS, datasets
from rm_mm.errors import InputError
from rm_mm.recipe.config import building, entries, type_name
from rm_mm.recipe.network import build_network, silent
from rm_mm.transfer.checkpoint import inspected_checkpoint

#: Entries without which there is no run, or no result.
_NEEDED = ('train_dataloader', 'optim_wrapper', 'val_cfg', 'val_dataloader', 'val_evaluator')
#: Need several processes, or a library that a login node may lack; built only where the run is.
_ELSEWHERE = ('ZeroRedundancyOptimizer', 'ApexOptimWrapper', 'DeepSpeedOptimWrapper')
#: Registries whose classes are built with exactly the arguments of the entry.
_PLAIN = ('hook', 'metric', 'parameter scheduler', 'transform')
#: Keys that mmengine removes from an entry first.
_NOT_ARGUMENTS = ('type', '_scope_', 'priority', 'convert_to_iter_based')


def require_trainable(config: Any) -> None:
    """Check that a resolved mmengine config would train, and leave a result.

    Raises:
        InputError: If it would not.
    """
    from rm_mm.pretrain.schedule import require_length

    for name in _NEEDED:
        if config.get(name) is None:
            raise InputError(
                f'it has no {name}: expected the config of a whole run; a method that cannot be '
                'evaluated can be passed as a checkpoint'
            )
    loop = config.train_cfg
    unit = 'max_iters' if loop.get('max_iters') else 'max_epochs'
    # A record needs an evaluation. Loops of mmengine evaluate at their end, whatever the interval.
    if loop[unit] < (begin := loop.get('val_begin', 1)):
        raise InputError(
            f'it ends before it is evaluated: expected a val_begin up to {unit}={loop[unit]}, '
            f'found {begin}'
        )
    require_length(config)
    if config.get('load_from') and '://' not in config.load_from:
        inspected_checkpoint(config.load_from)
    with silent():
        _require_buildable(config)


def _require_buildable(config: Any) -> None:
    """Look up every registered name, and build the network and its optimiser."""
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import OPTIM_WRAPPERS

    from rm_mm.run.machine import adapt_to_cpu, has_accelerator

    scope = config.get('default_scope')
    _require_registered(config, scope)
    config = copy.deepcopy(config)
    if not has_accelerator():
        adapt_to_cpu(config)
    wrapper = config.optim_wrapper
    kinds = [type_name(wrapper), type_name(wrapper.get('optimizer') or {})]
    with building('it'):
        network = build_network(config)
        if not set(kinds) & set(_ELSEWHERE):
            with OPTIM_WRAPPERS.switch_scope_and_registry(scope):
                build_optim_wrapper(network, wrapper)


def _require_registered(config: Any, scope: str | None) -> None:
    """Check the names of everything that is built only once a run has begun."""
    for registry, entry in _named(config):
        kind = entry.get('type')
        with registry.switch_scope_and_registry(scope) as inner:
            known = inner.get(kind) if isinstance(kind, str) else kind
        if isinstance(kind, str) and known is None:
            raise InputError(f'it does not build: no {registry.name} is called {kind!a}')
        if inspect.isclass(known) and registry.name in _PLAIN:
            _require_arguments(known, entry)


def _require_arguments(kind: type, entry: Any) -> None:
    """Check the argument names of an entry without building it."""
    taken = inspect.signature(kind).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    if unknown := [name for name in entry if name not in (*taken, *_NOT_ARGUMENTS)]:
        raise InputError(f'it does not build: {kind.__name__} has no argument {unknown[0]!a}')


def _named(config: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each entry that has a type, with the registry that has to know it."""
    from mmengine import registry

    loaders = [loader for name in LOADERS if (loader := config.get(name))]
    hooks = [*(config.get('default_hooks') or {}).values(), *entries(config.get('custom_hooks'))]
    evaluators = [each for name in EVALUATORS for each in entries(config.get(name))]
    steps = [step for data in datasets(config) for step in entries(data.get('pipeline'))]
    wrapper = config.optim_wrapper
    found = [
        (registry.RUNNERS, [{'type': config.get('runner_type')}]),
        (registry.LOOPS, [config.get(name) for name in ('train_cfg', 'val_cfg', 'test_cfg')]),
        (registry.OPTIM_WRAPPERS, [wrapper]),
        (registry.OPTIMIZERS, [wrapper.get('optimizer')]),
        (registry.PARAM_SCHEDULERS, entries(config.get('param_scheduler'))),
        (registry.HOOKS, hooks),
        (registry.METRICS, evaluators),
        (registry.VISUALIZERS, [config.get('visualizer')]),
        (registry.DATA_SAMPLERS, [loader.get('sampler') for loader in loaders]),
        (registry.DATASETS, list(datasets(config))),
        (registry.TRANSFORMS, steps),
    ]
    yield from ((kind, entry) for kind, found_entries in found for entry in found_entries if entry)
