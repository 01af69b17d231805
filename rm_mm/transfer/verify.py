"""Does a state dict fill a network completely? 100 % or no."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rm_mm.errors import RefusedError
from rm_mm.transfer.printable import printable
from rm_mm.transfer.stem import stem_mismatch

# Names shown of one group before "and N more".
_NAMES_A_GROUP = 4


@dataclass(frozen=True)
class Coverage:
    """Every name of a state dict and of its target, sorted by what is wrong with it.

    Attributes:
        wanted: Number of tensors in the target.
        matched: Number of them that are there and sound.
        missing: In the target only.
        unexpected: In the state dict only.
        wrong_shape: Name, to the shape found and the shape wanted.
        wrong_kind: Name, to the dtype found and the dtype wanted, where one is floating and the
            other is not.
        not_finite: Holds NaN or infinity, in the target's dtype.
        constant: One value everywhere, where training leaves none such: see :func:`check`.
        stem: A sentence on the two stems, if they are of different kinds.
    """

    wanted: int
    matched: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    wrong_kind: dict[str, tuple[torch.dtype, torch.dtype]]
    not_finite: tuple[str, ...]
    constant: tuple[str, ...]
    stem: str | None

    @property
    def ok(self) -> bool:
        """Whether every tensor matches and none is left over."""
        return self.matched == self.wanted and not self.unexpected

    def summary(self, max_lines: int = 20) -> str:
        """Say what is wrong: the counts, then one line for each kind and module.

        Args:
            max_lines: At least 3. What does not fit is counted on the last line.
        """
        problems = self._problems()
        counts = ''.join(f', {len(lines)} {kind}' for kind, lines in problems.items() if lines)
        head = [f'{self.matched} of {self.wanted} tensors match{counts}']
        head += [self.stem] if self.stem else []
        groups = [
            (f'  {kind}: {module}: {_enumerate(texts)}', len(texts))
            for kind, lines in problems.items()
            for module, texts in _by_module(lines).items()
        ]
        room = max_lines - len(head)
        if len(groups) > room:
            rest = sum(count for _, count in groups[room - 1 :])
            groups = [*groups[: room - 1], (f'  and {rest} more tensors', rest)]
        return '\n'.join([*head, *(line for line, _ in groups)])

    def _problems(self) -> dict[str, dict[str, str]]:
        """Return the kinds of problem, each with its names and what to add to them."""
        return {
            'missing': dict.fromkeys(self.missing, ''),
            'unexpected': dict.fromkeys(self.unexpected, ''),
            'of the wrong shape': {
                name: f' {found} for {wanted}' for name, (found, wanted) in self.wrong_shape.items()
            },
            'of the wrong dtype': {
                name: f' {found} for {wanted}' for name, (found, wanted) in self.wrong_kind.items()
            },
            'not finite': dict.fromkeys(self.not_finite, ''),
            'constant (never trained)': dict.fromkeys(self.constant, ''),
        }


def check(
    state: Mapping[str, Tensor], target: Mapping[str, Tensor], left_over: Collection[str] = ()
) -> Coverage:
    """Compare a state dict with that of the network which it has to fill.

    A tensor is constant, and so never trained, if it is a floating weight of two or more dimensions
    with one value everywhere, or running statistics with one value for all channels: these are
    exactly 0 and 1 until a batch has passed, and data never gives all channels the same. Weights
    and biases with one dimension may be constant: those of a fresh or zero-initialised norm layer
    are, and a frozen one stays so.

    Args:
        state: The weights to judge. Not modified.
        target: The state dict of the network; only its names, shapes and dtypes are used.
        left_over: Names that stood beside the backbone and belong to no known head.
    """
    wrong_shape = {}
    wrong_kind = {}
    not_finite = []
    constant = []
    matched = 0
    for name, wanted in target.items():
        if name not in state:
            continue
        found = state[name]
        if found.shape != wanted.shape:
            wrong_shape[name] = (tuple(found.shape), tuple(wanted.shape))
        elif found.is_floating_point() != wanted.is_floating_point() or found.is_complex():
            wrong_kind[name] = (found.dtype, wanted.dtype)
        elif not torch.isfinite(found.to(wanted.dtype)).all():
            not_finite.append(name)
        elif _never_trained(name, found):
            constant.append(name)
        else:
            matched += 1
    return Coverage(
        wanted=len(target),
        matched=matched,
        missing=tuple(name for name in target if name not in state),
        unexpected=(*(name for name in state if name not in target), *left_over),
        wrong_shape=wrong_shape,
        wrong_kind=wrong_kind,
        not_finite=tuple(not_finite),
        constant=tuple(constant),
        stem=stem_mismatch(state, target),
    )


def require(coverage: Coverage, what: str) -> None:
    """Refuse anything below 100 %.

    Args:
        coverage: The outcome of :func:`check`.
        what: What was checked against what, for the message; already fit for a terminal.

    Raises:
        RefusedError: If ``coverage`` is not ok.
    """
    if not coverage.ok:
        raise RefusedError(f'{what}: {coverage.summary(max_lines=20)}')


def _never_trained(name: str, value: Tensor) -> bool:
    statistics = name.endswith(('running_mean', 'running_var'))
    if not value.is_floating_point() or value.numel() < 2 or (value.ndim < 2 and not statistics):
        return False
    return bool((value == value.flatten()[0]).all())


def _by_module(lines: Mapping[str, str]) -> dict[str, list[str]]:
    """Group names by the block that they are in: ``layer1.0``, ``conv1``, ``stages.2``."""
    groups: dict[str, list[str]] = {}
    for name, addition in lines.items():
        parts = name.split('.')
        depth = 2 if len(parts) > 2 else 1
        rest = '.'.join(parts[depth:]) or name
        groups.setdefault(printable('.'.join(parts[:depth])), []).append(printable(rest) + addition)
    return groups


def _enumerate(texts: list[str]) -> str:
    more = len(texts) - _NAMES_A_GROUP
    return ', '.join(texts[:_NAMES_A_GROUP]) + (f' and {more} more' if more > 0 else '')
