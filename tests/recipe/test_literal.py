"""Configs that are read and never run."""

import pytest

from rm_mm.recipe.literal import parse_literals


def test_literals_and_calls_of_dict_and_range():
    text = (
        "a = dict(b=(1, -2), c=[dict(type='D')])\ngpu_ids = range(0, 3)\ne = {'f': None, -1: {2}}"
    )
    expected = {
        'a': {'b': [1, -2], 'c': [{'type': 'D'}]},
        'gpu_ids': [0, 1, 2],
        'e': {'f': None, -1: {2}},
    }
    assert parse_literals(text) == parse_literals(text, strict=False) == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        # mmcv dumps a mapping whose keys are no identifiers in this form.
        ("a = dict({'norm.weight': dict(decay=0)}, b=1)", {'norm.weight': {'decay': 0}, 'b': 1}),
        ("a = dict([('b', 1)])", {'b': 1}),
        ("a = dict(b=1, **dict(c=2))", {'b': 1, 'c': 2}),
        ("a = {'b': 1, **{'c': 2}}", {'b': 1, 'c': 2}),
        ('a = dict({(1, 2): 3})', {(1, 2): 3}),
    ],
)  # fmt: skip
def test_every_way_to_write_a_mapping(text, expected):
    assert parse_literals(text) == parse_literals(text, strict=False) == {'a': expected}


def test_several_names_of_one_value():
    assert parse_literals('a = b = 1') == {'a': 1, 'b': 1}


#: Text, and what the lenient mode makes of it.
NOT_LITERAL = [
    ('import os', {}),
    ('a += 1', {}),
    ('a, b = 1, 2', {}),
    ('a.b = 1', {}),
    ("a = open('x')", {'a': None}),
    ("a = os.path.join('x')", {'a': None}),
    ('a = b', {'a': None}),
    ("a = f'{b}'", {'a': None}),
    # A value that is not known keeps its place: a default would be a guess, and a list would shift.
    ('a = [1, b, 3]', {'a': [1, None, 3]}),
    ("a = dict(style=b, depth=50)", {'a': {'style': None, 'depth': 50}}),
    ("a = dict(b, depth=50)", {'a': {'depth': 50}}),
    ('a = dict(c=1, **b)', {'a': {'c': 1}}),
    ("a = {'c': 1, **b, d: 2}", {'a': {'c': 1}}),
    ("a = {[1]: 2, 'c': 1}", {'a': {'c': 1}}),
    ('a = {[1]}', {'a': None}),
    ('a = dict(1, 2)', {'a': None}),
    ('a = range(10**9)', {'a': None}),
    ('a = range(1000000000)', {'a': None}),
    (f'a = range({10**30})', {'a': None}),
    ('a = range(0, 9, 0)', {'a': None}),
    ('a = range(stop=3)', {'a': None}),
    ("a = 'x' * 10**9", {'a': None}),
]  # fmt: skip


@pytest.mark.parametrize(('text', 'lenient'), NOT_LITERAL)
def test_what_is_no_literal(text, lenient):
    with pytest.raises(ValueError, match='the config '):
        parse_literals(text)
    around = parse_literals(f'x = 1\n{text}\ny = 2\n', strict=False)
    assert around == {'x': 1, **lenient, 'y': 2}


@pytest.mark.parametrize('text', ['a = (', 'a = "\x00"', '\ufeffa = 1'])
def test_what_does_not_parse(text):
    with pytest.raises(ValueError, match='the config does not parse'):
        parse_literals(text)
    assert parse_literals(text, strict=False) == {}


def test_many_ranges_do_not_fill_the_memory():
    text = '\n'.join(f'a{number} = range(60_000)' for number in range(3))
    with pytest.raises(ValueError, match='more than 100000 numbers'):
        parse_literals(text)
    found = parse_literals(text, strict=False)
    assert [value and len(value) for value in found.values()] == [60_000, None, None]


@pytest.mark.parametrize(
    'value', ['[' * 100_000, '-' * 50_000 + '1', 'a' + '.b' * 50_000, 'dict(a=' * 199 + ')' * 199]
)
def test_deep_nesting_ends_in_a_message(value):
    with pytest.raises(ValueError, match='the config'):
        parse_literals(f'a = {value}')
    assert parse_literals(f'a = {value}', strict=False) in ({}, {'a': None})


def test_the_message_fits_a_terminal():
    with pytest.raises(ValueError, match='holds more than literals') as caught:
        parse_literals(f"a = b['\x1b[31m{'x' * 1000}']")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_nothing_is_run(tmp_path):
    victim = tmp_path / 'victim'
    text = f"a = open({str(victim)!r}, 'w')\nopen({str(victim)!r}, 'w')\n"
    assert parse_literals(text, strict=False) == {'a': None}
    assert not victim.exists()
