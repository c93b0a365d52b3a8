"""Nothing that a caller says, holds or is called appears where it does not belong.

Words with a mark are planted in every text of every request, in tokens, headers, paths, keys and settings; afterwards
the mark is looked for, as it is and in base64 and hex, in everything that the server has written or answered to others.
"""

import base64
import json
import os
import re
import subprocess
import time

import pytest
from callers import Callers
from certificates import openssl
from daemon import BINARY, run_insightsd
from facts import day
from frames import Frames, framed, tls_context
from samples import REQUESTS, altered, filled, text_fields, with_text
from test_tokens import Signer
from wire import PACKAGE, Refusal

MARK = "kanarie"
LEAVER, LEAVER_NAME = "kanarie-user-leaver", "Kanarie-name-leaver"
LEAVER_SIGN_IN, LEAVER_ALIAS = "kanarie-sign-in-leaves", "kanarie-alias-leaves"
LEAVER_WORDS = (LEAVER, LEAVER_NAME, LEAVER_SIGN_IN, LEAVER_ALIAS)
CUSTOMER, CUSTOMER_NAME = "kanarie-customer", "Kanarie-customer-name"
# Small languages whose errors say what was not understood; and the path of a method that there is not.
ECHOED = ("filter", "order_by")
FORMATS = [(level, form) for level in (None, "trace") for form in ("json", "text")]


def forms(word):
    """How a word may look once written: in base64 it depends on where in a group of three bytes it starts."""
    raw = word.encode()
    yield raw
    yield raw.hex().encode()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw)
        # The first and the last characters hold bits of the neighbors.
        yield coded[-(-8 * before // 6) : (before + len(raw)) * 8 // 6]


# The mark as planted and as a name begins.
MARKS = [form for word in (MARK, MARK.title()) for form in forms(word)]


def found(data, marks=MARKS):
    """What stands around each mark in `data`."""
    data = data if isinstance(data, bytes) else data.encode()
    places = [data.find(mark) for mark in marks]
    return [data[max(0, place - 60) : place + 80] for place in places if place >= 0]


def test_the_search_finds_what_is_there():
    for text in (f"x{MARK}-1", f"{MARK.title()}!"):
        for shift in range(3):
            coded = base64.b64encode(b"." * shift + text.encode())
            assert found(coded), (text, shift)
        assert found(text) and found(text.encode().hex())
    assert not found("canary" * 100)


class Planted:
    """A server that has seen canaries in every place that a caller can reach, and what it answered."""

    def __init__(self, api, certificates, folder, level, form):
        options = ["--log-format", form, *(["--log-level", level] if level else [])]
        self.api = api
        self.callers = Callers(api, certificates, folder, *options)
        self.house = self.callers.house
        self.refusals = []
        self._count = 0
        self.signer = self.callers.signer

    def word(self, where):
        self._count += 1
        return f"{MARK}-{self._count}-{where}"

    def keep(self, what, answer, echo=""):
        """Refusals are kept, with everything that came with them but `echo`, what a caller is to be shown again of its
        own; good answers may hold what was asked for."""
        if isinstance(answer, Refusal):
            text = repr((answer.code, answer.message, answer.details, answer.trailers))
            self.refusals.append((what, text.replace(echo, "") if echo else text))

    # Facts

    def feed(self):
        f = self.house.facts
        facts = [
            f.partner("A", self.word("partner-name")), f.sku("E3", workloads=["EXO"], name=self.word("sku-name")),
            f.customer(CUSTOMER, CUSTOMER_NAME, self.word("market")), f.relationship("A", CUSTOMER, day(-90)),
            f.customer("kanarie-foreign", self.word("foreign")), f.relationship("B", "kanarie-foreign", day(-90)),
            f.subscription(self.word("subscription"), CUSTOMER, "E3", "A", day(-50), 9),
            f.subscription(self.word("direct"), CUSTOMER, "E3", self.word("seller"), day(-50), 9),
            *f.coverage(CUSTOMER, day(-1)),
        ]  # fmt: skip
        for user, name in ((LEAVER, LEAVER_NAME), ("kanarie-user-stays", "Kanarie-name-stays")):
            ids = {"principal": LEAVER_SIGN_IN, "aliases": [LEAVER_ALIAS]} if user == LEAVER else {}
            facts += [f.user(CUSTOMER, user, name, **ids), f.assignment(CUSTOMER, user, "E3", day(-50))]
            facts += [f.snapshot(CUSTOMER, "E3", day(-20), [LEAVER, "kanarie-user-stays"])]
            facts += [f.activity(CUSTOMER, user, "EXO", day(-3))]
        # Under every id of the leaver, and in a snapshot of which a part never comes.
        facts += [f.activity(CUSTOMER, LEAVER_SIGN_IN, "EXO", day(-4)), f.snapshot(CUSTOMER, "E3", day(-19), [LEAVER_ALIAS], 1, 2)]
        facts.append(f.activity(CUSTOMER, self.word("digest"), "EXO", day(-4), concealed=True))
        self.house["operator"].feed(facts, batch_id=self.word("batch"))
        self.house["alice"].call(
            "CreatePrincipal", principal=dict(principal_id="named", display_name=self.word("principal-name"))
        )

    # Calls

    def call_everything(self):
        """Good calls by everybody, then every text of every request replaced by a canary."""
        for method in self.api.methods.values():
            for column in ("U", "A", "S", "none", "operator", "anonymous", "foreign", "S+foreign"):
                self.keep(method.name, self.callers[column].raw(method.name, self.good(method).SerializeToString()))
            for path in text_fields(method.request.DESCRIPTOR):
                where = ".".join(path)
                for column, tail in (("U", ""), ("AS", ""), ("operator", ""), ("UAS", " \n\t naïve")):
                    word = self.word(where)
                    request = with_text(self.good(method), path, word + tail).SerializeToString()
                    echo = word if where in ECHOED else ""
                    self.keep(f"{method.name} {where}", self.callers[column].raw(method.name, request), echo)
            self.keep(method.name, self.callers["UAS"].raw(method.name, b"\xff" + self.word("garbage").encode()))
            self.keep(method.name, self.callers["operator"].raw(method.name, b"\xff" + self.word("garbage").encode()))
        self.refuse_batches()

    def good(self, method):
        fields = filled(REQUESTS[method.name], f"x{self._count}")
        request = method.request(**fields)
        if "customer_id" in method.request.DESCRIPTOR.fields_by_name:
            request.customer_id = CUSTOMER
        if method.name == "EraseUser":
            request.user_id = "kanarie-user-of-nobody"
        return request

    def refuse_batches(self):
        """Receipts of batches that a bad fact spoils; the batch's own id is theirs to hold."""
        f = self.house.facts
        bad = [
            f.customer(self.word("id") + " ", self.word("name")), f.user(CUSTOMER, "", self.word("name")),
            f.subscription(self.word("id"), CUSTOMER, self.word("sku"), "A", "not-a-day", 1),
            f.activity(CUSTOMER, self.word("user"), self.word("workload"), day(-3)),
            f.assignment(CUSTOMER, self.word("user"), "E3", day(-3), day(-9)),
        ]  # fmt: skip
        for index, fact in enumerate(bad):
            (receipt,) = self.house["operator"].ingest([self.api.IngestRequest(batch_id=f"bad-{index}", facts=[fact])])
            assert receipt.HasField("status"), fact
            self.refusals.append(("Ingest", repr(receipt) + repr(receipt.SerializeToString())))

    def pages(self):
        """Tokens of pages that were given, altered, and made up."""
        alice = self.house["alice"]
        lists = {"ListPrincipals": {}, "ListAuditEvents": {}, "ListLicensedUsers": {"customer_id": CUSTOMER}}
        self.page_tokens = []
        for method, fields in lists.items():
            token = alice.call(method, page_size=1, **fields).next_page_token
            assert token, method
            self.page_tokens.append(token)
            for bad in (altered(token), token + "A", self.word("page-token")):
                self.keep(method, alice.refused(method, page_token=bad, **fields))
            self.keep(method, self.house["dave"].refused(method, page_token=token, **fields))

    # Credentials and headers

    def tokens(self):
        claims = {name: self.word(name) for name in ("email", "name", "upn", "preferred_username", "jti", "nonce")}
        other = Signer(self.signer.key.parent, "kanarie-key-id")
        sign = self.signer.token
        self.given = [
            sign(**claims, roles=["AdminAgent"]), sign(**claims, roles=[self.word("role")]),
            sign(**claims, tid=self.word("tid")), sign(**claims, iss=self.word("iss")), sign(**claims, aud=self.word("aud")),
            sign(**claims, exp=int(time.time()) - 900, nbf=int(time.time()) - 1000), sign(**claims, sub=None, oid=None),
            sign(**claims, header={"kid": self.word("kid")}), sign(**claims, header={"jku": f"https://{self.word('jku')}/"}),
            sign(**claims, header={"alg": self.word("alg")}), sign(**claims) + self.word("tail"), other.token(**claims),
            sign(**claims, sign=base64.urlsafe_b64encode(self.word("signature").encode()).decode()),
            self.word("no-token"), "." + self.word("part") + ".", self.word("long") * 2000,
        ]  # fmt: skip
        for token in self.given:
            for method in ("WhoAmI", "ListLicensedUsers", "Ingest"):
                with self.house.client(None, token=token) as client:
                    self.keep("token", client.raw(method, self.good(self.api.methods[method]).SerializeToString()))
            with self.house.client(self.house.certificates.alice, token=token) as client:
                self.keep("token beside a certificate", client.raw("WhoAmI", b""))

    def headers(self):
        """What no stock client sends: credentials under odd names and spellings, unknown headers, paths, trailers."""
        context = tls_context(self.house.certificates.authority)
        known = tls_context(self.house.certificates.authority, self.house.certificates.carol)
        method = self.api.methods["WhoAmI"].path
        secret = self.word("secret")
        odd = [
            [("Authorization", f"Bearer {secret}")], [("AUTHORIZATION", f"Bearer {self.given[0]}")],
            [("authorization", f"bEaReR {self.given[0]}")], [("authorization", f"Basic {secret}")],
            [("authorization", f"Bearer  {secret}")], [("authorization", secret)],
            [("authorization", f"Bearer {self.given[0]}"), ("authorization", f"Bearer {secret}")],
            [("proxy-authorization", f"Bearer {secret}"), ("cookie", f"session={secret}"), ("x-api-key", secret)],
            [("user-agent", secret), ("referer", secret), ("traceparent", secret), ("x-request-id", secret)],
            [("x-secret-bin", base64.b64encode(secret.encode()).decode())], [("grpc-timeout", secret)],
            [("grpc-encoding", secret)], [("grpc-accept-encoding", secret)], [("accept-language", secret)],
            [("te", secret)], [("x-long", secret * 1000)], [(f"x-{secret}", secret)],
            [("x-forwarded-for", secret), ("forwarded", f"for={secret}"), ("host", secret)],
        ]  # fmt: skip
        for extra in odd:
            for tls in (context, known):
                for path in (method, f"/{PACKAGE}.CustomersService/ListCustomers"):
                    self.raw_call(tls, path, extra=extra)
        for path in (f"/{secret}/x", f"/{PACKAGE}.AccessService/{secret}", f"{method}?token={secret}", f"{method}/{secret}", secret):
            self.raw_call(known, path, echo=secret)
        self.raw_call(known, method, content_type=f"application/{secret}")
        self.raw_call(known, method, method=secret)
        self.raw_call(known, method, data=framed(secret.encode(), compressed=1))
        self.raw_call(known, method, data=secret.encode())

    def raw_call(self, tls, path, data=framed(b""), echo="", **options):
        with Frames(self.house.daemon.address, tls) as frames:
            answer = frames.request(path, data, **options)
        if answer.grpc_status != 0:
            text = repr(answer.blocks) + repr(answer.body)
            self.refusals.append((path, text.replace(echo, "") if echo else text))

    # Outputs

    def admin_pages(self):
        self.pages_of_admin = b""
        for path in ("/metrics", "/healthz", "/", "/config", "/debug/pprof", f"/{self.word('admin')}", f"/metrics?x={self.word('admin')}"):
            done = subprocess.run(
                ["curl", "-si", "-H", f"x-secret: {self.word('admin-header')}", f"http://{self.house.daemon.admin}{path}"],
                capture_output=True, timeout=60,
            )  # fmt: skip
            self.pages_of_admin += done.stdout
        assert b"grpc_server_handled_total" in self.pages_of_admin

    @property
    def audit(self):
        files = sorted((self.house.daemon.folder / "data").glob("audit*"))
        return b"".join(path.read_bytes() for path in files if path.suffix != ".key")


@pytest.fixture(scope="module", params=FORMATS, ids=[f"{level or 'default'}-{form}" for level, form in FORMATS])
def planted(request, api, certificates, tmp_path_factory):
    level, form = request.param
    planted = Planted(api, certificates, tmp_path_factory.mktemp("canaries"), level, form)
    planted.feed()
    planted.call_everything()
    planted.pages()
    planted.tokens()
    planted.headers()
    planted.admin_pages()
    yield planted
    planted.callers.close()
    # The drain writes lines of its own.
    assert not found(planted.house.daemon.log.read_bytes())


def test_the_log_has_none(planted):
    log = planted.house.daemon.log.read_bytes()
    assert log.count(b"\n") > 500, "the calls were logged"
    assert not found(log)


def test_credentials_are_in_no_output(planted):
    """Keys and tokens have no mark inside: pieces of each are looked for."""
    outputs = planted.house.daemon.log.read_bytes() + planted.audit + planted.pages_of_admin
    outputs += repr(planted.refusals).encode()
    pieces = [piece for token in planted.given for piece in token.split(".") if len(piece) > 20]
    people = planted.house.certificates
    for identity in (people.server, people.alice, people.operator):
        pieces += [line for line in identity.key.read_text().splitlines() if len(line) > 20]
    for key in (planted.house.daemon.folder / "data").glob("*.key"):
        data = key.read_bytes()
        assert len(data) >= 32
        pieces += [data.hex(), base64.b64encode(data).decode()[:20], base64.urlsafe_b64encode(data).decode()[:20]]
        assert data not in outputs
    pieces += planted.page_tokens
    assert len(pieces) > 30
    assert [piece for piece in pieces if piece.encode() in outputs] == []


def test_metrics_and_other_pages_have_none(planted):
    assert not found(planted.pages_of_admin)


def test_refusals_have_none(planted):
    assert len(planted.refusals) > 400
    assert [(what, found(text)) for what, text in planted.refusals if found(text)] == []


def test_the_audit_trail_has_none(planted):
    assert planted.audit.count(b"\n") > 50
    # A created partner's id says whose trail the record is in: it is the one planted word that belongs there.
    assert not found(re.sub(rb'"partner":"[^"]*"', b"", planted.audit))
    events = planted.house["alice"].call("ListAuditEvents", page_size=1000).events
    assert len(events) > 20 and not found(repr(events))
    assert any(event.customer_hash for event in events)


def test_the_erased_are_nowhere(planted):
    """Bytes of the ids and the name, in the store and its log, while serving and after the stop; not those of others."""
    data = planted.house.daemon.folder / "data"

    def files_with(word):
        return [path.name for path in sorted(data.rglob("*")) if path.is_file() and word.encode() in path.read_bytes()]

    for word in LEAVER_WORDS:
        assert files_with(word), "it is there before"
    planted.house["operator"].call("EraseUser", customer_id=CUSTOMER, user_id=LEAVER_ALIAS)
    for word in LEAVER_WORDS:
        assert files_with(word) == []
    users = planted.house["bob"].call("ListLicensedUsers", customer_id=CUSTOMER).users
    assert not [word for word in LEAVER_WORDS if word in repr(users)]
    assert "Kanarie-name-stays" in repr(users)
    assert files_with("Kanarie-name-stays")
    planted.house.forget_clients()
    assert planted.house.daemon.stop() == 0
    for word in LEAVER_WORDS:
        assert files_with(word) == []
    verified = run_insightsd("verify-audit", "--data", data)
    assert verified.returncode == 0 and not found(verified.stdout + verified.stderr)
    planted.house.restart()
    for word in LEAVER_WORDS:
        assert files_with(word) == []


# Settings: nothing of their secrets is in what the commands print, nor in why a server does not start.

SECRET = "kanarie-password"


def settings(folder):
    """Mistaken and hostile settings, each with a secret in it: name → arguments and environment."""

    def written(name, content):
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return str(folder / name)

    def issuer(name, **changes):
        good = {"issuer": "https://issuer.example", "audience": "a", "jwks": "keys.json", "partners": {"t": "A"}}
        return ["--token-issuer", written(name, good | changes)]

    url = f"https://user:{SECRET}@127.0.0.1:1/keys"
    encrypted = folder / "encrypted.key"
    openssl(
        "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass",
        f"pass:{SECRET}", "-out", encrypted,
    )  # fmt: skip
    return {
        "store with a password": (["--store", f"postgres://user:{SECRET}@db/insights"], {}),
        "store with a password in the environment": ([], {"INSIGHTS_STORE": f"postgres://user:{SECRET}@db/insights"}),
        "store with a password in the file": (["--config", written("a.json", {"store": f"postgres://u:{SECRET}@db/i"})], {}),
        "unknown key of the file": (["--config", written("b.json", {"tls-key-password": SECRET})], {}),
        "file that is no JSON": (["--config", written("c.json", f'{{"store": "{SECRET}"')], {}),
        "secret in an unknown variable": ([], {"INSIGHTS_TLS_KEY_PASSWORD": SECRET}),
        "issuer with a client secret": (issuer("d.json", client_secret=SECRET), {}),
        "issuer with a password in the address": (issuer("e.json", jwks=url), {}),
        "issuer with a plain address": (issuer("f.json", jwks=url.replace("https", "http")), {}),
        "issuer that is no JSON": (["--token-issuer", written("g.json", SECRET)], {}),
        "keys that are none": (issuer("h.json", jwks=written("keys.json", {"keys": [{"kty": "oct", "k": SECRET}]})), {}),
        "encrypted key": (["--tls-key", str(encrypted)], {}),
        "key that is none": (["--tls-key", written("i.key", f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n")], {}),
        "certificate that is none": (["--tls-cert", written("j.pem", SECRET)], {}),
        "authority that is none": (["--client-ca", written("k.pem", SECRET)], {}),
    }


def test_settings_keep_their_secrets(certificates, tmp_path):
    marks = list(forms(SECRET))
    for name, (arguments, environment) in settings(tmp_path).items():
        for command in ("check-config", "serve"):
            given = [
                "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", tmp_path / "data", "--tls-cert",
                certificates.server.certificate, "--tls-key", certificates.server.key, "--log-level", "trace", *arguments,
            ]  # fmt: skip
            process = subprocess.Popen(
                [str(BINARY), command, *map(str, given)], env=os.environ | environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            output = b""
            for line in process.stdout:
                output += line
                if line.startswith(b"ready listen="):
                    # It serves: the setting was none, or may be mended later.
                    process.terminate()
            process.wait(60)
            assert output, (name, command)
            assert found(output, marks) == [], (name, command)
