"""``--cluster debug``: cells one after another in this process, for debugger and traceback."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.running import run_cell
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.steps.children import LOG_LINES, require_unstopped
from rm_mm.suite.steps.step import Step, perform


def run_in_process(
    remaining: Sequence[PreparedCell], options: CellOptions, *, raises: bool = False
) -> list[str]:
    """Run cells as a :data:`rm_mm.suite.launch.Run` does; ``raises`` raises the first failure."""
    progress = Progress([prepared.cell for prepared in remaining])
    # One process needs no launcher.
    options = replace(options, gpus=0)
    failures = []
    failed = set()
    for prepared in sorted(remaining, key=lambda item: not item.cell.pretrains):
        cell = prepared.cell
        progress.start(cell, prepared.metric)
        if cell.pretraining in failed:
            progress.finish(cell, 'not run', failed=True)
            failures.append(f'{cell.name}: not run, because its pretraining failed')
            continue
        try:
            record = run_cell(prepared, options, _perform_isolated)
        except Exception as error:
            # Whatever would have ended a child process.
            require_unstopped()
            if raises:
                raise
            progress.finish(cell, 'failed', failed=True)
            kind = '' if isinstance(error, ValueError | OSError) else f'{type(error).__name__}: '
            message = '\n'.join(str(error).splitlines()[:LOG_LINES])
            failures.append(f'{cell.name}: {kind}{message} (rm-mm --debug suite shows where)')
            failed.add(cell.run_name)
            continue
        progress.finish_with(cell, record)
    return failures


def _perform_isolated(step: Step) -> None:
    with _isolated():
        perform(step.request)


@contextmanager
def _isolated() -> Iterator[None]:
    """Restore the state of the process after a run, so that runs do not affect each other.

    mmengine keeps loggers, message hubs, visualizers and the default scope by the name of the
    experiment. A runner changes environment variables, the number of threads, and modes of torch.
    Random generators are not restored: each run seeds its own.
    """
    import cv2
    import torch

    environment = dict(os.environ)
    threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    cudnn = (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv2_threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
        _forget_experiments()
        # A runner and its hooks refer to each other, and hold the workers of the loaders.
        gc.collect()


def _forget_experiments() -> None:
    from mmengine.utils import ManagerMixin

    kinds: list[Any] = [ManagerMixin]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        for instance in kind.__dict__.get('_instance_dict', {}).values():
            if isinstance(instance, logging.Logger):
                for handler in instance.handlers:
                    if isinstance(handler, logging.FileHandler):
                        handler.close()
        kind.__dict__.get('_instance_dict', {}).clear()
