"""Signing in by OpenID Connect: a provider of Authlib, a browser that keeps cookies, HTTP/2."""

import base64
import html
import http.client
import json
import os
import re
import ssl
import struct
import time
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from key_server import KeyServer
from oidc_provider import CLIENT, SECRET, Provider
from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport
from test_connect import wait_until
from token_signer import b64, segment


PUBLIC = "https://insights.example"
TENANTS = {"tenant-a": "A", "tenant-b": "B"}
ANN = dict(sub="ann", tid="tenant-a", roles=["SalesAgent"])
SESSION, LOGIN = "__Host-insights", "__Host-insights-login"
HERE = dict(sec_fetch_site="same-origin")


class Browser:
    """Cookies of one person. The server's public name leads to where it listens; any other address to itself."""

    def __init__(self, house, identity=None):
        self.house, self.cookies = house, {}
        self.authority = house.certificates.authority.certificate
        transport = SyncHTTPTransport(
            tls_ca_cert=self.authority.read_bytes(), tls_cert=identity.certificate_pem if identity else None,
            tls_key=identity.key_pem if identity else None, http_version=HTTPVersion.HTTP2, timeout=60,
            follow_redirects=False, enable_otel=False,
        )  # fmt: skip
        self.client = SyncClient(transport)

    def http(self, verb, path, body=b"", **headers):
        words = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies and "cookie" not in words:
            words["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.client.execute(verb, f"https://{self.house.daemon.address}{path}", headers=words, content=body)
        for line in response.headers.getall("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            assert re.fullmatch(r"__Host-\S+; Path=/; Secure; HttpOnly; SameSite=Lax(; Max-Age=\d+)?", line), line
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return response

    def get(self, path, **headers):
        return self.http("GET", path, **headers)

    def text(self, response):
        return response.content.decode()

    def ask(self, address):
        """Some other server: status and `location`."""
        parts = urlsplit(address)
        context = ssl.create_default_context(cafile=str(self.authority))
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=60)
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return response.status, response.headers["location"], response.read()

    def begin(self, target="/"):
        """To the provider's answer: the path and query of the callback."""
        response = self.get(f"/login?to={quote(target, safe='')}")
        assert response.status == 303, self.text(response)
        status, location, body = self.ask(response.headers["location"])
        assert status == 302, body
        assert location.startswith(PUBLIC + "/login/callback?")
        return location.removeprefix(PUBLIC)

    def sign_in(self, target="/"):
        response = self.get(self.begin(target))
        assert response.status == 303, self.text(response)
        return response

    def connect(self, name="WhoAmI", **headers):
        path = self.house.api.methods[name].path
        return self.get(f"{path}?connect=v1&encoding=json&message=%7B%7D", **headers)

    def post(self, name="WhoAmI", **headers):
        return self.http("POST", self.house.api.methods[name].path, b"{}", content_type="application/json", **headers)


def me(response):
    assert response.status == 200, response.content
    return json.loads(response.content)["principal"]


def start(house_maker, provider, folder, *options, **login):
    path = folder / "issuer.json"
    path.write_text(json.dumps(provider.issuer_file(TENANTS, **login)))
    return house_maker("--web", "api,pages", "--token-issuer", path, "--public-url", PUBLIC, *options)


@pytest.fixture(scope="module")
def provider(certificates):
    provider = Provider(certificates.authority.server("provider"), PUBLIC + "/login/callback")
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def house(api, certificates, provider, tmp_path_factory):
    from conftest import House

    folder = tmp_path_factory.mktemp("login")
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "secret").chmod(0o600)

    def make(*options):
        return House(api, certificates, folder / "house", "--token-ca", certificates.authority.certificate, *options)

    house = start(make, provider, folder, client_secret_file="secret").start().register()
    house["alice"].call("CreatePrincipal", principal=dict(principal_id="ann", display_name="Ann", roles=[3]))
    yield house
    house.close()


@pytest.fixture(autouse=True)
def known_person(provider):
    provider.person, provider.forge = dict(ANN), lambda token: token


@pytest.fixture
def browser(house):
    return Browser(house)


@pytest.fixture
def signed_in(browser):
    browser.sign_in()
    return browser


class Cookies:
    """Opens and makes cookies as a server with the key would."""

    PURPOSES = {SESSION: b"session of partner insights, 1", LOGIN: b"sign-in of partner insights, 1"}

    def __init__(self, key):
        self.key = AESGCM(key)

    def open(self, text, name=SESSION):
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return self.key.decrypt(sealed[:12], sealed[12:], self.PURPOSES[name])

    def seal(self, message, name=SESSION):
        nonce = os.urandom(12)
        return b64(nonce + self.key.encrypt(nonce, message, self.PURPOSES[name]))

    def aged(self, text, since=0, roles=0, seen=0):
        """The same session, with times so many seconds ago."""
        content, now = self.open(text), int(time.time())
        return self.seal(content[:17] + struct.pack(">qqq", now - since, now - roles, now - seen) + content[41:])


@pytest.fixture
def sealer(house):
    return Cookies((house.daemon.data / "session.key").read_bytes())


def test_a_person_signs_in(house, provider, browser):
    assert browser.connect().status == 401
    response = browser.get("/login?to=%2Fcustomers%3Ffilter%3Da%2520b")
    assert response.status == 303 and response.content == b""
    asked = parse_qs(urlsplit(response.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["redirect_uri"] == [PUBLIC + "/login/callback"]
    assert set(browser.cookies) == {LOGIN}
    response = browser.get(browser.ask(response.headers["location"])[1].removeprefix(PUBLIC))
    assert response.status == 303 and response.headers["location"] == "/customers?filter=a%20b"
    assert set(browser.cookies) == {SESSION}
    person = me(browser.connect())
    assert (person["partnerId"], person["principalId"], person["roles"]) == ("A", "ann", ["ROLE_SALES_AGENT"])
    assert me(browser.post(**HERE))["displayName"] == "Ann"
    assert me(browser.post(origin=PUBLIC)) == person
    assert me(browser.post(origin="null", **HERE)) == person
    # What the roles do not give is refused as to everybody.
    assert browser.post("ListPrincipals", **HERE).status == 403
    # Nobody else has a session by it.
    assert Browser(house).connect().status == 401


def test_the_session_key_is_private(house):
    key = house.daemon.data / "session.key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.stat().st_size == 32


def test_the_cookie_is_renewed_once_a_minute(signed_in, sealer):
    text = signed_in.cookies[SESSION]
    assert signed_in.connect().headers.get("set-cookie") is None
    signed_in.cookies[SESSION] = sealer.aged(text, since=1_000, roles=900, seen=61)
    assert me(signed_in.connect())["principalId"] == "ann"
    renewed = sealer.open(signed_in.cookies[SESSION])
    since, roles, seen = struct.unpack(">qqq", renewed[17:41])
    now = time.time()
    assert abs(now - 1_000 - since) < 30 and abs(now - 900 - roles) < 30 and abs(now - seen) < 30


def test_sessions_end(signed_in, sealer):
    text = signed_in.cookies[SESSION]
    ages = {
        (0, 0, 0): 200, (8 * 3_600 - 30, 100, 100): 200, (8 * 3_600, 100, 100): 401, (9_000, 100, 1_770): 200,
        (9_000, 100, 1_800): 401, (9_000, 3_570, 5): 200, (9_000, 3_600, 5): 401, (-300, -300, -300): 401,
        (100, 200, 100): 401, (100, 50, 200): 401, (-(1 << 40), 0, 0): 401, (1 << 62, 0, 0): 401,
    }  # fmt: skip
    for age, status in ages.items():
        response = signed_in.connect(cookie=f"{SESSION}={sealer.aged(text, *age)}")
        assert response.status == status, age
    assert b"CREDENTIAL_EXPIRED" in signed_in.connect(cookie=f"{SESSION}={sealer.aged(text, 9_000, 3_600, 5)}").content


def test_old_roles_are_asked_for_again(signed_in, sealer, provider):
    old = sealer.aged(signed_in.cookies[SESSION], since=20_000, roles=4_000, seen=10)
    signed_in.cookies[SESSION] = old
    assert signed_in.connect().status == 401
    location = signed_in.get("/login?to=/trend").headers["location"]
    assert "prompt=none" in location
    provider.person = ANN | dict(roles=["AdminAgent"])
    response = signed_in.get(signed_in.ask(location)[1].removeprefix(PUBLIC))
    assert response.headers["location"] == "/trend"
    assert me(signed_in.connect())["roles"] == ["ROLE_ADMIN_AGENT"]
    since = struct.unpack(">q", sealer.open(signed_in.cookies[SESSION])[17:25])[0]
    assert abs(time.time() - 20_000 - since) < 30
    # The provider has to ask the person: then it is let.
    signed_in.cookies[SESSION] = old
    provider.person = None
    location = signed_in.get("/login?to=/trend").headers["location"]
    back = signed_in.ask(location)[1]
    assert "error=login_required" in back
    response = signed_in.get(back.removeprefix(PUBLIC))
    assert response.status == 303 and "prompt" not in response.headers["location"]
    provider.person = dict(ANN)
    response = signed_in.get(signed_in.ask(response.headers["location"])[1].removeprefix(PUBLIC))
    assert response.headers["location"] == "/trend" and signed_in.connect().status == 200


def test_whom_the_directory_disables_is_out(house, provider, browser):
    house["alice"].call("CreatePrincipal", principal=dict(principal_id="eve", roles=[3]))
    provider.person = ANN | dict(sub="eve")
    browser.sign_in()
    assert browser.connect().status == 200
    disable = dict(principal_id="eve", disabled=True)
    house["alice"].call("UpdatePrincipal", principal=disable, update_mask={"paths": ["disabled"]})
    assert browser.connect().status == 401
    response = browser.get(browser.begin())
    assert response.status == 403 and "no access" in browser.text(response)
    house["alice"].call("UpdatePrincipal", principal=disable | dict(disabled=False), update_mask={"paths": ["disabled"]})
    assert browser.connect().status == 200
    house["operator"].call("UpdatePartner", partner_id="A", disabled=True)
    assert browser.connect().status == 401
    assert browser.get(browser.begin()).status == 403
    house["operator"].call("UpdatePartner", partner_id="A", disabled=False)
    assert browser.connect().status == 200


def test_whoever_has_no_role_is_told_which(browser, provider):
    for roles in ([], ["HelpdeskAgent"], None):
        provider.person = {name: value for name, value in (ANN | dict(roles=roles)).items() if value is not None}
        response = browser.get(browser.begin())
        assert response.status == 403 and set(browser.cookies) == set()
        for role in ("UserManagementAdmin", "AdminAgent", "SalesAgent"):
            assert role in browser.text(response)
    response = browser.get(browser.begin(), accept_language="nl-NL, en;q=0.5")
    assert 'lang="nl"' in browser.text(response) and "rollen" in browser.text(response)


def test_pages_are_protected(browser):
    for path, status in (("/logout", 200), ("/login/callback", 400), ("/login?to=%zz", 400)):
        response = browser.get(path)
        assert response.status == status
        headers = dict(response.headers.items())
        assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"] == "text/html; charset=utf-8"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        text = browser.text(response)
        assert " style=" not in text and not re.search(r"<script(?! src=\"/assets/[^\"]*\" defer>)", text)


def test_signing_out(signed_in, provider):
    page = signed_in.get("/logout")
    assert page.status == 200 and '<form method="post" action="/logout">' in signed_in.text(page)
    text = signed_in.cookies[SESSION]
    # Another site's form signs nobody out.
    for headers in ({}, dict(origin="https://evil.example"), dict(sec_fetch_site="cross-site", origin=PUBLIC)):
        assert signed_in.http("POST", "/logout", **headers).status == 403
        assert signed_in.cookies[SESSION] == text
    renewed = dict(signed_in.cookies)
    response = signed_in.http("POST", "/logout", **HERE)
    assert response.status == 200 and SESSION not in signed_in.cookies
    assert response.headers["refresh"] == f"0;url={provider.issuer}/end?client_id={CLIENT}"
    assert signed_in.connect().status == 401
    # Nor does a copy of it, or an answer that was under way, bring it back.
    signed_in.cookies = renewed
    assert signed_in.connect().status == 401
    signed_in.cookies = {}
    assert signed_in.http("POST", "/logout", b"a" * 2_000, **HERE).status == 413
    assert signed_in.http("PUT", "/logout").status == 405


TARGETS = {
    "/customers": "/customers", "/trend?a=%2F%2Fb&c=d": "/trend?a=%2F%2Fb&c=d", "//evil.example": "/",
    "/\\evil.example": "/", "https://evil.example": "/", "https:evil.example": "/", "javascript:alert(1)": "/",
    "/\tevil": "/", "/a\r\nset-cookie: a=b": "/", "\\\\evil": "/", "": "/", "evil": "/", "/login": "/",
    "/logout": "/", "///evil": "/", "/a//b": "/", "/ä": "/", "/" + "a" * 1_100: "/",
}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_targets_are_paths_of_this_host(browser, target):
    response = browser.sign_in(target)
    assert response.headers["location"] == TARGETS[target]
    assert set(browser.cookies) == {SESSION}


NOW = int(time.time())
CLAIMS = [
    dict(aud="other"), dict(aud=[CLIENT, "other"]), dict(aud=[CLIENT], azp="other"), dict(nonce="other"), dict(nonce=None),
    dict(iss="https://evil.example"), dict(iss=None), dict(exp=NOW - 600, iat=NOW - 900), dict(exp=None), dict(iat=None),
    dict(iat=NOW + 3_600, exp=NOW + 7_200), dict(tid="elsewhere"), dict(tid=None), dict(roles=7), dict(sub=""),
    dict(typ="Bearer"),
]  # fmt: skip


def resigned(provider, changes):
    """The provider's own signature over other claims."""
    from joserfc import jwt

    def forge(token):
        claims = jwt.decode(token, provider.key).claims | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, provider.key)

    return forge


@pytest.mark.parametrize("claims", CLAIMS, ids=[",".join(claims) for claims in CLAIMS])
def test_tokens_that_do_not_do(house, browser, provider, claims):
    provider.forge = resigned(provider, claims)
    response = browser.get(browser.begin())
    assert response.status == 401 and SESSION not in browser.cookies
    assert browser.connect().status == 401


def test_tokens_that_are_not_the_providers(browser, provider):
    from joserfc.jwk import RSAKey
    from joserfc import jwt

    other = RSAKey.generate_key(2048, {"kid": provider.key.kid})

    def claims_of(token):
        return jwt.decode(token, provider.key).claims

    forged = [
        lambda token: segment({"alg": "none"}) + "." + token.split(".")[1] + ".",
        lambda token: segment({"alg": "none"}) + "." + token.split(".")[1] + "." + b64(b"x"),
        lambda token: ".".join([*token.split(".")[:2], ""]),
        lambda token: jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims_of(token), other),
        lambda token: jwt.encode({"alg": "RS256", "kid": "other"}, claims_of(token), provider.key),
        lambda token: jwt.encode({"alg": "PS256", "kid": provider.key.kid}, claims_of(token), provider.key, ["PS256"]),
        lambda token: jwt.encode({"alg": "RS256", "kid": provider.key.kid, "typ": "at+jwt"}, claims_of(token), provider.key),
        lambda token: ".".join([token.split(".")[0], segment(claims_of(token) | dict(roles=["AdminAgent"])), token.split(".")[2]]),
        lambda token: "", lambda token: "a.b.c", lambda token: "a" * 20_000, lambda token: "a" * 200_000,
    ]  # fmt: skip
    for number, forge in enumerate(forged):
        provider.forge = forge
        response = browser.get(browser.begin())
        assert response.status == 401 and SESSION not in browser.cookies, number


def test_answers_of_other_sign_ins(house, provider):
    def refused(browser, path, status=400):
        response = browser.get(path)
        assert response.status == status and SESSION not in browser.cookies, browser.text(response)

    browser, other = Browser(house), Browser(house)
    path = browser.begin()
    fields = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}

    def changed(**changes):
        return "/login/callback?" + urlencode({name: v for name, v in (fields | changes).items() if v is not None})

    # The state: none, another, that of another browser, and the right one in a browser where nothing was begun.
    other_path = other.begin()
    other_state = parse_qs(urlsplit(other_path).query)["state"][0]
    for state in (None, "", "a" * 43, other_state, fields["state"][:-1], fields["state"] + "A"):
        refused(browser, changed(state=state))
    assert LOGIN in browser.cookies
    refused(Browser(house), path)
    refused(browser, changed(code=None))
    browser.cookies[LOGIN] = other.cookies[LOGIN]
    refused(browser, path)
    # A code of somebody else's sign-in, with one's own state: the verifier is another.
    code = parse_qs(urlsplit(browser.begin()).query)["code"][0]
    refused(other, "/login/callback?" + urlencode({"state": other_state, "code": code}), 401)
    # A code that was used.
    path, cookie = browser.begin(), browser.cookies[LOGIN]
    assert browser.get(path).status == 303
    del browser.cookies[SESSION]
    refused(browser, path)
    browser.cookies[LOGIN] = cookie
    refused(browser, path)
    # Each name once; and another issuer's answer.
    browser.begin()
    refused(browser, path + "&state=a")
    refused(browser, browser.begin() + "&iss=https%3A%2F%2Fevil.example")
    refused(browser, "/login/callback?" + urlencode({"error": "access_denied", "state": "a"}))
    state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
    refused(browser, "/login/callback?" + urlencode({"error": "access_denied", "state": state}), 401)


def test_sign_ins_under_way_are_sealed(house, browser, sealer):
    browser.begin()
    path, text = browser.begin(), browser.cookies[LOGIN]
    content = sealer.open(text, LOGIN)

    def refused(cookie):
        browser.cookies = {LOGIN: cookie}
        response = browser.get(path)
        assert response.status == 400 and SESSION not in browser.cookies

    begun = 17 + 96
    for age in (600, 601, 1 << 40, -3_600):
        old = content[:begun] + struct.pack(">q", int(time.time()) - age) + content[begun + 8 :]
        refused(sealer.seal(old, LOGIN))
    refused(sealer.seal(content))
    refused(Cookies(os.urandom(32)).seal(content, LOGIN))
    refused(sealer.seal(content[:-1] + b"//evil", LOGIN))
    sealed = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    for place in range(0, len(sealed), 7):
        sealed[place] ^= 1
        refused(b64(bytes(sealed)))
        sealed[place] ^= 1
    browser.cookies = {LOGIN: text}
    assert browser.get(path).status == 303


def test_altered_sessions(signed_in, sealer, house):
    text = signed_in.cookies[SESSION]
    sealed = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    accepted = 0
    for bit in range(len(sealed) * 8):
        sealed[bit // 8] ^= 1 << bit % 8
        accepted += signed_in.connect(cookie=f"{SESSION}={b64(bytes(sealed))}").status != 401
        sealed[bit // 8] ^= 1 << bit % 8
    content = sealer.open(text)
    for other in (
        "", "a", text[:-1], text + "A", "A" * 5_000, sealer.seal(content, LOGIN), sealer.seal(b""), sealer.seal(content + b"a"),
        Cookies(os.urandom(32)).seal(content), sealer.seal(b"\2" + content[1:]), sealer.seal(content[:1] + b"a" * 16 + content[17:]),
    ):  # fmt: skip
        accepted += signed_in.connect(cookie=f"{SESSION}={other}").status != 401
    for line in (f"{SESSION}={text}; {SESSION}={text}", f"x{SESSION}={text}", f"{LOGIN}={text}"):
        accepted += signed_in.connect(cookie=line).status != 401
    assert accepted == 0 and signed_in.connect().status == 200


def test_posts_of_other_sites(signed_in):
    for headers in (
        {}, dict(origin="https://evil.example"), dict(origin="null"), dict(sec_fetch_site="cross-site"),
        dict(sec_fetch_site="same-site", origin=PUBLIC), dict(sec_fetch_site="none"), dict(origin=PUBLIC + ".evil.example"),
        dict(origin=PUBLIC + ":8443"), dict(origin="http://insights.example"),
    ):  # fmt: skip
        assert signed_in.post(**headers).status == 401, headers


def test_beside_other_credentials(house, provider, signed_in):
    cookie = f"{SESSION}={signed_in.cookies[SESSION]}"
    people = house.certificates
    assert Browser(house, people.dave).connect(cookie=cookie).status == 401
    assert Browser(house, people.operator).connect(cookie=cookie).status == 401
    both = Browser(house, people.bob)
    assert me(both.connect(cookie=cookie))["principalId"] == "bob"
    # Nor does a connection remember anything of it.
    assert me(both.connect())["principalId"] == "bob"
    assert Browser(house, people.dave).connect(cookie=f"{SESSION}=junk").status == 200
    assert signed_in.connect(authorization="Bearer junk").status == 401
    mixed = Browser(house)
    assert me(mixed.connect(cookie=cookie))["principalId"] == "ann"
    assert mixed.connect().status == 401


def test_certificates_that_give_nothing(house, signed_in):
    """A browser that shows one is told, and not led in a circle."""
    html, cookie = {"accept": "text/html"}, f"{SESSION}={signed_in.cookies[SESSION]}"
    people = house.certificates
    unknown, other = Browser(house, people.unknown), Browser(house, people.dave)
    cases = (unknown, {}), (unknown, {"cookie": cookie}), (other, {"cookie": cookie}), (Browser(house, people.disabled), {})
    for browser, more in cases:
        response = browser.get("/customers", **html, **more)
        assert response.status == 401 and "certificate" in browser.text(response) and '/logout"' in browser.text(response)
    assert other.get("/customers", **html).status == 200
    response = Browser(house).get("/customers", **html)
    assert response.status == 303 and response.headers["location"].startswith("/login?")
    assert "certificaat" in unknown.text(unknown.get("/customers", accept_language="nl", **html))


def test_steps_of_signing_in_are_bounded(new_house, certificates, tmp_path):
    provider = Provider(certificates.authority.server("provider"), PUBLIC + "/login/callback")
    try:
        make = lambda *options: new_house("--token-ca", certificates.authority.certificate, *options)  # noqa: E731
        house = start(make, provider, tmp_path).start().register()
        browser = Browser(house)
        found = [browser.get("/login/callback?state=a&code=b")]
        while found[-1].status == 400:
            assert len(found) < 5_000
            found.append(browser.get("/login/callback?state=a&code=b"))
        assert len(found) > 200
        assert found[-1].status == 429 and found[-1].headers["retry-after"] == "1" and not found[-1].content
        # Others of its address wait for it, and everybody else goes on.
        assert Browser(house, certificates.alice).connect().status == 200
        audit = house["alice"].call("ListAuditEvents").events
        assert not [event for event in audit if event.method == "/login/callback"], "nobody was refused anything"
    finally:
        provider.stop()


def test_watching_keeps_no_session_alive(house, signed_in, sealer):
    old = signed_in.cookies[SESSION] = sealer.aged(signed_in.cookies[SESSION], since=200, roles=200, seen=120)
    context = ssl.create_default_context(cafile=str(signed_in.authority))
    connection = http.client.HTTPSConnection("localhost", int(house.daemon.address.split(":")[1]), context=context)
    connection.request("GET", "/watch?after=0", headers={"cookie": f"{SESSION}={old}"})
    response = connection.getresponse()
    assert response.status == 200 and response.headers["set-cookie"] is None
    response.close()
    connection.close()
    assert signed_in.get("/me").headers["set-cookie"].startswith(SESSION)


def test_signing_in_over_http1(house, provider):
    """The whole way, by a client that keeps cookies itself."""
    place = f"localhost:{house.daemon.address.split(':')[1]}"
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(house.certificates.authority.certificate)

        def get(address, **headers):
            headers |= {"host": "insights.example"} if place in address else {}
            return session.get(address, headers=headers, allow_redirects=False, timeout=60)

        page = get(f"https://{place}/customers", accept="text/html")
        assert page.status_code == 303
        begun = get(f"https://{place}{page.headers['location']}")
        assert begun.status_code == 303 and get(f"https://{place}/me").status_code == 401
        back = get(begun.headers["location"]).headers["location"]
        done = get(back.replace(PUBLIC, f"https://{place}"))
        assert done.status_code == 303 and done.headers["location"] == "/customers"
        page = get(f"https://{place}/customers", accept="text/html")
        assert page.status_code == 200 and ">ann<" in page.text
        assert [cookie.name for cookie in session.cookies] == [SESSION]


def test_servers_with_one_key_know_each_others_sessions(house, new_house, provider, signed_in, certificates, tmp_path):
    other = start(
        lambda *options: new_house("--token-ca", certificates.authority.certificate, *options), provider, tmp_path
    )
    other.daemon.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = other.daemon.data / "session.key"
    key.write_bytes((house.daemon.data / "session.key").read_bytes())
    key.chmod(0o600)
    other.start().register()
    there = Browser(other)
    there.cookies = dict(signed_in.cookies)
    assert me(there.connect())["principalId"] == "ann"


def test_grpc_knows_no_cookie(house, signed_in):
    cookie = f"{SESSION}={signed_in.cookies[SESSION]}"
    with house.client(None) as client:
        client.metadata = [("cookie", cookie), ("origin", PUBLIC), ("sec-fetch-site", "same-origin")]
        assert client.raw("WhoAmI", b"").reason == "CREDENTIAL_MISSING"
    with house.client(house.certificates.dave) as client:
        client.metadata = [("cookie", cookie)]
        assert house.api.WhoAmIResponse.FromString(client.raw("WhoAmI", b"")).principal.principal_id == "dave"


def test_log_metrics_and_audit(house, provider, browser):
    def count(result):
        found = re.search(rf'insights_sign_ins_total{{result="{result}"}} (\d+)', house.daemon.admin_get("/metrics")[1])
        return int(found[1])

    before = count("signed-in"), count("refused")
    path = browser.begin()
    browser.get(path)
    provider.forge = resigned(provider, dict(nonce="other"))
    browser.get(browser.begin())
    assert (count("signed-in"), count("refused")) == (before[0] + 1, before[1] + 1)

    def lines(message):
        entries = [json.loads(line) for line in house.daemon.log.read_text().splitlines()]
        return [entry.get("metadata", entry) for entry in entries if entry.get("message") == message]

    wait_until(lambda: lines("sign-in refused") and lines("signed in"))
    assert lines("sign-in refused")[-1]["cause"] == "token-nonce"
    assert lines("sign-in refused")[-1]["issuer"] == provider.issuer
    assert (lines("signed in")[-1]["partner"], lines("signed in")[-1]["principal"]) == ("A", "ann")
    log = house.daemon.log.read_text()
    fields = parse_qs(urlsplit(path).query)
    for secret in (fields["code"][0], fields["state"][0], browser.cookies.get(SESSION, "?"), SECRET):
        assert secret not in log
    events = house["alice"].call("ListAuditEvents").events
    assert any(event.principal_id == "ann" and event.method == "/login/callback" for event in events)


def test_issuers_out_of_order(new_house, certificates, tmp_path):
    provider = Provider(certificates.authority.server("late"), PUBLIC + "/login/callback", is_public=True)
    # Without --token-ca nobody trusts it.
    house = start(new_house, provider, tmp_path).start().register()
    browser = Browser(house)
    assert browser.get("/login").status == 503 and browser.cookies == {}
    provider.stop()
    assert me(Browser(house, house.certificates.alice).connect())["principalId"] == "alice"


def test_a_choice_of_issuers(new_house, certificates, tmp_path):
    providers = [
        Provider(certificates.authority.server(name), PUBLIC + "/login/callback", is_public=True, path=path)
        for name, path in (("one", "/one"), ("two", "/two&'b"))
    ]
    second = tmp_path / "second.json"
    second.write_text(json.dumps(providers[1].issuer_file({"tenant-a": "B"})))
    house = start(
        new_house, providers[0], tmp_path, "--token-ca", certificates.authority.certificate, "--token-issuer", second
    )
    house.start().register()
    browser = Browser(house)
    page = browser.text(browser.get("/login?to=/trend%3Fa=%22b"))
    links = re.findall('<a class="button" href="([^"]*)">([^<]*)</a>', page)
    assert [html.unescape(text) for _, text in links] == [provider.issuer for provider in providers]
    for provider, (link, _), partner in zip(providers, links, "AB"):
        provider.person = dict(ANN)
        browser = Browser(house)
        response = browser.get(html.unescape(link))
        assert response.headers["location"].startswith(provider.issuer + "/authorize?")
        back = browser.ask(response.headers["location"])[1].removeprefix(PUBLIC)
        # The other provider's answer to it is none.
        other = next(each.issuer for each in providers if each is not provider)
        assert browser.get(back + "&iss=" + quote(other, safe="")).status == 400
        response = browser.get(browser.ask(browser.get(html.unescape(link)).headers["location"])[1].removeprefix(PUBLIC))
        assert response.headers["location"] == '/trend?a="b'
        assert me(browser.connect())["partnerId"] == partner
        # Whose session it is says where the roles come from, and where to sign out.
        assert browser.get("/login").headers["location"].startswith(provider.issuer + "/authorize?")
        assert provider.issuer in browser.http("POST", "/logout", **HERE).headers["refresh"]
    for place in ("2", "-1", "a", ""):
        assert Browser(house).get(f"/login?issuer={place}").status in (200, 400)
    for provider in providers:
        provider.stop()


def test_keys_are_replaced(new_house, certificates, tmp_path):
    own = Provider(certificates.authority.server("third"), PUBLIC + "/login/callback", is_public=True)
    own.person = dict(ANN)
    house = start(new_house, own, tmp_path, "--token-ca", certificates.authority.certificate)
    house.start().register()
    browser = Browser(house)
    browser.sign_in()
    assert browser.connect().status == 200
    key, previous = house.daemon.data / "session.key", house.daemon.data / "session.key.previous"

    def again():
        assert house.daemon.stop() == 0
        house.restart()
        browser.__init__(house)
        browser.cookies = {SESSION: text}
        return browser.connect().status

    text = browser.cookies[SESSION]
    # After a restart, after a replacement with the old key beside it, and after that is gone.
    assert again() == 200
    key.rename(previous)
    assert again() == 200
    previous.unlink()
    assert again() == 401
    key.chmod(0o644)
    assert house.daemon.stop() == 0
    code, error = house.daemon.start_refused()
    assert code == 1 and "session.key may be used by others" in error
    own.stop()


def test_a_stop_during_requests_to_issuers(new_house, certificates, tmp_path):
    """The library of TLS must not be taken from a thread that uses it."""
    server = KeyServer(certificates.authority.server("slow"))
    path = tmp_path / "issuer.json"
    for jwks, discovery, tries in (("/keys", "/discovery", 15), ("/slow/keys", "/slow/discovery", 2)):
        path.write_text(json.dumps({
            "issuer": "https://issuer.example", "audience": "a", "jwks": server.url(jwks), "partners": TENANTS,
            "login": {"client_id": CLIENT, "discovery": server.url(discovery)},
        }))  # fmt: skip
        house = new_house(
            "--web", "api", "--public-url", PUBLIC, "--token-issuer", path, "--token-ca", certificates.authority.certificate,
            name=jwks.replace("/", "-"),
        )  # fmt: skip
        for number in range(tries):
            house.start()
            # At another moment of the handshake each time.
            time.sleep(0.002 * number if tries > 2 else 0.5)
            begun = time.monotonic()
            assert house.daemon.stop() == 0 and time.monotonic() - begun < 5
    server.stop()


def test_what_the_options_take(new_house, provider, tmp_path):
    def refused(*options, name, **login):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(provider.issuer_file(TENANTS, **login)))
        code, error = new_house("--token-issuer", path, *options, name=name).daemon.start_refused()
        assert code == 1
        return error

    assert "--public-url is required" in refused(name="none")
    for number, url in enumerate(("http://a", "https://a/b", "a", "https://a?b", "https://u@a")):
        assert "--public-url: must be https://host or https://host:port" in refused("--public-url", url, name=f"url{number}")
    (tmp_path / "open").write_text("secret")
    (tmp_path / "open").chmod(0o644)
    here = ("--public-url", PUBLIC)
    assert "mode should be 0600" in refused(*here, name="open-secret", client_secret_file="open")
    assert "cannot be read" in refused(*here, name="no-secret", client_secret_file="nowhere")
    assert '"login": unknown key' in refused(*here, name="key", secret="a")
    assert '"discovery" must be an https URL' in refused(*here, name="discovery", discovery="http://a")
