"""What a notebook user can get wrong in a call of train or test: one `InputError`, before a run."""

import copy
import dataclasses
import inspect
import pickle
from pathlib import Path

import pytest

import rm_mm
from rm_mm import TestRequest, TrainRequest
from rm_mm.errors import InputError
from tests.test_errors import write_tiny

#: A value of a wrong type for each field, and what was expected.
WRONG = {
    'config': (3, 'str | Path'),
    'checkpoint': (None, 'str | Path'),
    'work_dir': (3, 'str | Path | None'),
    'data_root': (['a'], 'str | Path | None'),
    'cfg_options': ('model.depth=3', 'Mapping'),
    'amp': (1, 'bool'),
    'launcher': (None, 'str'),
    'pin_memory': ('no', 'bool'),
    'resolved': (0, 'bool'),
    'check_only': (None, 'bool'),
    'resume': (True, 'str | Path | None'),
    'backbone': (3, 'str | Path | None'),
    'validate': (None, 'bool'),
    'batch_policy': (8, 'str | None'),
    'persistent_workers': (1, 'bool'),
    'out': (True, 'str | Path | None'),
    'details': (3, 'str | Path | None'),
}
CASES = [(kind, field.name) for kind in (TrainRequest, TestRequest)
         for field in dataclasses.fields(kind)]  # fmt: skip
RIGHT = {TrainRequest: {'config': 'a.py'}, TestRequest: {'config': 'a.py', 'checkpoint': 'a.pth'}}


@pytest.mark.parametrize(('kind', 'name'), CASES)
def test_a_wrong_type_is_reported_with_its_field(kind, name):
    value, expected = WRONG[name]
    found = 'None' if value is None else f'{type(value).__name__} {value}'
    with pytest.raises(InputError) as raised:
        kind(**{**RIGHT[kind], name: value})
    assert str(raised.value) == f'{name}: expected {expected}, got {found}'


@pytest.mark.parametrize('name', ['config', 'work_dir', 'data_root', 'resume', 'backbone'])
def test_an_empty_text_is_not_the_default(name):
    with pytest.raises(InputError, match=f'^{name}: expected a value, got an empty text$'):
        TrainRequest(**{'config': 'a.py', name: ''})


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'launcher': 'torch'}, "launcher: expected one of none, pytorch, .*, got 'torch'"),
        ({'batch_policy': 'scale'}, "batch_policy: expected one of .*scale-lr.*, got 'scale'"),
        ({'cfg_options': {3: 1}}, 'cfg_options: expected keys such as .*max_epochs.*, got 3'),
        ({'wrok_dir': 'a'}, "unexpected keyword argument 'wrok_dir'; its fields are .*work_dir"),
    ],
)
def test_a_misspelt_call_names_what_is_possible(fields, message):
    with pytest.raises(InputError, match=message):
        rm_mm.train('a.py', **fields)


def test_calls_with_too_few_or_too_many_arguments():
    with pytest.raises(InputError, match="TestRequest: missing a required argument: 'checkpoint'"):
        rm_mm.test('a.py')
    with pytest.raises(InputError, match='TrainRequest: too many positional arguments'):
        rm_mm.train('a.py', 'runs')
    request = TrainRequest('a.py')
    with pytest.raises(InputError, match='expected a TrainRequest or its fields, got both'):
        rm_mm.train(request, work_dir='runs')
    with pytest.raises(InputError, match=r'config: expected str \| Path, got TrainRequest'):
        rm_mm.test(request, 'none')


def test_requests_stay_ordinary_dataclasses():
    request = TestRequest('a.py', Path('a.pth'), cfg_options={'a.b': 1})
    for same in (pickle.loads(pickle.dumps(request)), copy.deepcopy(request)):
        assert same == request
    assert dataclasses.replace(request, out='b').out == 'b'
    assert list(inspect.signature(TestRequest).parameters)[:3] == [
        'config',
        'checkpoint',
        'work_dir',
    ]


@pytest.mark.parametrize(
    ('command', 'fields', 'message'),
    [
        ('train', {'config': 'no.py'}, "no config 'rm_mm::no.py': expected a file"),
        ('train', {'config': 'folder'}, "no config 'rm_mm::folder'"),
        ('train', {'config': 'other'}, 'other does not parse'),
        ('train', {'config': 'no.py', 'resolved': True}, 'no.py does not parse as a saved config'),
        ('train', {'work_dir': 'other'}, 'work_dir: other cannot be a folder: other is a file'),
        ('train', {'work_dir': 'other/a'}, 'work_dir: other/a cannot be a folder: .*other is a'),
        ('train', {'data_root': 'no'}, 'no: not there'),
        ('train', {'data_root': 'lmdb://no.lmdb'}, 'no.lmdb is no file'),
        ('train', {'cfg_options': {'model.nope': 1}}, "does not build: .*argument 'nope'"),
        ('train', {'resume': 'no.pth'}, 'no checkpoint at no.pth'),
        ('train', {'resume': Path('folder')}, 'folder is not a file: expected a checkpoint'),
        ('train', {'resume': 'other'}, 'other is not a PyTorch checkpoint'),
        ('train', {'launcher': 'slurm'}, '--launcher slurm expects .* SLURM_NTASKS'),
        ('test', {'launcher': 'slurm'}, '--launcher slurm expects .* SLURM_NTASKS'),
        ('test', {'launcher': 'pytorch'}, '--launcher pytorch expects .* WORLD_SIZE'),
        ('test', {'checkpoint': 'no.pth'}, 'no checkpoint at no.pth'),
        ('test', {'checkpoint': 'folder'}, 'folder is not a file: expected a checkpoint'),
        (
            'test',
            {'out': 'folder'},
            'out: expected a file such as metrics.json, folder is a folder',
        ),
        ('test', {'out': 'other/a.json'}, 'out: other cannot be a folder: other is a file'),
        ('test', {'details': 'other'}, 'details: other cannot be a folder: other is a file'),
    ],
)
def test_a_missing_or_unsuitable_file_is_reported_before_a_run(
    tmp_path, monkeypatch, command, fields, message
):
    monkeypatch.chdir(tmp_path)
    for name in ('SLURM_NTASKS', 'WORLD_SIZE'):
        monkeypatch.delenv(name, raising=False)
    write_tiny(tmp_path)
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'other').write_text('text')
    call, request = (
        (rm_mm.train, {'config': 'tiny.py'})
        if command == 'train'
        else (rm_mm.test, {'config': 'tiny.py', 'checkpoint': 'none'})
    )
    config, *rest = {**request, **fields}.items()
    with pytest.raises(InputError, match=message):
        call(config[1], **dict(rest))
