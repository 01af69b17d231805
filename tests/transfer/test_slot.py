from pathlib import Path

import pytest
from mmengine.config import Config

from rm_mm.compat import configs_root
from rm_mm.errors import InputError
from rm_mm.transfer.slot import MEAN, STD, empty, fill

BACKBONE = Path('backbone.pth')


def custom(**changes):
    """A custom detector: torchvision's weights, a custom hook and a custom import."""
    values = dict(
        default_scope='mmdet',
        model=dict(
            type='RetinaNet',
            data_preprocessor=dict(mean=list(MEAN), std=list(STD), bgr_to_rgb=True),
            backbone=dict(
                type='ResNet',
                frozen_stages=1,
                norm_eval=True,
                init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50', prefix='x'),
            ),
        ),
        custom_hooks=[dict(type='MyHook')],
        custom_imports=dict(imports=['mine'], allow_failed_imports=False),
    )
    config = Config(values)
    config.merge_from_dict(changes)
    return config


def test_only_the_backbone_of_a_config_is_replaced():
    config, before = custom(), custom()
    fill(config, BACKBONE, 'custom.py')
    # Nothing is left of what was there.
    assert config.model.backbone.init_cfg == dict(
        type='VerifiedBackbone', checkpoint='backbone.pth'
    )
    assert config.custom_hooks == [dict(type='MyHook'), dict(type='VerifiedBackboneHook')]
    assert config.custom_imports == dict(imports=['mine', 'rm_mm'], allow_failed_imports=False)
    assert config.model.backbone.frozen_stages == 1
    assert config.model.data_preprocessor == before.model.data_preprocessor
    again = Config(config.to_dict())
    fill(again, BACKBONE, 'custom.py')
    assert again.to_dict() == config.to_dict()


def test_older_options_for_weights_are_cleared():
    config = custom(**{'model.pretrained': 'open-mmlab://x', 'model.backbone.pretrained': 'y'})
    fill(config, BACKBONE, 'custom.py')
    assert config.model.pretrained is None
    assert 'pretrained' not in config.model.backbone


def test_the_configs_here_are_filled_like_any_other():
    for name in ('detection/gfl_r50_coco.py', 'segmentation/pspnet_r50_ade20k.py'):
        leaf, filled = (Config.fromfile(configs_root() / name) for _ in range(2))
        fill(filled, Path('work_dirs/r50_rm_in1k/backbone.pth'), name)
        assert filled.model.backbone == leaf.model.backbone
        assert filled.custom_hooks == leaf.custom_hooks


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'load_from': 'coco.pth'}, "load_from = 'coco.pth'"),
        ({'model.backbone.style': 'caffe'}, "style='caffe'"),
        ({'model.backbone.conv_cfg': dict(type='ConvWS')}, 'ConvWS'),
        ({'model.backbone.norm_cfg': dict(type='BN', eps=0.1)}, "'eps': 0.1"),
        ({'model.init_cfg': dict(type='Pretrained', checkpoint='x')}, 'model.init_cfg'),
        ({'model.data_preprocessor.bgr_to_rgb': False}, 'in BGR'),
        ({'model.data_preprocessor.std': [1.0, 1.0, 1.0]}, r'std \(1.0, 1.0, 1.0\)'),
        ({'model.data_preprocessor': None}, r'mean \(\)'),
        ({'model.backbone': None}, 'no model.backbone'),
    ],
)
def test_configs_of_another_network_than_the_pretrained_one_are_rejected(changes, words):
    config = custom(**changes)
    with pytest.raises(InputError, match=words) as error:
        fill(config, BACKBONE, 'custom.py')
    assert str(error.value).startswith('custom.py ')


def test_without_pretraining_nothing_is_frozen():
    config = custom()
    empty(config, 'custom.py')
    backbone = config.model.backbone
    assert (backbone.init_cfg, backbone.frozen_stages, backbone.norm_eval) == (None, -1, False)
    # By default, mmdetection's ResNet keeps its norm statistics.
    silent = Config(dict(model=dict(backbone=dict(type='ResNet', depth=50))))
    empty(silent, 'custom.py')
    assert silent.model.backbone.norm_eval is False
    other = Config(dict(model=dict(backbone=dict(type='SwinTransformer'))))
    empty(other, 'custom.py')
    assert 'norm_eval' not in other.model.backbone
    for change in ({'load_from': 'x'}, {'model.init_cfg': dict(type='Pretrained', checkpoint='x')}):
        with pytest.raises(InputError, match='would replace the backbone'):
            empty(custom(**change), 'custom.py')
