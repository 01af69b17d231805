"""What this package adds to the stack comes in when that is imported: classes, and an evaluator.

Importing that earlier would make ``import rm_mm`` as slow as the whole stack.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import wrapt

# (module of the stack, module of ours to import once that one is complete). The initialiser waits
# for mmengine.runner, which every model library imports, because that is the first point at which
# mmengine's hooks, model and runner packages can all be imported from: mmengine.hooks imports
# mmengine.model half-way through, and mmengine.runner does the same with both.
REGISTERED_AFTER = (
    ('mmpretrain.models', 'rm_mm.pretrain.classifier'),
    ('mmpretrain.models', 'rm_mm.pretrain.color'),
    ('mmpretrain.models', 'rm_mm.pretrain.networks'),
    ('mmpretrain.models', 'rm_mm.pretrain.schedule'),
    ('mmengine.runner', 'rm_mm.transfer.initializer'),
    ('mmengine.runner', 'rm_mm.run.hooks'),
    ('mmengine.runner', 'rm_mm.run.resume.hooks'),
    ('mmengine.runner', 'rm_mm.run.resume.checkpoints'),
    ('mmengine.runner', 'rm_mm.run.runner'),
    ('mmengine.fileio', 'rm_mm.data.packed'),
    ('mmpretrain.datasets', 'rm_mm.data.cifar'),
    ('mmpretrain.datasets', 'rm_mm.data.loading'),
    ('mmseg.datasets', 'rm_mm.data.mini.dataset'),
    ('mmdet.datasets', 'rm_mm.data.transforms.detection'),
    ('mmseg.datasets', 'rm_mm.data.transforms.segmentation'),
    ('mmdet.evaluation.metrics.coco_metric', 'rm_mm.compat.coco_eval'),
)


def install() -> None:
    """Import each module of ours after its trigger, or now if the trigger is there already."""
    for trigger, ours in REGISTERED_AFTER:
        import_after(trigger, ours)


def import_after(trigger: str, ours: str) -> None:
    """Import module ``ours`` as soon as module ``trigger`` has been imported.

    An error while importing ``ours`` makes the import of ``trigger`` fail with it, since a model
    built without our classes would fail later and less clearly.
    """

    def import_ours(_: ModuleType) -> None:
        importlib.import_module(ours)

    wrapt.register_post_import_hook(import_ours, trigger)
