"""The dashboard in Debian's Chromium: every page on a desk and on a phone, in both languages, also without script.

Pictures are kept in .build/screenshots, for people to look at.
"""

import re
import time

import pytest
from browser import Browser, why_not
from conftest import House
from daemon import ROOT
from facts import day
from pages import LANGUAGES, many, rich
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

PICTURES = ROOT / ".build/screenshots"
DESK, PHONE = 1280, 390
# Page → who looks at it: `alice` may see everything but subscriptions, `bob` everything but who may do what.
PAGES = {
    "/": "bob", "/customers": "bob", "/customers/C": "bob", "/customers/evil": "bob",
    "/customers/silent": "bob", "/customers/C/subscriptions": "bob", "/customers/C/users": "bob",
    "/compare": "bob", "/trend?workload=all&workload=EXO&workload=SPO&workload=TEAMS&start=2026-01-01": "bob",
    "/trend?metric=sold&customer=C": "bob", "/customers?scope=own": "bob",
    "/trend?metric=deployment&scope=own&customer=C": "bob", "/explain": "bob", "/advice": "bob", "/export": "bob", "/audit": "bob",
    "/me": "bob", "/about": "bob", "/access": "alice", "/customers/C/users?activity=inactive": "alice",
}  # fmt: skip
# What is refused is a page as well: the browser notes its status on the console.
REFUSED = {"/access": 403, "/nothing": 404, "/customers/hidden": 404, "/?as_of=x": 400}
MANY = 2_000

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a browser")


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    house = House(api, certificates, tmp_path_factory.mktemp("browser"), "--web", "api,pages").start().register()
    house["operator"].feed(list(rich(house.facts)))
    yield house
    house.close()


@pytest.fixture(scope="module")
def browsers(house, tmp_path_factory):
    made = {}

    def browser(who="bob", script=True):
        if (who, script) not in made:
            identity = getattr(house.certificates, who) if who else None
            folder = tmp_path_factory.mktemp("profile")
            made[who, script] = Browser(folder, house.certificates.authority, identity, script=script)
        return made[who, script]

    yield browser
    for browser in made.values():
        browser.driver.quit()


def address(house, path, language=None):
    port = house.daemon.address.rsplit(":")[-1]
    mark = "&" if "?" in path else "?"
    return f"https://localhost:{port}{path}" + (f"{mark}lang={language}" if language else "")


def period(path):
    """A start within the bounds of the API, whatever day it is."""
    return path.replace("2026-01-01", str(day(-150)))


def name(path, *words):
    place, _, query = path.partition("?")
    place = place.strip("/").replace("/", "-") or "portfolio"
    return "-".join([place, *re.findall(r"\w+", query), *map(str, words)])[:100] + ".png"


def check(browser, path, *words):
    """Sound, and with a picture of it: before it is looked through, which moves parts of it."""
    browser.picture(PICTURES / name(path, *words))
    assert browser.complaints() == [], path
    assert browser.overflow() <= 0, path
    assert browser.violations() == [], path


@pytest.mark.parametrize("width, dark, language", [(DESK, False, "en"), (PHONE, True, "nl")])
def test_every_page(house, browsers, width, dark, language):
    for path, who in PAGES.items():
        browser = browsers(who)
        browser.be(width, dark)
        browser.open(address(house, period(path), language))
        assert browser.run("return document.documentElement.lang") == language, path
        assert browser.run("return document.querySelectorAll('h1').length") == 1
        check(browser, path, width, "dark" if dark else "light", language)


def test_the_other_language_and_scheme(house, browsers):
    """Of the pages with most in them."""
    for path in ("/", "/customers", "/customers/C", "/compare", "/explain"):
        for width, dark, language in ((PHONE, False, "en"), (DESK, True, "nl")):
            browser = browsers()
            browser.be(width, dark)
            browser.open(address(house, path, language))
            check(browser, path, width, "dark" if dark else "light", language)


def test_refusals_are_pages(house, browsers):
    browser = browsers()
    for path, status in REFUSED.items():
        for width, language in zip((DESK, PHONE), LANGUAGES, strict=True):
            browser.be(width)
            browser.open(address(house, path, language))
            (complaint,) = browser.complaints()
            assert f"status of {status}" in complaint
            check(browser, path, "refused", width, language)


def test_read_outs_under_the_pointer_and_by_keys(house, browsers):
    browser = browsers()
    browser.be(DESK)
    browser.open(address(house, "/customers/C", "en"))
    point = "const p = document.querySelector('.plot'), r = p.getBoundingClientRect(); p.dispatchEvent(new PointerEvent("
    browser.run(point + "'pointermove', {clientX: r.right - 40, clientY: r.top + 50, bubbles: true}))")
    shown = browser.run("return document.querySelector('.readout').innerText")
    last = browser.run(
        "return [...[...document.querySelectorAll('figure tbody tr')].at(-1).children].map(c => c.textContent)"
    )
    browser.picture(PICTURES / "read-out.png")
    keys = "document.querySelector('.plot').dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0]}))"
    browser.run(keys, "End")
    shown = browser.run("return document.querySelector('.readout').innerText").replace("\u00a0", " ")
    assert all(text.replace("\u00a0", " ") in shown for text in last), (shown, last)
    browser.run(keys, "Home")
    assert browser.run("return document.querySelector('.readout b').textContent") != last[0]
    browser.run(keys, "Escape")
    assert browser.run("return document.querySelector('.readout').hidden")
    assert browser.complaints() == []


def test_a_page_shows_what_changes(house, browsers):
    """Without a hand on it; another customer's change leaves it alone."""
    driver = browsers("bob").driver
    driver.get(address(house, "/customers/C"))
    driver.execute_script("sessionStorage.clear(); window.isFirst = true")
    driver.execute_script("addEventListener('beforeunload', () => { sessionStorage.left = document.cookie })")
    told = driver.execute_script("return document.body.dataset.revision")
    house["operator"].feed([house.facts.activity("evil", "u1", "EXO", day(-3))])
    time.sleep(4)
    assert driver.execute_script("return window.isFirst") is True
    receipt = house["operator"].feed([house.facts.activity("C", "u1", "EXO", day(-3))])
    end = time.monotonic() + 30
    while int(driver.execute_script("return document.body && document.body.dataset.revision || 0")) < receipt.revision:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert int(told) < receipt.revision and driver.execute_script("return window.isFirst") is None
    # The server was told that nobody clicked.
    assert driver.execute_script("return sessionStorage.left") == "__Host-insights-reload=1"
    # And the next click is one again, without waiting for the mark to end by itself.
    wait(lambda: "reload" not in driver.execute_script("return document.cookie"), seconds=2)


def test_the_filter_of_the_list_is_kept(house, browsers):
    browser = browsers()
    browser.be(DESK)
    browser.open(address(house, "/customers?lang=en"))
    browser.run("document.querySelector('#f-name').value = 'coho'; document.querySelector('form.filters').requestSubmit()")
    wait(lambda: "name=coho" in browser.driver.current_url)
    assert "as_of" not in browser.driver.current_url
    assert browser.run("return document.querySelectorAll('tbody tr').length") == 1
    browser.open(address(house, "/"))
    assert "name=coho" in browser.run("return document.querySelector('.menu a[href^=\"/customers\"]').href")


def test_by_keyboard_alone(house, browsers):
    """The first stop leads past the menu; every link and field can be reached, and shows it."""
    browser = browsers()
    browser.be(DESK)
    browser.open(address(house, "/customers?lang=en"))
    stops = []
    for _ in range(60):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        stops.append(
            browser.run("const e = document.activeElement; return [e.tagName, e.id || e.getAttribute('href') || e.className, "
                        "getComputedStyle(e).outlineStyle]")
        )  # fmt: skip
    assert stops[0][1] == "#main"
    assert [f for f in stops if f[1] == "/compare"] and [f for f in stops if f[1] == "f-name"]
    assert [f for f in stops if f[1] == "/customers/C"], stops
    assert all(style != "none" for tag, _, style in stops if tag != "BODY"), stops


def test_without_script(house, browsers):
    browser = browsers(script=False)
    for width, path in ((DESK, "/customers/C"), (PHONE, "/customers?usage_below=200"), (PHONE, "/trend")):
        browser.be(width)
        browser.open(address(house, path, "nl"))
        assert browser.overflow() <= 0 and browser.complaints() == []
        browser.picture(PICTURES / name(path, width, "no-script"))
    # A form and a part that opens are the browser's own.
    driver = browser.driver
    driver.find_element(By.CSS_SELECTOR, ".chart summary").click()
    assert driver.find_element(By.CSS_SELECTOR, ".chart tbody td").is_displayed()
    driver.find_element(By.CSS_SELECTOR, "form .button").click()
    wait(lambda: "metric=usage" in driver.current_url)
    assert driver.find_elements(By.CSS_SELECTOR, "svg.lines path")


def test_a_large_portfolio(house, browsers):
    """2,000 customers: what a page weighs, and how soon it can be used."""
    house["operator"].feed(list(many(house.facts, MANY)))
    browser = browsers()
    browser.be(DESK)
    for path in ("/", "/customers", "/advice", "/compare"):
        took = []
        for _ in range(3):
            browser.open(address(house, path, "en"))
            timing = browser.run(
                "const n = performance.getEntriesByType('navigation')[0];"
                "return [n.domInteractive - n.startTime, n.transferSize, n.responseEnd - n.requestStart]"
            )
            took.append(timing)
        check(browser, path, "large")
        assert min(size for _, size, _ in took) <= 40_960, (path, took)
        # The debug build is many times slower than the release build, of which 300 ms are asked.
        assert min(usable for usable, _, _ in took) <= 3_000, (path, took)
    assert "2,006" in browser.run("return fetch('/customers').then(r => r.text())")
    # The next page is of the same day, whatever comes in between.
    browser.open(address(house, "/advice", "en"))
    link = browser.run("return document.querySelector('[rel=next]').href")
    assert f"as_of={day(-1)}" in link
    house["operator"].feed([house.facts.activity("C", "u1", "EXO", day(0)), *house.facts.coverage("C", day(0))])
    assert browser.run("return fetch(arguments[0]).then(r => r.status)", link) == 200


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
