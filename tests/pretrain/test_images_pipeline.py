"""From file to network input with the real configs, compared with the slow oracle."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image
from torchvision import transforms
from torchvision.datasets.folder import pil_loader

from tests.pretrain.images import (
    MEAN,
    STD,
    named,
    photo,
    recipe,
    slow_color,
    slow_normalize,
    slow_resize,
    some_factors,
)

METHODS = ('baseline', 'mixup', 'cutmix', 'rm')
# Top, left, height and width of the crop of each image, and whether it is flipped.
DRAWN = [((10, 20, 77, 91), True), ((0, 0, 120, 160), False), ((50, 3, 60, 50), True)]
KINDS = ('turned', 'L', 'CMYK')


@pytest.fixture
def files(tmp_path):
    """Three JPEGs: one with an EXIF orientation, one grey, one CMYK."""
    paths = [tmp_path / f'{kind}.JPEG' for kind in KINDS]
    for seed, (path, kind) in enumerate(zip(paths, KINDS, strict=True)):
        image = Image.fromarray(photo(120, 160, seed))
        exif = Image.Exif()
        if kind == 'turned':
            exif[0x0112] = 8
        else:
            image = image.convert(kind)
        image.save(path, quality=90, exif=exif)
    return paths


def load(pipeline, path):
    return pipeline(dict(img_path=str(path), gt_label=0))


def test_training_images(files, monkeypatch):
    parts = recipe()
    packed = []
    for path, (box, flipped) in zip(files, DRAWN, strict=True):
        direction = 'horizontal' if flipped else None
        monkeypatch.setattr(
            named(parts.train, 'LoadRandomResizedCrop'),
            'rand_crop_params',
            lambda img, box=box: box,
        )
        monkeypatch.setattr(
            named(parts.train, 'RandomFlip'), '_choose_direction', lambda value=direction: value
        )
        packed.append(load(parts.train, path))
    factors = some_factors(3, seed=5)
    monkeypatch.setattr(parts.preprocessor, 'draw', lambda count: factors)
    found = parts.preprocessor(pseudo_collate(packed), training=True)['inputs']
    assert found.shape == (3, 3, 224, 224)
    assert found.dtype == torch.float32
    for index, (path, (box, flipped)) in enumerate(zip(files, DRAWN, strict=True)):
        top, left, height, width = box
        with Image.open(path) as file:
            image = file.convert('RGB').crop((left, top, left + width, top + height))
        levels = np.array(image.resize((224, 224), Image.Resampling.BILINEAR))
        slow = slow_resize(np.array(image), (224, 224))
        assert np.abs(levels.astype(int) - slow).max() <= 1
        levels = np.array([row[::-1] for row in levels]) if flipped else levels
        expected = slow_normalize(slow_color(levels / 255, factors, index))
        # One grey level of resampling, enlarged by contrast, brightness and saturation.
        apart = np.abs(found[index].numpy() - expected)
        assert apart.max() < 1.4**3 / 255 / min(STD)
        assert (apart > 1e-5).mean() < 0.02


def test_test_images(files):
    parts = recipe()
    data = pseudo_collate([load(parts.test, path) for path in files])
    found = parts.preprocessor(data, training=False)['inputs']
    authors = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    expected = torch.stack([authors(pil_loader(str(path))) for path in files])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('method', METHODS)
def test_every_method_sees_the_same_images(method):
    """The methods differ after the pipeline, so the tests above hold for all of them."""
    mine, shown = recipe(method).cfg, recipe('rm').cfg
    for name in ('train', 'val', 'test'):
        loader, expected = (getattr(cfg, f'{name}_dataloader') for cfg in (mine, shown))
        assert loader.dataset.pipeline == expected.dataset.pipeline
    assert mine.val_dataloader.dataset.pipeline == mine.test_dataloader.dataset.pipeline
    assert mine.data_preprocessor == shown.data_preprocessor
    # A preprocessor in the model would override this one.
    assert 'data_preprocessor' not in mine.model
