"""Open streams end when the credential behind them does: at the latest five seconds later."""

import queue
import threading
import time
from datetime import datetime, timedelta, timezone

import grpc
import pytest
from certificates import principal_uri
from conftest import Certificates, House
from facts import day
from frames import Frames, framed, tls_context
from grpc_health.v1 import health_pb2, health_pb2_grpc
from token_signer import AUDIENCE, ISSUER, TENANT, Signer
from wire import Refusal

# What the product promises, in seconds; what was seen is printed.
PROMISE = 5
EXPORT = "/partner.insights.v1.InsightsService/ExportInsights"


class OpenExport:
    """An export whose reader has stopped: no window is given back, so that it stands still half-way."""

    def __init__(self, house, identity=None, token=None):
        self.frames = Frames(house.daemon.address, tls_context(house.certificates.authority, identity))
        request = house.api.ExportInsightsRequest(start_date=day(-390).isoformat(), end_date=day(-1).isoformat())
        self.stream = self.frames.h2.get_next_available_stream_id()
        headers = [
            (":method", "POST"), (":scheme", "https"), (":path", EXPORT), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]  # fmt: skip
        headers += [("authorization", f"Bearer {token}")] if token else []
        self.frames.h2.send_headers(self.stream, headers)
        self.frames.h2.send_data(self.stream, framed(request.SerializeToString()), end_stream=True)
        self.frames.socket.sendall(self.frames.h2.data_to_send())
        self.received = 0
        self.end = None
        self.frames.socket.settimeout(0.02)

    def look(self):
        """How the stream ended, or None."""
        if self.end:
            return self.end
        try:
            data = self.frames.socket.recv(65536)
        except TimeoutError:
            return None
        for event in self.frames.h2.receive_data(data) if data else ():
            kind = type(event).__name__
            if kind == "DataReceived":
                self.received += len(event.data)
            elif kind == "StreamReset":
                self.end = "reset"
            elif kind in ("TrailersReceived", "ResponseReceived") and "grpc-status" in dict(event.headers):
                self.end = "status " + dict(event.headers)["grpc-status"]
        self.frames.socket.sendall(self.frames.h2.data_to_send())
        if not data:
            self.end = "connection"
        return self.end

    def wait_until_full(self):
        """Until it stands still with a window of 64 KiB used up."""
        deadline = time.monotonic() + 30
        while self.received < 60_000:
            assert self.look() is None, f"ended too early: {self.end}"
            assert time.monotonic() < deadline, f"only {self.received} bytes arrived"


class OpenIngest:
    """An ingest stream that has had one answer and stays open."""

    def __init__(self, house, identity):
        self.batches = queue.Queue()
        client = house.client(identity)
        method = house.api.methods["Ingest"]
        call = client._callable(method, method.request.SerializeToString, method.response.FromString)
        self.call = call(iter(self.batches.get, None), timeout=60)
        name = identity.certificate.stem
        self.batches.put(house.api.IngestRequest(batch_id=f"open-{name}", facts=[house.facts.customer("C0", "Contoso")]))
        assert next(self.call).revision > 0
        self.end = None
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        try:
            next(self.call)
        except grpc.RpcError as error:
            self.end = Refusal.of(error).code
        except StopIteration:
            self.end = "finished"

    def look(self):
        return self.end


def feed_export(house):
    """Ten customers of partner A: more than a window of 64 KiB holds when they are exported for a year."""
    f = house.facts
    facts = [f.sku("E3", workloads=["SPO"])]
    for number in range(10):
        name = f"C{number}"
        facts += [f.customer(name, "Contoso"), f.relationship("A", name, day(-400))]
        facts += [f.subscription(f"s-{name}", name, "E3", "A", day(-400), 9), *f.coverage(name, day(-1))]
    house["operator"].feed(facts)


@pytest.fixture(scope="module")
def house(api, tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    certificates = Certificates(folder / "certificates")
    crl = folder / "revoked.pem"
    certificates.authority.write_revocations(crl)
    signer = Signer(folder, "key")
    (folder / "keys.json").write_text(f'{{"keys": [{signer.jwk()}]}}'.replace("'", '"'))
    (folder / "issuer.json").write_text(
        f'{{"issuer": "{ISSUER}", "audience": "{AUDIENCE}", "jwks": "keys.json", "partners": {{"{TENANT}": "A"}}}}'
    )
    options = ("--crl", crl, "--token-issuer", folder / "issuer.json", "--partner-exports", "100")
    house = House(api, certificates, folder / "house", *options)
    house.crl, house.signer = crl, signer
    house.start().register()
    feed_export(house)
    yield house
    house.close()


def wait_for_all(streams, seconds):
    """Seconds from now to the end of each; fails when one is open after `seconds`."""
    began = time.monotonic()
    ended = {}
    while len(ended) < len(streams) and time.monotonic() < began + seconds:
        for name, stream in streams.items():
            if name not in ended and stream.look():
                ended[name] = (round(time.monotonic() - began, 1), stream.look())
        time.sleep(0.01)
    missing = set(streams) - set(ended)
    assert not missing, f"still open: {missing}; ended: {ended}"
    return ended


def principals(house, *names, roles=(3,)):
    """Registers principals of partner A; their certificates."""
    for name in names:
        house["alice"].call("CreatePrincipal", principal=dict(principal_id=name, roles=list(roles)))
    return [house.certificates.authority.principal("A", name) for name in names]


def test_a_change_of_access_ends_streams(house):
    alice, authority = house["alice"], house.certificates.authority
    disabled, deleted, stripped, narrowed, untouched, revoked = principals(
        house, "disabled-1", "deleted-1", "stripped-1", "narrowed-1", "untouched-1", "revoked-1"
    )
    feeder = authority.operator("feeder-2")
    bearer = house.signer.token(oid="bearer-1")
    alice.call("CreatePrincipal", principal=dict(principal_id="bearer-1"))
    streams = {
        "disabled": OpenExport(house, disabled), "deleted": OpenExport(house, deleted),
        "stripped": OpenExport(house, stripped), "revoked": OpenExport(house, revoked),
        "disabled, with a token": OpenExport(house, token=bearer),
    }  # fmt: skip
    kept = {"narrowed": OpenExport(house, narrowed), "untouched": OpenExport(house, untouched)}
    for stream in (*streams.values(), *kept.values()):
        stream.wait_until_full()
    streams["operator's ingest"] = OpenIngest(house, feeder)
    other_ingest = OpenIngest(house, house.certificates.operator)
    with house.client(disabled) as watcher:
        watch = health_pb2_grpc.HealthStub(watcher.channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING

        for name in ("disabled-1", "bearer-1"):
            alice.call("UpdatePrincipal", principal=dict(principal_id=name, disabled=True), update_mask={"paths": ["disabled"]})
        alice.call("DeletePrincipal", principal_id="deleted-1")
        alice.call("UpdatePrincipal", principal=dict(principal_id="stripped-1"), update_mask={"paths": ["roles"]})
        # From sales agent to user management admin: exporting is still permitted.
        alice.call("UpdatePrincipal", principal=dict(principal_id="narrowed-1", roles=[1]), update_mask={"paths": ["roles"]})
        authority.revoke(revoked)
        authority.revoke(feeder)
        authority.write_revocations(house.crl)
        print("\nseconds to the end of streams:", wait_for_all(streams, PROMISE))

        assert [name for name, stream in kept.items() if stream.look()] == [], "streams that may go on do"
        assert other_ingest.look() is None
        assert watch.is_active(), "health tells nothing of a partner and asks for no credential"
        assert watcher.raw("WhoAmI", b"").reason == "CREDENTIAL_INVALID", "while the connection lives on"
        watch.cancel()
    other_ingest.batches.put(None)
    assert wait_for_all({"other ingest": other_ingest}, 20)["other ingest"][1] == "finished"


def test_the_end_of_a_credential_ends_streams(house):
    # Certificates end on the second; a token a minute of skew later.
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=4)
    seconds = int(end.timestamp())
    authority = house.certificates.authority
    principals(house, "brief-1")
    brief = authority.client("brief", principal_uri("A", "brief-1"), until=end)
    feeder = authority.client("brief-feeder", "spiffe://insights.test/operator/brief", until=end)
    streams = {
        "certificate": OpenExport(house, brief),
        "token": OpenExport(house, token=house.signer.token(exp=seconds - 60)),
        "token beside a certificate": OpenExport(house, brief, token=house.signer.token()),
        "operator's certificate": OpenIngest(house, feeder),
    }
    for name, stream in streams.items():
        assert stream.look() is None, name
    ended = wait_for_all(streams, max(0, seconds - time.time()) + PROMISE)
    assert time.time() >= seconds, "not before their end"
    print("\nseconds to the end of streams:", ended)
    with house.client(brief) as late:
        assert late.raw("WhoAmI", b"").reason == "CREDENTIAL_EXPIRED"
