"""What a file tells about the images that its network was trained on."""

import pytest
import torch

from rm_mm.errors import InputError, RejectedError
from rm_mm.transfer.export import export
from rm_mm.transfer.inputs import Inputs, inputs_mismatch, inputs_of_config, inputs_of_weights

RGB_MEAN, BGR_MEAN = [123.675, 116.28, 103.53], [103.53, 116.28, 123.675]


def config_text(preprocessor='', backbone='', older=''):
    return (
        'import os\n'
        "work_dir = os.path.join('a', 'b')\n"
        f"model = dict(type='X', data_preprocessor=dict({preprocessor}), "
        f"backbone=dict(type='ResNet', depth=18, {backbone}))\n"
        f'img_norm_cfg = dict({older})\n'
    )


@pytest.mark.parametrize(
    ('text', 'colors', 'style'),
    [
        ('', None, None),
        ('model = dict(backbone=', None, None),
        (config_text(f'mean={RGB_MEAN}, bgr_to_rgb=True'), 'RGB', 'pytorch'),
        (config_text(f'mean={BGR_MEAN}, bgr_to_rgb=False', "style='caffe'"), 'BGR', 'caffe'),
        (config_text(f'mean={RGB_MEAN}, bgr_to_rgb=False'), 'BGR', 'pytorch'),
        (config_text(f'mean={RGB_MEAN}, to_rgb=True'), 'RGB', 'pytorch'),
        # CIFAR's arrays are RGB from the start.
        (config_text('mean=[125.3, 123.0, 113.9], to_rgb=False'), 'RGB', 'pytorch'),
        (config_text(f'mean={BGR_MEAN}'), 'BGR', 'pytorch'),
        (config_text('mean=[0, 0, 0]'), None, 'pytorch'),
        (config_text(older=f'mean={BGR_MEAN}, std=[1, 1, 1], to_rgb=False'), 'BGR', 'pytorch'),
        (config_text(older=f'mean={RGB_MEAN}, to_rgb=True'), 'RGB', 'pytorch'),
        ('model = dict(backbone=dict(type=[1, 2]), data_preprocessor=__import__)', None, None),
        ('model = 3\nimg_norm_cfg = dict(mean=None)', None, None),
    ],
)
def test_the_config_in_a_checkpoint_is_read_and_not_run(text, colors, style, weights):
    found = inputs_of_weights(text, {}, weights)
    assert (found.colors, found.style) == (colors, style)


def test_a_config_text_cannot_do_anything(tmp_path, weights):
    victim = tmp_path / 'victim'
    text = f"model = dict(backbone=open({str(victim)!r}, 'w'))\nopen({str(victim)!r}, 'w')\n"
    inputs_of_weights(text, {}, weights)
    assert not victim.exists()


@pytest.mark.parametrize(('mean', 'colors'), [(RGB_MEAN, 'RGB'), (BGR_MEAN, 'BGR')])
def test_the_mean_of_a_data_preprocessor_gives_the_colour_order(mean, colors, weights):
    heads = {'data_preprocessor.mean': torch.tensor(mean).view(3, 1, 1)}
    assert inputs_of_weights('', heads, weights).colors == colors


def test_only_what_is_known_of_both_is_compared():
    known, unknown = Inputs('BGR', 'caffe', 'x'), Inputs()
    assert inputs_mismatch(unknown, known) is None
    assert inputs_mismatch(known, unknown) is None
    assert inputs_mismatch(known, known) is None
    assert "style='caffe'" in inputs_mismatch(known, Inputs('RGB', 'pytorch'))
    assert 'trained on BGR images (x)' in inputs_mismatch(known, Inputs('RGB', 'caffe'))


def mmengine(weights, text):
    state = {f'backbone.{name}': value for name, value in weights.items()}
    return {'meta': {'epoch': 1, 'cfg': text}, 'state_dict': state}


def test_bgr_weights_only_fill_a_bgr_network(tmp_path, save, weights):
    text = config_text(f'mean={BGR_MEAN}, std=[1, 1, 1], bgr_to_rgb=False')
    source = save(mmengine(weights, text))
    with pytest.raises(RejectedError, match=r'trained on BGR images.*is fed RGB.*bgr_to_rgb=False'):
        export(source, tmp_path / 'b.pth')
    path = tmp_path / 'config.py'
    path.write_text(
        "default_scope = 'mmdet'\n"
        f'model = dict(data_preprocessor=dict(mean={BGR_MEAN}, bgr_to_rgb=False), '
        "backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8))"
    )
    manifest = export(source, tmp_path / 'b.pth', config=path)
    assert manifest.inputs['colors'] == 'BGR'


def test_torchvision_weights_fill_neither_caffe_style_nor_bgr(tmp_path, save, weights):
    path = tmp_path / 'config.py'
    backbone = "type='ResNet', depth=18, stem_channels=8, base_channels=8"
    text = "default_scope = 'mmdet'\nmodel = dict(backbone=dict({}), data_preprocessor=dict({}))\n"
    path.write_text(text.format(f"{backbone}, style='caffe'", ''))
    with pytest.raises(RejectedError, match=r"of style='pytorch' \(as of torchvision.*'caffe'"):
        export(save(weights), tmp_path / 'b.pth', config=path)
    path.write_text(text.format(backbone, f'mean={BGR_MEAN}, bgr_to_rgb=False'))
    with pytest.raises(RejectedError, match=r'trained on RGB images.*is fed BGR'):
        export(save(weights), tmp_path / 'b.pth', config=path)


def test_an_export_that_is_exported_again_keeps_its_inputs(tmp_path, save, weights):
    text = config_text(f'mean={BGR_MEAN}, std=[1, 1, 1], bgr_to_rgb=False')
    path = tmp_path / 'config.py'
    path.write_text(
        "default_scope = 'mmdet'\n"
        "model = dict(backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8))"
    )
    first = export(save(mmengine(weights, text)), tmp_path / 'a.pth', config=path)
    assert first.inputs['colors'] == 'BGR'
    with pytest.raises(RejectedError, match='trained on BGR images'):
        export(tmp_path / 'a.pth', tmp_path / 'b.pth')
    again = export(tmp_path / 'a.pth', tmp_path / 'b.pth', config=path)
    assert again.inputs == first.inputs
    assert (tmp_path / 'a.pth').read_bytes() == (tmp_path / 'b.pth').read_bytes()


def test_an_rgb_checkpoint_is_recorded_as_rgb(tmp_path, save, weights):
    source = save(mmengine(weights, config_text(f'mean={RGB_MEAN}, to_rgb=True')))
    inputs = export(source, tmp_path / 'b.pth').inputs
    assert inputs == {'colors': 'RGB', 'style': 'pytorch', 'because': 'its config says so'}


@pytest.mark.parametrize(
    ('config', 'colors'),
    [({'data_preprocessor': {'mean': RGB_MEAN, 'to_rgb': True}}, 'RGB'), ({'model': None}, None)],
)
def test_a_config_may_have_its_preprocessor_at_the_top(config, colors):
    assert inputs_of_config(config).colors == colors


def test_a_downstream_config_has_to_suit_a_caffe_backbone(tmp_path, save, weights):
    from mmengine.config import Config

    from rm_mm.transfer.slot import fill
    from tests.transfer.test_resnets import config, fold

    caffe = config(tmp_path, 'mmdet', 'ResNet', ", style='caffe'")
    export(save(fold(weights)), tmp_path / 'b.pth', config=caffe)
    model = {
        'data_preprocessor': {'mean': RGB_MEAN, 'std': [58.395, 57.12, 57.375], 'bgr_to_rgb': True},
        'backbone': {'type': 'ResNet', 'depth': 18},
    }
    with pytest.raises(InputError, match=r"own.py does not suit .*b\.pth.*style='caffe'"):
        fill(Config({'model': model}), tmp_path / 'b.pth', 'own.py')
    model['backbone']['style'] = 'caffe'
    model['data_preprocessor'] = {'mean': BGR_MEAN, 'std': [1, 1, 1], 'bgr_to_rgb': False}
    filled = Config({'model': model})
    fill(filled, tmp_path / 'b.pth', 'own.py')
    assert filled.model.backbone.init_cfg.type == 'VerifiedBackbone'
