"""Train and test: one way in for mmpretrain, mmdetection and mmsegmentation configs."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rm_mm.data.sources import lay_out_embedded, require_data, set_data_root
from rm_mm.errors import InputError
from rm_mm.files import write_json
from rm_mm.recipe.batch import RECIPES_BATCH, apply_batch_policy, process_count
from rm_mm.recipe.config import building, read_config, understood
from rm_mm.run.environment import config_digest
from rm_mm.run.machine import (
    adapt_to_cpu,
    has_accelerator,
    leave_processes,
    name_slurm_processes,
    start_cpu_processes,
)
from rm_mm.run.resume.go_on import go_on
from rm_mm.transfer.slot import fill, require_backbone


def prepare(args: argparse.Namespace, loaders: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Everything that train and test settle before a model is built.

    Args:
        args: The call.
        loaders: The entries of the config whose data set has to be there.

    Returns:
        The mmengine ``Config``, and what to remember of it for ``environment.json``.

    Raises:
        InputError: If the config or its data set is missing or wrong.
    """
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    config = read_config(args.config, args.cfg_options)
    # Before anything of this machine or this call enters it.
    facts = {'config': str(args.config), 'config_sha256': config_digest(config)}
    if args.data_root:
        set_data_root(config, args.data_root)
    for name in loaders:
        if not config.get(name):
            raise InputError(f'{args.config} has no {name}: expected the config of a whole run')
    lay_out_embedded(config, loaders)
    require_data(config, str(args.config), loaders)
    config.launcher = args.launcher
    config.work_dir = args.work_dir or config.get('work_dir') or str(_work_dir(config, args.config))
    _set_loader_defaults(config, args)
    return config, facts


def _work_dir(config: Any, name: str) -> Path:
    """Where a run goes if nobody says: where `rm-mm suite` and `transfer` look for it."""
    embedded = config.get('embedded_data')
    return Path('work_dirs', Path(embedded).name if embedded else '', Path(name).stem)


def train(args: argparse.Namespace) -> int:
    """``rm-mm train``."""
    validated = () if args.no_validate else ('val_dataloader',)
    with understood(args.config):
        config, facts = prepare(args, ('train_dataloader', *validated))
        note = _prepare_training(config, args, facts)
    if not args.check:
        _runner(config, facts, [note] if note else [], trains=True).train()
        leave_processes()
    return 0


def _prepare_training(config: Any, args: argparse.Namespace, facts: dict[str, Any]) -> str | None:
    """Settle what only training needs, in the config and in the facts about it.

    Returns:
        What was done about a batch that is not the recipe's.
    """
    from rm_mm.pretrain.schedule import require_length
    from rm_mm.run.resume.checkpoints import keep_whole

    if args.no_validate:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
    if args.backbone:
        fill(config, args.backbone, str(args.config))
    if args.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    policy = args.batch_policy or ('scale-lr' if args.auto_scale_lr else None)
    note = apply_batch_policy(config, _processes(args), policy)
    facts |= {'batch_policy': policy, 'batch': note or RECIPES_BATCH}
    keep_whole(config)
    if args.resume is not None or config.get('resume'):
        go_on(config, args.resume, facts['batch'])
    if config.get('load_from'):
        config.load_from = local_checkpoint(config.load_from)
    require_backbone(config)
    require_length(config)
    # What tells a finished run: the config beside it may come to be that of an evaluation.
    lengths = {key: config.train_cfg.get(key) for key in ('max_epochs', 'max_iters')}
    facts['length'] = {key: length for key, length in lengths.items() if length}
    return note


def _processes(args: argparse.Namespace) -> int:
    """How many processes train; of a check, how many are going to."""
    started = args.launcher == 'none' and args.check and 'WORLD_SIZE' in os.environ
    return process_count('pytorch' if started else args.launcher)


def test(args: argparse.Namespace) -> int:
    """``rm-mm test``."""
    from rm_mm.run.details.evaluation import watch_predictions, write_per_class
    from rm_mm.run.details.per_class import ask_per_class

    with understood(args.config):
        config, facts = prepare(args, ('test_dataloader',))
    untrained = args.checkpoint == 'none'
    config.load_from = None if untrained else local_checkpoint(args.checkpoint)
    if args.amp:
        config.test_cfg.fp16 = True
    if args.details:
        ask_per_class(config)
    if not args.check:
        runner = _runner(config, facts | {'checkpoint': args.checkpoint}, trains=False)
        if untrained:
            # mmengine initialises a network only before it trains; this broadcasts it to all ranks.
            runner._init_model_weights()
        if args.details:
            watch_predictions(runner, args.details, facts['config_sha256'])
        metrics = runner.test()
        if args.details:
            write_per_class(runner, metrics, args.details)
        if args.out and int(os.environ.get('RANK', '0')) == 0:
            write_json(args.out, {name: _plain(value) for name, value in metrics.items()})
        leave_processes()
    return 0


def local_checkpoint(name: str) -> str:
    """The file of a whole model's checkpoint, after a look into it.

    mmengine unpickles anything in a file that it cannot read otherwise, so it is given none that
    was not read without.

    Args:
        name: A path, or an address ``https://…``, which is downloaded; other addresses, such as
            ``s3://…``, are left to mmengine.

    Raises:
        InputError: If it is not there, damaged, or more than tensors and plain containers.
    """
    if '://' in name and not name.startswith('https://'):
        return name
    from rm_mm.transfer.checkpoint import read_checkpoint
    from rm_mm.transfer.zoo import locate

    path = locate(name).path
    read_checkpoint(path)
    return str(path)


def _plain(value: Any) -> float | None:
    """A metric, perhaps a NumPy or torch number, as JSON has it; None if it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None


def _runner(config: Any, facts: dict[str, Any], notes: Sequence[str] = (), *, trains: bool) -> Any:
    """Build the runner and what it runs, on whatever this machine has."""
    from mmengine.logging import print_log
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    from rm_mm.run.details.mixed import mixed_images_hook
    from rm_mm.run.hooks import EnvironmentHook
    from rm_mm.run.resume.hooks import ExactResumeHook, SeedHook

    if config.launcher == 'slurm':
        name_slurm_processes()
    if not has_accelerator():
        notes = [*notes, *adapt_to_cpu(config)]
        start_cpu_processes(config.launcher)
    with building(facts['config']):
        runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
        # mmengine builds these only when it gets to them; in this order, which is its own.
        if trains:
            _ = runner.train_loop
            runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
            _ = runner.val_loop
        else:
            _ = runner.test_loop
    runner.register_hook(EnvironmentHook(facts))
    if trains:
        runner.register_hook(SeedHook())
        runner.register_hook(ExactResumeHook())
        if mixed := mixed_images_hook(runner, facts['config_sha256']):
            runner.register_hook(mixed)
    for note in notes:
        print_log(note, logger='current')
    return runner


def _set_loader_defaults(config: Any, args: argparse.Namespace) -> None:
    """What mmpretrain's own tools set: its configs rely on stacked batches."""
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = config.get(name)
        if not loader:
            continue
        if config.get('default_scope') == 'mmpretrain':
            loader.setdefault('collate_fn', {'type': 'default_collate'})
        loader.setdefault('pin_memory', True)
        loader.setdefault('persistent_workers', loader.get('num_workers', 0) > 0)
        if args.no_pin_memory:
            loader['pin_memory'] = False
        if getattr(args, 'no_persistent_workers', False) or not loader.get('num_workers'):
            loader['persistent_workers'] = False
