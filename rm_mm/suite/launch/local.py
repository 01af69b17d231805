"""``--cluster local``: cells in child processes of this machine, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.cell.running import run_cell
from rm_mm.suite.launch.progress import Progress
from rm_mm.suite.steps.children import is_stopping, run_in_child, stop_commands
from rm_mm.suite.steps.devices import DevicePool, visible_devices
from rm_mm.suite.steps.step import Step


def run_in_children(remaining: Sequence[PreparedCell], options: CellOptions) -> list[str]:
    """Run cells as a :data:`rm_mm.suite.launch.Run` does."""
    progress = Progress([prepared.cell for prepared in remaining], options.jobs)
    shared = options.gpus if options.jobs > 1 else 0
    devices = DevicePool(visible_devices() if shared else [], shared)
    attempts: dict[str | None, Future[str | None]] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            # The pool starts them in this order, so whatever a cell waits for has been started.
            for prepared in sorted(remaining, key=lambda item: not item.cell.pretrains):
                cell, needs = prepared.cell, attempts.get(prepared.cell.pretraining)
                attempt = pool.submit(_attempt, prepared, needs, options, progress, devices)
                attempts[cell.run_name] = attempt
            return [failure for attempt in attempts.values() if (failure := attempt.result())]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_commands()
            raise


def _attempt(
    prepared: PreparedCell,
    needs: Future[str | None] | None,
    options: CellOptions,
    progress: Progress,
    devices: DevicePool,
) -> str | None:
    """Run one cell once its pretraining is done; return what went wrong, or None."""
    cell = prepared.cell
    pretraining_failed = needs is not None and needs.result() is not None
    progress.start(cell, prepared.metric)
    if pretraining_failed:
        progress.finish(cell, 'not run', failed=True)
        return f'{cell.name}: not run, because its pretraining failed'

    def read_line(line: str) -> None:
        progress.line(cell, line)

    try:
        with devices.deal() as dealt:

            def execute(step: Step) -> None:
                run_in_child(step, read_line, options.threads, dealt)

            record = run_cell(prepared, options, execute)
    except (ValueError, OSError) as error:
        # A rejection, a full disk, a metric that is not a number: the other cells continue.
        stopped = is_stopping()
        progress.finish(
            cell, 'stopped' if stopped else 'failed', failed=not stopped, stopped=stopped
        )
        return f'{cell.name}: {error}'
    progress.finish_with(cell, record)
    return None
