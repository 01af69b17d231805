"""Which checkpoint a run goes on from, whatever a cut left of its marker."""

import pytest

from rm_mm.run.resume.latest import latest_checkpoint, reached


@pytest.mark.parametrize(
    ('files', 'marker', 'found'),
    [
        ([], None, None),
        (['epoch_2.pth'], None, 'epoch_2.pth'),
        (['epoch_9.pth', 'epoch_10.pth'], None, 'epoch_10.pth'),
        # Written after the checkpoint, so that it may lag behind it; what it names is whole.
        (['epoch_2.pth', 'epoch_3.pth'], 'epoch_2.pth', 'epoch_2.pth'),
        (['epoch_2.pth'], '/moved/elsewhere/epoch_2.pth\n', 'epoch_2.pth'),
        # Cut in writing, or what it names is gone.
        (['epoch_2.pth'], '', 'epoch_2.pth'),
        (['epoch_2.pth'], 'work_dirs/x/epo', 'epoch_2.pth'),
        (['iter_100.pth'], 'iter_200.pth', 'iter_100.pth'),
        ([], 'iter_200.pth', None),
        # Neither is one to go on from.
        (['best_top1_epoch_9.pth', '.epoch_9.pth.0a.tmp', 'epoch_2.pth'], None, 'epoch_2.pth'),
    ],
)  # fmt: skip
def test_the_latest(tmp_path, files, marker, found):
    for name in files:
        (tmp_path / name).touch()
    if marker is not None:
        (tmp_path / 'last_checkpoint').write_text(marker)
    assert latest_checkpoint(tmp_path) == (found and str(tmp_path / found))


def test_how_far_a_run_got(tmp_path):
    assert reached(tmp_path) is None
    (tmp_path / 'last_checkpoint').write_text('runs/epoch_12.pth')
    # The checkpoint itself was removed to save room.
    assert reached(tmp_path) == ('epoch', 12)
    (tmp_path / 'iter_40.pth').touch()
    assert reached(tmp_path) == ('iter', 40)


def test_checkpoints_that_lie_elsewhere(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'elsewhere' / 'epoch_3.pth').touch()
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'last_checkpoint').write_text(f'{tmp_path}/elsewhere/epoch_3.pth')
    assert latest_checkpoint(run) == f'{tmp_path}/elsewhere/epoch_3.pth'
    assert reached(run) == ('epoch', 3)
    (run / 'last_checkpoint').write_text('s3://bucket/run/epoch_4.pth')
    assert latest_checkpoint(run) == 's3://bucket/run/epoch_4.pth'
