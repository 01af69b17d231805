from rm_mm.reporting.page.markup import Markup, number, tag


def test_text_and_attributes_are_escaped():
    made = tag('b', '<i>', tag('u', "a'b"), None, ['&'], title='"<', data_runs='1 2', hidden=True)
    assert made == (
        '<b title="&quot;&lt;" data-runs="1 2" hidden>&lt;i&gt;<u>a&#x27;b</u>&amp;</b>'
    )
    assert isinstance(made, Markup)


def test_absent_attributes_are_left_out():
    assert tag('br', class_=None, hidden=False) == '<br>'


def test_coordinates_are_short():
    values = [0.0, -0.0, -0.04, 12.04, -3.0, -0.5, 100]
    assert [number(v) for v in values] == ['0', '0', '0', '12', '-3', '-0.5', '100']
