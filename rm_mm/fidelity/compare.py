"""An old config against one of ours, key by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.data.transforms import STOCK_NAMES
from rm_mm.errors import InputError
from rm_mm.fidelity import implied, meanings
from rm_mm.fidelity.meaning import Implied, Meaning, plain
from rm_mm.recipe.flat import ABSENT, effective, flatten

_TABLES = {
    'mmdet': (meanings.DETECTION, implied.DETECTION),
    'mmseg': (meanings.SEGMENTATION, implied.SEGMENTATION),
}
_UNTRANSLATED = object()
#: Parts of a config that a run follows. The rest are variables, which they are made of, and what
#: the printed log and its pictures look like.
_FOLLOWED = (
    'model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator',
    'test_evaluator', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg', 'test_cfg',
    'auto_scale_lr', 'custom_hooks', 'default_hooks', 'env_cfg', 'randomness', 'log_processor',
    'load_from', 'resume', 'log_level', 'model_wrapper_cfg', 'runner_type', 'compile',
)  # fmt: skip
#: What the training scripts of then followed; any other top-level name may be a variable.
_FOLLOWED_THEN = (
    'data', 'model', 'evaluation', 'optimizer', 'optimizer_config', 'lr_config', 'momentum_config',
    'runner', 'total_epochs', 'total_iters', 'checkpoint_config', 'log_config', 'custom_hooks',
    'dist_params', 'log_level', 'load_from', 'resume_from', 'workflow', 'cudnn_benchmark', 'fp16',
    'work_dir', 'gpu_ids', 'seed', 'find_unused_parameters', 'auto_scale_lr', 'train_cfg',
    'test_cfg', 'custom_imports', 'opencv_num_threads', 'mp_start_method', 'device', 'auto_resume',
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One setting.

    Attributes:
        key: Theirs; empty if only ours says it.
        theirs: Their value, or what their library did by itself.
        our_key: Ours; empty if there is none.
        ours: Our value, or its class's default.
        same: Whether the two mean the same.
        note: How they do, or why they do not; a difference without one is a fault.
    """

    key: str
    theirs: Any
    our_key: str
    ours: Any
    same: bool
    note: str

    @property
    def explained(self) -> bool:
        """Whether the two are the same, or there is a reason why not."""
        return self.same or bool(self.note)


def compare(old: Mapping[str, Any], config: Any) -> list[Row]:
    """Translate every key of an old config, and find the origin of every key of ours.

    Args:
        old: Config of mmdetection 2.x or mmsegmentation 0.x, as ``read_log`` gives it.
        config: A resolved mmengine config; left as it is.

    Returns:
        A row for each key of theirs, in their order, then for each that only ours has.

    Raises:
        InputError: If there is no translation to the config's library.
    """
    scope = config.get('default_scope')
    if scope not in _TABLES:
        raise InputError(
            f'no translation of an old config to default_scope {scope!a}: expected one of '
            f'{", ".join(_TABLES)}'
        )
    table, behaviours = _TABLES[scope]
    theirs = flatten({key: old[key] for key in old if not _is_variable(key, old)})
    followed = {key: config.to_dict()[key] for key in config if key in _FOLLOWED}
    # A transform with the results of a stock one means what that means.
    ours = flatten(followed, renamed=STOCK_NAMES)
    rows = [_translated(key, theirs, ours, table, scope) for key in theirs]
    said = {row.our_key for row in rows}
    silent = [behaviour.key for behaviour in behaviours if behaviour.always]
    return rows + [
        _own(key, theirs, ours, effective(ours, key, scope), behaviours)
        for key in dict.fromkeys([*ours, *silent])
        if key not in said and not (key.endswith('_scope_') and ours.get(key) == scope)
    ]


def _is_variable(key: str, old: Mapping[str, Any]) -> bool:
    """Whether a top-level name only lends its value to ``data`` or ``model``."""
    return key not in _FOLLOWED_THEN and any(
        _contains(old.get(part), old[key]) for part in ('data', 'model')
    ) and isinstance(old[key], (dict, list, str))  # fmt: skip


def _contains(node: Any, value: Any) -> bool:
    """Whether a value, or a mapping with all of its entries, is anywhere below a node."""
    if node == value:
        return True
    if (
        isinstance(node, dict)
        and isinstance(value, dict)
        and value
        and value.items() <= node.items()
    ):
        return True
    children = node.values() if isinstance(node, dict) else node
    return isinstance(node, (dict, list)) and any(_contains(child, value) for child in children)


def _translated(
    key: str,
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    table: Sequence[Meaning],
    scope: str,
) -> Row:
    for meaning in table:
        match = re.fullmatch(meaning.key, key)
        if match is None:
            continue
        our_key = match.expand(meaning.ours) if meaning.ours else ''
        value = effective(ours, our_key, scope) if our_key else ABSENT
        if our_key and _equal(value, _translation(meaning.convert, theirs[key], theirs)):
            return Row(key, theirs[key], our_key, value, True, meaning.how)
        covered = meaning.covers is not None and meaning.covers(theirs[key], value)
        return Row(key, theirs[key], our_key, value, False, meaning.why if covered else '')
    return Row(key, theirs[key], '', ABSENT, False, '')


def _translation(convert: Callable[..., Any], *theirs: Any) -> Any:
    try:
        return convert(*theirs)
    except (TypeError, ValueError, KeyError, AttributeError):
        # A log may hold any literal anywhere, and what has no translation differs from all of ours.
        return _UNTRANSLATED


def _equal(value: Any, expected: Any) -> bool:
    return bool(plain(value) == plain(expected))


def _own(
    key: str,
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    value: Any,
    behaviours: Sequence[Implied],
) -> Row:
    for behaviour in behaviours:
        if re.fullmatch(behaviour.key, key) is None:
            continue
        if behaviour.value is not None:
            expected = _translation(behaviour.value, theirs)
            same = _equal(value, expected)
            shown = ABSENT if expected is _UNTRANSLATED else expected
            return Row('', shown, key, value, same, behaviour.source if same else '')
        covered = behaviour.covers is not None and behaviour.covers(value, ours)
        return Row('', ABSENT, key, value, False, behaviour.why if covered else '')
    return Row('', ABSENT, key, value, False, '')
