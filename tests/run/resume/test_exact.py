"""A run that is interrupted anywhere and resumed ends with the bits of an uninterrupted one."""

import itertools

import pytest
import torch
from mmengine.hooks import Hook

from tests.run.resume.small import differences, run, state

# 22 images in batches of 4: six iterations per epoch, the last one smaller.
WAYS = {
    'epochs': dict(epochs=4),
    'epochs, checkpoints in their middle': dict(epochs=3, by_epoch=False, interval=4),
    'epochs, history kept': dict(
        epochs=3, augments=dict(type='RecursiveMix', reset='never'), by_epoch=False, interval=5
    ),
    'epochs, accumulated': dict(epochs=3, accumulate=4, by_epoch=False, interval=3),
    'iterations': dict(iterations=17),
    'epochs, workers': dict(epochs=3, by_epoch=False, interval=4, workers=1),
    'iterations, workers': dict(iterations=17, workers=2),
    'iterations, passes, workers': dict(iterations=17, infinite=False, workers=1),
    'iterations, passes': dict(iterations=17, infinite=False),
    'iterations, accumulated': dict(iterations=17, accumulate=3),
}
# Workers start anew for each part of each run, which takes long.
SLOW = (
    'epochs, workers', 'iterations, workers', 'iterations, passes, workers', 'epochs',
    'iterations, accumulated',
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread():
    """Small networks, next to other tests: threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    'way', [pytest.param(way, marks=[pytest.mark.slow] * (way in SLOW)) for way in WAYS]
)
def test_cut_at_every_fourth_iteration(tmp_path, way):
    options = WAYS[way]
    whole, seen = run(tmp_path / 'whole', **options)
    length = whole.max_iters
    expected = state(whole)
    for cut in range(list(WAYS).index(way) % 4, length, 4):
        folder = tmp_path / f'cut {cut}'
        assert run(folder, cut=cut, **options) is None
        resumed, seen_again = run(folder, resume=True, **options)
        assert differences(state(resumed), expected) == []
        assert seen_again == seen[-len(seen_again) :]
        # The best checkpoint may have been written before the cut, or must be written again.
        best = [next(tmp_path.glob(f'{name}/best_*.pth')) for name in ('whole', folder.name)]
        assert best[0].name == best[1].name
        first, second = (torch.load(path, weights_only=False)['state_dict'] for path in best)
        assert differences(first, second) == []


@pytest.mark.parametrize('way', ['epochs', 'iterations'])
def test_cut_three_times(tmp_path, way):
    options = WAYS[way]
    expected, _ = run(tmp_path / 'whole', **options)
    assert run(tmp_path / 'cut', cut=9, **options) is None
    assert run(tmp_path / 'cut', cut=10, resume=True, **options) is None
    assert run(tmp_path / 'cut', cut=14, resume=True, **options) is None
    resumed, _ = run(tmp_path / 'cut', resume=True, **options)
    assert differences(state(resumed), state(expected)) == []


@pytest.mark.parametrize(
    ('options', 'reached'), [(dict(epochs=4), 12), (dict(epochs=4), 24), (dict(iterations=17), 10)]
)
def test_an_interrupted_evaluation_is_made(tmp_path, options, reached):
    expected, seen = run(tmp_path / 'whole', **options)
    assert run(tmp_path / 'cut', cut=f'evaluation {reached}', **options) is None
    resumed, seen_again = run(tmp_path / 'cut', resume=True, **options)
    assert differences(state(resumed), state(expected)) == []
    made_before = sum(step < reached for step in (12, 24) if 'epochs' in options)
    made_before = made_before if 'epochs' in options else 1
    assert seen_again == seen[made_before:]


@pytest.mark.parametrize('options', [dict(epochs=2), dict(iterations=9)])
def test_the_number_of_workers_changes_nothing(tmp_path, options):
    alone, _ = run(tmp_path / 'alone', **options)
    shared, _ = run(tmp_path / 'shared', workers=2, **options)
    assert differences(state(alone), state(shared)) == []
    other, _ = run(tmp_path / 'other', seed=1, **options)
    assert differences(state(alone), state(other))


def test_epochs_draw_different_numbers(tmp_path, monkeypatch):
    from tests.run.resume import small

    drawn = []
    get = small.Images.__getitem__

    def remember(self, index):
        sample = get(self, index)
        drawn.append(float(sample['inputs'].sum()))
        return sample

    monkeypatch.setattr(small.Images, '__getitem__', remember)
    run(tmp_path, epochs=2)
    assert len(drawn) == len(set(drawn))


class ReadData(Hook):
    """Reads the data outside the loop, like hooks that compute statistics."""

    def __init__(self, stage):
        self.counts = []
        setattr(self, stage, self._go)

    def _go(self, runner, *args, **kwargs):
        batches = itertools.islice(runner.train_loop.dataloader, 4)
        self.counts.append(sum(len(batch['inputs']) for batch in batches))


@pytest.mark.parametrize(
    ('options', 'stage'),
    [(dict(epochs=2), 'after_train_epoch'), (dict(iterations=9), 'after_val_epoch')],
)
def test_a_hook_may_read_the_data_without_consuming_it(tmp_path, options, stage):
    expected, _ = run(tmp_path / 'whole', **options)
    hook = ReadData(stage)
    other, _ = run(tmp_path / 'other', hooks=[hook], **options)
    assert hook.counts == [16, 16]
    assert differences(state(expected), state(other)) == []


def test_an_epoch_ends_with_its_batches_even_if_its_length_is_wrong(tmp_path):
    options = dict(epochs=3, by_epoch=False, interval=4)

    class Longer(torch.utils.data.BatchSampler):
        def __len__(self):
            return super().__len__() + 1

    options['batch_sampler'] = dict(type=Longer, drop_last=False)
    expected, _ = run(tmp_path / 'whole', **options)
    assert expected.iter == 18
    for cut in (5, 9, 13):
        assert run(tmp_path / f'{cut}', cut=cut, **options) is None
        resumed, _ = run(tmp_path / f'{cut}', resume=True, **options)
        assert differences(state(resumed), state(expected)) == []
