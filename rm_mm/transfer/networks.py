"""The networks in what was saved: every dict of tensors, wherever it lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from rm_mm.errors import InputError, printable

# Tensors of the training run, not of a network.
_OF_THE_RUN = re.compile(
    r'(^|_)(optim\w*|lr|scheduler\w*|scaler|callbacks?|loops|message_hub|loss\w*|criterion|meta|rng\w*'
    r'|args|hyper\w*|hparams\w*|config|cfg|amp|history|resume|metrics?)(_|$)',
    re.IGNORECASE,
)
# No checkpoint known nests its weights deeper than VISSL's, five dicts.
_DEEPEST = 6


@dataclass(frozen=True)
class Network:
    """One dict of tensors in a checkpoint.

    Attributes:
        key: Where it lies, keys joined by dots, such as ``state_dict``; empty for the file itself.
        entries: What is in it, tensors and whatever else.
    """

    key: str
    entries: dict[Any, Any]

    def weights(self, shown: str) -> dict[str, Tensor]:
        """Name to dense CPU tensor, detached, names as in the file.

        Args:
            shown: What to call the file in a message.

        Raises:
            InputError: If there is anything else among them, or a tensor that claims more elements
                than it has.
        """
        dense = {}
        for name, value in self.entries.items():
            if (
                not isinstance(name, str)
                or not isinstance(value, Tensor)
                or value.layout is not _STRIDED
                or value.is_quantized
                or value.is_meta
                or value.numel() * value.element_size() > value.untyped_storage().nbytes()
            ):
                raise InputError(
                    f'{shown} mixes weights with other things: expected names and dense tensors, '
                    f'found {printable(name)} of type {type(value).__name__}'
                )
            dense[name] = value.detach()
        return dense


def find_networks(content: Any, shown: str) -> tuple[Network, ...]:
    """Find every dict that holds tensors, outside of optimisers and the like.

    Args:
        content: What was saved.
        shown: What to call the file in a message.

    Returns:
        Outer ones first, in the order of the file; ``state_dict`` before all others.

    Raises:
        InputError: If there is none.
    """
    if isinstance(content, nn.Module):
        return (Network('', dict(content.state_dict())),)
    if not isinstance(content, dict):
        raise InputError(
            f'{shown} holds no weights: expected a dict, found a {type(content).__name__}'
        )
    found = sorted(_walk(content, (), set()), key=lambda network: network.key != 'state_dict')
    if not found:
        names = ', '.join(printable(name) for name in list(content)[:8]) or 'nothing'
        raise InputError(
            f'{shown} holds no weights: expected tensors, or a `state_dict` of them; found {names}'
        )
    return tuple(found)


_STRIDED = Tensor().layout


def _walk(node: dict[Any, Any], path: tuple[str, ...], seen: set[int]) -> Iterator[Network]:
    # A pickle can hold itself.
    if id(node) in seen or len(path) > _DEEPEST:
        return
    seen.add(id(node))
    below: list[Network] = []
    for name, value in node.items():
        if isinstance(name, str) and not _OF_THE_RUN.search(name):
            inner = dict(value.state_dict()) if isinstance(value, nn.Module) else value
            if isinstance(inner, dict):
                below += _walk(inner, (*path, name), seen)
    own = node
    if below:
        # Beside whole networks there are scores and queues; weights have a layer in their name.
        own = {
            name: value
            for name, value in node.items()
            if isinstance(value, Tensor) and '.' in str(name)
        }
    if any(isinstance(value, Tensor) for value in own.values()):
        yield Network('.'.join(path), own)
    yield from below
