"""What keeps a session and what does not, issuers of many tenants, and what strangers can do to the log."""

import json
import re
import threading

import pytest
from daemon import run_insightsd
from oidc_provider import Provider
from test_connect import wait_until
from test_login import (  # noqa: F401
    ANN, LOGIN, PUBLIC, SESSION, TENANTS, Browser, browser, house, known_person, me, provider, resigned, sealer, signed_in, start,
)  # fmt: skip

RELOAD = "__Host-insights-reload"
PAGE = dict(accept="text/html")


def test_a_page_that_loads_itself_again_keeps_no_session_alive(signed_in, sealer):  # noqa: F811
    text = sealer.aged(signed_in.cookies[SESSION], since=1_500, roles=1_500, seen=1_400)
    signed_in.cookies = {SESSION: text, RELOAD: "1"}
    for path in ("/me", "/customers", "/watch?after=x"):
        assert "set-cookie" not in signed_in.get(path, **PAGE).headers, path
    assert signed_in.connect().status == 200 and signed_in.cookies[SESSION] == text
    # A click does.
    del signed_in.cookies[RELOAD]
    assert signed_in.get("/me", **PAGE).status == 200 and signed_in.cookies[SESSION] != text


@pytest.mark.parametrize("age", [(9_000, 100, 1_800), (9_000, 3_600, 5)], ids=["idle", "roles"])
def test_a_page_that_loads_itself_again_signs_nobody_in(signed_in, sealer, age):  # noqa: F811
    """An issuer that knows the browser would, while nobody is there."""
    text = sealer.aged(signed_in.cookies[SESSION], *age)
    for language, word in (("en", "You have been signed out"), ("nl", "U bent afgemeld")):
        signed_in.cookies = {SESSION: text, RELOAD: "1"}
        response = signed_in.get("/customers", accept_language=language, **PAGE)
        assert response.status == 401 and word in signed_in.text(response)
        assert 'href="/login"' in signed_in.text(response) and "location" not in response.headers
        # The next request is a click.
        assert RELOAD not in signed_in.cookies
    response = signed_in.get("/customers", cookie=f"{SESSION}={text}", **PAGE)
    assert response.status == 303 and response.headers["location"].startswith("/login?to=")


def test_an_issuer_of_many_tenants(new_house, certificates, tmp_path):
    """Its metadata has `{tenantid}` in the place of the tenant, the tokens have the tenant."""
    many = Provider(certificates.authority.server("many"), PUBLIC + "/login/callback", is_public=True)
    many.named = many.issuer + "/{tenantid}/v2.0"
    path = tmp_path / "issuer.json"
    discovery = many.issuer + "/.well-known/openid-configuration"
    path.write_text(json.dumps(many.issuer_file(TENANTS, discovery=discovery) | {"issuer": many.named}))
    house = new_house(  # noqa: F811
        "--web", "api", "--token-issuer", path, "--public-url", PUBLIC, "--token-ca", certificates.authority.certificate
    )
    house.start().register()

    def answer(tenant, named=None):
        many.person = ANN | dict(tid=tenant)
        many.forge = resigned(many, dict(iss=f"{many.issuer}/{named or tenant}/v2.0"))
        browser = Browser(house)  # noqa: F811
        return browser, browser.get(browser.begin("/trend"))

    for tenant, partner in TENANTS.items():
        browser, response = answer(tenant)  # noqa: F811
        assert response.headers["location"] == "/trend"
        person = me(browser.connect())
        assert (person["partnerId"], person["principalId"]) == (partner, "ann")
    # A tenant in the name of another, or of none; and one that is no partner's.
    for tenant, named in (("tenant-a", "tenant-b"), ("tenant-b", "{tenantid}"), ("tenant-c", None), ("", "tenant-a")):
        browser, response = answer(tenant, named)
        assert response.status == 401 and SESSION not in browser.cookies, (tenant, named)
    many.stop()


def test_codes_that_do_not_do_fill_no_log(house, provider):  # noqa: F811
    """Whoever begins a sign-in can have codes refused: lines about that share the room of strangers."""
    over = threading.Event()

    def flood():
        stranger = Browser(house)
        while not over.is_set():
            stranger.get("/about")

    def lines():
        found = [json.loads(line) for line in house.daemon.log.read_text().splitlines()]
        return [line["message"] for line in found]

    before, codes = lines().count("code not exchanged"), 40
    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        # Until there is no room.
        stranger = Browser(house)
        for _ in range(1_000):
            stranger.get("/about")
        for _ in range(codes):
            assert stranger.get(re.sub("code=[^&]*", "code=wrong", stranger.begin())).status == 401
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert lines().count("code not exchanged") - before < codes / 2


def test_strangers_fill_no_trail(house, browser):  # noqa: F811
    """An answer is on record where a sign-in was under way in that browser, and nowhere else."""

    def records():
        # A change is acknowledged when all that came before it is on record.
        ann = dict(principal_id="ann", display_name="Ann")
        house["alice"].call("UpdatePrincipal", principal=ann, update_mask={"paths": ["display_name"]})
        lines = (house.daemon.data / "audit.jsonl").read_text().splitlines()
        return sum('"/login/callback"' in line for line in lines)

    before = records()
    for path in ("/login/callback", "/login/callback?state=a&code=b", "/login/callback?error=a", "/login/callback?a=1&a=2"):
        for cookie in ({}, dict(cookie=f"{LOGIN}=junk")):
            assert Browser(house).get(path, **cookie).status == 400
    browser.begin()
    assert browser.get("/login/callback?state=a&code=b").status == 400
    assert records() == before + 1


def test_a_key_of_its_own_on_a_store_of_several(new_house, shared_postgres, certificates, tmp_path):
    """Keys of sessions are not compared: whoever makes one is told that the others need it."""
    (tmp_path / "keys").mkdir(mode=0o700)
    own = Provider(certificates.authority.server("own"), PUBLIC + "/login/callback", is_public=True)
    words = ["--store", shared_postgres.store(run_insightsd), "--keys", tmp_path / "keys"]
    words += ["--token-ca", certificates.authority.certificate]

    def is_told(name):
        house = start(lambda *options: new_house(*words, *options, name=name), own, tmp_path).start()  # noqa: F811
        return house, "session.key made: the other servers need the same" in house.daemon.log.read_text()

    own.person = dict(ANN)
    first, told = is_told("one")
    assert told
    other, told = is_told("other")
    assert not told
    # With the same key and store, who signed in at one is known at the other.
    first.register()
    browser = Browser(first)  # noqa: F811
    browser.sign_in()
    there = Browser(other)
    there.cookies = dict(browser.cookies)
    wait_until(lambda: there.connect().status == 200)
    own.stop()
