"""The network of a config, built only to be looked at."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any


def bare_model(config: Any) -> Any:
    """The entry of a config's network, without the weights that it loads."""
    # A ConfigDict as it is: networks ask for its entries as attributes.
    model = copy.deepcopy(config.model)
    model.backbone.init_cfg = None
    _unsynchronised(model)
    return model


def build_network(config: Any) -> Any:
    """Build it as training would, without its weights being loaded, and without a word."""
    from mmengine.registry import MODELS

    scope = config.get('default_scope')
    with silent(), MODELS.switch_scope_and_registry(scope) as registry:
        return registry.build(bare_model(config))


def _unsynchronised(value: Any) -> None:
    """Put the norm of one process, which has the same tensors, where that of several would be."""
    if isinstance(value, dict):
        if value.get('type') == 'MMSyncBN':
            value['type'] = 'BN'
        for part in value.values():
            _unsynchronised(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _unsynchronised(part)


@contextmanager
def silent() -> Iterator[None]:
    """Keep back what constructors print and log, which is of no use to whoever reads a plan."""
    from mmengine.logging import MMLogger

    # Not logging.disable: loggers remember what they were not to say.
    logger = MMLogger.get_current_instance()
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(before)
