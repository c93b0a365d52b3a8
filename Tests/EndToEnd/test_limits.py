"""Every limit of `serve` works at the value it is given, can be given in every way, and is as docs/limits.md says."""

import json
import os
import re
import socket
import subprocess
import time

import grpc
import h2.errors
import h2.events
import h2.settings
import pytest
from daemon import BINARY, run_insightsd
from documents import DOCS, section
from facts import day
from frames import Frames, connect, framed, tls_context
from wire import Refusal

PACKAGE = "/partner.insights.v1."
WHO_AM_I = PACKAGE + "AccessService/WhoAmI"
INGEST = PACKAGE + "IngestService/Ingest"
EXPORT = PACKAGE + "InsightsService/ExportInsights"
WATCH = "/grpc.health.v1.Health/Watch"


def headers(path):
    return [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers")]  # fmt: skip


class Peer(Frames):
    """A connection whose streams stay open and whose events are kept."""

    def __init__(self, house, who="alice"):
        identity = getattr(house.certificates, who)
        super().__init__(house.daemon.address, tls_context(house.certificates.authority, identity))
        self.events = []

    def open(self, path, data=None):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers(path))
        if data is not None:
            self.h2.send_data(stream, data, end_stream=True)
        self._send()
        return stream

    def until(self, found, answer=True, seconds=15):
        """Reads until an event satisfies `found`; None when the server closed the connection before."""
        self.socket.settimeout(seconds)
        while True:
            for event in self.events:
                if found(event):
                    return event
            try:
                received = self.socket.recv(65536)
            except ConnectionError:
                received = b""
            if not received:
                return None
            self.events = self.h2.receive_data(received)
            if answer:
                self._send()

    def status(self, stream):
        """Code, reason, metadata and seconds to wait."""
        kinds = (h2.events.ResponseReceived, h2.events.TrailersReceived)
        event = self.until(lambda e: isinstance(e, kinds) and e.stream_id == stream and "grpc-status" in dict(e.headers))
        fields = dict(event.headers)
        return grpc_code(int(fields["grpc-status"])), fields

    def ends(self):
        """Whether the connection ends; the library takes no frames after a GOAWAY."""
        self.socket.settimeout(15)
        while self.socket.recv(65536):
            pass
        return True

    def is_closed(self):
        """Whether the server ends the connection; pings get no answer."""
        return self.until(lambda event: False, answer=False) is None


def grpc_code(number):
    return next(code.name for code in grpc.StatusCode if code.value[0] == number)


def is_refused(house):
    try:
        with connect(house.daemon.address, tls_context(house.certificates.authority)) as tls:
            tls.settimeout(3)
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return tls.recv(1024) == b""
    except OSError:
        return True


# MARK: Connections


@pytest.mark.parametrize("option", ["--max-connections", "--max-connections-per-address"])
def test_connections(new_house, option):
    house = new_house(option, "3").start()
    peers = [Peer(house) for _ in range(3)]
    assert is_refused(house)
    peers[0].socket.close()
    deadline = time.monotonic() + 10
    while is_refused(house):
        assert time.monotonic() < deadline, "a closed connection makes room"
    if option == "--max-connections-per-address":
        host, port = house.daemon.address.split(":")
        other = socket.create_connection((host, int(port)), source_address=("127.0.0.2", 0), timeout=10)
        tls_context(house.certificates.authority).wrap_socket(other, server_hostname="localhost").close()
    [peer.socket.close() for peer in peers]


def test_handshake_timeout(new_house):
    house = new_house("--handshake-timeout", "1").start()
    host, port = house.daemon.address.split(":")
    with socket.create_connection((host, int(port)), timeout=8) as plain:
        assert plain.recv(10) == b""


def test_preface_timeout(new_house):
    house = new_house("--preface-timeout", "1").start()
    with connect(house.daemon.address, tls_context(house.certificates.authority)) as tls:
        tls.settimeout(8)
        while tls.recv(1024):
            pass


def test_headers_timeout(new_house):
    house = new_house("--headers-timeout", "1").start()
    with Peer(house) as peer:
        # HEADERS without END_HEADERS.
        peer.socket.sendall(b"\0\0\x01\x01\0\0\0\0\x01\x83")
        assert peer.is_closed()


def test_request_timeout(new_house):
    house = new_house("--request-timeout", "1").start().register()
    with Peer(house) as peer:
        assert peer.status(peer.open(WHO_AM_I))[0] == "DEADLINE_EXCEEDED"
        assert peer.request(WHO_AM_I, framed(b"")).grpc_status == 0


def test_idle_timeout(new_house):
    house = new_house("--idle-timeout", "1").start()
    with Peer(house) as busy, Peer(house) as idle:
        busy.open(WATCH, framed(b""))
        assert idle.until(lambda event: isinstance(event, h2.events.ConnectionTerminated)).error_code == 0
        assert idle.ends()
        assert busy.until(lambda event: isinstance(event, h2.events.DataReceived)), "a connection with a call is not idle"


def test_connection_age_and_its_grace(new_house):
    house = new_house("--max-connection-age", "1", "--connection-age-grace", "2").start()
    with Peer(house) as peer:
        peer.open(WATCH, framed(b""))
        assert peer.until(lambda event: isinstance(event, h2.events.ConnectionTerminated)).error_code == 0
        told = time.monotonic()
        assert peer.ends()
        assert time.monotonic() - told > 1, "the running call got its grace"


def test_keepalive_goes_on_in_the_grace_of_an_old_connection(new_house):
    options = ("--max-connection-age", "1", "--connection-age-grace", "600")
    house = new_house(*options, "--keepalive-interval", "1", "--keepalive-timeout", "1").start()
    with Peer(house) as deaf:
        deaf.open(WATCH, framed(b""))
        assert deaf.until(lambda event: isinstance(event, h2.events.ConnectionTerminated)).error_code == 0
        assert deaf.ends(), "who does not answer is gone long before the grace is over"


def test_keepalive(new_house):
    house = new_house("--keepalive-interval", "1", "--keepalive-timeout", "1").start()
    with Peer(house) as deaf, Peer(house) as polite:
        deaf.open(WATCH, framed(b""))
        polite.open(WATCH, framed(b""))
        for _ in range(3):
            assert polite.until(lambda event: isinstance(event, h2.events.PingReceived)), "who answers pings stays"
            polite.events = []
        assert deaf.is_closed()


# MARK: Calls


def test_streams(new_house):
    house = new_house("--max-streams", "2").start()
    with Peer(house) as peer:
        code = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS
        changed = peer.until(lambda e: isinstance(e, h2.events.RemoteSettingsChanged) and code in e.changed_settings)
        assert changed.changed_settings[code].new_value == 2
        for _ in range(2):
            peer.open(WATCH, framed(b""))
        # The client's own bookkeeping would stop the third.
        peer.h2.remote_settings[code] = 100
        peer.h2.remote_settings.acknowledge()
        third = peer.open(WATCH, framed(b""))
        reset = peer.until(lambda event: isinstance(event, h2.events.StreamReset) and event.stream_id == third)
        assert reset.error_code == h2.errors.ErrorCodes.REFUSED_STREAM


def details(refusal):
    return refusal.code, refusal.reason, refusal.metadata.get("limit"), refusal.metadata.get("value")


def pushback(refusal):
    return int(dict(refusal.trailers)["grpc-retry-pushback-ms"])


def test_header_bytes(new_house):
    house = new_house("--max-header-bytes", "2048").start().register()
    call = house["alice"].channel.unary_unary(WHO_AM_I)
    call(b"", metadata=[("x-long", "v" * 1_000)], timeout=10)
    # Above what the server announces the stock client does not send: by hand.
    with Peer(house) as peer:
        answer = peer.request(WHO_AM_I, framed(b""), extra=[("x-long", "v" * 2_100)])
        assert answer.grpc_status == 8 and answer.headers["grpc-retry-pushback-ms"] == "-1"
        assert b"HEADERS_TOO_LARGE" in decoded(answer) and b"RetryInfo" in decoded(answer)
        assert peer.request(WHO_AM_I, framed(b"")).grpc_status == 0


def decoded(answer):
    import base64

    text = answer.headers["grpc-status-details-bin"]
    return base64.b64decode(text + "=" * (-len(text) % 4))


def test_message_bytes(new_house):
    house = new_house("--max-message-bytes", "2048").start().register()
    assert house["alice"].raw("WhoAmI", b"\xfa\x7f" + b"\x80\x0c" + b"v" * 1_536) != b"", "below the limit"
    refusal = house["alice"].raw("GetCustomerInsights", b"\x0a\x80\x10" + b"C" * 2_048)
    assert details(refusal) == ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", "max-message-bytes", "2048")
    assert refusal.retry_seconds >= 3_600 and pushback(refusal) == -1, "the same message never fits"
    with pytest.raises(grpc.RpcError) as caught:
        house["operator"].ingest([house.api.IngestRequest(batch_id="b" * 3_000)])
    assert details(Refusal.of(caught.value))[1] == "MESSAGE_TOO_LARGE"


def test_batch_facts(new_house):
    house = new_house("--max-batch-facts", "2").start().register()
    fact = house.api.Fact(customer={"customer_id": "C"})
    fits, above = house["operator"].ingest(
        [house.api.IngestRequest(batch_id=str(count), facts=[fact] * count) for count in (2, 3)]
    )
    assert fits.accepted == 2 and not fits.HasField("status")
    assert (grpc_code(above.status.code), above.status.field) == ("RESOURCE_EXHAUSTED", "facts")
    found = {detail.TypeName(): detail.value for detail in above.status.details}
    assert set(found) == {"google.rpc.BadRequest", "google.rpc.ErrorInfo", "google.rpc.RetryInfo"}
    assert b"BATCH_TOO_LARGE" in found["google.rpc.ErrorInfo"]


# MARK: Partners


def test_rate_and_burst(new_house):
    house = new_house("--partner-rate", "2", "--partner-burst", "6").start().register()
    answers = [house["dave"].raw("WhoAmI", b"") for _ in range(7)]
    assert [isinstance(answer, bytes) for answer in answers[:6]] == [True] * 6
    refusal = answers[6]
    if isinstance(refusal, bytes):
        # Half a second has passed on a slow machine; the next one is one too many.
        refusal = next(answer for answer in (house["dave"].raw("WhoAmI", b"") for _ in range(50)) if isinstance(answer, Refusal))
    assert details(refusal) == ("RESOURCE_EXHAUSTED", "RATE_EXCEEDED", "partner-rate", "2")
    assert 0 < refusal.retry_seconds <= 0.5 and pushback(refusal) == round(refusal.retry_seconds * 1000)
    time.sleep(refusal.retry_seconds)
    assert isinstance(house["dave"].raw("WhoAmI", b""), bytes), "the wait that was told is long enough"
    assert house["operator"].call("WhoAmI"), "the operator has no rate"


def test_refusals_for_the_rate_do_not_fill_the_log(new_house):
    house = new_house("--partner-rate", "1", "--partner-burst", "1").start()
    house["operator"].call("CreatePartner", partner_id="A", principal=dict(principal_id="alice"))
    answers = [house["alice"].raw("WhoAmI", b"") for _ in range(200)]
    refused = sum(isinstance(answer, Refusal) for answer in answers)
    time.sleep(1.1)
    while not isinstance(house["alice"].raw("WhoAmI", b""), Refusal):
        pass
    refused += 1
    house.daemon.stop()
    lines = [json.loads(line) for line in house.daemon.log.read_text().splitlines()]
    told = [line["metadata"] for line in lines if line.get("metadata", {}).get("code") == "RESOURCE_EXHAUSTED"]
    assert refused > 150 and len(told) < 20
    assert sum(1 + int(line.get("unlogged", 0)) for line in told) == refused, "none is forgotten"


def test_exports(new_house):
    house = new_house("--partner-exports", "1").start().register()
    with Peer(house) as peer, Peer(house, "bob") as colleague, Peer(house, "dave") as other:
        held = peer.open(EXPORT)
        peer.request(WHO_AM_I, framed(b""))
        code, fields = colleague.status(colleague.open(EXPORT, framed(b"")))
        assert code == "RESOURCE_EXHAUSTED" and int(fields["grpc-retry-pushback-ms"]) > 0
        assert other.request(EXPORT, framed(b"")).grpc_status == 0, "another partner has its own"
        peer.h2.reset_stream(held)
        peer._send()
        peer.request(WHO_AM_I, framed(b""))
        assert colleague.request(EXPORT, framed(b"")).grpc_status == 0


def test_reads_that_wait(new_house):
    house = new_house("--partner-reads", "1").start().register()
    f = house.facts
    facts = [f.sku("E3", workloads=["SPO"])]
    for number in range(400):
        name = f"C{number:03}"
        facts += [f.relationship("A", name, day(-9)), f.subscription(f"s{number}", name, "E3", "A", day(-8), 5)]
        facts += f.coverage(name, day(-1))
    house["operator"].feed(facts)
    method = house.api.methods["ListCustomerInsights"]
    call = house["alice"]._callable(method, method.request.SerializeToString, lambda data: data)
    futures = [call.future(method.request(page_size=1_000), timeout=60) for _ in range(60)]
    refusals = [Refusal.of(future.exception()) for future in futures if future.exception()]
    assert 0 < len(refusals) < 60
    assert {details(refusal) for refusal in refusals} == {("RESOURCE_EXHAUSTED", "TOO_MANY_READS", "partner-reads", "1")}
    assert all(refusal.retry_seconds == 1 for refusal in refusals)
    assert house["alice"].call("ListCustomerInsights").total_size == 400
    assert house["dave"].call("ListCustomerInsights").total_size == 0


def test_changes_that_wait(new_house):
    house = new_house("--partner-changes", "1").start().register()
    with house.client(house.certificates.alice) as alice:
        method = house.api.methods["CreatePrincipal"]
        call = alice._callable(method, method.request.SerializeToString, lambda data: data)
        futures = [call.future(method.request(principal=dict(principal_id=f"p{n}")), timeout=60) for n in range(200)]
        refusals = [Refusal.of(future.exception()) for future in futures if future.exception()]
        assert 0 < len(refusals) < 200
        assert {details(refusal) for refusal in refusals} == {
            ("RESOURCE_EXHAUSTED", "TOO_MANY_CHANGES", "partner-changes", "1")
        }
        assert all(refusal.retry_seconds == 1 for refusal in refusals)
        made = [row.principal_id for row in house["alice"].call("ListPrincipals").principals if row.principal_id[0] == "p"]
        assert len(made) == 200 - len(refusals), "what was refused was not made, and the rest was"
        house["dave"].call("CreatePrincipal", principal=dict(principal_id="other"))
        trail = [event for event in house["alice"].call("ListAuditEvents", page_size=1_000).events if "CreateP" in event.method]
        assert len([event for event in trail if event.principal_id == "alice"]) == len(made) + 4


def test_health_watches(new_house):
    house = new_house("--max-streams", "2000").start()
    with Peer(house) as peer, Peer(house) as late:
        for _ in range(1_000):
            peer.h2.send_headers(stream := peer.h2.get_next_available_stream_id(), headers(WATCH))
            peer.h2.send_data(stream, framed(b""), end_stream=True)
        peer._send()
        peer.until(lambda e: isinstance(e, h2.events.DataReceived) and e.stream_id == stream)
        code, fields = late.status(late.open(WATCH, framed(b"")))
        assert code == "RESOURCE_EXHAUSTED" and fields["grpc-retry-pushback-ms"] == "10000"


def test_shutdown_grace(new_house):
    house = new_house("--shutdown-grace", "1").start().register()
    with Peer(house) as peer:
        peer.open(EXPORT)
        peer.request(WHO_AM_I, framed(b""))
        assert house.daemon.stop(seconds=20) == 0


# MARK: The table

OPTIONS = re.findall(r"^  (--[a-z-]+) <n>", run_insightsd("serve", "--help").stdout, re.M)


def settings(*arguments, **environment):
    """What `check-config` prints, by name."""
    files = ["--tls-cert", "/dev/null", "--tls-key", "/dev/null"]
    done = subprocess.run(
        [str(BINARY), "check-config", *files, *arguments], capture_output=True, text=True, timeout=60,
        env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split(None, 1) for line in done.stdout.splitlines())


def table():
    """Rows of the document's tables of numbers: what, default, unit, option."""
    sections = [section(DOCS["limits"], name) for name in ("Advice", "Limits")]
    lines = [line for text in sections for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_document_tells_every_limit_and_its_default():
    told = {row[3].strip("`"): f"{row[1].replace(',', '')} {row[2]}" for row in table() if row[-1].startswith("`--")}
    defaults = settings()
    assert len(OPTIONS) > 15
    # The one default that depends on the machine.
    assert told.pop("--memory-budget") == "a quarter of the memory MiB"
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    assert 16 <= int(defaults.pop("memory-budget").split()[0]) <= machine / 4
    assert told == {option: defaults[option[2:]] for option in [*OPTIONS, "--shutdown-grace"] if option[2:] in defaults}


def test_every_limit_is_a_flag_a_variable_and_a_key(tmp_path):
    values = {option[2:]: 65_536 if "bytes" in option else 7 for option in OPTIONS}
    wanted = {name: str(value) for name, value in values.items()}

    def numbers(found):
        return {name: found[name].split()[0] for name in values}

    variables = {"INSIGHTS_" + name.upper().replace("-", "_"): value for name, value in wanted.items()}
    assert numbers(settings(**variables)) == wanted
    file = tmp_path / "config.json"
    file.write_text(json.dumps(values))
    assert numbers(settings("--config", str(file))) == wanted
    others = {name: str(value + 1) for name, value in values.items()}
    flags = [word for name, value in others.items() for word in ("--" + name, value)]
    assert numbers(settings(*flags, "--config", str(file), **variables)) == others


# A threshold of advice may be 0, a limit may not.
BAD_NUMBERS = [(option, value) for option in OPTIONS for value in ("-1", "99999999999", "many")]
BAD_NUMBERS += [(option, "0") for option in OPTIONS if not option.startswith("--advice-")]


@pytest.mark.parametrize("option,value", BAD_NUMBERS)
def test_a_number_out_of_bounds_is_one_clear_line(option, value):
    done = run_insightsd("check-config", "--tls-cert", "/dev/null", "--tls-key", "/dev/null", f"{option}={value}")
    assert done.returncode != 0 and option in done.stderr, done
