"""Whoever has no credential takes neither the log nor every place from those who have one."""

import json
import socket
import struct
import time

import pytest
from frames import Frames, connect, framed, tls_context
from test_descriptors import bare, get_in, target
from test_limits import WATCH, WHO_AM_I, Peer

BURST, RATE = 500, 50


def lines_of(house):
    return [json.loads(line) for line in house.daemon.log.read_text().splitlines()]


def left_out(lines):
    return sum(int(line["metadata"]["lines"]) for line in lines if line["message"] == "lines about strangers left out")


def connect_and_reset(address, count):
    for _ in range(count):
        plain = socket.create_connection(target(address), timeout=30)
        # Closing resets: no port stays behind.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.close()


def test_a_flood_of_strangers_leaves_few_lines_and_an_exact_number(new_house):
    house = new_house().start().register()
    register = sum(line["message"] == "call" for line in lines_of(house))
    began = time.monotonic()
    connect_and_reset(house.daemon.address, 10_000)
    with Frames(house.daemon.address, tls_context(house.certificates.authority)) as nobody:
        for number in range(3_000):
            path = (WHO_AM_I, "/no.such/Method", "/grpc.health.v1.Health/Check")[number % 3]
            status = nobody.request(path, framed(b"")).grpc_status
            assert status == (16, 12, 0)[number % 3]
    connect_and_reset(house.daemon.address, 7_000)
    for _ in range(200):
        assert isinstance(house["alice"].raw("WhoAmI", b""), bytes)
    seconds = time.monotonic() - began
    assert house.daemon.stop() == 0
    lines = lines_of(house)
    calls = [line for line in lines if line["message"] == "call"]
    known = [line for line in calls if line["metadata"]["principal"]]
    assert len(known) >= register + 200, "a registered caller's calls are never left out"
    told = [line for line in lines if line["message"] in ("handshake failed", "connection refused")]
    told += [line for line in calls if not line["metadata"]["principal"]]
    assert len(told) + left_out(lines) == 20_000, "none is forgotten"
    assert BURST <= len(told) <= BURST + RATE * (seconds + 2)
    assert lines[-1]["message"] == "stopped"


def test_connections_at_debug_are_summed_up_too(new_house):
    house = new_house("--log-level", "debug").start()
    began = time.monotonic()
    for _ in range(600):
        connect(house.daemon.address, tls_context(house.certificates.authority)).close()
    seconds = time.monotonic() - began
    assert house.daemon.stop() == 0
    lines = lines_of(house)
    told = [line for line in lines if line["message"] in ("connection opened", "connection closed", "handshake failed")]
    assert len(told) + left_out(lines) in range(1_190, 1_201), "two for each"
    assert len(told) <= BURST + RATE * (seconds + 2)


@pytest.mark.parametrize("method,content_type", [("GET", None), ("POST", "application/json")])
def test_what_browsers_and_scanners_send_is_no_error(new_house, method, content_type):
    house = new_house().start()
    with Frames(house.daemon.address, tls_context(house.certificates.authority)) as browser:
        assert browser.request("/", method=method, content_type=content_type, te=None).headers[":status"] in ("405", "415")
    house.daemon.stop()
    (line,) = [line for line in lines_of(house) if line["message"] == "call"]
    assert line["level"] == "info" and line["metadata"]["method"] == "unknown"
    assert not [line for line in lines_of(house) if line["level"] == "error"]


# MARK: Places


@pytest.mark.parametrize("option", ["--max-connections", "--max-connections-per-address"])
def test_a_certificate_gets_in_whoever_else_is_there(new_house, option):
    house = new_house(option, "40", "--handshake-timeout", "60").start().register()
    house.forget_clients()
    silent = bare(house.daemon.address, 100)
    shown = []
    # One of the four places that are kept stays free, to be shown a certificate in.
    for _ in range(3):
        peer = get_in(house, "alice")
        assert peer.request(WHO_AM_I, framed(b"")).grpc_status == 0
        shown.append(peer)
        silent += bare(house.daemon.address, 20)
    assert all(peer.request(WHO_AM_I, framed(b"")).grpc_status == 0 for peer in shown), "and stays"
    told = "all places without a verified certificate are taken"
    deadline = time.monotonic() + 30
    while told not in house.daemon.log.read_text():
        assert time.monotonic() < deadline
        try:
            with connect(house.daemon.address, tls_context(house.certificates.authority)) as stranger:
                assert stranger.recv(1) == b"", "without one there is no place"
        except OSError:
            # Pushed out before it could show that it has none.
            time.sleep(0.1)
    [plain.close() for plain in silent]


def test_strangers_hold_nine_tenths_and_give_them_back(new_house):
    house = new_house("--max-connections", "40").start().register()
    house.forget_clients()
    silent = bare(house.daemon.address, 60)
    [plain.close() for plain in silent]
    deadline = time.monotonic() + 30
    while True:
        try:
            with Frames(house.daemon.address, tls_context(house.certificates.authority)) as stranger:
                assert stranger.request("/grpc.health.v1.Health/Check", framed(b"")).grpc_status == 0
                break
        except (OSError, AssertionError):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def watches(peer, count):
    for _ in range(count):
        peer.h2.send_headers(stream := peer.h2.get_next_available_stream_id(), watch_headers())
        peer.h2.send_data(stream, framed(b""), end_stream=True)
    peer._send()
    return stream


def watch_headers():
    return [(":method", "POST"), (":scheme", "https"), (":path", WATCH), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers")]  # fmt: skip


class Stranger(Peer):
    def __init__(self, house):
        Frames.__init__(self, house.daemon.address, tls_context(house.certificates.authority))
        self.events = []


def test_strangers_watch_health_but_not_instead_of_others(new_house):
    house = new_house().start()
    crowd = [Stranger(house) for _ in range(10)]
    for stranger in crowd:
        refused = watches(stranger, 101)
        code, fields = stranger.status(refused)
        assert code == "RESOURCE_EXHAUSTED" and fields["grpc-retry-pushback-ms"] == "10000"
    last = crowd[-1]
    assert last.status(last.open(WATCH, framed(b"")))[0] == "RESOURCE_EXHAUSTED", "nine hundred in all"
    with Peer(house) as known:
        stream = known.open(WATCH, framed(b""))
        assert known.until(lambda event: getattr(event, "stream_id", None) == stream and hasattr(event, "data"))
    [stranger.socket.close() for stranger in crowd]
