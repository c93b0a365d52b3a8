"""Several issuers with keys from files and over HTTPS, and every way known to pass a token that is none."""

import contextlib
import hashlib
import hmac
import json
import socket
import threading
import time

import pytest
from certificates import openssl
from daemon import run_insightsd
from key_server import KeyServer
from test_transport import eventually
from token_signer import AUDIENCE, ISSUER, TENANT, CurveSigner, Signer, b64, segment
from wire import Refusal

V1_ISSUER = f"https://sts.example/{TENANT}/"
URL_ISSUER = "https://issuer.example/over-https"
INVALID = ("UNAUTHENTICATED", "CREDENTIAL_INVALID")


class Tokens:
    """The issuers of this module, each with its own keys."""

    def __init__(self, folder, server):
        self.folder = folder
        self.server = server
        self.rsa = Signer(folder, "rsa")
        self.curve = CurveSigner(folder, "curve")
        # The same key serves both versions of the provider's tokens, as it does in life.
        self.v1 = Signer(folder, "rsa-v1", iss=V1_ISSUER, aud="https://insights.example")
        self.v1.key = self.rsa.key
        self.remote = Signer(folder, "remote", iss=URL_ISSUER)
        self.stormed = Signer(folder, "stormed", iss="https://issuer.example/stormed")
        self.stormed_next = Signer(folder, "stormed-next", iss="https://issuer.example/stormed")
        self.rotated = Signer(folder, "rotated", iss="https://issuer.example/rotating")
        self.rotated_next = Signer(folder, "rotated-next", iss="https://issuer.example/rotating")
        partners = {TENANT: "A", "tenant-b": "B", "tenant-nobody": "Z"}
        self.files = [
            self._issuer("v2", ISSUER, AUDIENCE, self.write("v2-keys.json", self.rsa, self.curve), partners),
            self._issuer("v1", V1_ISSUER, "https://insights.example", self.write("v1-keys.json", self.v1), partners),
            self._issuer("url", URL_ISSUER, AUDIENCE, server.url("/keys"), partners),
            self._issuer("stormed", "https://issuer.example/stormed", AUDIENCE, server.url("/stormed"), partners),
            self._issuer(
                "rotating", "https://issuer.example/rotating", AUDIENCE, self.write("rotating-keys.json", self.rotated), partners
            ),
        ]
        server.publish("/keys", self.remote)
        server.publish("/stormed", self.stormed)
        for kind in ("huge", "moved", "slow"):
            server.publish(f"/target/{kind}", self.remote)
            issuer = f"https://issuer.example/{kind}"
            self.files.append(self._issuer(kind, issuer, AUDIENCE, server.url(f"/{kind}/{kind}"), partners))

    def write(self, name, *signers):
        path = self.folder / name
        path.write_text(json.dumps({"keys": [signer.jwk() for signer in signers]}))
        return name

    def _issuer(self, name, issuer, audience, jwks, partners):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(dict(issuer=issuer, audience=audience, jwks=jwks, partners=partners)))
        return path


@pytest.fixture(scope="module")
def tokens(certificates, tmp_path_factory):
    server = KeyServer(certificates.authority.server("key-server"))
    yield Tokens(tmp_path_factory.mktemp("issuers"), server)
    server.stop()


@pytest.fixture(scope="module")
def house(api, certificates, tokens, tmp_path_factory):
    from conftest import House

    options = [option for path in tokens.files for option in ("--token-issuer", path)]
    house = House(
        api, certificates, tmp_path_factory.mktemp("house"), "--token-ca", certificates.authority.certificate, *options
    )
    house.start().register()
    yield house
    house.close()


@pytest.fixture(scope="module")
def caller(house):
    """Calls with a token over one connection without a certificate."""
    client = house.client(None)

    def ask(token, method="WhoAmI"):
        client.metadata = [("authorization", f"Bearer {token}")]
        return client.raw(method, b"")

    yield ask
    client.close()


def answered(answer):
    return isinstance(answer, bytes)


def outcome(answer):
    return "answered" if answered(answer) else (answer.code, answer.reason)


def test_every_issuer_is_believed_with_its_own_keys(caller, tokens, api):
    for signer in (tokens.rsa, tokens.curve, tokens.v1):
        assert answered(caller(signer.token())), signer.key_id
    for audience in (AUDIENCE, ["other", AUDIENCE]):
        assert answered(caller(tokens.rsa.token(aud=audience)))
    assert eventually(lambda: answered(caller(tokens.remote.token())))
    assert tokens.server.versions == {"HTTP/1.1"}
    who = api.WhoAmIResponse.FromString(caller(tokens.remote.token(tid="tenant-b", oid="someone")))
    assert (who.principal.partner_id, who.principal.principal_id) == ("B", "someone")


def hmac_token(signer, secret):
    text = segment(signer.head({"alg": "HS256"})) + "." + segment(signer.payload())
    return text + "." + b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def wrong_algorithms(tokens, folder):
    rsa, curve = tokens.rsa, tokens.curve
    body = segment(rsa.payload())
    for name in ("none", "None", "nOnE", "NONE", "", "rs256", "HS256", "HS512", "RS1", "EdDSA", None, 256, ["RS256"]):
        head = rsa.head({"alg": name})
        yield f"{segment(head)}.{body}."
        yield f"{segment(head)}.{body}"
        yield f"{segment(head)}.{body}.AAAA"
        yield rsa.signed(head, rsa.payload())
    public = folder / "public.pem"
    openssl("rsa", "-in", rsa.key, "-pubout", "-out", public)
    openssl("rsa", "-in", rsa.key, "-pubout", "-outform", "DER", "-out", folder / "public.der")
    modulus = openssl("rsa", "-in", rsa.key, "-noout", "-modulus").strip().partition("=")[2]
    keys = (tokens.folder / "v2-keys.json").read_bytes()
    for secret in (
        public.read_bytes(), public.read_bytes().strip(), (folder / "public.der").read_bytes(), bytes.fromhex(modulus),
        keys, json.dumps(rsa.jwk()).encode(), rsa.jwk()["n"].encode(), b"", b"rsa",
    ):  # fmt: skip
        yield hmac_token(rsa, secret)
    # A good signature of one algorithm under the name of another; of the issuer only RS256 and ES256 are taken.
    ways = [dict(digest=digest, padding=padding) for digest in ("sha256", "sha384", "sha512") for padding in ("pkcs1", "pss")]
    for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"):
        for way in ways:
            if (name, way) != ("RS256", ways[0]):
                yield rsa.signed(rsa.head({"alg": name}), rsa.payload(), **way)
        if name != "ES256":
            yield curve.signed(curve.head({"alg": name}), curve.payload())
        yield rsa.signed(rsa.head({"alg": name, "kid": "curve"}), rsa.payload())
        yield curve.signed(curve.head({"alg": name, "kid": "rsa"}), curve.payload())
    yield curve.signed(curve.head(), curve.payload(), raw=False)
    text = segment(curve.head()) + "." + segment(curve.payload())
    for signature in (bytes(64), bytes(96), b"\xff" * 64, bytes(63) + b"\1", bytes(31) + b"\1" + bytes(31) + b"\1"):
        yield f"{text}.{b64(signature)}"


def hostile_headers(tokens, folder):
    rsa = tokens.rsa
    own = Signer(folder, "rsa")
    evil = tokens.server.url("/evil")
    jwk = own.jwk()
    for extra in (
        {"jwk": jwk}, {"jku": evil}, {"x5u": evil}, {"x5c": ["MIIB"]}, {"crit": ["exp"]}, {"crit": []}, {"b64": False},
        {"b64": True}, {"zip": "DEF"}, {"enc": "A128GCM"}, {"cty": "JWT"}, {"typ": "dpop+jwt"}, {"typ": "logout+jwt"},
        {"typ": ""}, {"typ": None},
    ):  # fmt: skip
        yield rsa.token(extra)
        yield own.token(extra)
        yield own.token({**extra, "kid": "mine"})
    for kid in (
        "../../etc/passwd", "/dev/null", "' OR 1=1 --", evil, "", None, 7, ["rsa"], "x" * 4_000, "RSA", "rsa ", "rsa-v1",
    ):  # fmt: skip
        yield rsa.token({"kid": kid})
        yield own.token({"kid": kid})
    head = rsa.head()
    del head["kid"]
    yield rsa.signed(head, rsa.payload())


def wrong_claims(tokens):
    # What is ahead is far ahead: to the second the bounds are tried with a clock that stands still (TokenTests).
    rsa, now, later = tokens.rsa, int(time.time()), int(time.time()) + 86_400
    wrong = {
        "iss": [None, "", ISSUER + "/", ISSUER.upper(), "https://issuer.example/", V1_ISSUER, URL_ISSUER, 7, [ISSUER]],
        "aud": [None, "", "API://insights", "api://insights/", [], ["other"], 7, [AUDIENCE, 7], [[AUDIENCE]], {"a": AUDIENCE}],
        "tid": [None, "", "elsewhere", TENANT + " ", 1, [TENANT, TENANT], "A", "tenant-nobody"],
        "exp": [
            None, str(now + 600), now - 61, now - 3_600, 0, -1, True, 1e300, 253_402_300_800, 2**63, [now + 600], {}, "",
        ],
        "nbf": [str(now - 10), later, later + 600, -1, False, [0]],
        "iat": ["x", later, True],
        "oid": ["", 7, ["ann"]],
        "roles": [7, [7], [["AdminAgent"]], {"AdminAgent": True}],
        "nonce": ["x"], "at_hash": ["x"], "c_hash": ["x"],
        "typ": ["ID", "Refresh", "Offline"],
        "cnf": [{}, {"jkt": "x"}, "x", {"x5t#S256": b64(bytes(32))}],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            yield rsa.token(**{name: value} | ({"sub": None} if name == "oid" else {}))
    # Tokens of one version of the provider where the other is expected.
    v1 = tokens.v1
    yield v1.token(iss=ISSUER)
    yield v1.token(aud=AUDIENCE)
    yield v1.token({"kid": "rsa"}, iss=ISSUER, aud="https://insights.example")
    yield rsa.token(iss=V1_ISSUER, aud="https://insights.example")
    yield tokens.remote.token(iss=ISSUER)
    yield rsa.token(iss=URL_ISSUER)
    yield tokens.curve.token(iss=URL_ISSUER)


def wrong_shapes(tokens):
    rsa = tokens.rsa
    good = rsa.token()
    head, body, signature = good.split(".")
    claims = json.dumps(rsa.payload())
    for doubled in (
        claims[:-1] + ',"tid":"tenant-b"}', '{"tid":"tenant-b",' + claims[1:], claims[:-1] + ',"t\\u0069d":"tenant-b"}',
        claims[:-1] + ',"exp":9999999999}', claims[:-1] + ',"x":{"a":1,"a":1}}', claims + "{}", f"[{claims}]",
        claims[:-1] + ',}', claims[:-1] + ',"x":' + "[" * 500 + "]" * 500 + "}", "null", "", '"x"', claims[:-1],
    ):  # fmt: skip
        yield rsa.signed(rsa.head(), doubled)
    plain = json.dumps(rsa.head())
    for doubled in (
        plain[:-1] + ',"alg":"none"}', '{"alg":"none",' + plain[1:], plain[:-1] + ',"kid":"rsa"}', "[]", "null", "{", plain + " x",
    ):  # fmt: skip
        yield rsa.signed(doubled, rsa.payload())
    yield from (
        f"{head}.{body}.", f"{head}.{body}", f"{head}..{signature}", f".{body}.{signature}", "..", "a.b.c", "hello", good + "=",
        good + ".", "." + good, good + "A", good[:-1], good.replace(".", ","), f"{good}.{signature}", good + " " + good,
        f"{head}.{segment(rsa.payload(roles=['UserManagementAdmin']))}.{signature}", "." * 5_000, "x" * 15_000,
        rsa.token(pad="x" * 10_000)[:-1], "Bearer " + good,
    )  # fmt: skip


def test_no_bad_token_is_accepted(caller, house, tokens, tmp_path):
    """And none of them spoils a key for the good tokens that follow, or makes the server fetch what it names."""
    corpora = {
        "algorithm": wrong_algorithms(tokens, tmp_path), "header": hostile_headers(tokens, tmp_path),
        "claims": wrong_claims(tokens), "shape": wrong_shapes(tokens),
    }  # fmt: skip
    tried, accepted, unlike = 0, [], []
    for kind, corpus in corpora.items():
        for number, token in enumerate(corpus):
            tried += 1
            answer = caller(token)
            if answered(answer):
                accepted.append(f"{kind} {number}: {token[:200]}")
            elif (answer.code, answer.reason) not in (INVALID, ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")):
                unlike.append(f"{kind} {number}: {answer.code} {answer.message} {token[:100]}")
        for signer in (tokens.rsa, tokens.curve, tokens.v1):
            assert answered(caller(signer.token())), f"{signer.key_id} is spoiled after the {kind} tokens"
    print(f"\nbad tokens: accepted {len(accepted)} of {tried}")
    assert not accepted and not unlike
    assert tried > 250
    assert tokens.server.asked["/evil"] == 0


def test_a_token_above_the_header_limit_ends_its_call_only(caller, tokens):
    assert not answered(caller(tokens.rsa.token(pad="x" * 64_000)))
    assert answered(caller(tokens.rsa.token()))


def test_a_minute_of_skew(caller, tokens):
    """Each with half a minute to spare on the side that time runs to."""

    def ask(**claims):
        now = int(time.time())
        return caller(tokens.rsa.token(**{name: now + offset for name, offset in claims.items()}))

    assert answered(ask(exp=-30))
    assert outcome(ask(exp=-61)) == ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")
    assert answered(ask(nbf=55))
    assert outcome(ask(nbf=95)) == INVALID
    assert answered(ask(exp=300.75, nbf=-5.5))


def test_roles_by_the_names_of_the_contract_only(caller, tokens, api):
    def roles(*names):
        return list(api.WhoAmIResponse.FromString(caller(tokens.rsa.token(roles=list(names)))).principal.roles)

    assert roles("UserManagementAdmin", "AdminAgent", "SalesAgent") == [1, 2, 3]
    for name in ("useradmin", "ROLE_ADMIN_AGENT", "adminagent", "Operator", "HelpdeskAgent", "*", "AdminAgent ", "2"):
        assert roles(name) == []
        assert outcome(caller(tokens.rsa.token(roles=[name]), "ListCustomers"))[0] == "PERMISSION_DENIED"
    assert roles("Operator", "SalesAgent") == [3]


def test_the_directory_has_the_last_word_on_a_token(caller, tokens, house, api):
    alice = house["alice"]
    token = tokens.rsa.token(oid="tess", roles=["AdminAgent"])
    assert answered(caller(token))
    alice.call("CreatePrincipal", principal=dict(principal_id="tess", roles=[3]))
    assert answered(caller(token))
    alice.call("UpdatePrincipal", principal=dict(principal_id="tess", disabled=True), update_mask={"paths": ["disabled"]})
    assert outcome(caller(token)) == INVALID
    alice.call("UpdatePrincipal", principal=dict(principal_id="tess"), update_mask={"paths": ["disabled"]})
    assert answered(caller(token))
    alice.call("DeletePrincipal", principal_id="tess")
    # A partner that nobody registered, though the issuer's file maps a tenant to it.
    assert outcome(caller(tokens.rsa.token(tid="tenant-nobody"))) == INVALID


def test_a_token_and_a_certificate_must_name_one_partner(house, tokens):
    people = house.certificates
    own, other = tokens.rsa.token(), tokens.rsa.token(tid="tenant-b")
    for identity, token, expected in (
        (people.carol, own, "answered"), (people.carol, other, INVALID), (people.dave, own, INVALID),
        (people.dave, other, "answered"), (people.operator, own, INVALID), (people.carol, own + "A", INVALID),
        (people.carol, "junk", INVALID), (people.disabled, own, INVALID), (people.unknown, own, INVALID),
        (people.expired, own, ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")),
        (people.carol, tokens.rsa.token(exp=int(time.time()) - 90), ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED")),
    ):  # fmt: skip
        with house.client(identity, token=token) as client:
            assert outcome(client.raw("WhoAmI", b"")) == expected, identity.certificate.name


def test_a_token_bound_to_a_certificate_is_of_no_use_with_another(house, tokens):
    people = house.certificates

    def digest(identity):
        text = openssl("x509", "-in", identity.certificate, "-noout", "-fingerprint", "-sha256")
        return b64(bytes.fromhex(text.strip().partition("=")[2].replace(":", "")))

    bound = tokens.rsa.token(cnf={"x5t#S256": digest(people.carol)})
    for identity, expected in ((people.carol, "answered"), (people.bob, INVALID), (None, INVALID)):
        with house.client(identity, token=bound) as client:
            assert outcome(client.raw("WhoAmI", b"")) == expected


def test_two_authorization_headers_are_refused(house, tokens):
    good = tokens.rsa.token()
    with house.client(None) as client:
        for values in ([good, good], [good, "junk"], ["junk", good]):
            client.metadata = [("authorization", f"Bearer {value}") for value in values]
            assert outcome(client.raw("WhoAmI", b"")) == INVALID
        for value in ("", "Bearer", "Basic dXNlcjpwYXNz", good, f"Token {good}", f"Bearer,{good}"):
            client.metadata = [("authorization", value)]
            assert outcome(client.raw("WhoAmI", b"")) == INVALID, value[:20]


# MARK: Keys


def test_a_key_file_is_read_again(caller, house, tokens):
    old, new = tokens.rotated, tokens.rotated_next
    assert answered(caller(old.token())) and not answered(caller(new.token()))
    # In place, with the old key beside the new one.
    tokens.write("rotating-keys.json", old, new)
    eventually(lambda: answered(caller(new.token())))
    assert answered(caller(old.token()))
    warnings = lambda: [  # noqa: E731
        line for line in house.daemon.log_text().splitlines() if "key set not read" in line and "/rotating" in line
    ]
    # Who looks between the two steps of a writer sees a file without keys, and says so.
    before = len(warnings())
    # Half a file changes nothing, and says so once.
    path = tokens.folder / "rotating-keys.json"
    half = tokens.folder / "half.json"
    half.write_text(path.read_text()[:100])
    half.rename(path)
    eventually(lambda: len(warnings()) > before)
    assert answered(caller(old.token())) and answered(caller(new.token()))
    # Renamed over; the old key is gone, also for tokens that were good a moment ago.
    remembered = old.token()
    assert answered(caller(remembered))
    tokens.write("beside.json", new)
    (tokens.folder / "beside.json").rename(path)
    eventually(lambda: not answered(caller(remembered)))
    assert answered(caller(new.token()))
    assert len(warnings()) == before + 1


@pytest.mark.parametrize("kind,reason", [("huge", "larger than"), ("moved", "HTTP status 302"), ("slow", "")])
def test_an_endpoint_that_misbehaves(caller, house, tokens, kind, reason):
    eventually(lambda: tokens.server.asked[f"/{kind}/{kind}"] > 0)
    if reason:
        eventually(lambda: any(reason in line and f"/{kind}" in line for line in house.daemon.log_text().splitlines()))
    assert outcome(caller(tokens.remote.token(iss=f"https://issuer.example/{kind}"))) == INVALID
    assert answered(caller(tokens.rsa.token())), "the other issuers go on"
    assert tokens.server.asked["/target/moved"] == 0, "a redirect was followed"


class Tunnels:
    """A proxy that tunnels by CONNECT and knows where to."""

    def __init__(self):
        self.targets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            here, _ = self._listener.accept()
            head = here.recv(65_536)
            host, _, port = head.split()[1].decode().rpartition(":")
            self.targets.append((host, int(port)))
            there = socket.create_connection((host, int(port)))
            here.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        # Either end may hang up first.
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def test_keys_come_through_the_proxy_of_the_environment(new_house, certificates, tokens, monkeypatch):
    tunnels = Tunnels()
    house = new_house("--token-ca", certificates.authority.certificate, "--token-issuer", tokens.files[2])
    with monkeypatch.context() as context:
        context.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnels.port}")
        for name in ("NO_PROXY", "no_proxy"):
            context.delenv(name, raising=False)
        house.start()
    house.register()
    with house.client(None, token=tokens.remote.token()) as client:
        eventually(lambda: answered(client.raw("WhoAmI", b"")))
    assert tunnels.targets == [("127.0.0.1", int(tokens.server.url("").rpartition(":")[2]))]


def test_rotation_storm_and_outage_over_https(caller, tokens):
    """The last one: it stops the key server."""
    server, old, new = tokens.server, tokens.stormed, tokens.stormed_next
    eventually(lambda: answered(caller(old.token())))
    assert server.asked["/stormed"] == 1
    server.publish("/stormed", old, new)
    # The first token of the new key has it fetched; it is not waited for.
    assert outcome(caller(new.token())) == INVALID
    eventually(lambda: answered(caller(new.token())))
    assert server.asked["/stormed"] == 2
    body = segment(old.payload())
    for number in range(300):
        assert outcome(caller(f"{segment(old.head({'kid': f'unknown-{number}'}))}.{body}.AAAA")) == INVALID
    assert server.asked["/stormed"] == 2, "a storm of unknown keys makes no further fetch"
    server.stop()
    for signer in (tokens.remote, old, new):
        assert outcome(caller(signer.token({"kid": "after-the-outage"}))) == INVALID
        assert answered(caller(signer.token()))


# MARK: Start


BAD_ISSUERS = {
    "empty audience": (dict(audience=""), '"audience"'),
    "no audience": (dict(audience=None), '"audience"'),
    "empty issuer": (dict(issuer=""), '"issuer"'),
    "no issuer": (dict(issuer=None), '"issuer"'),
    "symmetric algorithm": (dict(algorithms=["HS256"]), '"algorithms"'),
    "algorithm none": (dict(algorithms=["RS256", "none"]), '"algorithms"'),
    "plain HTTP": (dict(jwks="http://issuer.example/keys"), '"jwks"'),
    "no keys": (dict(jwks="nothing.json"), '"jwks"'),
    "no partners": (dict(partners={}), '"partners"'),
    "no audience in the list": (dict(audience=[]), '"audience"'),
    "unknown placeholder": (dict(issuer="https://issuer.example/{tenant}/v2.0"), '"{tenant}"'),
    "placeholder of a manual": (dict(audience="api://<client id>"), '"<client id>"'),
    "issuer of all tenants": (dict(issuer="https://login.microsoftonline.com/common/v2.0"), '"common"'),
    "tenant without a partner": (dict(issuer="https://sts.windows.net/0d0c7d4e-1111-4222-8333-944445555666/"), '"partners"'),
    "one tenant in two cases": (dict(partners={TENANT: "A", TENANT.upper(): "B"}), '"partners"'),
    "malformed partner": (dict(partners={TENANT: "A B"}), TENANT),
    "keys of other algorithms": (dict(algorithms=["ES384"]), '"jwks"'),
}


def complaints(error):
    """Lines on standard error that are not the log's."""
    return [line for line in error.splitlines() if not line.startswith("{")]


@pytest.mark.parametrize("changes,named", BAD_ISSUERS.values(), ids=BAD_ISSUERS)
def test_the_start_is_refused(new_house, tokens, tmp_path, changes, named):
    tokens_file = tmp_path / "issuer.json"
    good = dict(issuer=ISSUER, audience=AUDIENCE, jwks=str(tokens.folder / "v2-keys.json"), partners={TENANT: "A"})
    tokens_file.write_text(json.dumps({name: value for name, value in (good | changes).items() if value is not None}))
    house = new_house("--token-issuer", tokens_file)
    code, error = house.daemon.start_refused()
    assert code == 1 and named in error and len(complaints(error)) == 1
    server = house.certificates.server
    files = ("--tls-cert", server.certificate, "--tls-key", server.key, "--token-issuer", tokens_file)
    checked = run_insightsd("check-config", *files)
    assert checked.returncode == 1 and named in checked.stderr and checked.stderr.count("\n") == 1


def test_the_start_is_refused_with_one_issuer_twice(new_house, tokens):
    first = tokens.files[0]
    code, error = new_house("--token-issuer", first, "--token-issuer", first).daemon.start_refused()
    assert code == 1 and "twice" in error and len(complaints(error)) == 1
