"""Decoding compared with Pillow, rejected files, and crops compared with mmpretrain."""

import io
import pickle

import cv2
import numpy as np
import pytest
from mmpretrain.datasets.transforms import RandomResizedCrop
from PIL import Image
from torchvision.datasets.folder import pil_loader

from rm_mm.data import loading
from rm_mm.data.loading import (
    AntialiasedRandomResizedCrop,
    LoadRandomResizedCrop,
    LoadRGBImage,
    resample,
)
from tests.pretrain.images import photo


def jpeg(seed=0, **options):
    file = io.BytesIO()
    Image.fromarray(photo(60, 90, seed)).save(file, 'JPEG', **options)
    return file.getvalue()


def load(path, data):
    path.write_bytes(data)
    return LoadRGBImage()(dict(img_path=str(path)))


@pytest.mark.parametrize(
    'options',
    [
        dict(quality=30),
        dict(subsampling=0),
        dict(progressive=True),
        dict(optimize=True, quality=95),
    ],
)
def test_levels_equal_those_of_pillow(options, tmp_path):
    found = load(tmp_path / 'a.JPEG', jpeg(**options))
    expected = np.array(pil_loader(str(tmp_path / 'a.JPEG')))
    np.testing.assert_array_equal(found['img'], expected)
    assert found['img_shape'] == found['ori_shape'] == (60, 90)


def test_bytes_after_the_image_are_ignored(tmp_path):
    found = load(tmp_path / 'a.JPEG', jpeg() + b'\0 after')
    np.testing.assert_array_equal(found['img'], np.array(pil_loader(str(tmp_path / 'a.JPEG'))))


@pytest.mark.parametrize(
    'data',
    [b'', b'<html>', jpeg()[:-500], jpeg()[:20], b'version https://git-lfs.github.com/spec/v1'],
    ids=['empty', 'page', 'cut off', 'header', 'pointer'],
)
def test_a_file_that_is_not_an_image_is_named(data, tmp_path):
    with pytest.raises(OSError, match=rf'a\.JPEG: expected an image, found {len(data)} bytes'):
        load(tmp_path / 'a.JPEG', data)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'b\.JPEG'):
        LoadRGBImage()(dict(img_path=str(tmp_path / 'b.JPEG')))


def test_crops_equal_those_of_mmpretrain():
    image = photo(100, 140)
    ours, stock = AntialiasedRandomResizedCrop(64), RandomResizedCrop(64, backend='pillow')
    for seed in range(40):
        found = []
        for step in (ours, pickle.loads(pickle.dumps(stock))):
            np.random.seed(seed)
            result = step(dict(img=image))
            # The last number shows that the same number of random numbers was drawn.
            found.append((result['img'].astype(int), result['img_shape'], np.random.rand()))
        assert found[0][1:] == found[1][1:]
        assert np.abs(found[0][0] - found[1][0]).max() <= 1


@pytest.mark.parametrize('kind', ['RGB', 'L', 'CMYK', 'png'])
def test_one_step_equals_loading_and_cropping(kind, tmp_path):
    path = tmp_path / 'a.JPEG'
    image = Image.fromarray(photo(300, 400))
    image.convert('RGB' if kind == 'png' else kind).save(path, 'PNG' if kind == 'png' else 'JPEG')
    options = dict(scale=48, crop_ratio_range=(0.05, 0.4))
    whole, crop = LoadRGBImage(), AntialiasedRandomResizedCrop(**options)
    ours = LoadRandomResizedCrop(**options)
    for seed in range(30):
        np.random.seed(seed)
        expected = crop(whole(dict(img_path=str(path)))), np.random.rand()
        np.random.seed(seed)
        found = ours(dict(img_path=str(path))), np.random.rand()
        np.testing.assert_array_equal(found[0].pop('img'), expected[0].pop('img'))
        assert found == expected


def test_rows_below_the_crop_are_not_decoded(tmp_path, monkeypatch):
    path = tmp_path / 'a.JPEG'
    Image.fromarray(photo(300, 400)).save(path)
    step = LoadRandomResizedCrop(32)
    monkeypatch.setattr(step, 'rand_crop_params', lambda img: (20, 30, 50, 60))
    decoded = []
    decode = cv2.imdecode
    monkeypatch.setattr(
        loading.cv2, 'imdecode', lambda *given: decoded.append(decode(*given)) or decoded[-1]
    )
    assert step(dict(img_path=str(path)))['ori_shape'] == (300, 400)
    assert 70 <= decoded[0].shape[0] < 90


def test_one_step_names_a_file_that_is_not_an_image(tmp_path):
    (tmp_path / 'a.JPEG').write_bytes(jpeg()[:-500])
    with pytest.raises(OSError, match=r'a\.JPEG: expected an image, found \d+ bytes'):
        LoadRandomResizedCrop(32)(dict(img_path=str(tmp_path / 'a.JPEG')))


def test_resampling_does_not_modify_the_image():
    image = photo(50, 40)
    kept = image.copy()
    part = resample(image[5:45:, ::-1], (20, 10))
    assert part.shape == (20, 10, 3)
    assert part.dtype == np.uint8
    np.testing.assert_array_equal(image, kept)
    np.testing.assert_array_equal(resample(image, (50, 40)), image)


def test_the_repr_recreates_the_step():
    text = repr(AntialiasedRandomResizedCrop(64, max_attempts=3))
    assert text.startswith('AntialiasedRandomResizedCrop(scale=(64, 64), crop_ratio_range=(0.08, 1')
    assert text.endswith('max_attempts=3)')
    assert eval(text).scale == (64, 64)
