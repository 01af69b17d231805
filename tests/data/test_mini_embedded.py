"""The embedded subset of Fashion-MNIST, and the script that wrote it."""

import gzip
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rm_mm.data.mini import CLASSES
from rm_mm.data.mini.articles import article, embedded_file, silhouette, tiles
from rm_mm.errors import InputError

SCRIPT = Path(__file__).parents[2] / 'maintenance' / 'embed_fashion_mnist.py'
spec = importlib.util.spec_from_file_location('embed_fashion_mnist', SCRIPT)
embed = importlib.util.module_from_spec(spec)
spec.loader.exec_module(embed)


def write_idx(path: Path, values: np.ndarray) -> None:
    # Magic number 0x0800 + dimensions, then big-endian sizes: the format's own definition.
    header = struct.pack(f'>I{values.ndim}I', 0x0800 + values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


@pytest.fixture
def source(tmp_path):
    """A source with four articles of each class per split; the fourth repeats the first."""
    folder = tmp_path / 'source'
    folder.mkdir()
    for offset, prefix in ((0, 'train'), (100, 't10k')):
        labels = np.tile(np.arange(10, dtype=np.uint8), 4)
        images = np.zeros((40, 28, 28), np.uint8)
        images[:, 5, 5] = np.arange(40) + offset
        images[30:] = images[:10]
        write_idx(folder / f'{prefix}-images-idx3-ubyte.gz', images)
        write_idx(folder / f'{prefix}-labels-idx1-ubyte.gz', labels)
    return folder


def test_the_first_articles_of_a_class_are_in_its_row(source, tmp_path):
    written = embed.embed(source, tmp_path / 'out', {'train': 3, 'val': 2})

    assert [path.name for path in written] == ['fashion_mnist_train.png', 'fashion_mnist_val.png']
    train, val = (np.asarray(Image.open(path)) for path in written)
    assert train.shape == (280, 84)
    assert val.shape == (280, 56)
    # Row 2 is "coat", which Fashion-MNIST numbers 4: its articles are images 4, 14 and 24.
    assert CLASSES[2] == 'coat'
    assert train[2 * 28 + 5, [5, 33, 61]].tolist() == [4, 14, 24]
    # Row 8 is "t_shirt_top", number 0; the second split's pixels are 100 higher.
    assert val[8 * 28 + 5, [5, 33]].tolist() == [100, 110]
    assert np.count_nonzero(val) == 20


def test_embedding_twice_gives_the_same_bytes(source, tmp_path):
    for folder in ('a', 'b'):
        arguments = ['--source', str(source), '--output', str(tmp_path / folder)]
        assert embed.main([*arguments, '--train-per-class', '3', '--val-per-class', '2']) == 0
    for name in ('fashion_mnist_train.png', 'fashion_mnist_val.png'):
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()


def test_repeated_articles_are_not_selected(source, tmp_path):
    # Of the four articles of each class, three are different.
    with pytest.raises(InputError, match=r'4 articles.*has 3 different ones of class ankle_boot'):
        embed.embed(source, tmp_path, {'train': 4, 'val': 1})


def test_articles_of_train_are_not_selected_for_val(source, tmp_path):
    for kind in ('images-idx3', 'labels-idx1'):
        train = source / f'train-{kind}-ubyte.gz'
        (source / f't10k-{kind}-ubyte.gz').write_bytes(train.read_bytes())
    written = embed.embed(source, tmp_path, {'train': 1, 'val': 2})
    val = np.asarray(Image.open(written[1]))
    # Of coats 4, 14 and 24, the first is in train.
    assert val[2 * 28 + 5, [5, 33]].tolist() == [14, 24]


def test_a_missing_or_damaged_source_is_reported(source, tmp_path, capsys):
    assert embed.main(['--source', str(tmp_path / 'nowhere')]) == 2
    assert 'no such file' in capsys.readouterr().err

    images = source / 'train-images-idx3-ubyte.gz'
    whole = gzip.decompress(images.read_bytes())
    images.write_bytes(gzip.compress(whole[:-1]))
    # 40 x 28 x 28 = 31360, minus the removed byte.
    with pytest.raises(InputError, match='holds 31359 values, its header says 31360'):
        embed.embed(source, tmp_path, {'train': 1, 'val': 1})
    images.write_bytes(b'plainly not gzip')
    with pytest.raises(InputError, match='not a whole gzip file'):
        embed.embed(source, tmp_path, {'train': 1, 'val': 1})


def test_embedded_files_are_small_balanced_and_licensed():
    total = sum(embedded_file(split).stat().st_size for split in ('train', 'val'))
    assert total <= 6_000_000
    # With one row per class all classes have the same size, unless some tiles are empty.
    for split, per_class in (('train', 800), ('val', 200)):
        assert tiles(split).shape == (10, per_class, 28, 28)
        assert (tiles(split).max(axis=(2, 3)) > 0).all()
    licence = embedded_file('train').with_name('LICENSE-fashion-mnist.txt').read_text()
    assert 'MIT License' in licence
    assert 'Zalando SE' in licence
    assert 'https://github.com/zalandoresearch/fashion-mnist' in licence


def test_no_article_is_embedded_twice():
    contents = [tile.tobytes() for split in ('train', 'val') for tile in np.vstack(tiles(split))]
    assert len(contents) == 10_000
    assert len(set(contents)) == len(contents)


def test_rows_hold_the_right_class():
    # Trousers are narrow, boots leave the upper left corner empty, and bags fill the tile.
    mean = tiles('train').mean(axis=1)
    trouser, boot, bag = (mean[CLASSES.index(name)] for name in ('trouser', 'ankle_boot', 'bag'))
    assert trouser[:, :6].mean() < 5 < 30 < bag[:, :6].mean()
    assert boot[2:8, 1:7].mean() < 0.5 * boot[2:8, 14:20].mean()


def test_silhouette_fills_prints_but_not_gaps():
    tile = np.zeros((28, 28), np.uint8)
    tile[4:20, 4:20] = 200
    tile[8:12, 8:12] = 0  # 16 pixels: a gap, or a white print
    tile[15, 15] = 0  # a speck, always part of the article
    tile[25, 25] = 200  # a separate speck, not part of the article
    tile[3, 4:20] = 5  # fringe of resampling
    assert silhouette(tile, see_through=False).sum() == 16 * 16
    assert silhouette(tile, see_through=True).sum() == 16 * 16 - 16


def test_cutting_out_preserves_the_inside_of_the_tile():
    source = tiles('train')[CLASSES.index('bag'), 0]
    cut = article('train', CLASSES.index('bag'), 0)
    assert set(np.unique(cut.cover)) == {0, 1}
    assert cut.shade.min() >= 0
    assert cut.shade.max() <= 1
    inside = source[10:18, 10:18].astype(float).ravel()
    kept = cut.shade[10:18, 10:18].ravel()
    assert np.corrcoef(inside, kept)[0, 1] > 0.9


def test_an_unknown_split_is_rejected():
    with pytest.raises(ValueError, match="'test'"):
        embedded_file('test')
