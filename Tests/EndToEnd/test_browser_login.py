"""The pages of signing in and out in Debian's Chromium, on a desk and on a phone, in both languages."""

import json

import pytest
from browser import Browser, why_not
from conftest import House
from pages import LANGUAGES
from test_browser import DESK, PHONE, address, check

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a browser")

LOOKS = list(zip((DESK, PHONE), (False, True), LANGUAGES, strict=True))
# Page of somebody without a certificate → its status.
PAGES = {
    "/login": 200, "/logout": 200, "/login/callback": 400, "/login?issuer=7": 400, "/login?issuer=0": 503, "/about": 200,
}  # fmt: skip


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    """People choose one of two issuers; neither can be reached."""
    folder = tmp_path_factory.mktemp("login")
    words = ["--web", "api,pages", "--public-url", "https://localhost"]
    for name in ("contoso", "fabrikam"):
        issuer = f"https://{name}.invalid/"
        path = folder / f"{name}.json"
        path.write_text(json.dumps({
            "issuer": issuer, "audience": "a", "jwks": issuer + "keys", "partners": {"t": "A"}, "login": {"client_id": "c"},
        }))  # fmt: skip
        words += ["--token-issuer", path]
    house = House(api, certificates, folder / "house", *words).start().register()
    yield house
    house.close()


@pytest.fixture
def browser(house, tmp_path):
    with Browser(tmp_path, house.certificates.authority, None) as browser:
        yield browser


def see(browser, house, path, status, picture, width, dark, language):
    browser.be(width, dark)
    browser.open(address(house, path, language))
    assert browser.run("return document.documentElement.lang") == language, path
    assert browser.run("return document.querySelectorAll('h1').length") == 1, path
    complaints = browser.complaints()
    assert len(complaints) == (status >= 400) and all(f"status of {status}" in line for line in complaints), complaints
    check(browser, picture, "sign-in", width, language)


def test_pages_of_signing_in(house, browser):
    for path, status in PAGES.items():
        for look in LOOKS:
            picture = path.replace("?issuer=", "-")
            see(browser, house, path, status, picture, *look)
    browser.open(address(house, "/login?to=/trend", "en"))
    links = browser.run("return [...document.querySelectorAll('main a.button')].map(a => a.textContent)")
    assert links == ["https://contoso.invalid/", "https://fabrikam.invalid/"]


def test_a_session_that_ended(house, browser):
    """A page that was left open is not led to an issuer; the next click is."""
    for look in LOOKS:
        browser.open(address(house, "/about"))
        browser.run("document.cookie = '__Host-insights-reload=1; Path=/; Secure; SameSite=Lax; Max-Age=30'")
        see(browser, house, "/customers", 401, "ended", *look)
    assert browser.run("return document.cookie") == ""
    browser.open(address(house, "/customers", "en"))
    assert "/login?to=" in browser.run("return location.href")


def test_a_certificate_that_gives_nothing(house, tmp_path):
    stranger = house.certificates.authority.principal("A", "unheard-of")
    with Browser(tmp_path, house.certificates.authority, stranger) as browser:
        for look in LOOKS:
            see(browser, house, "/customers", 401, "certificate", *look)
        assert "/customers" in browser.run("return location.href"), "it is not led in a circle"


def test_whoever_has_no_role(house, tmp_path):
    with Browser(tmp_path, house.certificates.authority, house.certificates.nobody) as browser:
        for look in LOOKS:
            see(browser, house, "/customers", 403, "no-role", *look)
