"""Checkpoints that are whole or not there, the old ones kept until the new one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks.checkpoint_hook import CheckpointHook
from mmengine.registry import HOOKS

from rm_mm.files import replacing
from rm_mm.recipe.config import type_name
from rm_mm.run.resume.state import ENTRY, gather_state


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """mmengine's way to local files, so that a write which is cut leaves what was there before."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Write bytes."""
        with replacing(Path(filepath)) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, so that a run can go on from each of them as it would have.

    It writes :mod:`.state` into them, and removes a checkpoint after its successor is
    written. mmengine's own removes it before: a run that is killed in between, or whose disk is
    full, has lost both. Takes the same arguments.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.file_backend: Any
        self._state: dict[str, Any] | None = None
        self.backend_args: dict[str, Any] | None
        elsewhere = self.backend_args or self.file_client_args or '://' in str(self.out_dir)
        if not elsewhere:
            self.backend_args = {'backend': 'atomic'}

    def before_train(self, runner: Any) -> None:
        """Begin, and remove the half-written files that a kill left."""
        super().before_train(runner)
        if is_main_process() and self.backend_args == {'backend': 'atomic'}:
            for path in Path(self.out_dir).glob('.*.pth.*.tmp'):
                path.unlink()

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        # Here and not when it is written, which rank 0 does alone.
        self._state = gather_state(runner, meta)
        with self._removing_afterwards():
            super()._save_checkpoint_with_step(runner, step, meta)
        self._state = None

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, Any]) -> None:
        with self._removing_afterwards():
            super()._save_best_checkpoint(runner, metrics)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add the state to what is about to be saved, in place; not to the best one's weights."""
        if self._state is not None:
            checkpoint[ENTRY] = self._state

    @contextmanager
    def _removing_afterwards(self) -> Iterator[None]:
        backend = self.file_backend
        if isinstance(backend, _Removals):
            yield
            return
        self.file_backend = removals = _Removals(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        best = getattr(self, 'best_ckpt_path_dict', {}).values()
        removals.make(kept=[getattr(self, 'best_ckpt_path', None), *best, self.last_ckpt])


class _Removals:
    """A file backend that only takes down what it is told to remove."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._paths: list[str] = []

    def remove(self, path: str) -> None:
        """Take it down."""
        self._paths.append(str(path))

    def make(self, kept: list[str | None]) -> None:
        """Remove what was asked for, unless it was written again since."""
        for path in self._paths:
            if path not in kept and self._backend.isfile(path):
                self._backend.remove(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def keep_whole(config: Any) -> None:
    """Have a config's run write its checkpoints whole; changes the config in place."""
    hooks = dict(config.get('default_hooks') or {})
    # mmengine puts its own there, which saves every epoch, unless a config says otherwise, or none.
    checkpoint = hooks.get('checkpoint', {'type': 'CheckpointHook', 'interval': 1})
    if checkpoint and type_name(checkpoint) == 'CheckpointHook':
        hooks['checkpoint'] = {**checkpoint, 'type': 'WholeCheckpointHook'}
        config.default_hooks = hooks
