"""Make the OpenMMLab stack import, find configs and know this package on any machine.

:func:`extend_stack` arranges five things. Each waits until the module that it concerns is imported:

* ``mmcv._ext`` exists even where it was not compiled (:mod:`rm_mm.compat.mmcv_ext`);
* ``_base_ = 'mmseg::…'`` and ``'rm_mm::…'`` resolve (:mod:`rm_mm.compat.config_scopes`);
* the upstream line reads its own checkpoints (:mod:`rm_mm.compat.upstream`);
* the registries know the classes of this package (:mod:`rm_mm.compat.on_demand`);
* COCO is evaluated by a faster library if that is installed (:mod:`rm_mm.compat.coco_eval`).

:mod:`rm_mm.compat.mim_editable` is separate: it runs in environments with an editable install,
before this package is imported.
"""

from __future__ import annotations

from rm_mm.compat.config_scopes import (
    configs_root,
    explain_mim_download,
    packaged_config,
    resolve_scopes,
)
from rm_mm.compat.missing_op import MissingOpError
from rm_mm.compat.mmcv_ext import ops_in_use, substitute_mmcv_ops
from rm_mm.compat.on_demand import register_on_demand
from rm_mm.compat.upstream import fix_upstream

__all__ = ['MissingOpError', 'configs_root', 'extend_stack', 'ops_in_use', 'packaged_config']


def extend_stack() -> None:
    """Arrange all of it, once. Imports neither torch nor OpenMMLab; later calls do nothing."""
    if substitute_mmcv_ops():
        resolve_scopes()
        fix_upstream()
        register_on_demand()
        explain_mim_download()
