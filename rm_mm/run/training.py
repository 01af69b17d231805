"""Training one config of mmpretrain, mmdetection or mmsegmentation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rm_mm.errors import as_request
from rm_mm.recipe.batch import RECIPES_BATCH, apply_batch_policy, process_count
from rm_mm.recipe.config import understood
from rm_mm.run.machine import leave_process_group
from rm_mm.run.outcome import best_checkpoint
from rm_mm.run.preparation import build_runner, prepared_config
from rm_mm.run.requests import TrainRequest, TrainResult
from rm_mm.run.resume.latest import latest_checkpoint, set_resume
from rm_mm.transfer.checkpoint import inspected_checkpoint
from rm_mm.transfer.slot import fill, require_backbone


def train(request: TrainRequest | str | Path, *args: Any, **fields: Any) -> TrainResult:
    """Train one config to its end.

    Takes a :class:`TrainRequest`, or its fields: ``train('r18_rm_mini.py', work_dir='runs/a')``.

    Raises:
        InputError: If the call, the config or its data is wrong; nothing was trained.
    """
    request = as_request(TrainRequest, request, args, fields)
    validated = ('val_dataloader',) if request.validate else ()
    with understood(request.config):
        config, facts = prepared_config(request, ('train_dataloader', *validated))
        note = _prepare_training(config, request, facts)
    work_dir = Path(config.work_dir)
    if request.check_only:
        return TrainResult(work_dir)
    build_runner(config, facts, [note] if note else [], trains=True).train()
    leave_process_group()
    last = latest_checkpoint(work_dir)
    return TrainResult(work_dir, Path(last) if last else None, best_checkpoint(work_dir))


def _prepare_training(config: Any, request: TrainRequest, facts: dict[str, Any]) -> str | None:
    """Apply the options of training to ``config`` and ``facts``, in place.

    Returns:
        What was done about a global batch that differs from the recipe's.
    """
    from rm_mm.pretrain.schedule import require_length
    from rm_mm.run.resume.checkpoints import keep_whole

    if not request.validate:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
    if request.backbone:
        fill(config, Path(request.backbone), str(request.config))
    if request.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    note = apply_batch_policy(config, _processes(request), request.batch_policy)
    facts |= {'batch_policy': request.batch_policy, 'batch': note or RECIPES_BATCH}
    keep_whole(config)
    if request.resume is not None or config.get('resume'):
        set_resume(config, None if request.resume is None else str(request.resume), facts['batch'])
    if config.get('load_from'):
        config.load_from = inspected_checkpoint(config.load_from)
    require_backbone(config)
    require_length(config)
    # To tell whether the run is finished: an evaluation may overwrite the config next to it.
    lengths = {key: config.train_cfg.get(key) for key in ('max_epochs', 'max_iters')}
    facts['length'] = {key: length for key, length in lengths.items() if length}
    return note


def _processes(request: TrainRequest) -> int:
    """Return the number of training processes; for a check, of those that will be started."""
    checked = request.launcher == 'none' and request.check_only and 'WORLD_SIZE' in os.environ
    return process_count('pytorch' if checked else request.launcher)
