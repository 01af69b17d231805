"""Does a state dict fill a network completely? 100 % or no."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rm_mm.errors import RejectedError, printable
from rm_mm.transfer.variants import folded_norms, variant_mismatch

# Names shown of one group before "and N more".
_NAMES_A_GROUP = 4
_STATISTICS = ('running_mean', 'running_var')


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
        negative: A running variance below 0, whose root is NaN.
        constant: One value everywhere, where training leaves none such: see :func:`check`.
        mismatch: A sentence on the two networks, if they are of different kinds.
    """

    wanted: int
    matched: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    wrong_kind: dict[str, tuple[torch.dtype, torch.dtype]]
    not_finite: tuple[str, ...]
    negative: tuple[str, ...]
    constant: tuple[str, ...]
    mismatch: str | None

    @property
    def ok(self) -> bool:
        """Whether every tensor matches, none is left over, and the networks are of one kind."""
        return self.matched == self.wanted and not self.unexpected and not self.mismatch

    def summary(self, max_lines: int = 20) -> str:
        """Say what is wrong: the counts, then one line for each kind and module.

        What needs no list is one line: a single group, or values alone (a network that has come to
        be NaN has it everywhere).

        Args:
            max_lines: At least 3. What does not fit is counted on the last line.
        """
        problems = self.problems()
        counts = ''.join(f', {len(lines)} {kind}' for kind, lines in problems.items() if lines)
        head = f'{self.matched} of {self.wanted} tensors match{counts}'
        groups = self._groups()
        if groups and not self.mismatch and (len(groups) == 1 or self._only_values):
            names = [
                printable(name) + what
                for lines in problems.values()
                for name, what in lines.items()
            ]
            return f'{head}: {_enumerate(names)}'
        lines = [head, *([self.mismatch] if self.mismatch else [])]
        room = max_lines - len(lines)
        shown = [(f'  {group}: {_enumerate(texts)}', len(texts)) for group, texts in groups.items()]
        if len(shown) > room:
            rest = sum(count for _, count in shown[room - 1 :])
            shown = [*shown[: room - 1], (f'  and {rest} more tensors', rest)]
        return '\n'.join([*lines, *(line for line, _ in shown)])

    def fits(self, max_lines: int = 20) -> bool:
        """Whether :meth:`summary` names every tensor of which there is something to say."""
        groups = self._groups()
        room = max_lines - 1 - bool(self.mismatch)
        names = all(len(texts) <= _NAMES_A_GROUP for texts in groups.values())
        return (names and len(groups) <= room) or (self._only_values and not self.mismatch)

    @property
    def _only_values(self) -> bool:
        return not (self.missing or self.unexpected or self.wrong_shape or self.constant)

    def _groups(self) -> dict[str, list[str]]:
        """Kind of problem and module, to the names in it with what was found."""
        return {
            f'{kind}: {module}': texts
            for kind, lines in self.problems().items()
            for module, texts in _by_module(lines).items()
        }

    def problems(self) -> dict[str, dict[str, str]]:
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
            'negative': dict.fromkeys(self.negative, ''),
            'constant (never trained)': dict.fromkeys(self.constant, ''),
        }


def check(
    state: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    left_over: Collection[str] = (),
    *,
    folded: bool = False,
    mismatch: str | None = None,
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
        folded: Whether the network takes norms whose statistics are folded into scale and shift,
            and are 0 and 1 themselves, as those of ``style='caffe'`` do.
        mismatch: What is known to set the two networks apart although no name or shape does.
    """
    folded = folded and folded_norms(state)
    wrong_shape = {}
    wrong_kind = {}
    not_finite = []
    negative = []
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
        elif name.endswith('running_var') and bool((found < 0).any()):
            negative.append(name)
        elif _never_trained(name, found) and not (folded and name.endswith(_STATISTICS)):
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
        negative=tuple(negative),
        constant=tuple(constant),
        mismatch=variant_mismatch(state, target) or mismatch,
    )


def require(coverage: Coverage, what: str) -> None:
    """Refuse anything below 100 %.

    Args:
        coverage: The outcome of :func:`check`.
        what: What was checked against what, for the message; already fit for a terminal.

    Raises:
        RejectedError: If ``coverage`` is not ok; its message has at most 20 lines.
    """
    if not coverage.ok:
        raise RejectedError(f'{what}: {coverage.summary()}')


def _never_trained(name: str, value: Tensor) -> bool:
    statistics = name.endswith(_STATISTICS)
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
