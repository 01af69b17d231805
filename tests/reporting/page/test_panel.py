import pytest

from rm_mm.reporting.page.panel import Scale, around, looks, step_of, tick_label, ticks


def test_a_scale_is_a_straight_line():
    # 5 is a quarter of the way from 0 to 20: a quarter of the way down from 200 to 100.
    assert Scale(0, 20, 200, 100)(5) == 175


@pytest.mark.parametrize(
    ('low', 'high', 'step', 'found'),
    [
        (0, 10, 2, [0, 2, 4, 6, 8, 10]),
        # A fifth of 11 is 2.2: the next round step is 2.5.
        (0, 11, 2.5, [0, 2.5, 5, 7.5, 10]),
        (-0.3, 0.3, 0.2, [-0.2, 0, 0.2]),
        (76.2, 78.9, 1, [77, 78]),
    ],
)
def test_ticks_are_round(low, high, step, found):
    assert step_of(low, high, 5) == pytest.approx(step)
    assert ticks(low, high, step) == pytest.approx(found)


def test_labels_have_the_decimals_of_their_step():
    assert [tick_label(v, 2.5) for v in (0, 2.5)] == ['0.0', '2.5']
    assert [tick_label(v, 0.25) for v in (-0.25, 0.0)] == ['\N{MINUS SIGN}0.25', '0.00']
    assert [tick_label(v, 20) for v in (-0.0, 20, 40)] == ['0', '20', '40']
    assert tick_label(-1e-17, 0.2) == '0.0'


def test_a_single_figure_has_a_margin():
    low, high = around([0.0])
    assert low < 0 < high
    low, high = around([20, 20])
    assert low < 20 < high
    assert around([0, 10], 0.1) == (-1, 11)


def test_sixty_methods_look_different():
    methods = [f'own{i}' for i in range(60)]
    assert len({(k.colour, k.dash, k.marker) for k in looks(methods).values()}) == 60
    known = looks(['scratch', 'baseline', 'mixup', 'cutmix', 'rm', 'mine'])
    # Not by colour alone: markers differ too.
    assert len({look.marker for look in known.values()}) == 6
    assert known['rm'] == looks(['rm'])['rm']
