"""Requests for loaders and precision, in the config that is trained."""

import pytest
from mmengine.config import Config

from rm_mm.run import preparation, training
from rm_mm.run.requests import TrainRequest


def settled(loader=(), **fields):
    """Return a config's training loader and optimiser wrapper after a request was applied."""
    request = TrainRequest('mine.py', validate=False, **fields)
    config = Config(
        dict(
            default_scope='mmpretrain',
            train_dataloader=dict(batch_size=2, **dict(loader)),
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            model=dict(type='ImageClassifier'),
        )
    )
    preparation._set_loader_defaults(config, request)
    training._prepare_training(config, request, {})
    return config.train_dataloader, config.optim_wrapper


@pytest.mark.parametrize(
    ('workers', 'fields', 'pinned', 'persistent'),
    [
        (2, {}, True, True),
        (0, {}, True, False),
        (2, {'pin_memory': False}, False, True),
        (2, {'persistent_workers': False}, True, False),
    ],
)
def test_loaders_keep_their_workers_and_pin(workers, fields, pinned, persistent):
    loader, _ = settled(dict(num_workers=workers), **fields)
    assert (loader.pin_memory, loader.persistent_workers) == (pinned, persistent)
    assert loader.collate_fn == {'type': 'default_collate'}


def test_settings_of_a_config_are_kept():
    loader, _ = settled(dict(num_workers=2, pin_memory=False, persistent_workers=False))
    assert (loader.pin_memory, loader.persistent_workers) == (False, False)


def test_mixed_precision_is_asked_for():
    assert 'type' not in settled()[1]
    wrapper = settled(amp=True)[1]
    assert (wrapper.type, wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
