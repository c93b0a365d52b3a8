"""TLS 1.3 with ALPN or nothing; certificates and revocations are read again while serving."""

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from certificates import openssl
from daemon import WAIT_SECONDS
from frames import Frames, connect, framed, tls_context
from grpc_health.v1 import health_pb2, health_pb2_grpc
from test_bad_input import WHO_AM_I
from wire import Refusal


def refused_in_handshake(house, **how):
    """A refusal may come with the handshake or with the first read after it."""
    try:
        with connect(house.daemon.address, tls_context(house.certificates.authority, **how)) as tls:
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return tls.recv(1024) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_tls_1_3_with_alpn_is_taken(house):
    assert not refused_in_handshake(house)


def test_tls_1_2_is_refused(house):
    assert refused_in_handshake(house, version=ssl.TLSVersion.TLSv1_2)


def test_tls_1_2_by_option(new_house):
    house = new_house("--tls-minimum", "1.2").start()
    assert not refused_in_handshake(house, version=ssl.TLSVersion.TLSv1_2)
    assert not refused_in_handshake(house)


@pytest.mark.parametrize("protocols", [(), ("http/1.1",), ("h3", "spdy/1")])
def test_without_h2_in_alpn_is_refused(house, protocols):
    assert refused_in_handshake(house, protocols=protocols)


@pytest.mark.parametrize("hello", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"])
def test_plaintext_is_refused(house, hello):
    host, port = house.daemon.address.split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_SECONDS) as plain:
        plain.sendall(hello)
        answer = plain.recv(1024)
        # A TLS alert at most; never an HTTP/2 frame or an HTTP answer.
        assert answer == b"" or answer[0] == 0x15


def test_sessions_are_not_resumed(house):
    context = tls_context(house.certificates.authority, house.certificates.alice)
    with Frames(house.daemon.address, context) as frames:
        # A ticket would come between the handshake and the answer.
        assert frames.request(WHO_AM_I, framed(b"")).grpc_status == 0
        assert frames.socket.session is None or not frames.socket.session.has_ticket


def test_health_without_a_credential(house):
    stub = health_pb2_grpc.HealthStub(house[None].channel)
    for service in ("", "partner.insights.v1.InsightsService"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=WAIT_SECONDS).status == 1
    first = next(iter(stub.Watch(health_pb2.HealthCheckRequest(), timeout=WAIT_SECONDS)))
    assert first.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(Exception) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=WAIT_SECONDS)
    assert Refusal.of(caught.value).code == "NOT_FOUND"


def test_health_and_metrics_on_the_admin_port(house):
    house["alice"].call("WhoAmI")
    assert house.daemon.admin_get("/healthz")[0] == 200
    status, text = house.daemon.admin_get("/metrics")
    assert status == 200
    assert f'grpc_server_handled_total{{grpc_method="{WHO_AM_I}",grpc_code="OK"}}' in text
    assert "alice" not in text


def test_reflection_lists_the_services_to_registered_callers(house):
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    services = set(ProtoReflectionDescriptorDatabase(house["nobody"].channel).get_services())
    names = {f"partner.insights.v1.{method.service}" for method in house.api.methods.values()}
    assert names <= services
    with pytest.raises(Exception) as caught:
        ProtoReflectionDescriptorDatabase(house[None].channel).get_services()
    assert Refusal.of(caught.value).code == "UNAUTHENTICATED"


@pytest.mark.parametrize("value", ["Bearer ", " Bearer", " ", ""])
def test_blanks_around_metadata_are_none_of_it(house, value):
    with Frames(house.daemon.address, tls_context(house.certificates.authority)) as frames:
        answer = frames.request(WHO_AM_I, framed(b""), extra=[("authorization", value)])
        assert answer.grpc_status == 16 and answer.ended == "stream"
    with house.client(None) as client:
        client.metadata = [("authorization", value)]
        refusal = client.raw("WhoAmI", b"")
        assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "CREDENTIAL_INVALID")


def test_calls_of_many_clients_at_once(house):
    def calls(_):
        with house.client(house.certificates.alice) as client:
            return [client.call("WhoAmI").principal.principal_id for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(calls, range(16)), []) == ["alice"] * 320


def eventually(check, seconds=WAIT_SECONDS):
    """Polls until it holds; the bound only keeps a test from waiting for ever."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
    return result


@pytest.fixture
def private(api, certificates, tmp_path):
    """A server with an authority of its own, whose files a test may change."""
    from certificates import Authority
    from conftest import Certificates, House

    own = Certificates(tmp_path / "own")
    crl = tmp_path / "revoked.pem"
    own.authority.write_revocations(crl)
    house = House(api, own, tmp_path / "house", "--crl", crl)
    house.crl = crl
    house.start().register()
    yield house
    house.close()


def test_a_revoked_certificate_is_refused_on_open_connections_too(private):
    alice, bob = private["alice"], private["bob"]
    assert alice.call("WhoAmI") and bob.call("WhoAmI")
    private.certificates.authority.revoke(private.certificates.bob)
    private.certificates.authority.write_revocations(private.crl)
    refusal = eventually(lambda: next(iter([bob.raw("WhoAmI", b"")]), None) if isinstance(bob.raw("WhoAmI", b""), Refusal) else None)
    assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "CREDENTIAL_INVALID")
    with private.client(private.certificates.bob) as again:
        assert again.raw("WhoAmI", b"").reason == "CREDENTIAL_INVALID"
    assert alice.call("WhoAmI").principal.principal_id == "alice"


def test_a_revocation_list_that_runs_out_is_told(private):
    def warnings(text):
        lines = private.daemon.log_lines()
        return [line["metadata"] for line in lines if line["level"] == "warning" and text in line["message"]]

    def end():
        """When the list in force runs out, in the log's words."""
        text = openssl("crl", "-in", private.crl, "-noout", "-nextupdate").strip().partition("=")[2]
        return datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").strftime("%Y-%m-%dT%H:%M:%SZ")

    # Of other lists there may be one more, of the seconds before their end.
    def of_this(text):
        return [warning for warning in warnings(text) if warning["end"] == end()]

    alice, authority = private["alice"], private.certificates.authority
    assert alice.call("WhoAmI") and not warnings("revocation list")
    # The server's certificate of these tests lives for two days.
    (certificate,) = eventually(lambda: warnings("the server's certificate runs out"))
    assert certificate["file"] == str(private.certificates.server.certificate)
    authority.write_revocations(private.crl, seconds=3_600)
    (soon,) = eventually(lambda: of_this("a revocation list runs out within a day"))
    assert soon["file"] == str(private.crl) and alice.call("WhoAmI")
    authority.write_revocations(private.crl, seconds=4)
    (over,) = eventually(lambda: of_this("a revocation list has run out"))
    assert over["file"] == str(private.crl)
    with private.client(private.certificates.alice) as late:
        assert late.raw("WhoAmI", b"").code == "UNAUTHENTICATED"
    # Two more looks, which tell nothing new.
    time.sleep(2.5)
    assert len(warnings("a revocation list has run out")) == 1
    private.daemon.stop()
    private.restart()
    # Told at the start, too.
    eventually(lambda: len(of_this("a revocation list has run out")) == 2)
    authority.write_revocations(private.crl)
    eventually(lambda: not isinstance(private["alice"].raw("WhoAmI", b""), Refusal))
    assert not of_this("revocation list") and len(warnings("a revocation list has run out")) == 2
    assert len(warnings("the server's certificate")) == 2


def test_a_new_server_certificate_is_taken_up(private):
    serial = lambda: certificate_serial(private)  # noqa: E731
    before = serial()
    assert private["alice"].call("WhoAmI")
    fresh = private.certificates.authority.server("server2")
    files = private.certificates.server
    fresh.key.rename(files.key)
    fresh.certificate.rename(files.certificate)
    eventually(lambda: serial() != before)
    assert private["alice"].call("WhoAmI"), "the open connection lives on"


def certificate_serial(house):
    context = tls_context(house.certificates.authority)
    with connect(house.daemon.address, context) as tls:
        return tls.getpeercert()["serialNumber"]


def test_a_new_client_authority_is_taken_up(private):
    stranger = private.certificates.other_ca
    with private.client(stranger) as client:
        assert client.raw("WhoAmI", b"").code in ("UNAUTHENTICATED", "UNAVAILABLE")
    bundle = private.certificates.authority.certificate
    private.certificates.other_authority.write_revocations(private.crl.with_suffix(".other"))
    with open(private.crl, "a") as file:
        file.write(private.crl.with_suffix(".other").read_text())
    with open(bundle, "a") as file:
        file.write(private.certificates.other_authority.certificate.read_text())

    def accepted():
        with private.client(stranger) as client:
            return not isinstance(client.raw("WhoAmI", b""), Refusal)

    eventually(accepted)
    assert private["alice"].call("WhoAmI")
