"""A packed data set is listed, loaded and checked like its folder."""

import fcntl
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import lmdb
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import LocalBackend
from mmengine.registry import DATASETS, METRICS, init_default_scope

from rm_mm import cli
from rm_mm.compat import configs_root
from rm_mm.data import mini, packed
from rm_mm.data.pack import PackRequest, pack_dataset
from rm_mm.data.packed import PackedBackend
from rm_mm.data.sources import require_data, set_data_root, split_pack_uri
from rm_mm.errors import InputError, RejectedError

TASKS = {
    'imagenet': ('imagenet', 'mmpretrain', 'classification/r18_rm_mini.py'),
    'coco': ('coco', 'mmdet', 'detection/atss_r18_rm_mini.py'),
    'ade20k': ('ade/ADEChallengeData2016', 'mmseg', 'segmentation/upernet_r18_rm_mini.py'),
}


@pytest.fixture(scope='module')
def laid_out(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'mini'
    sizes = dict(train_images=30, val_images=20, train_scenes=6, val_scenes=3)
    return mini.prepare_mini(folder, **sizes)


def pack(name, root, out):
    return cli.main(['data', 'pack', name, str(root), '--out', str(out)])


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / 'tree'
    for name in (
        'a/x.JPEG', 'a/y.txt', 'a/deep/er/z.JPEG', 'a-b/x.JPEG', 'a.b/é.JPEG', 'b/0.JPEG',
        'a.b/\udcff.JPEG',
        'b/.hidden', '.cache/x', 'archive.tar',
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        # Files of one page, of several pages, and an empty one.
        (root / name).write_bytes(os.fsencode(name) * (len(name) ** 3 if 'x' in name else 1))
    (root / 'b/empty.JPEG').touch()
    return root


def test_folders_are_listed_as_on_a_disk(tree, tmp_path, capsys):
    assert pack('custom', tree, tmp_path / 'p.lmdb') == 0
    uri = f'lmdb://{tmp_path}/p.lmdb'
    output = capsys.readouterr().out
    assert output.startswith('8 files')
    assert f'--data-root {uri}' in output
    backend, local = PackedBackend(), LocalBackend()
    for not_packed in ('archive.tar', 'b/.hidden', '.cache/x'):
        (tree / not_packed).unlink()
    (tree / '.cache').rmdir()
    for folder in ('', 'a', 'a/', 'a/deep', 'b', 'a-b', 'none'):
        assert backend.isdir(backend.join_path(uri, folder)) == (tree / folder).is_dir()
        for options in (
            dict(list_dir=True, list_file=False),
            dict(list_dir=False, suffix='.JPEG'),
            dict(list_dir=False, suffix=('.txt', '.JPEG'), recursive=True),
            dict(recursive=True),
            dict(),
        ):
            if folder != 'none':
                found = list(backend.list_dir_or_file(f'{uri}/{folder}', **options))
                expected = [*local.list_dir_or_file(tree / folder, **options)]
                assert sorted(found) == sorted(map(os.fspath, expected)), (folder, options)
    for name in ('a/x.JPEG', 'a/deep/er/z.JPEG', 'a.b/é.JPEG', 'a.b/\udcff.JPEG', 'b/empty.JPEG'):
        assert backend.get(f'{uri}/{name}') == (tree / name).read_bytes()
        with backend.get_local_path(f'{uri}/{name}') as path, open(path, 'rb') as copy:
            assert copy.read() == (tree / name).read_bytes()
    assert backend.get_text(f'{uri}/b/0.JPEG') == 'b/0.JPEG'
    assert (backend.exists(f'{uri}/a/deep'), backend.isfile(f'{uri}/a/deep')) == (True, False)
    with pytest.raises(FileNotFoundError, match='a/none'):
        backend.get(f'{uri}/a/none')


@pytest.mark.parametrize('name', TASKS)
def test_every_task_loads_the_same_as_from_folders(name, laid_out, tmp_path):
    folder, scope, config = TASKS[name]
    assert pack(name, laid_out / folder, tmp_path / 'p.lmdb') == 0
    init_default_scope(scope)
    loaded = []
    for root in (f'{laid_out}/{folder}', f'lmdb://{tmp_path}/p.lmdb'):
        resolved = Config.fromfile(configs_root() / config)
        set_data_root(resolved, root)
        require_data(resolved, config)
        dataset = DATASETS.build({**resolved.train_dataloader.dataset, '_scope_': scope})
        np.random.seed(0), torch.manual_seed(0)
        loaded.append([dataset[index]['inputs'] for index in range(len(dataset))])
    assert len(loaded[0]) == len(loaded[1]) >= 6
    assert all(map(torch.equal, *loaded))
    # The evaluator reads the pack, too.
    METRICS.build({**resolved.val_evaluator, '_scope_': scope})


class Sizes:
    """Sizes of the files of a pack, and the process that read them."""

    def __init__(self, uris):
        self.uris = uris

    def __len__(self):
        return len(self.uris)

    def __getitem__(self, index):
        return len(PackedBackend().get(self.uris[index])), os.getpid()


def test_workers_read_a_pack_that_the_main_process_has_open(tree, tmp_path):
    pack('custom', tree, tmp_path / 'p.lmdb')
    uris = [f'lmdb://{tmp_path}/p.lmdb/{name}' for name in ('a/x.JPEG', 'a/y.txt', 'b/0.JPEG')]
    here = [PackedBackend().get(uri) for uri in uris]
    loader = torch.utils.data.DataLoader(Sizes(uris), batch_size=None, num_workers=2)
    for _ in range(2):
        found = [*loader]
        assert [size for size, _ in found] == [len(data) for data in here]
        assert os.getpid() not in {pid for _, pid in found}
    assert [PackedBackend().get(uri) for uri in uris] == here
    pickle.dumps(PackedBackend())
    assert packed._by_inode
    if (child := os.fork()) == 0:
        os._exit(len(packed._by_inode) + len(packed._by_name))
    assert os.waitpid(child, 0)[1] == 0


def test_what_is_not_a_pack_is_reported(tree, tmp_path, monkeypatch):
    def loaders(root):
        dataset = dict(type='ImageNet', data_root=root, split='train')
        return dict(train_dataloader=dict(dataset=dataset))

    pack('custom', tree, tmp_path / 'p.lmdb')
    (tmp_path / 'bad.lmdb').write_bytes(b'\0' * 10_000)
    for root, message in {
        f'lmdb://{tmp_path}/none.lmdb': 'none.lmdb is no file: expected one that rm-mm data pack',
        f'lmdb://{tmp_path}/bad.lmdb': 'bad.lmdb: expected a file that rm-mm data pack wrote',
        f'lmdb://{tmp_path}': 'expected lmdb://FILE.lmdb',
        f'{tmp_path}/q.lmdb': f'A packed data set is lmdb://{tmp_path}/q.lmdb',
        f'lmdb://{tmp_path}/p.lmdb': r'p\.lmdb/train: not there',
    }.items():
        with pytest.raises(InputError, match=message):
            require_data(loaders(root), 'mine', ['train_dataloader'])
    assert split_pack_uri('lmdb://~/x.lmdb//a/')[0] == os.path.expanduser('~/x.lmdb')
    assert split_pack_uri('lmdb://~/x.lmdb//a/')[1] == 'a'
    monkeypatch.setitem(__import__('sys').modules, 'lmdb', None)
    (tmp_path / 'p.lmdb').rename(tmp_path / 'q.lmdb')
    with pytest.raises(ImportError, match='pip install lmdb'):
        PackedBackend().get(f'lmdb://{tmp_path}/q.lmdb/a/x.JPEG')
    assert pack('custom', tree, tmp_path / 'r.lmdb') == 2


def test_a_failed_call_replaces_nothing_and_leaves_nothing(tree, tmp_path, capsys, monkeypatch):
    taken = tmp_path / 'taken.lmdb'
    taken.write_text('mine')
    for name, root, out, message in (
        ('custom', tree, taken, 'exists and is not replaced'),
        ('custom', tree, tmp_path / 'p', 'expected a path, NAME.lmdb'),
        ('custom', tmp_path / 'none', tmp_path / 'p.lmdb', 'no folder'),
        ('custom', tree / 'b', tmp_path / 'p.lmdb', 'has no folders'),
        ('imagenet', tree, tmp_path / 'p.lmdb', 'has no train and no val'),
        ('cifar10', tree, tmp_path / 'p.lmdb', 'consists of few files'),
    ):
        assert pack(name, root, out) != 0
        assert message in capsys.readouterr().err

    # A file that grows after its size was read.
    def grow(line):
        (tree / 'b/0.JPEG').write_bytes(b'longer than it was')

    with pytest.raises(InputError, match='changed while it was read'):
        pack_dataset(PackRequest('custom', tree, tmp_path / 'p.lmdb'), progress=grow)
    (tree / 'b/nowhere.JPEG').symlink_to('none')
    assert pack('custom', tree, tmp_path / 'p.lmdb') == 2
    assert 'b/nowhere.JPEG is a broken link' in capsys.readouterr().err
    assert taken.read_text() == 'mine'
    (tree / 'b/nowhere.JPEG').unlink()
    # A file that another program writes meanwhile, and a full disk.
    late = tmp_path / 'late.lmdb'
    with pytest.raises(RejectedError, match='is not replaced'):
        pack_dataset(
            PackRequest('custom', tree, late), progress=lambda line: late.write_text('mine')
        )
    assert late.read_text() == 'mine'
    monkeypatch.setattr('shutil.disk_usage', lambda _: SimpleNamespace(free=0))
    assert pack('custom', tree, tmp_path / 'p.lmdb') == 2
    assert 'free some space or choose another --out' in capsys.readouterr().err
    monkeypatch.undo()
    deep = tree / 'b' / Path(*['d' * 200] * 3)
    deep.mkdir(parents=True)
    (deep / 'x.JPEG').touch()
    assert pack('custom', tree, tmp_path / 'p.lmdb') == 2
    assert 'can have at most 511 bytes' in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if path.name.endswith('.tmp')]
    assert not (tmp_path / 'p.lmdb').exists()


def test_leftovers_of_a_killed_call_are_removed(tree, tmp_path):
    leftover, another = tmp_path / f'.p.lmdb.{"0" * 16}.tmp', tmp_path / f'.q.lmdb.{"0" * 16}.tmp'
    leftover.touch(), another.touch()
    assert pack('custom', tree, tmp_path / 'p.lmdb') == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {'tree', 'p.lmdb', another.name, '.p.lmdb.lock'}
    # A held lock means that another call is writing the file.
    with (tmp_path / '.r.lmdb.lock').open('a') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert pack('custom', tree, tmp_path / 'r.lmdb') == 2


def test_a_pack_can_be_opened_by_several_names(tree, tmp_path, monkeypatch):
    pack('custom', tree, tmp_path / 'p.lmdb')
    monkeypatch.chdir(tmp_path)
    backend = PackedBackend()
    for root in ('lmdb://p.lmdb', 'lmdb://./p.lmdb', f'lmdb://{tmp_path}/p.lmdb'):
        assert backend.get(f'{root}/b/0.JPEG') == b'b/0.JPEG'
    assert (backend.exists(root), backend.isfile(root), backend.isdir(root)) == (True, False, True)
    with pytest.raises(FileNotFoundError):
        backend.get(root)
    with pytest.raises(ValueError, match=r'expected lmdb://FILE\.lmdb'):
        split_pack_uri('s3://p.lmdb/x')


def test_concurrent_threads_open_a_pack_once(tree, tmp_path, monkeypatch):
    pack('custom', tree, tmp_path / 'p.lmdb')
    start, open_ = threading.Barrier(8), lmdb.open

    def slowly(*args, **options):
        time.sleep(0.05)
        return open_(*args, **options)

    def read():
        start.wait()
        return PackedBackend().get(f'lmdb://{tmp_path}/p.lmdb/b/0.JPEG')

    monkeypatch.setattr(lmdb, 'open', slowly)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(read) for _ in range(8)]
    assert {each.result() for each in found} == {b'b/0.JPEG'}


def test_a_truncated_pack_is_rejected(tree, tmp_path):
    pack('custom', tree, tmp_path / 'p.lmdb')
    whole = (tmp_path / 'p.lmdb').read_bytes()
    (tmp_path / 'q.lmdb').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match=r'q\.lmdb is cut off: .* of .* bytes\. Copy it again'):
        PackedBackend().get(f'lmdb://{tmp_path}/q.lmdb/b/0.JPEG')


def test_a_damaged_tree_is_reported(tree, tmp_path):
    pack('custom', tree, tmp_path / 'p.lmdb')
    whole = bytearray((tmp_path / 'p.lmdb').read_bytes())
    # Everything except the two pages with the size.
    whole[2 * 4096 :] = b'\xa5' * (len(whole) - 2 * 4096)
    (tmp_path / 'q.lmdb').write_bytes(whole)
    with pytest.raises(OSError, match=r'q\.lmdb is damaged: '):
        PackedBackend().get(f'lmdb://{tmp_path}/q.lmdb/b/0.JPEG')


def test_a_pack_is_written_in_several_commits(tree, tmp_path, monkeypatch):
    monkeypatch.setattr('rm_mm.data.pack.COMMIT_BYTES', 100)
    pack('custom', tree, tmp_path / 'p.lmdb')
    backend = PackedBackend()
    names = [*backend.list_dir_or_file(f'lmdb://{tmp_path}/p.lmdb', list_dir=False, recursive=True)]
    assert len(names) == 8
    for name in names:
        assert backend.get(f'lmdb://{tmp_path}/p.lmdb/{name}') == (tree / name).read_bytes()


def test_ade20k_is_packed_from_either_root_and_cifar_is_rejected(laid_out, tmp_path):
    assert pack('ade20k', laid_out / 'ade', tmp_path / 'p.lmdb') == 0
    assert PackedBackend().isdir(f'lmdb://{tmp_path}/p.lmdb/images/training')
    dataset = dict(type='LocalCIFAR10', data_root=f'lmdb://{tmp_path}/p.lmdb')
    with pytest.raises(InputError, match='CIFAR is read from its folder'):
        require_data(dict(train_dataloader=dict(dataset=dataset)), 'mine', ['train_dataloader'])


def test_an_unknown_data_set_is_not_packed(tmp_path):
    with pytest.raises(InputError, match='unknown data set imagnet'):
        PackRequest('imagnet', tmp_path, tmp_path / 'p.lmdb')
