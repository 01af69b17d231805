import pytest

from rm_mm.cli import main

CONFIG = 'classification/r18_rm_mini.py'


@pytest.mark.parametrize(
    ('call', 'present', 'missing'),
    [
        (['train', CONFIG, '--no-validate'], 'train', None),
        (['train', CONFIG], 'train', 'val'),
        (['train', CONFIG, '--no-validate'], 'val', 'train'),
        (['test', CONFIG, 'none'], 'val', None),
        (['test', CONFIG, 'none'], 'train', 'val'),
    ],
)
def test_only_the_data_that_is_read_has_to_be_there(tmp_path, capsys, call, present, missing):
    # An ImageNet split is a folder with one a class; of the mini preset `test` reads `val`.
    (tmp_path / present / 'bag').mkdir(parents=True)
    code = main([*call, '--check', '--data-root', str(tmp_path)])
    message = capsys.readouterr().err
    if missing is None:
        assert (code, message) == (0, '')
    else:
        assert code == 2
        assert f'{tmp_path}/{missing}: not there' in message
        assert f'{tmp_path}/{present}: ' not in message
