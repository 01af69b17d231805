"""``--cluster local``: cells in child processes of this machine, some at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from rm_mm.recipe.metric import metric_of
from rm_mm.suite.cell_run import run_cell
from rm_mm.suite.cells import Options, Prepared
from rm_mm.suite.devices import Devices, visible
from rm_mm.suite.processes import is_stopping, stop_commands
from rm_mm.suite.progress import Progress


def run(left: Sequence[Prepared], options: Options) -> list[str]:
    """Run cells, pretraining first; one that fails does not stop the others.

    Returns:
        For each failure, a paragraph that names it, with the last lines of its log.
    """
    progress = Progress([prepared.cell for prepared in left], options.jobs)
    shared = options.gpus if options.jobs > 1 else 0
    devices = Devices(visible() if shared else [], shared)
    pretraining: dict[Path, Future[str | None]] = {}
    attempts = []
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            # The pool starts them in this order, so that whatever a cell waits for is under way.
            for prepared in sorted(left, key=lambda item: not item.cell.pretrains):
                cell = prepared.cell
                needs = pretraining.get(cell.backbone) if cell.backbone else None
                attempt = pool.submit(_attempt, prepared, needs, options, progress, devices)
                attempts.append(attempt)
                if cell.pretrains and cell.backbone:
                    pretraining[cell.backbone] = attempt
            return [failure for attempt in attempts if (failure := attempt.result())]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_commands()
            raise


def _attempt(
    prepared: Prepared,
    needs: Future[str | None] | None,
    options: Options,
    progress: Progress,
    devices: Devices,
) -> str | None:
    """Run one cell once its pretraining is done.

    Returns:
        What went wrong, or None.
    """
    cell = prepared.cell
    pretraining_failed = needs is not None and needs.result() is not None
    progress.start(cell, metric_of(prepared.config))
    if pretraining_failed:
        progress.finish(cell, 'not run', failed=True)
        return f'{cell.name}: not run, because its pretraining failed'
    try:
        with devices.deal() as dealt:
            record = run_cell(prepared, options, progress, dealt)
    except (ValueError, OSError) as error:
        # A refusal, a full disk, a metric that is no number: the other cells go on.
        stopped = is_stopping()
        progress.finish(
            cell, 'stopped' if stopped else 'failed', failed=not stopped, stopped=stopped
        )
        return f'{cell.name}: {error}'
    progress.finish(cell, f'best {record.best:.2f}, last {record.last:.2f}')
    return None
