"""Building the network of a config, to inspect it."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

#: Names of torch's and mmcv's layer in mmengine's registry.
_SYNC_BATCH_NORMS = ('SyncBN', 'MMSyncBN')


def bare_model(config: Any) -> Any:
    """Return the ``model`` entry of a config, without the weights that its backbone loads."""
    # Not a plain dict: some networks read entries as attributes.
    model = copy.deepcopy(config.model)
    model.backbone.init_cfg = None
    replace_sync_batch_norm(model)
    return model


def build_network(config: Any) -> Any:
    """Build the network of a config as training would, without loading weights, silently."""
    from mmengine.registry import MODELS

    scope = config.get('default_scope')
    with silent(), MODELS.switch_scope_and_registry(scope) as registry:
        return registry.build(bare_model(config))


def replace_sync_batch_norm(node: Any) -> bool:
    """Replace every synchronised batch norm below a config entry by ``BN``, in place.

    ``BN`` has the same tensors and needs neither a GPU nor a process group.

    Returns:
        Whether any was found.
    """
    found = isinstance(node, dict) and node.get('type') in _SYNC_BATCH_NORMS
    if found:
        node['type'] = 'BN'
    children = node.values() if isinstance(node, dict) else node
    for child in children if isinstance(node, dict | list | tuple) else ():
        found = replace_sync_batch_norm(child) or found
    return found


@contextmanager
def silent() -> Iterator[None]:
    """Suppress what constructors print, log and warn about."""
    from mmengine.logging import MMLogger

    # Not logging.disable: loggers cache whether a level is enabled.
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(before)
