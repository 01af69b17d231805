from pathlib import Path

import pytest
from mmengine.config import Config

from rm_mm.data.sources import expected_paths, require_data, set_data_root
from rm_mm.errors import InputError


def coco(root='data/coco/'):
    def loader(split):
        return dict(
            dataset=dict(
                type='CocoDataset',
                data_root=root,
                ann_file=f'annotations/{split}.json',
                data_prefix=dict(img=f'{split}/'),
            )
        )

    return dict(
        train_dataloader=loader('train'),
        val_dataloader=dict(dataset=dict(type='RepeatDataset', **loader('val'))),
        val_evaluator=dict(type='CocoMetric', ann_file=root + 'annotations/val.json'),
    )


def test_missing_and_empty_paths_are_reported(tmp_path):
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations' / 'train.json').touch()
    (tmp_path / 'train').mkdir()
    with pytest.raises(InputError) as error:
        require_data(coco(f'{tmp_path}/'), 'my config')
    message = str(error.value)
    assert f'{tmp_path}/train: empty' in message
    assert f'{tmp_path}/val: not there' in message
    assert f'{tmp_path}/annotations/val.json: not there' in message
    assert 'annotations/train.json' not in message
    assert 'my config' in message


def test_complete_data_is_accepted(tmp_path):
    for name in ('train', 'val', 'annotations'):
        (tmp_path / name).mkdir()
    for name in ('train/a.jpg', 'val/a.jpg', 'annotations/train.json', 'annotations/val.json'):
        (tmp_path / name).touch()
    require_data(coco(f'{tmp_path}/'), 'my config')


def test_another_root_applies_to_loaders_and_evaluators():
    config = coco()
    set_data_root(config, '/elsewhere')
    assert config['val_evaluator']['ann_file'] == '/elsewhere/annotations/val.json'
    inner = config['val_dataloader']['dataset']['dataset']
    assert expected_paths(inner) == [
        Path('/elsewhere/val'), Path('/elsewhere/annotations/val.json')
    ]  # fmt: skip


def test_a_split_of_imagenet_is_a_folder():
    dataset = dict(type='ImageNet', data_root='data/imagenet', split='train')
    assert expected_paths(dataset) == [Path('data/imagenet/train')]


def test_another_root_applies_to_every_path_of_an_evaluator():
    config = Config(
        dict(
            val_dataloader=dict(dataset=dict(type='A', data_root='data/a/')),
            val_evaluator=dict(
                ann_file='./data/a/v.json', seg_prefix='data/a/gt', prefix='data/a2/x'
            ),
        )
    )
    set_data_root(config, '/new')
    assert config.val_dataloader.dataset.data_root == '/new'
    assert config.val_evaluator == dict(
        ann_file='/new/v.json', seg_prefix='/new/gt', prefix='data/a2/x'
    )


def test_one_root_cannot_replace_two():
    loader = dict(dataset=dict(datasets=[dict(data_root='data/a'), dict(data_root='data/b')]))
    with pytest.raises(InputError, match='data/a, data/b'):
        set_data_root(Config(dict(train_dataloader=loader)), '/new')
