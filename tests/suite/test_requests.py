"""Wrong values are rejected when a request is built, for the Python API and the command line."""

import pytest

from rm_mm.errors import InputError
from rm_mm.suite.requests import SlurmRequest, SuiteRequest, TransferRequest, parse_entries


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (
            {'preset': 'huge'},
            "--preset: expected mini, mini-full, paper or a file .yaml, got 'huge'",
        ),
        ({'seeds': []}, '--seeds: expected numbers from 0 such as 0,1,2, got []'),
        ({'seeds': [0, True]}, 'got [0, True]'),
        ({'seeds': [2**32]}, f'got [{2**32}]'),
        ({'schedule_scale': 0}, '--schedule-scale: expected a number in (0, 1], got 0'),
        ({'schedule_scale': 'half'}, 'schedule_scale: expected float, got str half'),
        ({'usd_per_gpu_hour': -1}, '--usd-per-gpu-hour: expected a price such as 2.5, got -1'),
        ({'usd_per_gpu_hour': float('nan')}, 'got nan'),
        ({'usd_per_gpu_hour': float('inf')}, 'got inf'),
        ({'cluster': 'moon'}, "--cluster: expected one of local, slurm, debug, got 'moon'"),
        ({'setting': 'x'}, "--setting: expected one of paper, controlled, both, got 'x'"),
        ({'methods': [3]}, '--methods: expected str, got int 3'),
    ],
)
def test_wrong_values_are_rejected(fields, message):
    with pytest.raises(InputError) as error:
        SuiteRequest(**fields)
    assert message in str(error.value)


@pytest.mark.parametrize('field', ['nodes', 'cpus_per_task', 'max_num_timeout'])
def test_numbers_of_a_job_start_at_1(field):
    assert SlurmRequest(**{field: 1}).given() == [f'--{field.replace("_", "-")}']
    with pytest.raises(InputError, match='expected a whole number from 1, got 0'):
        SlurmRequest(**{field: 0})


def test_seeds_are_sorted_and_unique():
    assert SuiteRequest(seeds=[2, 0, 2]).seeds == (0, 2)


def test_a_transfer_takes_the_pretraining_of_a_preset():
    with pytest.raises(InputError, match='--preset: expected one of mini, mini-full, paper, got'):
        TransferRequest(('atss', 'coco'), preset='study.yaml')


def test_entries_are_names_paths_and_pairs():
    assert parse_entries('--tasks', 'detection, d.py ,a=b.py,c=') == (
        ('detection', None), (None, 'd.py'), ('a', 'b.py'), ('c', '')
    )  # fmt: skip


def test_given_options_of_slurm_are_named_as_the_user_wrote_them():
    assert SlurmRequest().given() == []
    request = SlurmRequest(partition='a', time='9', extra=('account=b',))
    assert request.given() == ['--partition', '--time', '--slurm']
