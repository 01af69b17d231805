"""Register this package's classes with the stack when the stack is imported.

Registering them earlier would make ``import rm_mm`` as slow as importing the whole stack.
"""

from __future__ import annotations

import importlib

import wrapt

#: A module of the stack, and the module of this package to import once that one is complete.
#: Several wait for mmengine.runner, which every model library imports: mmengine.hooks, .model and
#: .runner import each other, and are complete only then.
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


def register_on_demand() -> None:
    """Import each module of ours after its trigger, or now if the trigger is already imported."""
    for trigger, module in REGISTERED_AFTER:
        import_after(trigger, module)


def import_after(trigger: str, module: str) -> None:
    """Import ``module`` as soon as ``trigger`` has been imported.

    An error in ``module`` also fails the import of ``trigger``: a model built without our classes
    would fail later and less clearly.
    """
    wrapt.register_post_import_hook(lambda _: importlib.import_module(module), trigger)
