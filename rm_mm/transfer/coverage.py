"""Check that a state dict fills a network completely; anything below 100 % is rejected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rm_mm.errors import RejectedError, printable
from rm_mm.transfer.resnets import folded_norms, kind_mismatch

# Names shown per group before "and N more".
_NAMES_PER_GROUP = 4
_STATISTICS = ('running_mean', 'running_var')

# Attributes of Coverage, and what messages and manifests call them.
_LABELS = {
    'missing': 'missing',
    'unexpected': 'unexpected',
    'wrong_shape': 'of the wrong shape',
    'wrong_kind': 'of the wrong dtype',
    'not_finite': 'not finite',
    'negative': 'negative',
    'constant': 'constant (never trained)',
}


@dataclass(frozen=True)
class Coverage:
    """How much of a network a state dict fills, and everything that is wrong with it.

    Each kind of problem maps names of tensors to the text after the name in messages.

    Attributes:
        wanted: Number of tensors in the network.
        matched: Number of them that the state dict fills with sound values.
        mismatch: A sentence on the difference, if the networks are of different kinds.
        missing: Tensors that only the network has.
        unexpected: Tensors that only the state dict has.
        wrong_shape: Tensors of another shape.
        wrong_kind: Tensors where only one of the two is real and floating.
        not_finite: Tensors with NaN or infinity, in the dtype of the network.
        negative: Running variances below 0, whose square root is NaN.
        constant: Tensors that were never trained, see :func:`measure_coverage`.
    """

    wanted: int
    matched: int
    mismatch: str | None
    missing: dict[str, str]
    unexpected: dict[str, str]
    wrong_shape: dict[str, str]
    wrong_kind: dict[str, str]
    not_finite: dict[str, str]
    negative: dict[str, str]
    constant: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every tensor matches, none is left over and the networks are of one kind."""
        return self.matched == self.wanted and not self.unexpected and not self.mismatch

    def problems(self) -> dict[str, dict[str, str]]:
        """All kinds of problem, by label."""
        return {label: getattr(self, attribute) for attribute, label in _LABELS.items()}

    def summary(self, max_lines: int = 20) -> str:
        """Describe the problems: the counts, then one line per kind and block.

        A single block, or wrong values alone (a diverged network is NaN everywhere), are one line.

        Args:
            max_lines: Longest summary, at least 3. The last line counts what does not fit.
        """
        problems = self.problems()
        counts = ''.join(f', {len(names)} {kind}' for kind, names in problems.items() if names)
        head = f'{self.matched} of {self.wanted} tensors match{counts}'
        groups = self._groups()
        if groups and not self.mismatch and (len(groups) == 1 or self._only_values):
            found = [item for names in problems.values() for item in names.items()]
            return f'{head}: {_enumerate([printable(name) + text for name, text in found])}'
        lines = [head, *([self.mismatch] if self.mismatch else [])]
        room = max_lines - len(lines)
        shown = [f'  {group}: {_enumerate(texts)}' for group, texts in groups.items()]
        if len(shown) > room:
            rest = sum(map(len, list(groups.values())[room - 1 :]))
            shown[room - 1 :] = [f'  and {rest} more tensors']
        return '\n'.join(lines + shown)

    def fits(self, max_lines: int = 20) -> bool:
        """Whether :meth:`summary` is complete enough to need no record of all problems."""
        if self._only_values and not self.mismatch:
            return True
        groups = self._groups()
        if len(groups) > max_lines - 1 - bool(self.mismatch):
            return False
        return all(len(texts) <= _NAMES_PER_GROUP for texts in groups.values())

    @property
    def _only_values(self) -> bool:
        return not (self.missing or self.unexpected or self.wrong_shape or self.constant)

    def _groups(self) -> dict[str, list[str]]:
        """Texts on tensors, grouped by problem and block: ``layer1.0``, ``conv1``, …."""
        groups: dict[str, list[str]] = {}
        for kind, names in self.problems().items():
            for name, text in names.items():
                parts = name.split('.')
                depth = 2 if len(parts) > 2 else 1
                block = printable('.'.join(parts[:depth]))
                rest = printable('.'.join(parts[depth:]) or name)
                groups.setdefault(f'{kind}: {block}', []).append(rest + text)
        return groups


def measure_coverage(
    state: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    left_over: Collection[str] = (),
    *,
    folded: bool = False,
    mismatch: str | None = None,
) -> Coverage:
    """Compare a state dict with that of the network that it has to fill.

    A floating tensor counts as never trained if it has one value everywhere and is

    * a weight of two or more dimensions, or
    * running statistics. They are 0 and 1 until the first batch, and data never gives all channels
      the same value.

    Other tensors of one dimension may be constant: a fresh or zero-initialised norm layer stays so
    if it is frozen.

    Args:
        state: The weights to check. Not modified.
        target: State dict of the network; only names, shapes and dtypes are used.
        left_over: Names outside the backbone that belong to no known head.
        folded: Whether the network takes norms whose statistics are folded into scale and shift, as
            with ``style='caffe'``. Statistics of 0 and 1 are then sound.
        mismatch: A difference between the networks that shows in no name or shape.
    """
    folded = folded and folded_norms(state)
    problems: dict[str, dict[str, str]] = {kind: {} for kind in _LABELS}
    matched = 0
    for name, wanted in target.items():
        if name not in state:
            problems['missing'][name] = ''
        elif problem := _problem(name, state[name], wanted, folded=folded):
            kind, text = problem
            problems[kind][name] = text
        else:
            matched += 1
    unexpected = [name for name in state if name not in target]
    problems['unexpected'] = dict.fromkeys([*unexpected, *left_over], '')
    return Coverage(len(target), matched, kind_mismatch(state, target) or mismatch, **problems)


def require_complete(coverage: Coverage, subject: str) -> None:
    """Reject anything below 100 %.

    Raises:
        RejectedError: If the coverage is not ok. The message begins with ``subject``, such as
            ``x.pth does not fill ResNet-18``, and has at most 20 lines.
    """
    if not coverage.ok:
        raise RejectedError(f'{subject}: {coverage.summary()}')


def _problem(name: str, found: Tensor, wanted: Tensor, *, folded: bool) -> tuple[str, str] | None:
    """Kind of problem with one tensor, and the text for messages."""
    if found.shape != wanted.shape:
        return 'wrong_shape', f' {tuple(found.shape)} for {tuple(wanted.shape)}'
    if found.is_floating_point() != wanted.is_floating_point() or found.is_complex():
        return 'wrong_kind', f' {found.dtype} for {wanted.dtype}'
    if not torch.isfinite(found.to(wanted.dtype)).all():
        return 'not_finite', ''
    if name.endswith('running_var') and bool((found < 0).any()):
        return 'negative', ''
    if _never_trained(name, found) and not (folded and name.endswith(_STATISTICS)):
        return 'constant', ''
    return None


def _never_trained(name: str, value: Tensor) -> bool:
    statistics = name.endswith(_STATISTICS)
    if not value.is_floating_point() or value.numel() < 2 or (value.ndim < 2 and not statistics):
        return False
    return bool((value == value.flatten()[0]).all())


def _enumerate(texts: list[str]) -> str:
    more = len(texts) - _NAMES_PER_GROUP
    return ', '.join(texts[:_NAMES_PER_GROUP]) + (f' and {more} more' if more > 0 else '')
