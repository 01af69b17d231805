"""Channels-last memory format: the same numbers in another layout."""

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import RUNNERS
from torch import nn
from torch.utils.data import DataLoader

import rm_mm  # noqa: F401
from tests.configs.test_recipes import load


class Tiny(BaseModel):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)
        self.seen = []

    def forward(self, images, mode='loss'):
        features = self.norm(self.conv(images))
        self.seen.append(features.is_contiguous(memory_format=torch.channels_last))
        return {'loss': self.head(features.mean((2, 3))).square().sum()}


def train(folder, kind):
    torch.manual_seed(0)
    images = torch.randn(4, 3, 8, 8)
    config = Config(
        dict(
            runner_type=kind,
            model=Tiny(),
            work_dir=str(folder / kind),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
            default_scope='mmengine',
        )
    )
    loader = DataLoader([dict(images=image) for image in images], batch_size=2)
    runner = RUNNERS.get(kind)(
        **{name: value for name, value in config.items() if name != 'runner_type'},
        train_dataloader=loader,
    )
    runner.train()
    return runner.model


def test_the_same_numbers_in_another_layout(tmp_path):
    plain, last = train(tmp_path, 'Runner'), train(tmp_path, 'ChannelsLastRunner')
    assert (set(plain.seen), set(last.seen)) == ({False}, {True})
    assert last.conv.weight.is_contiguous(memory_format=torch.channels_last)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(last.state_dict()[name], value)


def test_recipes_train_in_channels_last():
    for name in (
        'classification/r50_rm_in1k', 'classification/resnet18_rm_cifar10',
        'detection/atss_r50_rm_coco', 'detection/mask_rcnn_r50_coco',
        'segmentation/upernet_r50_rm_ade20k', 'segmentation/fcn_r50_ade20k',
    ):  # fmt: skip
        assert load(f'{name}.py').runner_type == 'ChannelsLastRunner', name
