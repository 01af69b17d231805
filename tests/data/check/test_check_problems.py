from rm_mm.data.check.inspection import Problems


def test_frequent_cause_does_not_hide_others():
    problems = Problems()
    for number in range(50_000):
        problems.add('empty files', f'{number} is empty')
    for number in range(3):
        problems.add('links', f'{number} is a link')
    # Three links, and 20 - 3 = 17 empty files.
    assert problems.first() == [
        *(f'{number} is empty' for number in range(17)),
        *(f'{number} is a link' for number in range(3)),
    ]
    assert problems.total == 50_003
    assert problems.by_cause == {'empty files': 50_000, 'links': 3}


def test_few_problems_are_all_shown_and_many_are_cut():
    problems = Problems()
    assert (problems.first(), problems.total) == ([], 0)
    for number in range(25):
        problems.add(f'cause {number}', f'{number}')
    assert problems.first() == [str(number) for number in range(20)]
    assert problems.total == 25
