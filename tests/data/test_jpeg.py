"""Upper rows of a JPEG: the same levels as in the whole image, for every kind of storage."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from rm_mm.data.jpeg import with_rows
from tests.pretrain.images import photo

HEIGHT, WIDTH = 150, 90


def jpeg(mode='RGB', **options):
    file = io.BytesIO()
    Image.fromarray(photo(HEIGHT, WIDTH)).convert(mode).save(file, 'JPEG', **options)
    return file.getvalue()


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize('mode', ['RGB', 'L'])
@pytest.mark.parametrize(
    'options',
    [
        dict(subsampling=0),
        dict(subsampling=1),
        dict(subsampling=2),
        dict(optimize=True, quality=98),
        # A few bits per row.
        dict(quality=1),
    ],
)
def test_the_rows_are_the_same_as_in_the_whole_image(mode, options, capfd):
    data = jpeg(mode, **options)
    whole = decoded(data)
    assert whole.shape == (HEIGHT, WIDTH, 3)
    for rows in range(1, HEIGHT + 1):
        found = decoded(with_rows(data, rows))
        assert rows <= len(found) <= rows + 8
        np.testing.assert_array_equal(found[:rows], whole[:rows])
    # libjpeg would warn, bypassing Python, about data after the last row.
    assert capfd.readouterr().err == ''


def test_an_exif_thumbnail_is_skipped():
    small = io.BytesIO()
    Image.fromarray(photo(40, 60)).save(small, 'JPEG')
    data = jpeg(exif=b'Exif\0\0' + small.getvalue())
    assert small.getvalue() in with_rows(data, 20)
    np.testing.assert_array_equal(decoded(with_rows(data, 20))[:20], decoded(data)[:20])


def test_files_that_cannot_be_shortened_are_unchanged():
    plain = jpeg()
    scan = plain.index(b'\xff\xda')
    # One component in the first scan, three in the frame: the rows start again in the next scan.
    scans = plain[: scan + 4] + b'\x01' + plain[scan + 5 :]
    for data in (
        jpeg(progressive=True),
        jpeg(restart_marker_rows=1),
        jpeg(restart_marker_blocks=3),
        scans,
        plain[:-2],
        plain[:scan],
        plain[:30],
        b'',
        b'\xff\xd8',
        b'GIF89a',
    ):
        assert with_rows(data, 20) == data
    assert with_rows(plain, HEIGHT) == plain
    assert with_rows(plain, 20) != plain


def test_further_photographs_of_a_phone_are_skipped(capfd):
    first, second = jpeg(), jpeg('L')
    several = b'\xff\xe2' + (6).to_bytes(2, 'big') + b'MPF\0'
    data = first[:2] + several + first[2:] + second
    found = decoded(with_rows(data, 20))
    assert len(found) < HEIGHT
    np.testing.assert_array_equal(found[:20], decoded(first)[:20])
    assert capfd.readouterr().err == ''
