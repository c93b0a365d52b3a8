"""What HTTP/2 forbids ends the connection with the error that the protocol names; what may be under way does not."""

import struct
import time

import pytest
from conftest import House
from raw import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PRIORITY, RST_STREAM, RawPeer, frame

WHO = "/partner.insights.v1.AccessService/WhoAmI"
INGEST = "/partner.insights.v1.IngestService/Ingest"
EMPTY = bytes(5)
PROTOCOL_ERROR, STREAM_CLOSED, ENHANCE_YOUR_CALM = 1, 5, 11
CANCEL = b"\0\0\0\x08"
# Fits one frame, and is above the limit with the 32 bytes that each header counts besides.
MANY = [(f"x-{n:02}", "y" * 245) for n in range(60)]


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    house = House(api, certificates, tmp_path_factory.mktemp("house"))
    house.start().register()
    yield house
    house.daemon.stop()


def ended(peer):
    """A stream that both sides have ended, and nothing of it is under way."""
    out, stream = peer.begin(WHO, EMPTY)
    peer.send(out)
    peer.read(0.3)
    return stream


def reset(peer):
    """A stream that the peer has reset."""
    out, stream = peer.begin(WHO, end=False)
    peer.send(out + frame(RST_STREAM, 0, stream, CANCEL))
    peer.read(0.2)
    return stream


def half_closed(peer):
    """A stream that only the server may still send on."""
    out, stream = peer.begin(INGEST)
    peer.send(out)
    return stream


def headers_again(peer, stream):
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, peer.head(WHO)))


def data_again(peer, stream):
    peer.send(frame(DATA, 0, stream, b"x"))


def smaller_number(peer):
    peer.next = 5
    peer.send(peer.begin(WHO, EMPTY)[0])
    headers_again(peer, 3)


def one_record(peer):
    """Header and payload of a frame in two records, and two frames in one."""
    stream = ended(peer)
    whole = frame(DATA, 0, stream, b"x")
    peer.send(whole[:4])
    time.sleep(0.05)
    peer.send(whole[4:] + whole)


RULES = {
    "DATA after both ends": (lambda peer: data_again(peer, ended(peer)), STREAM_CLOSED),
    "HEADERS after both ends": (lambda peer: headers_again(peer, ended(peer)), STREAM_CLOSED),
    "DATA after a reset": (lambda peer: data_again(peer, reset(peer)), STREAM_CLOSED),
    "HEADERS after a reset": (lambda peer: headers_again(peer, reset(peer)), STREAM_CLOSED),
    "DATA after the request's end": (lambda peer: data_again(peer, half_closed(peer)), STREAM_CLOSED),
    "a smaller number": (smaller_number, PROTOCOL_ERROR),
    "DATA before HEADERS": (lambda peer: data_again(peer, 9), PROTOCOL_ERROR),
    "PRIORITY of no stream": (lambda peer: peer.send(frame(PRIORITY, 0, 0, b"\0\0\0\x01\x10")), PROTOCOL_ERROR),
    "PRIORITY of itself": (lambda peer: peer.send(frame(PRIORITY, 0, 3, b"\0\0\0\x03\x10")), PROTOCOL_ERROR),
    "a frame in pieces": (one_record, STREAM_CLOSED),
    "padding alone": (
        lambda peer: peer.send(peer.begin(WHO, end=False)[0] + frame(DATA, PADDED, 1, b"\x05" + bytes(5)) * 400),
        ENHANCE_YOUR_CALM,
    ),
    "oversized headers": (
        lambda peer: peer.send(b"".join(peer.begin(WHO, EMPTY, extra=MANY)[0] for _ in range(150))),
        ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_ends_the_connection(house, rule):
    break_it, error = RULES[rule]
    with RawPeer(house, window=65_535) as peer:
        break_it(peer)
        assert [struct.unpack(">I", f[3][4:8])[0] for f in peer.frames(1.5) if f[0] == GOAWAY] == [error]
    # Nobody else notices.
    house["dave"].call("WhoAmI")


def answers(peer):
    """Streams that were answered, and whether the connection goes on."""
    frames = peer.frames(1)
    return {f[2] for f in frames if f[0] == HEADERS and f[1] & END_STREAM}, not any(f[0] == GOAWAY for f in frames)


def test_what_crosses_an_early_answer_is_passed_over(house):
    with RawPeer(house, window=65_535) as peer:
        out, early = peer.begin("/no.such/Method", end=False)
        peer.send(out)
        time.sleep(0.3)
        peer.send(frame(DATA, 0, early, EMPTY) * 20 + frame(DATA, END_STREAM, early))
        out, later = peer.begin(WHO, EMPTY)
        peer.send(out)
        answered, goes_on = answers(peer)
        assert answered == {early, later} and goes_on


def test_a_request_that_is_none_of_grpcs_is_answered_at_its_end(house):
    with RawPeer(house, window=65_535) as peer:
        stream, peer.next = peer.next, peer.next + 2
        block = peer.encoder.encode(
            [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "localhost")], huffman=False
        )
        peer.send(frame(HEADERS, END_HEADERS, stream, block))
        assert answers(peer) == (set(), True)
        peer.send(frame(DATA, 0, stream, b"hello") + frame(DATA, END_STREAM, stream))
        assert answers(peer) == ({stream}, True)
        # A long one before its end.
        stream, peer.next = peer.next, peer.next + 2
        peer.send(frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, 0, stream, bytes(16_384)) * 5)
        assert answers(peer) == ({stream}, True)
