"""Archives with the structure of the official ones and a few small images."""

import io
import json
import pickle
import tarfile
import zipfile
from contextlib import contextmanager

import numpy as np
from PIL import Image

from rm_mm.data.prepare.writing import write_file

WNIDS = ('n01440764', 'n01443537', 'n02105855')
# As in the devkit: numbers that are not in the order of the wnids, and an inner node of the tree.
SYNSETS = [(2, 'n01440764', 0), (3, 'n01443537', 0), (1, 'n02105855', 0), (1001, 'n00001740', 3)]
#: The class of each validation image, by number: 1 is a n02105855. Read backwards it is another.
TRUTH = [1, 2, 3, 2, 3, 1]


def picture(seed, size=(8, 6), mode='RGB', kind='jpeg'):
    shape = size[::-1] if mode == 'L' else (*size[::-1], 3)
    pixels = np.random.default_rng(seed).integers(0, 151, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def tar(members, path=None, mode='w'):
    """A tar of contents, or TarInfos, by name: written to ``path``, or returned as bytes."""
    buffer = io.BytesIO()
    with tarfile.open(path, mode, fileobj=None if path else buffer) as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b'' if isinstance(content, tarfile.TarInfo) else content
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def imagenet(folder, each=3):
    """Returns the content by path in the layout."""
    folder.mkdir(parents=True, exist_ok=True)
    layout, classes = {}, {}
    for number, wnid in enumerate(WNIDS):
        images = {f'{wnid}_{i}.JPEG': picture(10 * number + i) for i in range(each)}
        layout |= {f'train/{wnid}/{name}': content for name, content in images.items()}
        classes[f'{wnid}.tar'] = tar(images)
    tar(classes, folder / 'ILSVRC2012_img_train.tar')
    val = {f'ILSVRC2012_val_{i:08}.JPEG': picture(100 + i) for i in range(1, len(TRUTH) + 1)}
    # The order in the tar is not that of the numbers.
    tar(dict(reversed(val.items())), folder / 'ILSVRC2012_img_val.tar')
    wnid_of = {number: wnid for number, wnid, _ in SYNSETS}
    for label, (name, content) in zip(TRUTH, val.items(), strict=True):
        layout[f'val/{wnid_of[label]}/{name}'] = content
    devkit(folder)
    return layout


def devkit(folder, synsets=SYNSETS, truth=TRUTH):
    from scipy.io import savemat

    kinds = [('ILSVRC2012_ID', 'O'), ('WNID', 'O'), ('words', 'O'), ('num_children', 'O')]
    table = np.array([(number, wnid, 'x', inner) for number, wnid, inner in synsets], kinds)
    meta = io.BytesIO()
    savemat(meta, {'synsets': table.reshape(-1, 1)})
    prefix = 'ILSVRC2012_devkit_t12'
    members = {
        f'{prefix}/readme.txt': b'read me',
        f'{prefix}/data/meta.mat': meta.getvalue(),
        f'{prefix}/data/ILSVRC2012_validation_ground_truth.txt': ''.join(
            f'{label}\n' for label in truth
        ).encode(),
    }
    tar(members, folder / f'{prefix}.tar.gz', 'w:gz')


def coco(folder, train=6, val=2):
    layout = {}
    for split, count in (('train2017', train), ('val2017', val)):
        names = [f'{number:012}.jpg' for number in range(1, count + 1)]
        layout |= {f'{split}/{name}': picture(number) for number, name in enumerate(names)}
        content = {
            'info': {'year': 2017},
            'licenses': [{'id': 1}],
            'images': [
                {'id': i, 'file_name': n, 'width': 8, 'height': 6} for i, n in enumerate(names)
            ],
            # Category 1 in every image, 2 in every second one, 3 in the last.
            'annotations': [
                {
                    'id': 10 * i + category,
                    'image_id': i,
                    'category_id': category,
                    'bbox': [0, 0, 4, 4],
                }
                for i in range(count)
                for category in (1, 2, 3)
                if category == 1 or (category == 2 and i % 2) or (category == 3 and i == count - 1)
            ],
            'categories': [{'id': category, 'name': str(category)} for category in (1, 2, 3)],
        }
        layout[f'annotations/instances_{split}.json'] = json.dumps(content).encode()
    for name in ('train2017', 'val2017'):
        zipped({k: v for k, v in layout.items() if k.startswith(name)}, folder / f'{name}.zip')
    zipped(
        {k: v for k, v in layout.items() if k.startswith('annotations')},
        folder / 'annotations_trainval2017.zip',
    )
    return layout


def ade20k(folder, count=4):
    layout = {'objectInfo150.txt': b'1 wall'}
    for split in ('training', 'validation'):
        for number in range(count):
            stem = f'ADE_{split}_{number:08}'
            layout[f'images/{split}/{stem}.jpg'] = picture(number)
            # Class 1 is in every mask, class 100 + number in one each.
            mask = np.full((6, 8), 1, np.uint8)
            mask[0] = 100 + number
            buffer = io.BytesIO()
            Image.fromarray(mask).save(buffer, 'png')
            layout[f'annotations/{split}/{stem}.png'] = buffer.getvalue()
    zipped(
        {f'ADEChallengeData2016/{name}': content for name, content in layout.items()},
        folder / 'ADEChallengeData2016.zip',
    )
    return layout


def cifar10(folder, each=2):
    """Batches of images with one value each: ten times the label plus the number."""
    folder.mkdir(parents=True, exist_ok=True)
    members = {}
    for name in (*(f'data_batch_{i}' for i in range(1, 6)), 'test_batch'):
        labels = [label for _ in range(each) for label in range(10)]
        values = [10 * label + i // 10 for i, label in enumerate(labels)]
        data = np.array(values, np.uint8)[:, None].repeat(3072, axis=1)
        members[f'cifar-10-batches-py/{name}'] = pickle.dumps(
            {b'data': data, b'labels': labels}, protocol=2
        )
    tar(members, folder / 'cifar-10-python.tar.gz', 'w:gz')
    return members


@contextmanager
def cut_after(monkeypatch, count):
    """Interrupt a call after it has written or compared ``count`` files."""
    calls = 0

    def write(*arguments):
        nonlocal calls
        calls += 1
        if calls > count:
            raise KeyboardInterrupt
        return write_file(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr('rm_mm.data.prepare.preparation.write_file', write)
        yield


def files(root):
    """Content by path below a root, without the files of prepare itself."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file() and not path.name.startswith('.rm_mm_prepare')
    }
