"""The settings of an old config and of one of today, key by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rm_mm.data.transforms import STOCK_NAMES
from rm_mm.errors import InputError
from rm_mm.fidelity import old_defaults, old_keys
from rm_mm.fidelity.old_defaults import OldDefault
from rm_mm.fidelity.old_keys import Flat, KeyTranslation
from rm_mm.recipe.flat import ABSENT, effective, flatten, without_tuples

_TABLES = {
    'mmdet': (old_keys.DETECTION, old_defaults.DETECTION),
    'mmseg': (old_keys.SEGMENTATION, old_defaults.SEGMENTATION),
}
_UNTRANSLATABLE = object()
#: Top-level keys that affect a run of mmengine. The rest are variables that these are made of, and
#: what logs and pictures look like.
_EFFECTIVE = (
    'model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator',
    'test_evaluator', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg', 'test_cfg',
    'auto_scale_lr', 'custom_hooks', 'default_hooks', 'env_cfg', 'randomness', 'log_processor',
    'load_from', 'resume', 'log_level', 'model_wrapper_cfg', 'runner_type', 'compile',
)  # fmt: skip
#: Top-level keys that the old training scripts read. Any other may be a variable.
_OLD_EFFECTIVE = (
    'data', 'model', 'evaluation', 'optimizer', 'optimizer_config', 'lr_config', 'momentum_config',
    'runner', 'total_epochs', 'total_iters', 'checkpoint_config', 'log_config', 'custom_hooks',
    'dist_params', 'log_level', 'load_from', 'resume_from', 'workflow', 'cudnn_benchmark', 'fp16',
    'work_dir', 'gpu_ids', 'seed', 'find_unused_parameters', 'auto_scale_lr', 'train_cfg',
    'test_cfg', 'custom_imports', 'opencv_num_threads', 'mp_start_method', 'device', 'auto_resume',
)  # fmt: skip


@dataclass(frozen=True)
class SettingRow:
    """One setting in two configs.

    Attributes:
        key: Key of the old config; empty if only ours has the setting.
        theirs: Its value, or what the old library did by default.
        our_key: Key of our config; empty if there is none.
        ours: Its value, or the default of the class.
        same: Whether the two mean the same.
        note: How they mean the same, or why they differ. A difference without a note is a fault.
    """

    key: str
    theirs: Any
    our_key: str
    ours: Any
    same: bool
    note: str

    @property
    def explained(self) -> bool:
        """Whether the two are the same, or differ for a reason."""
        return self.same or bool(self.note)


def compare_settings(old: Mapping[str, Any], config: Any) -> list[SettingRow]:
    """Translate every key of an old config, and explain every other key of ours.

    Args:
        old: Logged config of mmdetection 2.x or mmsegmentation 0.x.
        config: A resolved mmengine config. Not modified.

    Returns:
        A row for each key of the old config, in its order, then for each that only ours has.

    Raises:
        InputError: If old configs cannot be translated to the library of ours.
    """
    scope = config.get('default_scope')
    if scope not in _TABLES:
        raise InputError(
            f'cannot compare an old config with one of default_scope {scope!a}: expected '
            f'{" or ".join(_TABLES)}'
        )
    translations, defaults = _TABLES[scope]
    theirs = flatten({key: old[key] for key in old if not _is_variable(key, old)})
    effective_keys = {key: config.to_dict()[key] for key in config if key in _EFFECTIVE}
    # Some of our transforms give the same results as a stock one.
    ours = flatten(effective_keys, renamed=STOCK_NAMES)
    rows = [_translated(key, theirs, ours, translations, scope) for key in theirs]
    compared = {row.our_key for row in rows}
    always = [default.key for default in defaults if default.always]
    return rows + [
        _explained(key, effective(ours, key, scope), theirs, ours, defaults)
        for key in dict.fromkeys([*ours, *always])
        if key not in compared and not (key.endswith('_scope_') and ours.get(key) == scope)
    ]


def _is_variable(key: str, old: Mapping[str, Any]) -> bool:
    """Whether a top-level name only lends its value to ``data`` or ``model``."""
    return (
        key not in _OLD_EFFECTIVE
        and isinstance(old[key], dict | list | str)
        and any(_contains(old.get(part), old[key]) for part in ('data', 'model'))
    )


def _contains(node: Any, value: Any) -> bool:
    """Whether a value, or a mapping with all of its entries, is anywhere in a node."""
    if node == value:
        return True
    if isinstance(node, dict):
        if isinstance(value, dict) and value and value.items() <= node.items():
            return True
        node = list(node.values())
    return isinstance(node, list) and any(_contains(child, value) for child in node)


def _translated(
    key: str, theirs: Flat, ours: Flat, translations: Sequence[KeyTranslation], scope: str
) -> SettingRow:
    """The row of a key of theirs, by the first translation whose pattern matches it."""
    matches = ((each, re.fullmatch(each.key, key)) for each in translations)
    translation, match = next((pair for pair in matches if pair[1]), (None, None))
    if translation is None or match is None:
        return SettingRow(key, theirs[key], '', ABSENT, False, '')
    our_key = match.expand(translation.ours) if translation.ours else ''
    value = effective(ours, our_key, scope) if our_key else ABSENT
    if our_key and _equal(value, _attempt(translation.convert, theirs[key], theirs)):
        return SettingRow(key, theirs[key], our_key, value, True, translation.how)
    covered = translation.covers is not None and translation.covers(theirs[key], value)
    note = translation.why if covered else ''
    return SettingRow(key, theirs[key], our_key, value, False, note)


def _explained(
    key: str, value: Any, theirs: Flat, ours: Flat, defaults: Sequence[OldDefault]
) -> SettingRow:
    """The row of a key that only ours has."""
    default = next((each for each in defaults if re.fullmatch(each.key, key)), None)
    if default is None:
        return SettingRow('', ABSENT, key, value, False, '')
    if default.exempt is not None:
        note = default.note if default.exempt(value, ours) else ''
        return SettingRow('', ABSENT, key, value, False, note)
    expected = _attempt(default.expected, theirs)
    same = _equal(value, expected)
    shown = ABSENT if expected is _UNTRANSLATABLE else expected
    return SettingRow('', shown, key, value, same, default.note if same else '')


def _attempt(convert: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return convert(*arguments)
    except (TypeError, ValueError, KeyError, AttributeError):
        # A log may have any literal anywhere. One without a translation equals no value of ours.
        return _UNTRANSLATABLE


def _equal(value: Any, expected: Any) -> bool:
    return bool(without_tuples(value) == without_tuples(expected))
