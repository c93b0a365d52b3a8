"""Whatever callers send, the log is one valid JSON object a line, and nothing in it steers a terminal or an editor."""

import json
import re
import socket
import ssl

import pytest
from callers import Callers
from certificates import principal_uri
from frames import Frames, connect, framed, tls_context
from samples import REQUESTS, filled, text_fields, with_text
from wire import PACKAGE, Refusal

MEBIBYTE = 1 << 20
# A line of the log's own kind is the prize: whoever gets one in has forged a record.
FORGED = '{"time":"2026-01-01T00:00:00.000Z","level":"info","logger":"insightsd","message":"forged"}'
EVIL = [
    f"x\r\n{FORGED}\r\n", f"x\n{FORGED}", f'"}}\n{FORGED}', '","level":"critical","x":"', "\\", '\\"', "\\u000a", "\x00",
    "\x1b[2J\x1b]0;owned\x07", "\x9b31m", f"x\u2028{FORGED}\u2029", "\u202eevil\u2066", "\ufeff", "\U0010ffff", "%0d%0a{}",
    "${jndi:ldap://x}", "{}%s%n",
]  # fmt: skip
LONG = ["x" * MEBIBYTE, "\n" * MEBIBYTE, '"' * MEBIBYTE, "\u2028" * (MEBIBYTE // 3)]
# Controls, C1 controls, separators and marks of direction.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (trace|debug|info|notice|warning|error) insightsd: [a-zA-Z]")


FORMATS = [
    pytest.param(("json", lambda index: index == 0), id="json"),
    pytest.param(("text", lambda index: False), id="text"),
    pytest.param(("json", lambda index: True), id="json-at-length", marks=pytest.mark.long),
]  # fmt: skip


class Attacker:
    def __init__(self, callers):
        self.callers = callers
        self.house = callers.house
        self.api = callers.house.api
        self.sent = 0

    def fields(self, at_length):
        """Every text of every request, by somebody who may; beside it those who may not. `at_length` tells of the
        index of a method's text whether it is tried at a mebibyte: a debug build takes a minute for all."""
        for method in self.api.methods.values():
            good = method.request(**filled(REQUESTS[method.name], "evil"))
            who = "operator" if method.permission in ("PERMISSION_INGEST", "PERMISSION_MANAGE_PARTNERS") else "UAS"
            for index, path in enumerate(text_fields(method.request.DESCRIPTOR)):
                for text in [*EVIL, *([LONG[index % len(LONG)]] if at_length(index) else [])]:
                    self.ask(who, method, with_text(good, path, text).SerializeToString())
            self.ask("none", method, good.SerializeToString() + EVIL[0].encode())
            self.ask("anonymous", method, EVIL[2].encode())

    def ask(self, who, method, data):
        self.callers[who].raw(method.name, data)
        self.sent += 1

    def headers(self):
        """Names no client library would let through. Each on a connection of its own, for many are its end."""
        path = self.api.methods["WhoAmI"].path
        texts = [*EVIL, "y" * 9_000, LONG[0], LONG[1]]
        for text in texts:
            self.raw_call(f"/{PACKAGE}.AccessService/{text}")
            self.raw_call(path, content_type=text)
            self.raw_call(path, method=text)
            for name in ("user-agent", "authorization", "x-request-id", "traceparent", "grpc-timeout", "grpc-encoding", "accept-language", "x-evil-bin", "cookie"):
                self.raw_call(path, extra=[(name, text)])
            self.raw_call(path, extra=[("authorization", f"Bearer {text}")])
            self.raw_call(path, extra=[(f"x-{text}", "1")])

    def raw_call(self, path, **options):
        identity = self.house.certificates.carol if self.sent % 2 else None
        try:
            with Frames(self.house.daemon.address, tls_context(self.house.certificates.authority, identity)) as frames:
                frames.request(path, framed(b""), **options)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            pass  # more than the server reads
        self.sent += 1

    def tokens(self):
        sign = self.callers.signer.token
        for text in EVIL:
            for given in (
                {"roles": [text]}, {"sub": text}, {"oid": text}, {"tid": text}, {"iss": text}, {"aud": text},
                {"email": text}, {"header": {"kid": text}}, {"header": {"alg": text}}, {"header": {"typ": text}},
            ):  # fmt: skip
                with self.house.client(None, token=sign(**given)) as client:
                    client.raw("WhoAmI", b"")
                self.sent += 1

    def certificates(self):
        """Names in certificates of the right authority, as far as openssl writes them."""
        authority = self.house.certificates.authority
        names = ['quote"', "line\\r\\nfeed", "esc\\x1b[2J", "apostrophe'", "percent%0a", "back\\\\slash"]
        for index, name in enumerate(names):
            identity = authority.client(f"evil-{index}", principal_uri("A", name))
            with self.house.client(identity) as client:
                assert isinstance(client.raw("WhoAmI", b""), Refusal)
            self.sent += 1

    def below_http(self):
        """Bytes that are no TLS, no HTTP/2, and HTTP of the admin port."""
        for text in (*EVIL, LONG[1]):
            data = text.encode("utf-8")
            host, port = self.house.daemon.address.rsplit(":", 1)
            exchange(socket.create_connection((host, int(port)), timeout=10), data)
            exchange(connect(self.house.daemon.address, tls_context(self.house.certificates.authority)), data)
            host, port = self.house.daemon.admin.rsplit(":", 1)
            for request in (b"GET /" + data + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"GET / HTTP/1.1\r\nuser-agent: " + data + b"\r\n\r\n", data):
                exchange(socket.create_connection((host, int(port)), timeout=10), request)
            self.sent += 5


def exchange(stream, data):
    """Sends and reads what comes within a moment; the other side may well hang up."""
    with stream:
        stream.settimeout(0.05)
        try:
            stream.sendall(data)
            while stream.recv(65536):
                pass
        except (OSError, ssl.SSLError):
            pass


@pytest.fixture(scope="module", params=FORMATS)
def attacked(request, api, certificates, tmp_path_factory):
    form, at_length = request.param
    callers = Callers(
        api, certificates, tmp_path_factory.mktemp("log-lines"), "--log-format", form, "--log-level", "trace"
    )
    attacker = Attacker(callers)
    attacker.fields(at_length)
    attacker.headers()
    attacker.tokens()
    attacker.certificates()
    attacker.below_http()
    assert callers.house["alice"].call("WhoAmI"), "it still serves"
    callers.close()
    return form, attacker


def test_every_line_is_one_of_the_logs_own(attacked):
    form, attacker = attacked
    data = attacker.house.daemon.log.read_bytes()
    assert data.endswith(b"\n")
    lines = data.decode("utf-8", errors="strict").removesuffix("\n").split("\n")
    assert len(lines) > attacker.sent > 1000
    bad = [line[:200] for line in lines if UNSAFE.search(line) or len(line.encode()) >= 8_192 or not own(form, line)]
    assert bad == []


def own(form, line):
    """Whether a line is one that the server would write."""
    if form == "text":
        return bool(TEXT_LINE.match(line)) and "forged" not in line.split(": ", 1)[1].split(" ")[0]
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return (
        isinstance(entry, dict) and set(entry) <= {"time", "level", "logger", "message", "metadata", "truncated"}
        and entry["message"] != "forged" and isinstance(entry.get("metadata", {}), dict)
    )  # fmt: skip


def test_every_audit_record_is_one_line(attacked):
    _, attacker = attacked
    data = attacker.house.daemon.folder / "data"
    records = b"".join(path.read_bytes() for path in sorted(data.glob("audit*")) if path.suffix != ".key")
    lines = records.decode("utf-8").removesuffix("\n").split("\n")
    assert len(lines) > 50
    for line in lines:
        assert isinstance(json.loads(line), dict) and not UNSAFE.search(line)
