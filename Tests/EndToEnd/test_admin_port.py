"""The admin port: strict, bounded, and honest about what the server can do."""

import http.client
import socket
import subprocess
import threading
import time
import urllib.error
from contextlib import closing

import grpc
import pytest
from frames import framed
from test_audit import fill, small_disk  # noqa: F401
from test_descriptors import bare, eventually, target
from test_lifecycle import customer
from test_limits import EXPORT, WHO_AM_I, Peer


def answer(house, data):
    """Everything that comes back for some bytes."""
    with socket.create_connection(target(house.daemon.admin), timeout=30) as plain:
        plain.sendall(data)
        received = b""
        while part := plain.recv(65536):
            received += part
        return received


def get(house, path):
    try:
        return house.daemon.admin_get(path)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


HEAD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
REQUESTS = {
    b"GET /healthz HTTP/1.0\r\n\r\n": 200,
    b"GET /healthz?verbose HTTP/1.1\r\nhost:\ta \r\n\r\n": 200,
    b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n": 200,
    b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n": 200,
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n": 404,
    b"POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n": 405,
    b"get /healthz HTTP/1.1\r\nHost: a\r\n\r\n": 405,
    b"GET /healthz HTTP/1.1\r\n\r\n": 400,
    b"GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n": 400,
    b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n": 400,
    b"GET /healthz\r\n\r\n": 400,
    b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n": 505,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 505,
    b"GET /healthz HTTP/1.1\nHost: a\n\n": 400,
    b"GET /healthz HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n": 400,
    b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n": 400,
    b"GET /healthz HTTP/1.1\r\nHost: a\0\r\n\r\n": 400,
    b"GET /healthz HTTP/1.1\r\nHost: a\rX: b\r\n\r\n": 400,
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n": 400,
    HEAD + b"Content-Length: 5\r\n\r\nhello": 413,
    HEAD + b"Content-Length: +0\r\n\r\n": 400,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 413,
    HEAD + b"X: " + b"x" * 8_192: 431,
    HEAD + b"X: " + b"x" * 8_000 + b"\r\n\r\n": 200,
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03": 400,
    b"\r\n\r\n": 400,
}


def test_requests_and_their_answers(house):
    for request, status in REQUESTS.items():
        received = answer(house, request)
        head, _, body = received.partition(b"\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 %d " % status), (request, received)
        assert received.count(b"HTTP/1.1 ") == 1, "one answer, whatever follows"
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert fields[b"Connection"] == b"close" and int(fields[b"Content-Length"]) == len(body)
    assert b"\r\nAllow: GET, HEAD\r\n" in answer(house, b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n")


def test_a_request_that_comes_byte_by_byte(house):
    with socket.create_connection(target(house.daemon.admin), timeout=30) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEAD + b"\r\n":
            plain.sendall(bytes([byte]))
        assert plain.recv(12) == b"HTTP/1.1 200"


def test_head_tells_the_length_and_sends_nothing(house):
    for path in ("/healthz", "/metrics"):
        connection = http.client.HTTPConnection(*target(house.daemon.admin), timeout=30)
        connection.request("HEAD", path)
        reply = connection.getresponse()
        assert reply.status == 200 and int(reply.headers["Content-Length"]) > 2 and reply.read() == b""
        connection.close()


def test_a_crowd_of_silent_connections_keeps_nobody_out(house):
    crowd = bare(house.daemon.admin, 300)
    for connection in crowd[-30:]:
        connection.sendall(HEAD + b"X: ")
    for path in ("/healthz", "/metrics", "/readyz"):
        assert get(house, path)[0] == 200
    closed = 0
    for connection in crowd:
        with closing(connection):
            connection.settimeout(60)
            try:
                closed += connection.recv(1) == b""
            except ConnectionError:
                closed += 1
    assert closed == len(crowd), "each has its time"
    assert get(house, "/healthz") == (200, "ok\n")


def test_answers_that_nobody_reads_keep_nobody_out(house):
    crowd = bare(house.daemon.admin, 64)
    for connection in crowd:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert get(house, "/healthz")[0] == 200
    [connection.close() for connection in crowd]


# MARK: Readiness


def test_ready_until_it_drains(new_house):
    house = new_house("--shutdown-grace", "5").start().register()
    assert get(house, "/readyz") == (200, "ready\n")
    with Peer(house) as peer:
        peer.open(EXPORT)
        peer.request(WHO_AM_I, framed(b""))
        end = threading.Thread(target=house.daemon.stop)
        end.start()
        eventually(lambda: get(house, "/readyz") == (503, "not ready: the server is shutting down\n"))
        peer.socket.close()
        end.join()


def test_not_ready_while_the_store_has_no_room(new_house, small_disk, tmp_path):  # noqa: F811
    disk = small_disk(tmp_path / "disk")
    subprocess.run(["mount", "-o", "remount,size=3m", str(disk)], check=True)
    house = new_house("--store", f"sqlite:{disk / 'store.sqlite'}").start().register()
    assert get(house, "/readyz") == (200, "ready\n")
    ballast = fill(disk)
    refused = None
    for number in range(200):
        try:
            house["operator"].feed(customer(house, f"C{number}"))
        except grpc.RpcError as error:
            refused = error
            break
        except AssertionError as error:
            refused = error
            break
    assert refused, "the disk is full"
    full = (503, "not ready: the store has no room left on its disk\n")
    eventually(lambda: get(house, "/readyz") == full)
    time.sleep(6)
    assert get(house, "/readyz") == full, "as long as there is none"
    assert get(house, "/healthz") == (200, "ok\n"), "it serves figures"
    ballast.unlink()
    eventually(lambda: get(house, "/readyz") == (200, "ready\n"))
    house["operator"].feed(customer(house, "last"))


def test_not_ready_while_the_audit_trail_cannot_be_written(new_house, small_disk, tmp_path):  # noqa: F811
    house = new_house("--store", f"sqlite:{tmp_path / 'store.sqlite'}")
    data = small_disk(house.daemon.folder / "data")
    house.start().register()
    ballast = fill(data)
    for number in range(60):
        house["alice"].raw("CreatePrincipal", house.api.CreatePrincipalRequest(principal=dict(principal_id=f"p{number}")).SerializeToString())  # fmt: skip
    status, text = get(house, "/readyz")
    assert status == 503 and "not ready: audit trail cannot be written\n" in text, text
    assert get(house, "/healthz") == (200, "ok\n")
    ballast.unlink()
    eventually(lambda: get(house, "/readyz") == (200, "ready\n"))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_every_path_is_told(path):
    from documents import DOCS

    assert f"| `{path}` |" in DOCS["operations"]
