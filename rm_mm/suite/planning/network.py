"""The network of a config, built only to be looked at."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def build_network(config: Any) -> Any:
    """Build it as training would, without its weights being loaded, and without a word."""
    from mmengine.registry import MODELS

    # A ConfigDict as it is: networks ask for its entries as attributes.
    model = copy.deepcopy(config.model)
    model.backbone.init_cfg = None
    scope = config.get('default_scope')
    with _silent(), MODELS.switch_scope_and_registry(scope) as registry:
        return registry.build(model)


@contextmanager
def _silent() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
