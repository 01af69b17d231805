"""The config that mmengine lays beside its log."""

from __future__ import annotations

from pathlib import Path

from rm_mm.fidelity.logs import parse_config
from rm_mm.logs.lines import LONGEST_LINE as LONGEST
from rm_mm.reporting.logs.curve import LoggedRun


def take_config(run: LoggedRun, path: Path) -> None:
    """Take from the whole config of a run what helps to tell what its log is of.

    It is read, and nothing of it is run; one that cannot be read is passed over.
    """
    if run.kind != 'mmengine' or not path.is_file() or path.stat().st_size > LONGEST:
        return
    try:
        run.config = parse_config(path.read_text(encoding='utf-8', errors='replace'))
    except (OSError, ValueError):
        # It only helps to tell what the log is of.
        return
    loop, hooks = run.config.get('train_cfg'), run.config.get('default_hooks')
    if isinstance(loop, dict):
        length = loop.get('max_iters', loop.get('max_epochs'))
        run.length = length if type(length) is int else None
    randomness = run.config.get('randomness')
    logger = hooks.get('logger') if isinstance(hooks, dict) else None
    if isinstance(logger, dict):
        # What mmengine numbers evaluations by, whatever the loop counts.
        run.stated_unit = 'epoch' if logger.get('log_metric_by_epoch', True) else 'iteration'
    seed = randomness.get('seed') if isinstance(randomness, dict) else None
    run.seed = seed if type(seed) is int else run.seed
