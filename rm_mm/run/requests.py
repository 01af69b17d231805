"""What a call of training or testing asks for, as validated values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from rm_mm.errors import InputError, checked_fields, printable, require_choice
from rm_mm.names import PROCESS_LAUNCHERS
from rm_mm.recipe.batch import POLICIES

#: ``TestRequest.checkpoint`` for the network as initialised.
UNTRAINED = 'none'


@checked_fields
@dataclass(frozen=True)
class RunRequest:
    """Fields that training and testing share.

    Attributes:
        config: Config file, its path below ``configs/``, or a config of a library
            (``mmdet::atss/atss_r50_fpn_1x_coco.py``).
        work_dir: Folder for logs and checkpoints; by default below ``work_dirs/``.
        data_root: Root of the data set, instead of the config's; also ``lmdb://FILE.lmdb``.
        cfg_options: Overrides of the config by dotted key.
        amp: Whether to use automatic mixed precision.
        launcher: What started the processes of a distributed run; one of
            :data:`rm_mm.names.PROCESS_LAUNCHERS`.
        pin_memory: Whether loaders use pinned memory, where the config allows it.
        resolved: Whether ``config`` is a file that a run saved. It is then read as data, and never
            executed.
        check_only: Whether to stop once config and data have been checked.

    Raises:
        InputError: If a field is unknown, missing, of a wrong type, or none of its choices.
    """

    config: str | Path
    _: KW_ONLY
    work_dir: str | Path | None = None
    data_root: str | Path | None = None
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    amp: bool = False
    launcher: str = 'none'
    pin_memory: bool = True
    resolved: bool = False
    check_only: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) == '':
                # Likely an unset shell variable, or a form that was not filled in.
                raise InputError(f'{each.name}: expected a value, got an empty text')
        require_choice('launcher', self.launcher, PROCESS_LAUNCHERS)
        if wrong := [key for key in self.cfg_options if not isinstance(key, str) or not key]:
            raise InputError(
                'cfg_options: expected keys such as "train_cfg.max_epochs", got '
                f'{printable(repr(wrong[0]))}'
            )


@checked_fields
@dataclass(frozen=True)
class TrainRequest(RunRequest):
    """Training of one config.

    Attributes:
        resume: Checkpoint to resume from; ``'auto'`` for the latest one in ``work_dir``; None to
            start anew.
        backbone: Export of ``rm-mm export`` that becomes the backbone of a detector or segmentor.
        validate: Whether to evaluate during training.
        batch_policy: How to keep the recipe's global batch on another number of processes; one of
            :data:`rm_mm.recipe.batch.POLICIES`.
        persistent_workers: Whether loaders keep their worker processes between epochs.
    """

    _: KW_ONLY
    resume: str | Path | None = None
    backbone: str | Path | None = None
    validate: bool = True
    batch_policy: str | None = None
    persistent_workers: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_policy is not None:
            require_choice('batch_policy', self.batch_policy, POLICIES)


@checked_fields
@dataclass(frozen=True)
class TestRequest(RunRequest):
    """Evaluation of one checkpoint.

    Attributes:
        checkpoint: File or ``https://`` address, or ``'none'`` for the network as initialised.
        out: JSON file for the metrics.
        details: Folder for per-class figures and a few pictures.
    """

    #: Tells pytest that this is not a test.
    __test__ = False

    checkpoint: str | Path
    _: KW_ONLY
    out: str | Path | None = None
    details: str | Path | None = None


Request = TypeVar('Request', bound=RunRequest)


@dataclass(frozen=True)
class TrainResult:
    """What a training run left.

    Attributes:
        work_dir: Folder with logs and checkpoints.
        last_checkpoint: Latest checkpoint; None after a check.
        best_checkpoint: Checkpoint of the best evaluation; None if the run keeps none.
    """

    work_dir: Path
    last_checkpoint: Path | None = None
    best_checkpoint: Path | None = None
