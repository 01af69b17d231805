"""What training and testing share: reading and checking the config, and building the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rm_mm.data.sources import lay_out_embedded, require_data, set_data_root
from rm_mm.errors import InputError
from rm_mm.recipe.batch import process_count
from rm_mm.recipe.config import building, read_config, read_saved_config
from rm_mm.run.environment import config_digest
from rm_mm.run.machine import adapt_to_cpu, has_accelerator, join_process_group, set_slurm_ranks
from rm_mm.run.requests import RunRequest

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def prepared_config(request: RunRequest, loaders: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Read the config of a request, apply its options and check the data sets of ``loaders``.

    Returns:
        The mmengine ``Config``, and facts about it for ``environment.json``.

    Raises:
        InputError: If the config or a data set is missing or wrong.
    """
    name = str(request.config)
    if request.resolved:
        config = read_saved_config(Path(name), custom_imports=True)
        config.merge_from_dict(dict(request.cfg_options))
    else:
        config = read_config(name, request.cfg_options)
    # Before anything that depends on this machine or call enters the config.
    facts = {'config': name, 'config_sha256': config_digest(config)}
    if request.data_root:
        set_data_root(config, str(request.data_root))
    for loader in loaders:
        if not config.get(loader):
            raise InputError(f'{name} has no {loader}: expected the config of a whole run')
    lay_out_embedded(config, loaders)
    require_data(config, name, loaders)
    # Fails where the launcher did not start this process.
    process_count(request.launcher)
    config.launcher = request.launcher
    work_dir = request.work_dir or config.get('work_dir') or default_work_dir(config, name)
    require_folder('work_dir', Path(work_dir))
    config.work_dir = str(work_dir)
    _set_loader_defaults(config, request)
    return config, facts


def require_folder(field: str, path: Path) -> None:
    """Raise `InputError` if a folder exists as a file, or cannot be created because of one."""
    existing = next(part for part in (path, *path.absolute().parents) if part.exists())
    if not existing.is_dir():
        raise InputError(f'{field}: {path} cannot be a folder: {existing} is a file')


def default_work_dir(config: Any, name: str) -> Path:
    """Return the default work directory of a config, which the suite and transfer use too."""
    embedded = config.get('embedded_data')
    return Path('work_dirs', Path(embedded).name if embedded else '', Path(name).stem)


def build_runner(
    config: Any, facts: Mapping[str, Any], notes: Sequence[str] = (), *, trains: bool
) -> Any:
    """Build mmengine's runner and everything it runs, on whatever device this machine has.

    Args:
        config: Prepared config; adapted to a CPU in place if there is no GPU.
        facts: Facts about the run for ``environment.json``.
        notes: Sentences for the log.
        trains: Whether to build the training loop and its hooks, or the test loop.

    Raises:
        InputError: If a part of the config does not build.
    """
    from mmengine.logging import print_log
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    from rm_mm.run.details.mixed import mixed_images_hook
    from rm_mm.run.hooks import EnvironmentHook
    from rm_mm.run.resume.hooks import ExactResumeHook, SeedHook

    if config.launcher == 'slurm':
        set_slurm_ranks()
    if not has_accelerator():
        notes = [*notes, *adapt_to_cpu(config)]
        join_process_group(config.launcher)
    with building(facts['config']):
        runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
        # mmengine builds these lazily; this is its own order.
        if trains:
            _ = runner.train_loop
            runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
            _ = runner.val_loop
        else:
            _ = runner.test_loop
    runner.register_hook(EnvironmentHook(facts))
    if trains:
        runner.register_hook(SeedHook())
        runner.register_hook(ExactResumeHook())
        if mixed := mixed_images_hook(runner, facts['config_sha256']):
            runner.register_hook(mixed)
    for note in notes:
        print_log(note, logger='current')
    return runner


def _set_loader_defaults(config: Any, request: RunRequest) -> None:
    """Set what mmpretrain's own tools set: its configs rely on stacked batches."""
    persistent = getattr(request, 'persistent_workers', True)
    for loader in filter(None, map(config.get, _LOADERS)):
        if config.get('default_scope') == 'mmpretrain':
            loader.setdefault('collate_fn', {'type': 'default_collate'})
        loader['pin_memory'] = request.pin_memory and loader.get('pin_memory', True)
        keep = persistent and loader.get('persistent_workers', True)
        loader['persistent_workers'] = bool(keep and loader.get('num_workers'))
