"""Checkpoints that are written atomically; the old one is kept until the new one is complete."""

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
    """mmengine's backend for local files, with atomic writes."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Write bytes; an interrupted write keeps the old file."""
        with replacing(Path(filepath)) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` for exact resume. Takes the same arguments.

    It adds :mod:`.state` to each checkpoint, and removes a checkpoint only after its successor is
    written. mmengine removes it before, so a kill in between or a full disk would lose both.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.file_backend: Any
        self.backend_args: dict[str, Any] | None
        self._state: dict[str, Any] | None = None
        if not (self.backend_args or self.file_client_args or '://' in str(self.out_dir)):
            self.backend_args = {'backend': 'atomic'}

    def before_train(self, runner: Any) -> None:
        """Remove incomplete files of a killed run."""
        super().before_train(runner)
        if is_main_process() and self.backend_args == {'backend': 'atomic'}:
            for path in Path(self.out_dir).glob('.*.pth.*.tmp'):
                path.unlink()

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        # Collected here by all ranks, because only rank 0 writes the checkpoint.
        self._state = gather_state(runner, meta)
        with self._removing_afterwards():
            super()._save_checkpoint_with_step(runner, step, meta)
        self._state = None

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, Any]) -> None:
        with self._removing_afterwards():
            super()._save_best_checkpoint(runner, metrics)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add the state, in place; the best checkpoint holds weights only."""
        if self._state is not None:
            checkpoint[ENTRY] = self._state

    @contextmanager
    def _removing_afterwards(self) -> Iterator[None]:
        backend = self.file_backend
        if isinstance(backend, _DelayedRemoval):
            yield
            return
        self.file_backend = delayed = _DelayedRemoval(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        best = getattr(self, 'best_ckpt_path_dict', {}).values()
        kept = [getattr(self, 'best_ckpt_path', None), *best, self.last_ckpt]
        for path in delayed.paths:
            # A file may have been written again in the meantime.
            if path not in kept and backend.isfile(path):
                backend.remove(path)


class _DelayedRemoval:
    """A file backend that records the files to remove."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.paths: list[str] = []

    def remove(self, path: str) -> None:
        self.paths.append(str(path))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def keep_whole(config: Any) -> None:
    """Make the run of a config write its checkpoints atomically, in place."""
    hooks = dict(config.get('default_hooks') or {})
    # Without an entry mmengine adds its own hook, which saves every epoch.
    checkpoint = hooks.get('checkpoint', {'type': 'CheckpointHook', 'interval': 1})
    if checkpoint and type_name(checkpoint) == 'CheckpointHook':
        hooks['checkpoint'] = {**checkpoint, 'type': 'WholeCheckpointHook'}
        config.default_hooks = hooks
