"""The recipe that a log belongs to, found by its names and its config."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rm_mm.compat.config_scopes import configs_root
from rm_mm.errors import InputError, printable
from rm_mm.logs.logged_run import LoggedRun
from rm_mm.names import METHODS

TASK_OF = {
    'top1_percent': 'classification',
    'box_ap_percent': 'detection',
    'mask_ap_percent': 'detection',
    'map_percent': 'detection',
    'miou_percent': 'segmentation',
}
#: Other spellings of the words in the name of a recipe.
_SYNONYMS = {
    'resnet50': 'r50', 'resnet18': 'r18', 'imagenet': 'in1k', 'imagenet1k': 'in1k',
    'coco2017': 'coco', 'cocodataset': 'coco', 'ade20kdataset': 'ade20k', 'ade': 'ade20k',
    'recursivemix': 'rm', 'uperhead': 'upernet', 'psphead': 'pspnet', 'fcnhead': 'fcn',
}  # fmt: skip
#: Words in names of logs that do not describe a task.
_NO_TASK = {*METHODS, 'log', 'scalars', 'recursivemix'}


@dataclass(frozen=True)
class Recipe:
    """The recipe of a logged run.

    Attributes:
        task: Kind of the task, such as ``detection``.
        column: Configuration of the task, such as ``atss_r50_coco``; ``unnamed`` if unknown.
        method: Built-in or custom method.
        config: Path below ``configs/``, of the baseline for a custom method; None without a match.
    """

    task: str
    column: str
    method: str
    config: str | None


def identify(run: LoggedRun, metric: str, method: str | None = None) -> Recipe:
    """Find the recipe of a log, given the method if the user named it.

    Raises:
        InputError: If the method is unknown.
    """
    task = TASK_OF[metric]
    path = run.path.resolve()
    folders = [parent.name for parent in list(path.parents)[:3]]
    method = method or _method_of(path.stem, run.names, folders, run.path)
    names = [path.stem, *folders, *run.names]
    words = set().union(*map(_words, [*names, *_model_and_data(run.config)]))
    row = method if method in METHODS else 'baseline'
    leaf = _leaf_of(task, _words(path.stem), row) or _leaf_of(task, words, row)
    if leaf is None:
        return Recipe(task, printable(_column_of(run, names, method)), method, None)
    column, config = leaf
    return Recipe(task, column, method, config)


def _column_of(run: LoggedRun, names: list[str], method: str) -> str:
    """Name the task of a log that matches no recipe, the same for every method."""
    if run.config.get('model'):
        return '_'.join([*_model_and_data(run.config), *_data_folder(run.config)])
    no_task = _NO_TASK.union(_split(method))
    for name in (*run.names, *names):
        words = [word for word in _split(Path(name).stem) if word not in no_task]
        # ``20260101_120000`` and ``vis_data`` are in the path of every run.
        if any(not word.isdecimal() for word in words) and words != ['vis', 'data']:
            return '_'.join(words)
    return 'unnamed'


def _method_of(stem: str, names: list[str], folders: list[str], path: Path) -> str:
    """The method in the name of the file, or else the one that the log and its folders agree on."""

    def methods(name: str) -> set[str]:
        return _words(name).intersection(METHODS)

    if len(own := methods(stem)) == 1:
        return own.pop()
    inside = set().union(*map(methods, names))
    # Many clusters call a disk scratch.
    outside = next((found for name in folders if (found := methods(name) - {'scratch'})), set())
    if len(found := inside | outside) == 1:
        return found.pop()
    raise InputError(
        f'unknown method of {path}: its names contain {" and ".join(sorted(found)) or "none"}; put '
        f'the method before the log, as in baseline={path}'
    )


def _split(name: str) -> list[str]:
    return re.findall(r'[a-z0-9]+', name.lower())


def _words(name: str) -> set[str]:
    """The words of a name, and adjacent words joined: ``pyramidnet_200`` has ``pyramidnet200``."""
    # `rm` in the name of this project is not a method.
    words = _split(name.lower().replace('rm_mm', ''))
    words += [first + second for first, second in pairwise(words)]
    return {*words, *(_SYNONYMS[word] for word in words if word in _SYNONYMS)}


def _entry(config: Any, *keys: str) -> Any:
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _model_and_data(config: dict[str, Any]) -> list[str]:
    """Names of the network and the data set in a config."""
    depth = _entry(config, 'model', 'backbone', 'depth')
    found = [
        _entry(config, 'model', 'type'), _entry(config, 'model', 'decode_head', 'type'),
        _entry(config, 'dataset_type'), f'resnet{depth}' if depth else None,
    ]  # fmt: skip
    return [str(name) for name in found if name]


def _data_folder(config: dict[str, Any]) -> list[str]:
    """The folder of the training images: two data sets may have the same class."""
    data = _entry(config, 'train_dataloader', 'dataset') or _entry(config, 'data', 'train')
    while isinstance(inner := _entry(data, 'dataset'), dict):
        data = inner
    root = _entry(data, 'data_root')
    folder = Path(root).name if isinstance(root, str) else ''
    return [folder] if folder else []


def _leaf_of(task: str, words: set[str], method: str) -> tuple[str, str] | None:
    """Column and path of the leaf all of whose words are known; of several, the longest name."""
    found = []
    for path in (configs_root() / task).glob('*.py'):
        parts = path.stem.split('_')
        column = [part for part in parts if part not in METHODS]
        # A leaf without a method takes the backbone of any.
        if len(column) < len(parts) and method not in parts:
            continue
        if words.issuperset(column) or words >= {*column[2:], ''.join(column[:2])}:
            found.append((len(column), '_'.join(column), f'{task}/{path.name}'))
    return max(found)[1:] if found else None
