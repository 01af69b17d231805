"""Options that all cells share: what the call asks for, or else what suits machine and preset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from rm_mm.compat.config_scopes import configs_root
from rm_mm.data.sources import embedded_sizes
from rm_mm.errors import InputError, Mistakes
from rm_mm.names import SETTINGS
from rm_mm.recipe.config import read_config
from rm_mm.suite.cell.prepared import CellOptions
from rm_mm.suite.plan.presets import PRETRAINING, Preset
from rm_mm.suite.requests import CellsRequest, SuiteRequest
from rm_mm.suite.steps.devices import visible_devices

#: Two small networks on one core each train faster than one on two; more share the memory bus.
MINI_JOBS = 2


def chosen_settings(requested: str | None, offered: Sequence[str]) -> Sequence[str]:
    """Return the settings to run: as requested, or else ``paper`` where it is offered.

    Raises:
        InputError: If a requested setting is not offered.
    """
    if requested is None:
        return ('paper',) if 'paper' in offered else offered
    settings = SETTINGS if requested == 'both' else (requested,)
    if not set(settings) <= set(offered):
        only = ', '.join(offered)
        raise InputError(
            f'--setting {requested}: these rows have only the setting {only}; leave it out'
        )
    return settings


def chosen_options(
    request: CellsRequest, preset: Preset, mistakes: Mistakes, scale: float = 1.0
) -> CellOptions | None:
    """Return the options of all cells; None if any is wrong, which ``mistakes`` collects."""
    gpus = jobs = None
    with mistakes.collecting():
        gpus = _gpus(request, preset)
    with mistakes.collecting():
        jobs = _jobs(request, preset, gpus or 0)
    if gpus is None or jobs is None:
        return None
    return CellOptions(
        gpus=gpus,
        nodes=request.slurm.nodes or 1,
        jobs=jobs,
        scale=scale,
        data_root=str(request.data_root) if request.data_root else None,
        batch_policy=request.batch_policy,
    )


def with_embedded_data(options: CellOptions, preset: Preset) -> CellOptions:
    """Lay out the embedded images, if the preset uses them, and add their fingerprint."""
    if preset.data is None:
        return options
    from rm_mm.data import mini

    # All recipes of a preset read the same set.
    recipe = read_config(configs_root() / preset.tasks[PRETRAINING].config_of('baseline'))
    root = mini.prepare_mini(preset.data, progress=print, **embedded_sizes(recipe))
    return replace(options, data_fingerprint=mini.fingerprint(root))


def _gpus(request: CellsRequest, preset: Preset) -> int:
    """Return the processes of a run: as requested; else all GPUs, and none for small networks."""
    if request.gpus is not None:
        if request.gpus < 0:
            raise InputError(f'--gpus must be 0 or more, got {request.gpus}')
        return request.gpus
    if preset.data or request.cluster == 'debug':
        return 0
    if request.cluster == 'slurm':
        raise InputError('--cluster slurm needs --gpus, the GPUs of each node, such as 8')
    from torch.cuda import device_count

    if _planned_elsewhere(request) and not device_count():
        return max((task.pace.gpus for task in preset.tasks.values() if task.pace), default=0)
    return int(device_count())


def _jobs(request: CellsRequest, preset: Preset, gpus: int) -> int:
    """Return the cells at a time: as requested; else one per core for the small networks."""
    if request.jobs is None:
        small = preset.data and not gpus and request.cluster == 'local'
        return min(os.cpu_count() or 1, MINI_JOBS) if small else 1
    if request.cluster != 'local':
        raise InputError(f'--jobs is for --cluster local, this is {request.cluster}: leave it out')
    if request.jobs < 1:
        raise InputError(f'--jobs must be 1 or more, got {request.jobs}')
    if request.jobs > 1 and gpus and not _planned_elsewhere(request):
        needed, present = request.jobs * gpus, len(visible_devices())
        if needed > present:
            raise InputError(
                f'--jobs {request.jobs} with {gpus} GPUs each need {needed}, found {present}: '
                'reduce either'
            )
    return request.jobs


def _planned_elsewhere(request: CellsRequest) -> bool:
    """Return whether the call only plans, possibly for another machine."""
    return isinstance(request, SuiteRequest) and request.plan and not request.probe
