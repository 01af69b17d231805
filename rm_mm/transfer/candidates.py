"""Which backbones a checkpoint holds, found by their structure, and which of them is meant.

A backbone is recognised by the names of its layers, whatever stands before them: ``module.``,
``backbone.``, ``model_ema.module.encoder_q.`` and so on are all read off the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from rm_mm.errors import InputError, printable
from rm_mm.transfer.networks import Network

# What torch.compile, FSDP, activation checkpointing and Lightning's Fabric put into names. No
# network calls a part of itself so, and they go wherever they stand.
_INSIDE_WRAPPERS = frozenset(
    {'_orig_mod', '_forward_module', '_fsdp_wrapped_module', '_checkpoint_wrapped_module'}
)
# What a ResNet-152 has more of such names than a ResNet-18: 50 blocks of 18 to 8 of 12.
_SMALLEST_SHARE = 10
# A plain word too, so it goes only where it is in front of a whole backbone.
_WRAPPER = 'module'

# A ResNet's blocks, as all of torchvision, timm and OpenMMLab name them, and as they come out of
# `nn.Sequential(*resnet.children())`, in which layer1 is number 4.
_LAYOUTS = {
    'named': re.compile(r'(?P<root>(?:.+\.)?)layer[1-4]\.\d+\.(?:conv|bn)[123]\.'),
    'sequential': re.compile(r'(?P<root>(?:.+\.)?)[4-7]\.\d+\.(?:conv|bn)[123]\.'),
}
SEQUENTIAL = {'0.': 'conv1.', '1.': 'bn1.'} | {f'{i + 3}.': f'layer{i}.' for i in (1, 2, 3, 4)}

# What follows another network instead of being trained itself; of DINO's two it is the teacher that
# is evaluated.
_FOLLOWERS = re.compile(r'(^|_)(ema|momentum|target|k|key|averaged|student)(_|$)')


@dataclass(frozen=True)
class Candidate:
    """One backbone in a checkpoint.

    Attributes:
        key: What to call it: where its dict lies, then what stands before its names, without
            wrappers; such as ``state_dict.encoder_q``. Empty if it is the whole file.
        weights: All of the dict that it is in, without the wrappers that may be anywhere.
        root: What stands before its names there; empty, or ends with a dot.
        layout: ``named``, or ``sequential`` if its stages are numbered.
        others: Roots of the other backbones in the same dict.
    """

    key: str
    weights: dict[str, Tensor]
    root: str
    layout: str
    others: tuple[str, ...]


def find_candidates(
    networks: Iterable[Network], shown: str, wanted: Collection[str] = ()
) -> list[Candidate]:
    """Find every backbone in the networks of a checkpoint.

    Args:
        networks: All dicts of tensors of the file.
        shown: What to call the file in a message.
        wanted: Names of the network to fill, to look for these; without, ResNets are looked for.

    Returns:
        At least one: where no backbone is recognised, each network as a whole.

    Raises:
        InputError: If a network holds other things than tensors.
    """
    found: list[Candidate] = []
    whole: list[Candidate] = []
    problem: InputError | None = None
    for network in networks:
        try:
            weights = _without_inside_wrappers(network.weights(shown))
        except InputError as error:
            # One that cannot be read may be the one that is meant.
            if _roots([str(name) for name in network.entries], wanted):
                raise
            problem = problem or error
            continue
        roots = _roots(weights, wanted)
        for root, layout in (roots or {_common_root(weights): 'named'}).items():
            others = tuple(other for other in roots if other != root)
            key = '.'.join(filter(None, [network.key, _plain(root)]))
            (found if roots else whole).append(Candidate(key, weights, root, layout, others))
    if problem and not found:
        raise problem
    return found or whole


def choose(candidates: Sequence[Candidate], key: str | None, shown: str) -> Candidate:
    """The backbone that is meant.

    Args:
        candidates: At least one.
        key: The name of one, or the end or a part of it in whole words; without, the one that is
            trained rather than follows (``encoder_q`` of MoCo, ``model`` beside its average), and
            of DINO's the teacher, as its authors evaluate it.
        shown: What to call the file in a message.

    Raises:
        InputError: If there is none of that name, or several, or nothing tells which is meant.
    """
    listed = ', '.join(printable(name_of(candidate)) for candidate in candidates)
    if key is not None:
        named = [candidate for candidate in candidates if _answers(candidate, key)]
        exact = [candidate for candidate in named if _words(candidate.key) == _words(key)]
        if len(exact or named) != 1:
            found = 'several are' if named else 'none is'
            raise InputError(
                f'--key {printable(key)}: {found} so named in {shown}: expected one of {listed}'
            )
        return (exact or named)[0]
    rank = {id(candidate): _rank(candidate) for candidate in candidates}
    first = min(rank.values())
    best = [candidate for candidate in candidates if rank[id(candidate)] == first]
    if len({candidate.key for candidate in best}) < len(best):
        raise InputError(
            f'two networks in one file: {shown} has {printable(name_of(best[0]))} both with and '
            'without its wrapper; save the one that you mean'
        )
    if len(best) > 1:
        raise InputError(
            f'{shown} holds {len(candidates)} networks, {listed}: say which with --key NAME'
        )
    return best[0]


def name_of(candidate: Candidate) -> str:
    """What to call a candidate in a list."""
    return candidate.key or '(the file itself)'


def _rank(candidate: Candidate) -> int:
    words = _words(candidate.key)
    return sum(1 for word in words if _FOLLOWERS.search(word))


def _words(key: str) -> list[str]:
    return [word for word in key.split('.') if word and word not in {_WRAPPER, *_INSIDE_WRAPPERS}]


def _answers(candidate: Candidate, key: str) -> bool:
    """Whether a key is a run of whole words of the candidate's."""
    own, asked = _words(candidate.key), _words(key)
    return any(
        own[start : start + len(asked)] == asked for start in range(len(own) - len(asked) + 1)
    )


def _plain(root: str) -> str:
    return '.'.join(_words(root))


def _without_inside_wrappers(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = [
        ('.'.join(part for part in name.split('.') if part not in _INSIDE_WRAPPERS), value)
        for name, value in weights.items()
    ]
    unwrapped = dict(renamed)
    if len(unwrapped) < len(weights):
        (twice, _), *_ = Counter(name for name, _ in renamed).most_common(1)
        raise InputError(
            f'two networks in one file: {printable(twice)} is there both with and without its '
            'wrapper; save the one that you mean'
        )
    return unwrapped


def _roots(names: Collection[str], wanted: Collection[str]) -> dict[str, str]:
    """What stands before the names of each backbone, and its layout."""
    votes: dict[str, Counter[str]] = {
        layout: Counter(match['root'] for match in map(pattern.match, names) if match)
        for layout, pattern in _LAYOUTS.items()
    }
    if wanted:
        votes['named'] = Counter(root for name in names for root in _prefixes(name, wanted))
    # Numbers are in the names of other networks too, and a stem's names in those of every block.
    most = {layout: max(found.values(), default=0) for layout, found in votes.items()}
    layout = 'sequential' if most['sequential'] > most['named'] else 'named'
    # A stray module of the same names is no second backbone; a ResNet-18 beside a ResNet-152 is.
    enough = most[layout] / _SMALLEST_SHARE
    return {root: layout for root, count in votes[layout].items() if count >= enough}


def _prefixes(name: str, wanted: Collection[str]) -> list[str]:
    """The part of a name before a wanted one, which may itself be the end of another."""
    parts = name.split('.')
    for start in range(len(parts)):
        if '.'.join(parts[start:]) in wanted:
            return ['.'.join([*parts[:start], ''])]
    return []


def _common_root(weights: dict[str, Tensor]) -> str:
    """Where no backbone is recognised: ``backbone.`` if there is one, behind what wraps all."""
    root = ''
    while weights and all(name.startswith(f'{root}{_WRAPPER}.') for name in weights):
        root += f'{_WRAPPER}.'
    inside = f'{root}backbone.'
    return inside if any(name.startswith(inside) for name in weights) else root
