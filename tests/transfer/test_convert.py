import pytest
import torch

from rm_mm.errors import InputError
from rm_mm.transfer.convert import find_backbone

ONE = torch.ones(1)


def state(*names):
    return dict.fromkeys(names, ONE)


@pytest.mark.parametrize(
    ('names', 'backbone', 'source_format', 'dropped'),
    [
        (
            ('data_preprocessor.mean', 'backbone.conv1.weight', 'neck.w', 'head.fc.weight'),
            ['conv1.weight'],
            'mmengine',
            ('data_preprocessor.mean', 'neck.w', 'head.fc.weight'),
        ),
        (
            ('module.conv1.weight', 'module.fc.weight', 'module.fc_roi.bias'),
            ['conv1.weight'],
            'recursivemix',
            ('fc.weight', 'fc_roi.bias'),
        ),
        (('conv1.weight', 'fc.bias'), ['conv1.weight'], 'torchvision', ('fc.bias',)),
        (('conv1.weight', 'bn1.bias'), ['conv1.weight', 'bn1.bias'], 'backbone', ()),
        (('module._orig_mod.module.conv1.weight',), ['conv1.weight'], 'backbone', ()),
        (('_orig_mod.backbone.module.conv1.weight',), ['conv1.weight'], 'mmengine', ()),
        (('backbone._orig_mod.layer1.0.w', 'head.w'), ['layer1.0.w'], 'mmengine', ('head.w',)),
    ],
)
def test_finds_the_backbone_by_structure(names, backbone, source_format, dropped):
    found = find_backbone(state(*names))
    assert list(found.state_dict) == backbone
    assert found.source_format == source_format
    assert found.dropped == dropped
    assert found.left_over == ()


def test_what_is_neither_backbone_nor_known_head_is_reported():
    found = find_backbone(state('backbone.conv1.weight', 'bbox_head.cls.weight', 'head.w'))
    assert found.left_over == ('bbox_head.cls.weight',)


def test_a_name_that_only_starts_like_a_head_stays():
    assert list(find_backbone(state('fcn.weight', 'headroom.w')).state_dict) == [
        'fcn.weight',
        'headroom.w',
    ]


def test_module_is_a_wrapper_only_around_the_whole():
    names = ['module.conv1.weight', 'conv2.weight']
    assert list(find_backbone(state(*names)).state_dict) == names


def test_two_networks_under_one_name_are_refused():
    with pytest.raises(InputError, match=r'two networks in one file: conv1\.weight'):
        find_backbone(state('conv1.weight', '_orig_mod.conv1.weight'))


def test_heads_alone_are_no_backbone():
    with pytest.raises(InputError, match='all keys belong to fc, head'):
        find_backbone(state('head.w', 'fc.w'))


def test_counters_are_added_only_where_a_file_has_none_at_all():
    found = find_backbone(state('bn1.running_var', 'layer1.0.bn1.running_var'))
    assert found.completed == ('bn1.num_batches_tracked', 'layer1.0.bn1.num_batches_tracked')
    assert found.state_dict['bn1.num_batches_tracked'].item() == 0

    some = state('bn1.running_var', 'bn2.running_var', 'bn1.num_batches_tracked')
    assert find_backbone(some).completed == ()
    assert 'bn2.num_batches_tracked' not in find_backbone(some).state_dict
