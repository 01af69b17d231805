import pytest
import torch

from rm_mm.errors import RejectedError
from rm_mm.transfer.coverage import measure_coverage, require_complete


def test_equal_names_and_shapes_match(weights, backbone_class):
    coverage = measure_coverage(weights, backbone_class().state_dict())
    # ResNet-18: 20 convolutions (1 stem, 16 in blocks, 3 shortcuts) of one tensor, and as many
    # norm layers of five (weight, bias, mean, variance, counter).
    assert coverage.wanted == coverage.matched == 20 * (1 + 5)
    assert coverage.ok
    assert coverage.summary() == '120 of 120 tensors match'


def spoil_missing(weights):
    del weights['layer3.1.bn2.running_mean']


def spoil_unexpected(weights):
    weights['layer1.0.se.weight'] = torch.ones(1)


def spoil_shape(weights):
    weights['layer2.0.conv1.weight'] = torch.randn(16, 9, 3, 3)


def spoil_nan(weights):
    weights['layer4.1.bn1.bias'][3] = float('nan')


def spoil_inf(weights):
    weights['conv1.weight'][0, 0, 0, 0] = float('inf')


def spoil_overflow(weights):
    # 1e300 is finite in float64 and infinite in the float32 that the network is made of.
    weights['conv1.weight'] = torch.full((8, 3, 7, 7), 1e300, dtype=torch.float64)


def spoil_constant(weights):
    weights['layer1.1.conv2.weight'].fill_(0.5)


def spoil_zero(weights):
    weights['layer1.1.conv2.weight'].zero_()


def spoil_fresh_mean(weights):
    weights['bn1.running_mean'].zero_()


def spoil_fresh_variance(weights):
    weights['bn1.running_var'].fill_(1)


def spoil_variance(weights):
    weights['bn1.running_var'][1] = -0.5


def spoil_kind(weights):
    weights['bn1.weight'] = weights['bn1.weight'].long()


def spoil_counter(weights):
    weights['bn1.num_batches_tracked'] = weights['bn1.num_batches_tracked'].float()


@pytest.mark.parametrize(
    ('spoil', 'attribute', 'name', 'matched', 'message'),
    [
        (spoil_missing, 'missing', 'layer3.1.bn2.running_mean', 119, 'missing: layer3.1'),
        (spoil_unexpected, 'unexpected', 'layer1.0.se.weight', 120, 'unexpected: layer1.0'),
        (spoil_shape, 'wrong_shape', 'layer2.0.conv1.weight', 119, r'\(16, 9, 3, 3\) for \(16, 8,'),
        (spoil_nan, 'not_finite', 'layer4.1.bn1.bias', 119, 'not finite: layer4.1'),
        (spoil_inf, 'not_finite', 'conv1.weight', 119, 'not finite: conv1'),
        (spoil_overflow, 'not_finite', 'conv1.weight', 119, 'not finite: conv1'),
        (spoil_constant, 'constant', 'layer1.1.conv2.weight', 119, 'never trained'),
        (spoil_zero, 'constant', 'layer1.1.conv2.weight', 119, 'never trained'),
        (spoil_fresh_mean, 'constant', 'bn1.running_mean', 119, 'never trained'),
        (spoil_fresh_variance, 'constant', 'bn1.running_var', 119, 'never trained'),
        (spoil_variance, 'negative', 'bn1.running_var', 119, 'negative: bn1'),
        (spoil_kind, 'wrong_kind', 'bn1.weight', 119, 'torch.int64 for torch.float32'),
        (spoil_counter, 'wrong_kind', 'bn1.num_batches_tracked', 119, 'float32 for torch.int64'),
    ],
)
def test_each_corruption_is_found_and_rejected(
    weights, backbone_class, spoil, attribute, name, matched, message
):
    spoil(weights)
    coverage = measure_coverage(weights, backbone_class().state_dict())
    kinds = (
        'missing', 'unexpected', 'wrong_shape', 'wrong_kind', 'not_finite', 'negative', 'constant'
    )  # fmt: skip
    assert {kind: list(getattr(coverage, kind)) for kind in kinds if getattr(coverage, kind)} == {
        attribute: [name]
    }
    assert coverage.matched == matched
    with pytest.raises(RejectedError, match=message):
        require_complete(coverage, 'x.pth does not fill ResNet-18')


def test_a_constant_norm_layer_counts_as_trained(weights, backbone_class):
    weights['layer1.0.bn2.weight'].zero_()
    weights['layer1.0.bn2.bias'].zero_()
    assert measure_coverage(weights, backbone_class().state_dict()).ok


def test_a_network_that_was_never_trained_is_found(backbone_class):
    fresh = backbone_class().state_dict()
    # 20 norm layers with fresh statistics, two tensors each; convolutions start random.
    assert len(measure_coverage(fresh, fresh).constant) == 40


def test_half_precision_weights_fit(weights, backbone_class):
    half = {n: v.half() if v.is_floating_point() else v for n, v in weights.items()}
    assert measure_coverage(half, backbone_class().state_dict()).ok


def test_names_outside_the_backbone_are_unexpected(weights, backbone_class):
    coverage = measure_coverage(weights, backbone_class().state_dict(), ['bbox_head.w'])
    assert list(coverage.unexpected) == ['bbox_head.w']
    assert not coverage.ok


def test_summary_groups_and_counts_what_it_cannot_show():
    target = {f'layer{i}.0.conv{j}.weight': torch.ones(1) for i in range(9) for j in range(6)}
    lines = measure_coverage({}, target).summary(max_lines=5).splitlines()
    assert lines == [
        '0 of 54 tensors match, 54 missing',
        '  missing: layer0.0: conv0.weight, conv1.weight, conv2.weight, conv3.weight and 2 more',
        '  missing: layer1.0: conv0.weight, conv1.weight, conv2.weight, conv3.weight and 2 more',
        '  missing: layer2.0: conv0.weight, conv1.weight, conv2.weight, conv3.weight and 2 more',
        '  and 36 more tensors',  # 54 - 3 blocks of 6
    ]


def test_summary_of_hostile_names_is_printable():
    coverage = measure_coverage({'\x1b[2J.x': torch.ones(1), 'a\nb': torch.ones(1)}, {})
    assert all(line.isprintable() for line in coverage.summary().splitlines())
    assert len(coverage.summary().splitlines()) == 3


@pytest.mark.parametrize('deep_found', [True, False])
def test_a_wrong_stem_is_named_both_ways(deep_found):
    plain = {'conv1.weight': torch.randn(8, 3, 7, 7)}
    deep = {'stem.0.weight': torch.randn(4, 3, 3, 3)}
    found, wanted = (deep, plain) if deep_found else (plain, deep)
    with pytest.raises(RejectedError) as caught:
        require_complete(measure_coverage(found, wanted), 'x')
    sentence = next(line for line in str(caught.value).splitlines() if 'weights are of' in line)
    is_, wants = sentence.split('): --config')[0].split('the target is')
    for part, is_deep in ((is_, deep_found), (wants, not deep_found)):
        assert ('deep stem' in part and 'ResNetV1c' in part) == is_deep
        assert ('one 7x7 convolution' in part) != is_deep
