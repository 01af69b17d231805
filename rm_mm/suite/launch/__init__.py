"""Where cells run: in child processes here, in this process, or as Slurm jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rm_mm.errors import Mistakes
from rm_mm.suite.cell.prepared import CellOptions, PreparedCell
from rm_mm.suite.requests import CellsRequest

#: Runs cells, pretraining first; a failed cell does not stop the others. Returns one paragraph per
#: failure: the name of the cell, and the last lines of its log.
Run = Callable[[Sequence[PreparedCell], CellOptions], list[str]]


def _local(request: CellsRequest, work_dir: Path, mistakes: Mistakes) -> Run:
    from rm_mm.suite.launch.local import run_in_children

    return partial(_unless_in_slurm, run_in_children, work_dir)


def _debug(request: CellsRequest, work_dir: Path, mistakes: Mistakes) -> Run:
    from rm_mm.suite.launch.in_process import run_in_process

    if (request.gpus or 0) > 1:
        mistakes.add(
            f'--cluster debug runs in one process, got --gpus {request.gpus}: pass 1 or 0, or '
            '--cluster local'
        )
    run = partial(run_in_process, raises=request.raise_errors)
    return partial(_unless_in_slurm, run, work_dir)


def _slurm(request: CellsRequest, work_dir: Path, mistakes: Mistakes) -> Run:
    from rm_mm.suite.launch.slurm.launcher import run_in_slurm
    from rm_mm.suite.launch.slurm.options import job_options
    from rm_mm.suite.launch.slurm.submission import require_submitit

    require_submitit()
    return partial(run_in_slurm, work_dir=work_dir, job_options=job_options(request))


#: Builds what runs the cells, by ``--cluster``.
LAUNCHERS: dict[str, Callable[[CellsRequest, Path, Mistakes], Run]] = {
    'local': _local,
    'debug': _debug,
    'slurm': _slurm,
}


def launcher_for(request: CellsRequest, work_dir: Path, mistakes: Mistakes) -> Run:
    """Return what runs the cells of a request; collect options that do not fit ``--cluster``.

    Raises:
        InputError: If an option of Slurm is wrong, or submitit is missing.
    """
    cluster = request.cluster
    for option in request.slurm.given() if cluster != 'slurm' else ():
        mistakes.add(f'{option} is for --cluster slurm, this is --cluster {cluster}: leave it out')
    return LAUNCHERS[cluster](request, work_dir, mistakes)


def _unless_in_slurm(
    run: Run, work_dir: Path, remaining: Sequence[PreparedCell], options: CellOptions
) -> list[str]:
    """Run cells here, unless an earlier call submitted them to Slurm."""
    from rm_mm.suite.launch.slurm.jobs_file import require_no_jobs

    require_no_jobs(work_dir)
    return run(remaining, options)
