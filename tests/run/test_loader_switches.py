"""What a call says of loaders and precision, in the config that is trained."""

import pytest
from mmengine.config import Config

from rm_mm.cli import build_parser
from rm_mm.run import training


def settled(loader=(), options=()):
    """A config's training loader and optimiser wrapper after a call's options."""
    args = build_parser().parse_args(['train', 'mine.py', '--no-validate', *options])
    config = Config(
        dict(
            default_scope='mmpretrain',
            train_dataloader=dict(batch_size=2, **dict(loader)),
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            model=dict(type='ImageClassifier'),
        )
    )
    training._set_loader_defaults(config, args)
    training._prepare_training(config, args, {})
    return config.train_dataloader, config.optim_wrapper


@pytest.mark.parametrize(
    ('workers', 'options', 'pinned', 'persistent'),
    [
        (2, [], True, True),
        (0, [], True, False),
        (2, ['--no-pin-memory'], False, True),
        (2, ['--no-persistent-workers'], True, False),
    ],
)
def test_loaders_keep_their_workers_and_pin(workers, options, pinned, persistent):
    loader, _ = settled(dict(num_workers=workers), options)
    assert (loader.pin_memory, loader.persistent_workers) == (pinned, persistent)
    assert loader.collate_fn == {'type': 'default_collate'}


def test_what_a_config_says_stays():
    loader, _ = settled(dict(num_workers=2, pin_memory=False, persistent_workers=False))
    assert (loader.pin_memory, loader.persistent_workers) == (False, False)


def test_mixed_precision_is_asked_for():
    assert 'type' not in settled()[1]
    wrapper = settled(options=['--amp'])[1]
    assert (wrapper.type, wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
