"""Calls in other forms than gRPC's, by the form `test/bytes` of the test server (ProbeWeb.swift)."""
import time

from harness import *

PATH = "/probe.Probe/"
FORM = dict(content="test/bytes")


def code(raw, stream):
    """Status of HTTP, status of the call, and the body."""
    answer = raw.answer(stream)
    check(answer["headers"], f"stream {stream} was reset: {answer}")
    equal(len(answer["headers"]), 1, "blocks of headers: there are no trailers")
    head = answer["headers"][0]
    if ":status" in head and head[":status"] != "415" and head[":status"] != "405":
        equal(int(head["content-length"]), len(answer["data"]), "content-length")
    return int(head[":status"]), int(head.get("x-code", -1)), answer["data"]


def bodies():
    with Server("--web") as server:
        raw = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 1 << 24})
        raw.send(WindowUpdateFrame(0, window_increment=1 << 24))
        for size in (0, 1, 5, 16_384, 65_535, 65_536, 300_000):
            body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
            equal(code(raw, raw.call(PATH + "Echo", body, **FORM)), (200, 0, body), f"echo of {size} bytes")
        equal(code(raw, raw.call(PATH + "Later", b"20", **FORM)), (200, 0, b"20"), "deferred reply")
        frame, stream = raw.headers(PATH + "Echo", end=True, **FORM)
        raw.send(frame)
        equal(code(raw, stream), (200, 0, b""), "a request of headers alone")
        many = [raw.call(PATH + "Echo", str(n).encode(), [("x-read", "5"), ("x-write", "5")], **FORM) for n in range(60)]
        equal([code(raw, stream)[2] for stream in many], [str(n).encode() for n in range(60)], "60 at once")
        # gRPC beside it, on the same connection.
        equal(raw.status(raw.call(PATH + "Echo", framed(b"x")))[0], 0, "gRPC")
        server.wait_for(lambda s: s["callsOpen"] == 0, "all calls ended")


def cut_reply():
    """A reply that the peer's window stops is cut by its deadline: by a reset, since nothing else could tell."""
    with Server("--web") as server:
        raw = Raw(server)
        # Its window is told in its settings.
        raw.wait(lambda: raw.settings)
        stream = raw.call(PATH + "Echo", b"x" * 200_000, [("x-timeout", "500")], **FORM)
        answer = raw.answer(stream)
        check(answer["reset"] is not None and not answer["end"], f"a reply that is cut: {answer['headers']}")
        stats = server.wait_for(lambda s: s["callsOpen"] == 0, "the call ended")
        equal(stats["codes"], {"4": 1}, "its code")


def refusals():
    with Server("--web", "--limit", "request=700") as server:
        raw = Raw(server)
        equal(code(raw, raw.call(PATH + "Fail", b"", **FORM))[:2], (400, 9), "the handler's refusal")
        equal(code(raw, raw.call(PATH + "Echo", b"bad", **FORM)), (400, 3, b"bad"), "no message in it")
        equal(code(raw, raw.call(PATH + "Echo", b"x", [("x-busy", "1")], **FORM))[:2], (400, 8), "no turn")
        equal(code(raw, raw.call(PATH + "Echo", b"x", [("x-refuse", "7")], **FORM))[:2], (400, 7), "the interceptor")
        equal(code(raw, raw.call(PATH + "Nothing", b"x", **FORM))[:2], (400, 12), "unknown method")
        for streaming in ("Endless", "SlowReader"):
            equal(code(raw, raw.call(PATH + streaming, b"x", **FORM))[:2], (400, 12), "a method that streams")
        equal(code(raw, raw.call(PATH + "Echo?refused", b"x", **FORM)), (404, 5, b"refused"), "the form")
        equal(code(raw, raw.call(PATH + "Echo?" + "a" * 9_000, b"x", **FORM))[:2], (414, 3), "a long target")
        # Headers above the limit: in the words of whoever asked, wherever it stands what they speak.
        long = [("x-long", "a" * 20_000)]
        equal(code(raw, raw.call(PATH + "Echo", b"x", long, **FORM))[:2], (431, 8), "long headers")
        equal(raw.status(raw.call(PATH + "Echo", framed(b"x"), long))[0], 8, "long headers of gRPC")
        # In no form.
        for options, status in ((dict(content="text/plain"), 415), (dict(content="text/plain", method="GET"), 405)):
            equal(code(raw, raw.call(PATH + "Echo", b"x", **options))[0], status, "no form")
        # Bytes above the limit, in one message or without an end.
        equal(code(raw, raw.call(PATH + "Small", b"x" * 1_001, **FORM))[:2], (413, 8), "a message too long")
        frame, stream = raw.headers(PATH + "Small", **FORM)
        raw.send(frame, raw.data(stream, b"x" * 4_001, end=False))
        equal(code(raw, stream)[:2], (413, 8), "a body too long")
        equal(code(raw, raw.call(PATH + "Small", b"x" * 1_000, **FORM))[:2], (200, 0), "the longest message")
        # A body that does not come.
        frame, stream = raw.headers(PATH + "Echo", **FORM)
        raw.send(frame, raw.data(stream, b"x", end=False))
        equal(code(raw, stream)[:2], (400, 4), "a body that takes too long")
        server.wait_for(lambda s: s["callsOpen"] == 0, "all calls ended, those without an end too")


def ends():
    """Whoever goes while the body is read, the handler is at it, or the response is made."""
    with Server("--web", "--loops", "1", "--limit", f"memory={32 << 20}") as server:
        raw = Raw(server)
        for wait in ([("x-read", "300")], [("x-write", "300")]):
            stream = raw.call(PATH + "Echo", b"x", wait, **FORM)
            time.sleep(0.1)
            raw.send(RstStreamFrame(stream, error_code=8))
        frame, stream = raw.headers(PATH + "Echo", **FORM)
        raw.send(frame, raw.data(stream, b"x", end=False), RstStreamFrame(stream, error_code=8))
        stream = raw.call(PATH + "Later", b"300", **FORM)
        raw.send(RstStreamFrame(stream, error_code=8))
        stats = server.wait_for(lambda s: s["ended"] == 4, "four calls that were given up")
        equal(stats["codes"], {"1": 4}, "their code")
        # By its deadline, at each of these places.
        for wait in ([("x-read", "400")], [("x-write", "400")]):
            stream = raw.call(PATH + "Echo", b"x", [*wait, ("x-timeout", "100")], **FORM)
            equal(code(raw, stream)[:2], (400, 4), "deadline")
        equal(code(raw, raw.call(PATH + "Later", b"400", [("x-timeout", "100")], **FORM))[:2], (400, 4), "deadline")
        equal(code(raw, raw.call(PATH + "Echo", b"x", [("x-timeout", "0")], **FORM))[:2], (400, 4), "no time at all")
        # What was under way answers nobody.
        time.sleep(0.5)
        equal(code(raw, raw.call(PATH + "Echo", b"fine", **FORM)), (200, 0, b"fine"), "afterwards")
        gone = Raw(server)
        for name, value in (("x-read", "200"), ("x-write", "200")):
            gone.call(PATH + "Echo", b"x", [(name, value)], **FORM)
        gone.close()
        stats = server.wait_for(lambda s: s["connections"] == 1 and s["callsOpen"] == 0, "a connection that was closed")
        time.sleep(0.4)
        equal(raw.status(raw.call(PATH + "Echo", framed(b"x")))[0], 0, "gRPC afterwards")
        raw.close()
        stats = server.wait_for(lambda s: s["connections"] == 0, "no connection")
        check(0 <= stats["memory"] <= 64 << 10, f"left over: {stats['memory']} bytes")


run({name: value for name, value in list(globals().items()) if callable(value)})
