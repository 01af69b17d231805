"""Where cells run: on this machine, in this process, or through Slurm."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rm_mm.errors import Mistakes
from rm_mm.suite.cells import Options, Prepared

#: Runs cells, pretraining first; one that fails does not stop the others. Returns for each failure
#: a paragraph that names it, with the last lines of its log.
Run = Callable[[Sequence[Prepared], Options], list[str]]

#: By their names in the parsed call.
_SLURM_ONLY = ('partition', 'time', 'nodes', 'cpus_per_task', 'max_num_timeout', 'slurm')


def chosen_cluster(args: argparse.Namespace, work_dir: Path, mistakes: Mistakes) -> Run:
    """What ``--cluster`` names, once its options are understood.

    Args:
        args: Of the call.
        work_dir: Likewise.
        mistakes: Takes up each option that makes no sense with it.

    Raises:
        InputError: If one of Slurm's is wrong.
    """
    if args.cluster == 'slurm':
        from rm_mm.suite.cluster.slurm import run as run_in_slurm
        from rm_mm.suite.cluster.slurm_options import asked_of_slurm
        from rm_mm.suite.cluster.submit import require_submitit

        require_submitit()
        return partial(run_in_slurm, work_dir=work_dir, asked=asked_of_slurm(args))
    for name in _SLURM_ONLY:
        if getattr(args, name) is not None:
            mistakes.add(
                f'--{name.replace("_", "-")} is for --cluster slurm, this is --cluster '
                f'{args.cluster}: leave it out'
            )
    if args.cluster == 'local':
        from rm_mm.suite.cluster.local import run as run_here

        return partial(_beside_no_jobs, run_here, work_dir)
    from rm_mm.suite.cluster.debug import require_one_process
    from rm_mm.suite.cluster.debug import run as run_in_process

    with mistakes.collecting():
        require_one_process(args)
    return partial(_beside_no_jobs, partial(run_in_process, raises=args.debug), work_dir)


def _beside_no_jobs(
    run: Run, work_dir: Path, left: Sequence[Prepared], options: Options
) -> list[str]:
    """Run cells here, unless an earlier call left them in Slurm's hands."""
    from rm_mm.suite.cluster.jobs_file import require_no_jobs

    require_no_jobs(work_dir)
    return run(left, options)
