"""The page in a real browser: no network, legible, and every figure leads to its run."""

from dataclasses import replace
from pathlib import Path

import pytest

from rm_mm.cli import main
from tests.reporting.made import several, write, write_pictures
from tests.reporting.page import browser as browsers

HERE = Path(__file__).parent
HOSTILE = '</script><img src=x onerror=window.hacked=1>'
QUOTED = '"o\'brien" & <b>'
FOLDER = 'a "folder" with \'quotes\' & <i>'

pytestmark = pytest.mark.browser


@pytest.fixture(scope='module')
def browser():
    program = browsers.find()
    assert program, f'expected one of {", ".join(browsers.NAMES)}; or leave out -m browser'
    found = browsers.Browser(program)
    yield found
    found.close()


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    """A page with every section, and hostile names."""
    folder = tmp_path_factory.mktemp('page') / FOLDER
    records = several(['scratch', 'baseline', 'rm', HOSTILE, QUOTED])
    records = [
        replace(r, config_diff={HOSTILE: [QUOTED, HOSTILE]}, environment={QUOTED: HOSTILE},
                checkpoint=HOSTILE, source=QUOTED, per_class={QUOTED: 1.0, **r.per_class})
        for r in records
    ]  # fmt: skip
    for path, record in zip(write(folder, records), records, strict=True):
        if record.seed == 0 and record.method in ('rm', HOSTILE):
            write_pictures(path, record)
    target = folder / 'no such folder yet' / 'page.html'
    assert main(['report', str(folder), '--html', str(target)]) == 0
    return target.as_uri()


def place(browser, selector):
    """The middle of an element, scrolled to."""
    return browser.run(
        f'(() => {{ const e = document.querySelector({selector!r}); '
        "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); "
        'return [b.x + b.width / 2, b.y + b.height / 2]; })()'
    )


def test_no_request_and_no_console_message(browser, page):
    browser.open(page)
    browser.run("document.querySelector('.trace').click()")
    assert browser.requests() == [page]
    assert browser.complaints() == []
    # The policy blocks requests that markup in a name could make.
    browser.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x'}))")
    assert any('Content Security Policy' in str(said) for said in browser.complaints())


def test_names_stay_text(browser, page):
    browser.open(page)
    browser.run("document.querySelectorAll('[data-runs]').forEach(e => "
                "e.dispatchEvent(new MouseEvent('click', {bubbles: true})))")  # fmt: skip
    browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert browser.run('window.hacked') is None
    assert browser.run("document.querySelectorAll('img, i, main b b, dialog b').length") == 0
    text = browser.run('document.body.innerText')
    assert HOSTILE in text
    assert QUOTED in text
    assert FOLDER in text


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_contrast(browser, page, scheme):
    browser.open(page, scheme=scheme)
    script = (HERE / 'contrast.js').read_text()
    browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    closed = browser.run(script)
    assert closed['seen'] > 500
    assert closed['problems'] == []
    browser.run("document.querySelector('.gain .trace').click()")
    browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert browser.run("document.getElementById('panel').open")
    assert browser.run(script)['problems'] == []
    is_dark = browser.run('getComputedStyle(document.body).backgroundColor') == 'rgb(20, 23, 27)'
    assert is_dark == (scheme == 'dark')


def test_poor_contrast_is_found(browser, page):
    browser.open(page)
    browser.run("document.querySelector('h1').style.color = '#ddd'")
    (problem,) = browser.run((HERE / 'contrast.js').read_text())['problems']
    assert 'Does it transfer' in problem


@pytest.mark.parametrize('width', [390, 1280])
def test_nothing_is_wider_than_the_window(browser, page, width):
    browser.open(page, width=width)
    browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert browser.run('document.documentElement.scrollWidth') <= width
    browser.run("document.querySelector('.trace').click()")
    assert browser.run("document.getElementById('panel').scrollWidth") <= width
    assert browser.run("document.getElementById('panel').getBoundingClientRect().right") <= width
    # Text in charts is legible on a phone too.
    assert browser.run(
        "Math.min(...[...document.querySelectorAll('.chart')].map(e => "
        'e.getBoundingClientRect().width / e.viewBox.baseVal.width * 11))'
    ) >= 9.5  # fmt: skip


def test_the_keyboard_reaches_every_figure(browser, page):
    browser.open(page)
    browser.run(
        "window.marks = [...document.querySelectorAll('[data-runs]')].filter(e => "
        'e.checkVisibility()); window.met = new Set(); '
        "document.addEventListener('focusin', e => window.met.add(e.target))"
    )
    total = browser.run('marks.length')
    assert total > 100
    for _ in range(total + 120):
        browser.press('Tab')
        if browser.run('document.activeElement === document.body'):
            break
    assert browser.run('marks.filter(e => !met.has(e)).map(e => e.outerHTML.slice(0, 99))') == []


@pytest.mark.parametrize('selector', ['#results .trace', '#curves .mark', '#prediction .mark'])
def test_enter_opens_and_escape_closes(browser, page, selector):
    browser.open(page)
    browser.run(f'document.querySelector({selector!r}).focus()')
    browser.press('Enter')
    assert browser.run("document.getElementById('panel').open")
    assert browser.run("document.getElementById('panel').contains(document.activeElement)")
    shown = browser.run("document.getElementById('panel').textContent")
    for word in ('Checkpoint', 'Config SHA-256', 'Environment', 'Recipe', 'run ', 'Seed'):
        assert word in shown
    browser.press('Escape')
    assert not browser.run("document.getElementById('panel').open")
    assert browser.run(f'document.activeElement === document.querySelector({selector!r})')


def test_focus_is_visible_and_explained(browser, page):
    browser.open(page)
    browser.run("document.querySelector('#results .scroll').focus()")
    browser.press('Tab')
    assert browser.run('getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    assert 'seed 0' in browser.run("document.getElementById('hint').innerText")
    browser.press('Escape')
    assert browser.run("document.getElementById('hint').hidden")


@pytest.mark.parametrize('selector', ['#gains .mark', '#results .gain .trace', '#classes .mark'])
def test_hover_and_click(browser, page, selector):
    browser.open(page)
    x, y = place(browser, selector)
    browser.hover(x, y)
    assert 'run ' in browser.run("document.getElementById('hint').innerText")
    browser.click(x, y)
    # A gain involves three seeds, and three of the baseline.
    assert browser.run("document.querySelectorAll('#panel article').length") == 6
    assert browser.run("document.getElementById('hint').hidden")


def test_accessibility_audit(browser, page):
    browser.open(page)
    assert browser.run((HERE / 'audit.js').read_text()) == []


def test_pictures_are_drawn(browser, page):
    browser.open(page)
    # The three pictures are stored once each, used, and decoded by the browser.
    assert browser.run("document.querySelectorAll('symbol image').length") == 3
    decoded = browser.run(
        "Promise.all([...document.querySelectorAll('symbol image')].map(async e => { const i = "
        "new Image(); i.src = e.getAttribute('href'); await i.decode(); return i.width; }))"
    )
    assert decoded == [60, 60, 60]
    drawn = browser.run("document.querySelectorAll('.picture use').length")
    assert drawn > 3
