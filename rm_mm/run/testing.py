"""Evaluating one checkpoint."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, as_request
from rm_mm.files import write_json
from rm_mm.recipe.config import understood
from rm_mm.run.machine import leave_process_group
from rm_mm.run.preparation import build_runner, prepared_config, require_folder
from rm_mm.run.requests import UNTRAINED, TestRequest
from rm_mm.transfer.checkpoint import inspected_checkpoint


def test(request: TestRequest | str | Path, *args: Any, **fields: Any) -> dict[str, Any]:
    """Evaluate one checkpoint on the test set of a config.

    Takes a :class:`TestRequest`, or its fields: ``test('r18_rm_mini.py', 'runs/a/epoch_6.pth')``.

    Returns:
        The metrics, as the log names them: a number, a list of numbers of each class, or None where
        not finite. Empty after a check.

    Raises:
        InputError: If the call, the config, its data or the checkpoint is wrong.
    """
    from rm_mm.run.details.per_class import ask_per_class, write_per_class
    from rm_mm.run.details.predictions import PredictionsHook

    request = as_request(TestRequest, request, args, fields)
    checkpoint, untrained = str(request.checkpoint), str(request.checkpoint) == UNTRAINED
    out, details = (path and Path(path) for path in (request.out, request.details))
    if details:
        require_folder('details', details)
    if out:
        require_folder('out', out.parent)
        if out.is_dir():
            raise InputError(f'out: expected a file such as metrics.json, {out} is a folder')
    with understood(request.config):
        config, facts = prepared_config(request, ('test_dataloader',))
        if request.amp:
            config.test_cfg.fp16 = True
        if details:
            ask_per_class(config)
    config.load_from = None if untrained else inspected_checkpoint(checkpoint)
    if request.check_only:
        return {}
    runner = build_runner(config, facts | {'checkpoint': checkpoint}, trains=False)
    if untrained:
        # mmengine initialises a network only before training; this also broadcasts it to all ranks.
        runner._init_model_weights()
    if details:
        runner.register_hook(PredictionsHook(details, facts['config_sha256']))
    metrics = runner.test()
    if details:
        write_per_class(runner, metrics, details)
    plain = {name: _plain(value) for name, value in metrics.items()}
    if out and int(os.environ.get('RANK', '0')) == 0:
        write_json(out, plain)
    leave_process_group()
    return plain


def _plain(value: Any) -> Any:
    """Return a metric, possibly of NumPy or torch, as JSON has it; None for what is not finite."""
    if hasattr(value, 'tolist'):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
