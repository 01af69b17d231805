"""What a call says of settings, GPUs and cells at a time, or leaves to this machine."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace

from rm_mm.errors import InputError, Mistakes
from rm_mm.names import SETTINGS
from rm_mm.suite.cells import Options
from rm_mm.suite.devices import visible
from rm_mm.suite.planning.plan import PRETRAINING
from rm_mm.suite.planning.presets import Preset

#: Two small networks on a core each train faster than one on two; more share the memory bus.
MINI_JOBS = 2


def chosen_settings(asked: str | None, offered: Sequence[str]) -> Sequence[str]:
    """As asked, or the paper's rows where there are such."""
    if asked is None:
        return ('paper',) if 'paper' in offered else offered
    settings = SETTINGS if asked == 'both' else (asked,)
    if set(settings) <= set(offered):
        return settings
    raise InputError(
        f'--setting {asked}: these rows have only the setting {", ".join(offered)}; leave it out'
    )


def chosen_options(
    args: argparse.Namespace, preset: Preset, mistakes: Mistakes, scale: float = 1.0
) -> Options | None:
    """What holds for all cells; of what was not asked, what suits this machine and the preset.

    Returns:
        None if something of it is wrong, which ``mistakes`` takes up.
    """
    gpus = jobs = None
    with mistakes.collecting():
        gpus = _gpus(args, preset)
    with mistakes.collecting():
        jobs = _jobs(args, preset, gpus or 0)
    if gpus is None or jobs is None:
        return None
    return Options(
        gpus=gpus,
        nodes=args.nodes or 1,
        jobs=jobs,
        scale=scale,
        data_root=args.data_root,
        batch_policy=args.batch_policy,
    )


def with_data(options: Options, preset: Preset) -> Options:
    """Lay out the embedded images of a preset that has such, and know them by their fingerprint."""
    if preset.data is None:
        return options
    from rm_mm.compat.config_scopes import configs_root
    from rm_mm.data import mini
    from rm_mm.data.sources import embedded_sizes
    from rm_mm.recipe.config import read_config

    # Any of the preset's recipes: they read one set.
    recipe = read_config(configs_root() / preset.tasks[PRETRAINING].config_of('baseline'))
    root = mini.prepare_mini(preset.data, progress=print, **embedded_sizes(recipe))
    return replace(options, data_fingerprint=mini.fingerprint(root))


def _gpus(args: argparse.Namespace, preset: Preset) -> int:
    """Processes a run: as asked; else all GPUs there are, and none for the small networks."""
    if args.gpus is None:
        if preset.data or args.cluster == 'debug':
            return 0
        if args.cluster == 'slurm':
            raise InputError('--cluster slurm needs --gpus: of each node of a cell, such as 8')
        from torch.cuda import device_count

        if getattr(args, 'plan', False) and not args.probe and not device_count():
            # Planned here, to run elsewhere.
            return max((task.pace.gpus for task in preset.tasks.values() if task.pace), default=0)
        return int(device_count())
    if args.gpus < 0:
        raise InputError(f'--gpus must be 0 or more, got {args.gpus}')
    return int(args.gpus)


def _jobs(args: argparse.Namespace, preset: Preset, gpus: int) -> int:
    """Cells at a time: as asked; else the small networks of the mini preset one a core."""
    if args.jobs is None:
        small = preset.data and not gpus and args.cluster == 'local'
        return min(os.cpu_count() or 1, MINI_JOBS) if small else 1
    if args.cluster != 'local':
        raise InputError(f'--jobs is for --cluster local, this is {args.cluster}: leave it out')
    if args.jobs < 1:
        raise InputError(f'--jobs must be 1 or more, got {args.jobs}')
    elsewhere = getattr(args, 'plan', False) and not args.probe
    if (
        args.jobs > 1
        and gpus
        and not elsewhere
        and (needed := args.jobs * gpus) > (present := len(visible()))
    ):
        raise InputError(
            f'--jobs {args.jobs} with {gpus} GPUs each need {needed}, here are {present}: say '
            'fewer of either'
        )
    return int(args.jobs)
