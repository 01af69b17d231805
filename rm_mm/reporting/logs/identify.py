"""Which recipe a log is of, by what it says and by how it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rm_mm.errors import InputError, printable
from rm_mm.names import METHODS
from rm_mm.reporting.logs.curve import LoggedRun

TASK_OF = {
    'top1_percent': 'classification',
    'box_ap_percent': 'detection',
    'mask_ap_percent': 'detection',
    'map_percent': 'detection',
    'miou_percent': 'segmentation',
}
#: What logs write for a word of a recipe's name.
_SYNONYMS = {
    'resnet50': 'r50', 'resnet18': 'r18', 'imagenet': 'in1k', 'imagenet1k': 'in1k',
    'coco2017': 'coco', 'cocodataset': 'coco', 'ade20kdataset': 'ade20k', 'ade': 'ade20k',
    'recursivemix': 'rm', 'uperhead': 'upernet', 'psphead': 'pspnet', 'fcnhead': 'fcn',
}  # fmt: skip
#: Words in names of logs that say nothing of the task.
_OF_EVERY_RUN = ('log', 'scalars', 'recursivemix')


@dataclass(frozen=True)
class Recipe:
    """What a log is a run of.

    Attributes:
        task: Kind of the task.
        column: Name of the task, such as ``atss_r50_coco``; ``unnamed`` if nothing tells it.
        method: Method name, or that of a row of the user's own.
        config: The leaf below ``configs/``; None if there is none for it. Of a method of the
            user's own it is the baseline's.
    """

    task: str
    column: str
    method: str
    config: str | None


def identify(run: LoggedRun, metric: str, method: str | None = None) -> Recipe:
    """Find the recipe of a log.

    Args:
        run: The log.
        metric: Which of its metrics counts.
        method: If the call says.

    Raises:
        InputError: If nothing says which method it is.
    """
    task = TASK_OF[metric]
    path = run.path.resolve()
    folders = [parent.name for parent in list(path.parents)[:3]]
    method = method or _method_of(path.stem, run.names, folders, run.path)
    callings = [path.stem, *folders, *run.names]
    words = set().union(*map(_words, callings), _config_words(run.config))
    row = method if method in METHODS else 'baseline'
    leaf = _leaf_of(task, _words(path.stem), row) or _leaf_of(task, words, row)
    if leaf is None:
        return Recipe(task, printable(_column_of(run, callings, method)), method, None)
    column, config = leaf
    return Recipe(task, column, method, config)


def _column_of(run: LoggedRun, callings: list[str], method: str) -> str:
    """What to call the task of a log that is of no recipe here; the same under every method."""
    if run.config.get('model'):
        return '_'.join([*_said_of_config(run.config), *_data_of(run.config)])
    no_task = {*METHODS, *re.findall(r'[a-z0-9]+', method.lower()), *_OF_EVERY_RUN}
    for name in (*run.names, *callings):
        # ``20260101_120000`` and ``vis_data`` are of every run.
        words = re.findall(r'[a-z0-9]+', Path(name).stem.lower())
        own = [word for word in words if word not in no_task]
        if any(not word.isdecimal() for word in own) and own != ['vis', 'data']:
            return '_'.join(own)
    return 'unnamed'


def _data_of(config: dict[str, Any]) -> list[str]:
    """The folder that training reads: two data sets may be of one class."""
    loader = config.get('train_dataloader')
    data = (
        loader.get('dataset') if isinstance(loader, dict) else config.get('data', {}).get('train')
    )
    while isinstance(data, dict) and isinstance(data.get('dataset'), dict):
        data = data['dataset']
    root = data.get('data_root') if isinstance(data, dict) else None
    return [Path(root).name] if isinstance(root, str) and Path(root).name else []


def _method_of(stem: str, names: list[str], folders: list[str], path: Path) -> str:
    """The method that the file's own name says; or else the log, or its folders, if they agree.

    Raises:
        InputError: If nothing says it, or one says this and the other that.
    """

    def said(name: str) -> set[str]:
        return {word for word in _words(name) if word in METHODS}

    if len(own := said(stem)) == 1:
        return own.pop()
    inside = set().union(*map(said, names))
    # On many a cluster the disk is called scratch.
    around = next((found for name in folders if (found := said(name) - {'scratch'})), set())
    found = inside | around
    if len(found) == 1:
        return found.pop()
    says = ' and '.join(sorted(found)) or 'nothing'
    raise InputError(
        f'which method is {path} of? What it and its folders say is {says}: say it before the '
        f'log, as in baseline={path}'
    )


def _words(name: str) -> set[str]:
    """The words of a name, also two in a row as one: ``pyramidnet_200`` as ``pyramidnet200``."""
    # A folder of this project says nothing of the method.
    words = re.findall(r'[a-z0-9]+', name.lower().replace('rm_mm', ''))
    pairs = [first + second for first, second in pairwise(words)]
    said = {*words, *pairs}
    return said | {_SYNONYMS[word] for word in said if word in _SYNONYMS}


def _config_words(config: dict[str, Any]) -> set[str]:
    return set().union(*map(_words, _said_of_config(config)))


def _said_of_config(config: dict[str, Any]) -> list[str]:
    """What the config of the log says of the network and the data."""

    def entry(*keys: str) -> Any:
        value: Any = config
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    depth = entry('model', 'backbone', 'depth')
    said = [
        entry('model', 'type'), entry('model', 'decode_head', 'type'), entry('dataset_type'),
        f'resnet{depth}' if depth else None,
    ]  # fmt: skip
    return [str(word) for word in said if word]


def _leaf_of(task: str, words: set[str], method: str) -> tuple[str, str] | None:
    """The column and the leaf whose name has no word that the log does not say; the longest."""
    from rm_mm.compat.config_scopes import configs_root

    found = []
    for path in (configs_root() / task).glob('*.py'):
        parts = path.stem.split('_')
        column = [part for part in parts if part not in METHODS]
        # A leaf of another method; one without any takes every method's backbone.
        if len(column) < len(parts) and method not in parts:
            continue
        if words.issuperset(column) or words >= {*column[2:], ''.join(column[:2])}:
            found.append((len(column), '_'.join(column), f'{task}/{path.name}'))
    if not found:
        return None
    _, column_name, config = max(found)
    return column_name, config
