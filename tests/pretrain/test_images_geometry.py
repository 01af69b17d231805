"""Decoding, cropping, resampling and flipping, against Pillow, torchvision and slow loops."""

import io

import mmcv
import numpy as np
import pytest
from mmpretrain.datasets.transforms import RandomResizedCrop
from PIL import Image
from torchvision import transforms
from torchvision.datasets.folder import pil_loader
from torchvision.transforms import functional

from rm_mm.data.loading import AntialiasedRandomResizedCrop
from tests.pretrain.images import named, photo, recipe, slow_resize

# Top, left, height, width: shrunk, stretched, mixed, one pixel, and the whole of a 300 x 400 image.
BOXES = [(3, 5, 290, 331), (40, 7, 97, 60), (10, 250, 280, 149), (299, 399, 1, 1), (0, 0, 300, 400)]


@pytest.fixture(scope='module')
def steps():
    return recipe()


def write(folder, kind):
    """Write a picture in one of the formats that occur in ImageNet."""
    image, options = Image.fromarray(photo(60, 90)), {}
    if kind == 'grey':
        image = image.convert('L')
    elif kind == 'cmyk':
        image = image.convert('CMYK')
    elif kind == 'turned':
        exif = Image.Exif()
        exif[0x0112] = 6
        options = dict(exif=exif)
    # ImageNet contains one PNG with the suffix .JPEG.
    form = 'PNG' if kind.startswith('png') else 'JPEG'
    if kind == 'png alpha':
        image.putalpha(Image.fromarray(photo(60, 90, seed=1)).convert('L'))
    path = folder / 'a.JPEG'
    image.save(path, form, **options)
    return path


@pytest.mark.parametrize('stage', ['train', 'test'])
@pytest.mark.parametrize('kind', ['rgb', 'grey', 'cmyk', 'turned', 'png', 'png alpha'])
def test_a_file_is_decoded_as_by_image_folder(kind, stage, steps, tmp_path, monkeypatch):
    path = write(tmp_path, kind)
    expected = np.array(pil_loader(str(path)))
    if stage == 'train':
        load = named(steps.train, 'LoadRandomResizedCrop')
        # The whole image at its own size, so resampling changes nothing.
        monkeypatch.setattr(load, 'rand_crop_params', lambda img: (0, 0, *img.shape[:2]))
        monkeypatch.setattr(load, 'scale', (60, 90))
    else:
        load = named(steps.test, 'LoadRGBImage')
    found = load(dict(img_path=str(path)))['img']
    assert expected.shape == (60, 90, 3)
    np.testing.assert_array_equal(found, expected)


def test_rotated_and_cmyk_files_distinguish_decoders(tmp_path):
    # The defaults of mmcv fail on both, so the test above would notice them.
    (turned, cmyk) = (write(tmp_path, kind).read_bytes() for kind in ('turned', 'cmyk'))
    assert mmcv.imfrombytes(turned).shape == (90, 60, 3)
    assert mmcv.imfrombytes(turned, backend='pillow').shape == (90, 60, 3)
    expected = np.array(Image.open(io.BytesIO(cmyk)).convert('RGB'))
    assert (mmcv.imfrombytes(cmyk)[..., ::-1] != expected).any()


def cropped(step, image, box, monkeypatch):
    """Apply the step to an RGB image with a given box."""
    monkeypatch.setattr(step, 'rand_crop_params', lambda img: box)
    return step(dict(img=image))['img']


def levels_apart(first, second):
    return np.abs(first.astype(int) - second.astype(int)).max()


@pytest.mark.parametrize('box', BOXES)
def test_crop_and_resample(box, steps, monkeypatch):
    image = photo(300, 400)
    top, left, height, width = box
    # Base class of the recipe's step, which takes an image instead of a file.
    step = AntialiasedRandomResizedCrop(named(steps.train, 'LoadRandomResizedCrop').scale)
    found = cropped(step, image, box, monkeypatch)
    assert found.shape == (224, 224, 3)
    edges = (left, top, left + width, top + height)
    pillow = Image.fromarray(image).crop(edges).resize((224, 224), Image.Resampling.BILINEAR)
    assert levels_apart(found, np.array(pillow)) <= 1
    authors = functional.resized_crop(Image.fromarray(image), *box, [224, 224])
    assert levels_apart(found, np.array(authors)) <= 1
    part = image[top : top + height, left : left + width]
    assert levels_apart(found, slow_resize(part, (224, 224))) <= 1


@pytest.mark.parametrize('change', [dict(backend='cv2'), dict(interpolation='bicubic')])
def test_other_resampling_differs_more(change, monkeypatch):
    # Otherwise a tolerance of one grey level would not be a test.
    step, image = RandomResizedCrop(224, **(dict(backend='pillow') | change)), photo(300, 400)
    found = cropped(step, image, BOXES[0], monkeypatch)
    part = image[3:293, 5:336]
    assert levels_apart(found, slow_resize(part, (224, 224))) > 10


def test_flip_is_exact_and_horizontal(steps, monkeypatch):
    step, image = named(steps.train, 'RandomFlip'), photo(5, 7)
    monkeypatch.setattr(step, '_choose_direction', lambda: 'horizontal')
    flipped = step(dict(img=image.copy()))['img']
    for row in range(5):
        for column in range(7):
            assert (flipped[row, column] == image[row, 6 - column]).all()
    monkeypatch.setattr(step, '_choose_direction', lambda: None)
    np.testing.assert_array_equal(step(dict(img=image.copy()))['img'], image)


# Height, width: exact ratios, halves and odd remainders of the crop, extreme ratios, upscaling.
SIZES = [(375, 500), (500, 375), (333, 500), (500, 333), (257, 256), (256, 256), (259, 500)]
SIZES += [(300, 301), (301, 300), (224, 299), (100, 80), (31, 97), (600, 64), (1000, 667)]


@pytest.mark.parametrize('size', SIZES)
def test_test_images_equal_torchvision(size, steps):
    image = photo(*size)
    results = dict(img=image)
    for name in ('ResizeEdge', 'CenterCrop'):
        results = named(steps.test, name)(results)
    authors = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    expected = np.array(authors(Image.fromarray(image)))
    assert results['img'].shape == (224, 224, 3)
    assert levels_apart(results['img'], expected) == 0


def test_edges_and_offsets_equal_torchvision_over_many_ratios(steps):
    """The longer edge is cut to an integer, not rounded; the crop's offset is rounded to even."""
    resize, crop = (named(steps.test, name) for name in ('ResizeEdge', 'CenterCrop'))
    authors, authors_crop = transforms.Resize(256), transforms.CenterCrop(224)
    for height, width in [(20, n) for n in range(20, 80)] + [(n, 20) for n in range(21, 80)]:
        image = np.zeros((height, width, 3), np.uint8)
        resized = resize(dict(img=image))['img']
        expected = authors(Image.fromarray(image)).size[::-1]
        assert resized.shape[:2] == expected, (height, width)
        # An image of its own coordinates shows where the crop was taken.
        y, x = np.indices(expected)
        marked = np.stack([y // 256, y % 256, x // 256, x % 256], axis=-1).astype(np.uint8)
        found = crop(dict(img=marked))['img']
        np.testing.assert_array_equal(found, np.array(authors_crop(Image.fromarray(marked))))
