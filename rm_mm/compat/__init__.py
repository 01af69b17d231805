"""Why the stack imports, resolves and knows this package on any machine.

Five things, all of them waiting until somebody asks:

* ``mmcv._ext`` exists even where none was compiled (:mod:`rm_mm.compat.mmcv_ext`);
* ``_base_ = 'mmseg::…'`` and ``'rm_mm::…'`` resolve (:mod:`rm_mm.compat.config_scopes`);
* the upstream line reads its own checkpoints (:mod:`rm_mm.compat.upstream`);
* the registries know the classes of this package (:mod:`rm_mm.compat.on_demand`);
* COCO's figures come from a faster evaluator where there is one (:mod:`rm_mm.compat.coco_eval`).

:mod:`rm_mm.compat.mim_download` and :mod:`rm_mm.compat.mim_editable` are for mim alone; the latter
runs where this package is not imported.
"""

from __future__ import annotations

from rm_mm.compat import config_scopes, mim_download, mmcv_ext, on_demand, upstream
from rm_mm.compat.config_scopes import config_path, configs_root
from rm_mm.compat.mmcv_ext import MissingOpError, ops_in_use

__all__ = ['MissingOpError', 'config_path', 'configs_root', 'install', 'ops_in_use']


def install() -> None:
    """Arrange all five; imports neither torch nor OpenMMLab, and may be called again."""
    if mmcv_ext.install():
        config_scopes.install()
        upstream.install()
        on_demand.install()
        mim_download.say_so()
