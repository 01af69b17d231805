import pytest
import torch

from rm_mm.errors import InputError
from rm_mm.transfer.backbones import choose_candidate, find_candidates, take_backbone
from rm_mm.transfer.checkpoint import Network, find_networks

ONE = torch.ones(1)
BLOCK = 'layer1.0.conv1.weight'


def state(*names):
    return dict.fromkeys(names, ONE)


def find_backbone(weights, wanted=()):
    networks = [Network('', weights)]
    return take_backbone(
        choose_candidate(find_candidates(networks, 'x', wanted), None, 'x'), wanted
    )


@pytest.mark.parametrize(
    ('names', 'backbone', 'source_format', 'dropped'),
    [
        (
            ('data_preprocessor.mean', 'backbone.conv1.weight', 'neck.w', 'head.fc.weight'),
            ['conv1.weight'],
            'mmengine',
            ['data_preprocessor.mean', 'neck.w', 'head.fc.weight'],
        ),
        (
            ('module.conv1.weight', 'module.fc.weight', 'module.fc_roi.bias'),
            ['conv1.weight'],
            'recursivemix',
            ['fc.weight', 'fc_roi.bias'],
        ),
        (('conv1.weight', 'fc.bias'), ['conv1.weight'], 'torchvision', ['fc.bias']),
        (('conv1.weight', 'bn1.bias'), ['conv1.weight', 'bn1.bias'], 'backbone', []),
        (('module._orig_mod.module.conv1.weight',), ['conv1.weight'], 'backbone', []),
        ((f'_orig_mod.backbone.module.{BLOCK}',), [BLOCK], 'mmengine', []),
        ((f'backbone._orig_mod.{BLOCK}', 'head.w'), [BLOCK], 'mmengine', ['head.w']),
        ((f'net.{BLOCK}', 'net.conv1.0.weight'), [BLOCK, 'conv1.0.weight'], 'timm', []),
    ],
)
def test_the_backbone_is_found_by_structure(names, backbone, source_format, dropped):
    found = find_backbone(state(*names))
    assert list(found.state_dict) == backbone
    assert found.source_format == source_format
    assert list(found.heads) == dropped
    assert found.left_over == ()


def test_names_of_neither_backbone_nor_known_head_are_left_over():
    found = find_backbone(state('backbone.conv1.weight', 'bbox_head.cls.weight', 'head.w'))
    assert found.left_over == ('bbox_head.cls.weight',)


def test_a_name_that_only_starts_like_a_head_is_kept():
    names = ['fcn.weight', 'headroom.w', 'neckline.w', 'queued.w', 'bn.weight']
    assert list(find_backbone(state(*names)).state_dict) == names


def test_a_name_of_the_network_itself_is_no_head():
    names = ['features.0.weight', 'classifier.0.weight']
    assert list(find_backbone(state(*names), wanted=names).state_dict) == names
    found = find_backbone(state(*names), wanted=names[:1])
    assert (list(found.state_dict), list(found.heads)) == (names[:1], names[1:])


def test_module_is_a_wrapper_only_if_all_names_have_it():
    names = ['module.conv1.weight', 'conv2.weight']
    assert list(find_backbone(state(*names)).state_dict) == names


def test_two_networks_with_the_same_names_are_rejected():
    with pytest.raises(InputError, match=r'two networks in one file: .* conv1\.weight both'):
        find_backbone(state('conv1.weight', '_orig_mod.conv1.weight'))


def test_heads_alone_are_no_backbone():
    with pytest.raises(InputError, match='all keys belong to fc, head'):
        find_backbone(state('head.w', 'fc.w'))


def test_counters_are_added_only_if_a_file_has_none_at_all():
    found = find_backbone(state('bn1.running_var', 'layer1.0.bn1.running_var'))
    assert found.completed == ('bn1.num_batches_tracked', 'layer1.0.bn1.num_batches_tracked')
    assert found.state_dict['bn1.num_batches_tracked'].item() == 0

    some = state('bn1.running_var', 'bn2.running_var', 'bn1.num_batches_tracked')
    assert find_backbone(some).completed == ()
    assert 'bn2.num_batches_tracked' not in find_backbone(some).state_dict


def test_networks_are_found_at_any_depth_but_not_in_optimisers():
    weights = state('a.weight', 'b.weight')
    content = {
        'best': torch.tensor(3.0),
        'outer': {'inner': {'weights': weights}},
        'optimizer': {'state': dict(weights)},
        'optimizer_state_dict': dict(weights),
        'dino_loss': dict(weights),
        'callbacks': {'EMA': dict(weights)},
    }
    (network,) = find_networks(content, 'x')
    assert (network.key, network.entries) == ('outer.inner.weights', weights)


def test_state_dict_comes_first_and_recursion_ends():
    content = {'other': state('a.weight'), 'state_dict': state('b.weight')}
    content['self'] = content
    assert [network.key for network in find_networks(content, 'x')] == ['state_dict', 'other']


def test_a_tensor_that_declares_more_elements_than_it_has_is_rejected():
    declared = torch.zeros(1).expand(10**12)
    with pytest.raises(InputError, match=r'found a\.weight of type Tensor'):
        find_backbone({'a.weight': declared})
