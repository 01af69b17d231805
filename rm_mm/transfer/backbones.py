"""The backbones in a checkpoint: find them, choose one and take it out.

A backbone is recognised by the names of its layers. Whatever precedes these names (``module.``,
``backbone.``, ``model_ema.module.encoder_q.``) is read from the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rm_mm.errors import InputError, printable
from rm_mm.transfer.checkpoint import Network

# Inserted into names by torch.compile, FSDP, activation checkpointing and Lightning's Fabric. No
# network has parts with these names, so they are removed anywhere.
_INNER_WRAPPERS = frozenset(
    {'_orig_mod', '_forward_module', '_fsdp_wrapped_module', '_checkpoint_wrapped_module'}
)
# Also an ordinary word, so it is only removed in front of a whole backbone.
_OUTER_WRAPPER = 'module'
# A ResNet-152 has about ten times the matching names of a ResNet-18: 50 blocks of 18 names, not 8
# blocks of 12.
_SMALLEST_SHARE = 10

# Names in a ResNet's blocks: as torchvision, timm and OpenMMLab have them, and as they come out of
# `nn.Sequential(*resnet.children())`, where layer1 is number 4.
_LAYOUTS = {
    'named': re.compile(r'(?P<root>(?:.+\.)?)layer[1-4]\.\d+\.(?:conv|bn)[123]\.'),
    'sequential': re.compile(r'(?P<root>(?:.+\.)?)[4-7]\.\d+\.(?:conv|bn)[123]\.'),
}
_SEQUENTIAL_LAYERS = {
    '0': 'conv1', '1': 'bn1', '4': 'layer1', '5': 'layer2', '6': 'layer3', '7': 'layer4'
}  # fmt: skip

# Networks that follow another one instead of being trained. DINO evaluates its teacher, so there it
# is the student that counts as one.
_FOLLOWERS = re.compile(r'(^|_)(ema|momentum|target|k|key|averaged|student)(_|$)')

# First names of parts that may be dropped: classifiers (including RecursiveMix's `fc_roi`), heads,
# necks and queues of self-supervised methods, losses and metrics of training scripts, the mean and
# standard deviation of a data preprocessor, and the step counters of averages.
_HEAD = re.compile(
    r'((momentum|online|target|student|teacher|ema)_)?'
    r'(fc|fc_roi|heads?|head_dist|neck|classifier|linear|projection(_head)?|projector|predictor'
    r'|prototypes\d*|data_preprocessor|criterion|loss|loss_fn|metrics?|center|n_averaged|steps)'
    r'|queue\d*|queue_\w+|(train|val|test)_(acc\w*|loss|metrics?|top\d)'
)
# Dropped only next to a backbone, because inside one they belong to it. Barlow Twins has a last
# norm layer there.
_HEAD_BESIDE = re.compile(r'bn|mlp')
_PROJECTORS = {'projector', 'projection', 'projection_head', 'predictor'}


@dataclass(frozen=True)
class Candidate:
    """One backbone in a checkpoint.

    Attributes:
        key: Name for users, without wrappers: the path of its dict, then the prefix of its names,
            such as ``state_dict.encoder_q``. Empty if the backbone is the whole file.
        weights: All tensors of its dict, without the inner wrappers in their names.
        root: Prefix of its names in ``weights``; empty, or ends with a dot.
        layout: ``named``, or ``sequential`` if its stages are numbered.
        others: Prefixes of the other backbones in the same dict.
    """

    key: str
    weights: dict[str, Tensor]
    root: str
    layout: str
    others: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name in lists of candidates."""
        return self.key or '(the file itself)'


@dataclass(frozen=True)
class FoundBackbone:
    """A backbone taken out of a checkpoint, and the rest of its network.

    Attributes:
        state_dict: Weights of the backbone, without prefixes. Shares the tensors of its source.
        source_format: Naming scheme of the source: ``recursivemix`` (the authors' ``fc_roi``),
            ``dino``, ``moco``, ``byol``, ``swav``, ``barlow-twins``, ``projector`` (a backbone with
            a projector: SimCLR, VICReg and others), ``mmengine`` (``backbone.*``), ``timm`` (a deep
            stem ``conv1.0``), ``torchvision`` (``fc.*``; timm's plain ResNets have the same names)
            or ``backbone`` (no head at all).
        heads: Known heads, which are dropped, without the backbone's prefix.
        left_over: Names outside the backbone that belong to no known head.
        completed: Names that :func:`take_backbone` added.
    """

    state_dict: dict[str, Tensor]
    source_format: str
    heads: dict[str, Tensor]
    left_over: tuple[str, ...]
    completed: tuple[str, ...]


def find_candidates(
    networks: Iterable[Network], shown: str, wanted: Collection[str] = ()
) -> list[Candidate]:
    """Find every backbone in the networks of a checkpoint.

    Args:
        networks: All dicts of tensors in the file.
        shown: The file, as messages name it.
        wanted: Names of the network to search for; by default, those of any ResNet.

    Returns:
        At least one candidate; if no backbone is recognised, each whole network.

    Raises:
        InputError: If a network holds other things than tensors.
    """
    found: list[Candidate] = []
    whole: list[Candidate] = []
    problem: InputError | None = None
    for network in networks:
        try:
            weights = _without_inner_wrappers(network.weights(shown))
        except InputError as error:
            # A broken backbone must not be skipped in favour of another one.
            if _roots([str(name) for name in network.entries], wanted):
                raise
            problem = problem or error
            continue
        roots = _roots(weights, wanted)
        for root, layout in (roots or {_common_root(weights): 'named'}).items():
            others = tuple(other for other in roots if other != root)
            key = '.'.join(filter(None, [network.key, *_words(root)]))
            (found if roots else whole).append(Candidate(key, weights, root, layout, others))
    if problem and not found:
        raise problem
    return found or whole


def choose_candidate(candidates: Sequence[Candidate], key: str | None, shown: str) -> Candidate:
    """Choose the backbone to export.

    Args:
        candidates: At least one.
        key: Key of a candidate, or any run of whole words in it. By default, the network that is
            trained rather than one that follows it: MoCo's ``encoder_q``, or ``model`` rather than
            its average. For DINO it is the teacher, which its authors evaluate.
        shown: The file, as messages name it.

    Raises:
        InputError: If no candidate or several match the key, or the choice is ambiguous.
    """
    listed = ', '.join(printable(candidate.label) for candidate in candidates)
    if key is not None:
        named = [each for each in candidates if _dotted(key) in _dotted(each.key)]
        exact = [each for each in named if _dotted(key) == _dotted(each.key)]
        if len(exact or named) != 1:
            found = 'several networks match' if named else 'no network matches'
            raise InputError(
                f'--key {printable(key)}: {found} in {shown}: expected one of {listed}'
            )
        return (exact or named)[0]
    ranks = [len([w for w in _words(each.key) if _FOLLOWERS.search(w)]) for each in candidates]
    best = [each for each, rank in zip(candidates, ranks, strict=True) if rank == min(ranks)]
    if len({candidate.key for candidate in best}) < len(best):
        raise _same_name_twice(shown, best[0].label)
    if len(best) > 1:
        raise InputError(
            f'{shown} holds {len(candidates)} networks, {listed}: choose one with --key NAME'
        )
    return best[0]


def take_backbone(candidate: Candidate, wanted: Collection[str] = ()) -> FoundBackbone:
    """Take a backbone out of its network, and set known heads and other networks aside.

    PyTorch before 0.4.1 wrote no ``num_batches_tracked``, and some published weights still lack it.
    If a backbone has none at all, the counters are added as 0, as PyTorch does when it loads such a
    file. They do not affect the output of the network.

    Args:
        candidate: The backbone to take.
        wanted: Names of the network to fill, none of which counts as a head.

    Raises:
        InputError: If only heads are found.
    """
    root = candidate.root
    backbone: dict[str, Tensor] = {}
    heads: dict[str, Tensor] = {}
    left_over: list[str] = []
    for name, value in candidate.weights.items():
        if _belongs_to_another(name, candidate):
            continue
        if name.startswith(root):
            inner = name.removeprefix(root)
            if inner not in wanted and _HEAD.fullmatch(inner.split('.')[0]):
                heads[inner] = value
            else:
                backbone[_layer_name(inner, candidate.layout)] = value
            continue
        first = name[len(_shared_prefix(name, root)) :].split('.')[0]
        if _HEAD.fullmatch(first) or _HEAD_BESIDE.fullmatch(first):
            heads[_without_outer_wrapper(name)] = value
        else:
            left_over.append(_without_outer_wrapper(name))
    if not backbone:
        parts = ', '.join(sorted({printable(name.split('.')[0]) for name in heads}))
        raise InputError(
            f'no backbone found: all keys belong to {parts}; expected `backbone.*`, or the bare '
            'names of a network'
        )
    completed = _add_counters(backbone)
    source_format = _source_format(candidate, heads)
    return FoundBackbone(backbone, source_format, heads, tuple(left_over), completed)


def _roots(names: Collection[str], wanted: Collection[str]) -> dict[str, str]:
    """Prefix of each backbone's names, and its layout."""
    votes: dict[str, Counter[str]] = {}
    for layout, pattern in _LAYOUTS.items():
        votes[layout] = Counter(found['root'] for found in map(pattern.match, names) if found)
    if wanted:
        prefixes = (_prefix_of_wanted(name, wanted) for name in names)
        votes['named'] = Counter(prefix for prefix in prefixes if prefix is not None)
    # Other networks have numbers in their names too, and every block may have the names of a stem.
    most = {layout: max(counts.values(), default=0) for layout, counts in votes.items()}
    layout = 'sequential' if most['sequential'] > most['named'] else 'named'
    # A stray module with matching names is no second backbone; a ResNet-18 next to a ResNet-152 is.
    enough = most[layout] / _SMALLEST_SHARE
    return {root: layout for root, count in votes[layout].items() if count >= enough}


def _prefix_of_wanted(name: str, wanted: Collection[str]) -> str | None:
    """Part of a name before the longest wanted name that it ends with."""
    parts = name.split('.')
    for start in range(len(parts)):
        if '.'.join(parts[start:]) in wanted:
            return '.'.join([*parts[:start], ''])
    return None


def _common_root(weights: Mapping[str, Tensor]) -> str:
    """The prefix to assume if no backbone is recognised: wrappers, then ``backbone.`` if any."""
    root = ''
    while weights and all(name.startswith(f'{root}{_OUTER_WRAPPER}.') for name in weights):
        root += f'{_OUTER_WRAPPER}.'
    inside = f'{root}backbone.'
    return inside if any(name.startswith(inside) for name in weights) else root


def _without_inner_wrappers(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    unwrapped: dict[str, Tensor] = {}
    for wrapped, value in weights.items():
        name = '.'.join(part for part in wrapped.split('.') if part not in _INNER_WRAPPERS)
        if name in unwrapped:
            raise _same_name_twice('the checkpoint', name)
        unwrapped[name] = value
    return unwrapped


def _same_name_twice(shown: str, name: str) -> InputError:
    return InputError(
        f'two networks in one file: {shown} has {printable(name)} both with and without its '
        'wrapper; save only the one you need'
    )


def _words(key: str) -> list[str]:
    return [word for word in key.split('.') if word not in {'', _OUTER_WRAPPER, *_INNER_WRAPPERS}]


def _dotted(key: str) -> str:
    """The words of a key, each between dots, so that runs of whole words are substrings."""
    return ''.join(['.', *(f'{word}.' for word in _words(key))])


def _layer_name(name: str, layout: str) -> str:
    """Name of a layer that ``nn.Sequential`` may have numbered."""
    first, dot, rest = name.partition('.')
    return (_SEQUENTIAL_LAYERS.get(first, first) if layout == 'sequential' else first) + dot + rest


def _without_outer_wrapper(name: str) -> str:
    return re.sub(rf'^({_OUTER_WRAPPER}\.)+', '', name)


def _shared_prefix(name: str, root: str) -> str:
    """Whole words, with their dots, that a name and a root both begin with."""
    shared = ''
    for part in root.split('.')[:-1]:
        if not name.startswith(f'{shared}{part}.'):
            break
        shared += f'{part}.'
    return shared


def _belongs_to_another(name: str, candidate: Candidate) -> bool:
    """Whether a name has more in common with another backbone of the dict than with this one."""
    root = candidate.root
    own = len(_shared_prefix(name, root))
    return any(
        len(_shared_prefix(name, other)) > own
        # One network's prefix may extend another's: `conv1.…` next to `ema.conv1.…`.
        or (root.startswith(other) and not name.startswith(root) and name.startswith(other))
        for other in candidate.others
    )


def _source_format(candidate: Candidate, heads: Mapping[str, Tensor]) -> str:
    """Recognise the naming scheme of a network, see :class:`FoundBackbone`."""
    roots = [candidate.root, *candidate.others, candidate.key]
    words = {word for root in roots for word in root.split('.')}
    head_words = {word for name in heads for word in name.split('.')}
    if 'fc_roi' in head_words:
        return 'recursivemix'
    if words & {'teacher', 'student'}:
        return 'dino'
    if words & {'encoder_q', 'encoder_k', 'base_encoder', 'momentum_encoder'}:
        return 'moco'
    if any(word.startswith(('online', 'target')) for word in words):
        return 'byol'
    if 'prototypes' in head_words:
        return 'swav'
    if 'projector' in head_words and 'bn' in head_words:
        return 'barlow-twins'
    if {name.split('.')[0] for name in heads} & _PROJECTORS:
        return 'projector'
    if 'backbone' in words:
        return 'mmengine'
    if any(name.startswith(f'{candidate.root}conv1.0.') for name in candidate.weights):
        return 'timm'
    return 'torchvision' if 'fc' in head_words else 'backbone'


def _add_counters(backbone: dict[str, Tensor]) -> tuple[str, ...]:
    """Add the norm counters to a backbone that has none, in place; return their names."""
    if any(name.endswith('num_batches_tracked') for name in backbone):
        return ()
    norms = [name.removesuffix('running_var') for name in backbone if name.endswith('running_var')]
    counters = {f'{norm}num_batches_tracked': torch.zeros((), dtype=torch.int64) for norm in norms}
    backbone.update(counters)
    return tuple(counters)
