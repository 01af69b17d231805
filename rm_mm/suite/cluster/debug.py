"""``--cluster debug``: cells one after another in this process, for debugger and traceback."""

from __future__ import annotations

import argparse
import gc
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, RejectedError
from rm_mm.recipe.metric import metric_of
from rm_mm.suite.cell_run import run_cell
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.processes import LOG_LINES, require_unstopped
from rm_mm.suite.progress import Progress


def require_one_process(args: argparse.Namespace) -> None:
    """Check that a call does not ask for several.

    Raises:
        InputError: If it does.
    """
    if (args.gpus or 0) > 1:
        raise InputError(
            f'--cluster debug runs in one process, got --gpus {args.gpus}: say 1 or 0, or '
            '--cluster local'
        )


def run(left: Sequence[Prepared], options: Options, *, raises: bool = False) -> list[str]:
    """Run cells in this process; what they write goes to its own output.

    Args:
        left: The cells.
        options: Of the call.
        raises: At the first failure, with its traceback.

    Returns:
        For each failure, a paragraph that names it.
    """
    progress = Progress([prepared.cell for prepared in left])
    failures = []
    lost: set[Path | None] = set()
    for prepared in sorted(left, key=lambda item: not item.cell.pretrains):
        cell = prepared.cell
        progress.start(cell, metric_of(prepared.config))
        if cell.backbone in lost:
            progress.finish(cell, 'not run', failed=True)
            failures.append(f'{cell.name}: not run, because its pretraining failed')
            continue
        try:
            record = run_cell(prepared, options, progress, None, _call)
        except Exception as error:
            # Whatever a child process would have ended with.
            require_unstopped()
            if raises:
                raise
            progress.finish(cell, 'failed', failed=True)
            kind = '' if isinstance(error, ValueError | OSError) else f'{type(error).__name__}: '
            said = '\n'.join(str(error).splitlines()[:LOG_LINES])
            failures.append(f'{cell.name}: {kind}{said} (rm-mm --debug suite shows where)')
            if cell.pretrains and cell.backbone is not None:
                lost.add(cell.backbone)
            continue
        progress.finish(cell, f'best {record.best:.2f}, last {record.last:.2f}')
    return failures


def _call(command: list[str], log: Path, **_: object) -> None:
    """Call what a command would run.

    Args:
        command: Python, ``-m``, ``rm_mm.cli``, and its arguments.
        log: Not written: all of it is on the screen.

    Raises:
        RejectedError: If it says that it failed.
    """
    from rm_mm.cli import COMMANDS, build_parser

    arguments = command[command.index('rm_mm.cli') + 1 :]
    if arguments[-2:-1] == ['--launcher']:
        # One process needs none.
        del arguments[-2:]
    args = build_parser().parse_args(arguments)
    with _as_in_a_process_of_its_own():
        if code := COMMANDS[args.command](args):
            raise RejectedError(f'rm-mm {args.command} ended with {code}')


@contextmanager
def _as_in_a_process_of_its_own() -> Iterator[None]:
    """Leave nothing to the next run that it would not find in a process of its own.

    mmengine keeps loggers, message hubs, visualizers and the default scope by the name of an
    experiment, for good; a runner sets variables of the environment, the number of threads, and the
    modes of torch. Each run seeds its own generators.
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
        # A runner is in cycles with its hooks, and keeps the workers of its loaders.
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
