import warnings

import pytest
from check_sets import image, mask
from PIL import Image

from rm_mm.data.check.images import read_image, suffix_fits


@pytest.mark.parametrize('depth', ['header', 'pixels', 'labels'])
def test_contents_of_an_image(tmp_path, depth):
    image(tmp_path / 'a.png', (7, 5))
    read = read_image(str(tmp_path / 'a.png'), depth)
    assert read[:5] == (None, 7, 5, 'PNG', 'RGB')
    assert read.labels is None


@pytest.mark.parametrize(
    ('mode', 'values', 'labels'),
    [
        ('L', (0, 3, 255), (0, 3, 255)),
        ('1', (0, 1), (0, 1)),
        ('1', (1, 1), (1,)),
        # Of more than 8 bits, the smallest and the largest.
        ('I;16', (2, 7, 1000), (2, 1000)),
    ],
)
def test_labels_of_masks(tmp_path, mode, values, labels):
    mask(tmp_path / 'a.png', values, mode=mode)
    assert read_image(str(tmp_path / 'a.png'), 'labels').labels == labels


def test_labels_of_a_palette_are_its_indices(tmp_path):
    made = Image.new('P', (2, 1))
    made.putpalette([200, 0, 0, 100, 0, 0, 50, 0, 0])
    made.putpixel((0, 0), 2)
    made.save(tmp_path / 'a.png')
    assert read_image(str(tmp_path / 'a.png'), 'labels').labels == (0, 2)


@pytest.mark.parametrize(
    ('suffix', 'image_format', 'fits'),
    [
        ('.jpeg', 'JPEG', True),
        ('.jpg', 'MPO', True),
        ('.jpg', 'PNG', False),
        ('.png', 'JPEG', False),
        ('.other', 'PNG', True),
    ],
)
def test_suffixes(suffix, image_format, fits):
    assert suffix_fits(suffix, image_format) == fits


def test_warnings_of_pillow_are_hidden(tmp_path, monkeypatch, recwarn):
    image(tmp_path / 'a.png')
    real = Image.open

    def warn(*arguments):
        warnings.warn('Corrupt EXIF data', UserWarning, stacklevel=2)
        return real(*arguments)

    monkeypatch.setattr(Image, 'open', warn)
    assert read_image(str(tmp_path / 'a.png'), 'pixels').fault is None
    assert not recwarn.list


def test_missing_file_and_folder(tmp_path):
    assert read_image(str(tmp_path / 'a.png'), 'header').fault == 'is missing'
    assert read_image(str(tmp_path), 'header').fault == 'cannot be read: Is a directory'
