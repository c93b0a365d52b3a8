"""HTTP/2 to the letter (RFC 9113): frames on streams that are over, numbers that go back, priorities of nothing."""
from harness import *

PATH = "/probe.Probe/"
PROTOCOL_ERROR, STREAM_CLOSED = 1, 5


class Case:
    """One connection that does one thing wrong; another that does nothing wrong must not notice."""

    def __init__(self, server, what):
        self.server, self.what = server, what
        self.raw = Raw(server)
        self.raw.wait(lambda: self.raw.settings, 2)

    def send(self, *frames):
        try:
            self.raw.send(*frames)
        except Closed:
            pass

    def breaks_connection(self, *codes):
        """GOAWAY with one of the codes, and nothing after it."""
        closed = self.raw.wait_closed()
        check(self.raw.goaway is not None, f"{self.what}: no GOAWAY, answers {self.raw.answers}")
        check(self.raw.goaway.error_code in codes, f"{self.what}: GOAWAY {self.raw.goaway.error_code}, wanted {codes}")
        check(closed, f"{self.what}: still open")
        self.raw.close()

    def breaks_stream(self, stream, *codes):
        """RST_STREAM or GOAWAY with one of the codes: a stream error may be treated as one of the connection."""
        def reset():
            return self.raw.answers.get(stream, {}).get("reset")
        self.raw.wait(lambda: reset() is not None or self.raw.goaway is not None)
        found = [reset()] + ([self.raw.goaway.error_code] if self.raw.goaway else [])
        check(any(code in codes for code in found), f"{self.what}: {found}, wanted {codes}; {self.raw.answers}")
        self.raw.close()

    def is_fine(self):
        """The connection goes on and answers."""
        stream = self.raw.call(PATH + "Echo", framed(b"fine"))
        equal(self.raw.status(stream)[0], 0, f"{self.what}: call afterwards")
        equal(self.raw.goaway, None, f"{self.what}: GOAWAY")
        self.raw.close()

    def reset(self, wait=True):
        """A stream that the client has reset."""
        frame, stream = self.raw.headers(PATH + "Silent")
        self.send(frame, RstStreamFrame(stream, error_code=8))
        if wait:
            # A PING behind it: the server has read both.
            self.send(PingFrame(0, b"are over"))
            self.raw.wait(lambda: False, 0.05)
        return stream

    def ended(self):
        """A stream that both sides have ended."""
        stream = self.raw.call(PATH + "Echo", framed(b"whole"))
        equal(self.raw.status(stream)[0], 0, f"{self.what}: the first call")
        return stream


def bystander(server):
    equal(unary(server.channel(), "Echo")(b"fine", timeout=5), b"fine", "call of a bystander")


def after_reset():
    # 5.1: the peer that sent RST_STREAM may send nothing but PRIORITY on the stream.
    with Server() as server:
        for wait in (True, False):
            case = Case(server, "DATA after RST_STREAM")
            stream = case.reset(wait)
            case.send(case.raw.data(stream, framed(b"late")))
            case.breaks_stream(stream, STREAM_CLOSED)
            case = Case(server, "HEADERS after RST_STREAM")
            stream = case.reset(wait)
            case.send(case.raw.headers(PATH + "Echo", stream=stream, end=True)[0])
            case.breaks_stream(stream, STREAM_CLOSED)
        bystander(server)


def after_end():
    # 5.1: a stream that END_STREAM has closed.
    with Server() as server:
        case = Case(server, "DATA after END_STREAM of both")
        stream = case.ended()
        case.send(case.raw.data(stream, framed(b"late")))
        case.breaks_stream(stream, STREAM_CLOSED)
        case = Case(server, "HEADERS after END_STREAM of both")
        stream = case.ended()
        case.send(case.raw.headers(PATH + "Echo", stream=stream, end=True)[0])
        case.breaks_connection(STREAM_CLOSED, PROTOCOL_ERROR)
        # Half closed: the server still has to answer.
        case = Case(server, "DATA after END_STREAM of the client")
        frame, stream = case.raw.headers(PATH + "Later")
        case.send(frame, case.raw.data(stream, framed(b"60000")), case.raw.data(stream, b"late"))
        case.breaks_stream(stream, STREAM_CLOSED)
        bystander(server)


def not_opened():
    # 5.1: an idle stream knows HEADERS and PRIORITY only.
    with Server() as server:
        for what, frame in [
            ("DATA", DataFrame(5, b"x", flags=["END_STREAM"])), ("RST_STREAM", RstStreamFrame(5, error_code=8)),
            ("WINDOW_UPDATE", WindowUpdateFrame(5, window_increment=10)),
        ]:
            case = Case(server, f"{what} on an idle stream")
            case.send(frame)
            case.breaks_connection(PROTOCOL_ERROR)
        bystander(server)


def numbers():
    # 5.1.1: the client's numbers are odd and only grow; those left out are closed.
    with Server() as server:
        case = Case(server, "HEADERS with a smaller number")
        frame, _ = case.raw.headers(PATH + "Echo", stream=5)
        case.send(frame, case.raw.data(5, framed(b"first")))
        equal(case.raw.status(5)[0], 0, "the first call")
        case.send(case.raw.headers(PATH + "Echo", stream=3, end=True)[0])
        case.breaks_connection(PROTOCOL_ERROR, STREAM_CLOSED)
        case = Case(server, "HEADERS with a smaller number while the greater is open")
        case.send(case.raw.headers(PATH + "Silent", stream=5)[0], case.raw.headers(PATH + "Echo", stream=3)[0])
        case.breaks_connection(PROTOCOL_ERROR, STREAM_CLOSED)
        for stream in (2, 0):
            case = Case(server, f"HEADERS on stream {stream}")
            case.send(case.raw.headers(PATH + "Echo", stream=1)[0])
            block = HeadersFrame(1, b"\x82\x87\x84", flags=["END_HEADERS"]).serialize()
            try:
                case.raw.send_bytes(block[:5] + struct.pack(">I", stream) + block[9:])
            except Closed:
                pass
            case.breaks_connection(PROTOCOL_ERROR)
        bystander(server)


def priorities():
    # 6.3: on a stream; 5.3.1 of RFC 7540, which h2spec follows: a stream does not depend on itself.
    def priority(stream, parent, length=5):
        body = struct.pack(">IB", parent, 15)[:length]
        return struct.pack(">I", length)[1:] + b"\x02\x00" + struct.pack(">I", stream) + body

    with Server() as server:
        case = Case(server, "PRIORITY on stream 0")
        case.raw.send_bytes(priority(0, 1))
        case.breaks_connection(PROTOCOL_ERROR)
        case = Case(server, "PRIORITY of a stream on itself")
        frame, stream = case.raw.headers(PATH + "Silent")
        case.send(frame)
        case.raw.send_bytes(priority(stream, stream))
        case.breaks_stream(stream, PROTOCOL_ERROR)
        case = Case(server, "PRIORITY of four bytes")
        frame, stream = case.raw.headers(PATH + "Silent")
        case.send(frame)
        case.raw.send_bytes(priority(stream, 0, 4))
        case.breaks_stream(stream, 6)
        bystander(server)


def harmless():
    # What looks alike and is allowed: PRIORITY in every state, RST_STREAM and WINDOW_UPDATE on what has just closed.
    with Server() as server:
        case = Case(server, "PRIORITY on an idle, an open and a closed stream")
        ended = case.ended()
        frame, stream = case.raw.headers(PATH + "Silent")
        case.send(PriorityFrame(99, depends_on=0, stream_weight=1), PriorityFrame(ended, depends_on=0, stream_weight=1),
                  frame, PriorityFrame(stream, depends_on=0, stream_weight=1))
        case.is_fine()
        case = Case(server, "RST_STREAM and WINDOW_UPDATE on a closed stream")
        ended = case.ended()
        case.send(WindowUpdateFrame(ended, window_increment=10), RstStreamFrame(ended, error_code=8))
        case.is_fine()
        case = Case(server, "RST_STREAM twice")
        stream = case.reset()
        case.send(RstStreamFrame(stream, error_code=8))
        case.is_fine()
        # The server gave the answer before the request ended; what was under way meanwhile is no fault of the client.
        case = Case(server, "DATA of a request that was answered early")
        frame, stream = case.raw.headers(PATH + "Small")
        case.send(frame, case.raw.data(stream, framed(b"x" * 2_000), False))
        case.raw.answer(stream)
        case.send(case.raw.data(stream, b"x" * 100, False), case.raw.data(stream, b"x", True))
        case.is_fine()
        bystander(server)


run({name: value for name, value in list(globals().items()) if callable(value)})
