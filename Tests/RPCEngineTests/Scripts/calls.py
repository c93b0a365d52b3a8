"""Calls as clients make them: statuses, metadata, deadlines, compression, framing errors, back-pressure."""
import gzip
import sys
import time
import zlib

from harness import *

PATH = "/probe.Probe/"


def unary_sizes():
    with Server() as server:
        channel = server.channel(options=[("grpc.max_receive_message_length", -1)])
        for size in (0, 1, 1000, 4095, 4096, 4097, 16379, 16384, 65536, 1 << 20, 4 << 20):
            message = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
            equal(unary(channel, "Echo")(message, timeout=10), message, f"echo of {size} bytes")
        equal(unary(channel, "Later")(b"20", timeout=5), b"20", "deferred reply")
        with server.channel() as other:
            futures = [unary(other, "Echo").future(str(n).encode()) for n in range(1000)]
            equal([f.result(5) for f in futures], [str(n).encode() for n in range(1000)], "1,000 calls at once")


def status_details():
    with Server() as server:
        try:
            unary(server.channel(), "Fail")(b"")
            raise AssertionError("the call did not fail")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION, "code")
            equal(error.details(), "käse % \n", "message")
            trailers = dict(error.trailing_metadata())
        equal(trailers.get("grpc-status-details-bin"), bytes([1, 2, 3]), "details")
        equal((trailers.get("x-more"), trailers.get("x-extra")), ("yes", "1"), "trailers")
        check("x-split" not in trailers, "a value with a line break was sent")


def special_status_message():
    # The official case of that name, which the Ruby client of this age lacks.
    text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    status = b"\x08\x02\x12" + bytes([len(text.encode())]) + text.encode()
    request = b"\x3a" + bytes([len(status)]) + status
    with Server() as server:
        try:
            server.channel().unary_unary("/grpc.testing.TestService/UnaryCall")(request)
            raise AssertionError("the call did not fail")
        except grpc.RpcError as error:
            equal((error.code(), error.details()), (grpc.StatusCode.UNKNOWN, text), "status")


def metadata():
    with Server() as server:
        raw = Raw(server)
        # Binary metadata with and without padding; the server sends it without.
        for value in ("AQI=", "AQI", "AQID", "AA==", "AA"):
            stream = raw.call("/grpc.testing.TestService/EmptyCall", framed(b""), [
                ("x-grpc-test-echo-initial", "first"), ("x-grpc-test-echo-initial", "second"),
                ("x-grpc-test-echo-trailing-bin", value)])
            headers = raw.answer(stream)["headers"]
            equal(headers[0].get("x-grpc-test-echo-initial"), "first", "initial metadata")
            equal(headers[-1].get("x-grpc-test-echo-trailing-bin"), value.rstrip("="), "binary trailer")
        stream = raw.call("/grpc.testing.TestService/EmptyCall", framed(b""), [
            ("x-grpc-test-echo-trailing-bin", "no base64!")])
        check("x-grpc-test-echo-trailing-bin" not in raw.answer(stream)["headers"][-1], "bad base64 was echoed")
        # Blanks around a value are none of it; those inside stay.
        for value in ("a b", " a b", "a b ", "\t a b \t", " " * 2_000 + "a b", "a", " a", " ", "\t", ""):
            stream = raw.call("/grpc.testing.TestService/EmptyCall", framed(b""), [
                ("x-grpc-test-echo-initial", value), ("grpc-timeout", " 5S ")])
            answer = raw.answer(stream)["headers"]
            equal(answer[0].get("x-grpc-test-echo-initial"), value.strip(), f"metadata {value[-9:]!r}")
            equal(answer[-1].get("grpc-status"), "0", f"metadata {value[-9:]!r}")


def interceptor():
    with Server() as server:
        raw = Raw(server)
        # Refused before a byte of the message is looked at, even before it comes.
        frame, stream = raw.headers(PATH + "Echo", [("x-refuse", "16")])
        raw.send(frame)
        equal(raw.status(stream), (16, "refused"), "refusal")
        stream = raw.call(PATH + "Echo", b"\xff\xff\xff\xff\xff", [("x-refuse", "7")])
        equal(raw.status(stream), (7, "refused"), "refusal comes before the bad message")
        stream = raw.call(PATH + "Nothing", framed(b""))
        equal(raw.status(stream)[0], 12, "unknown method")
        # An open stream is asked about once a second.
        stream = raw.call(PATH + "Silent", framed(b""), [("x-recheck", "1")])
        equal(raw.status(stream, 4), (7, "withdrawn"), "withdrawn stream")
        stats = server.wait_for(lambda s: s["callsOpen"] == 0, "all calls ended")
        equal((stats["ended"], stats["cancelled"]), (stats["calls"], 1), "each end reported once, source cancelled")


def deadlines():
    with Server() as server:
        raw = Raw(server)
        start = time.time()
        late = [raw.call(PATH + "Later", framed(b"9000"), [("grpc-timeout", "150m")]) for _ in range(3)]
        silent = raw.call(PATH + "Silent", framed(b""), [("grpc-timeout", "200000u")])
        unfinished, waiting = raw.headers(PATH + "Echo", [("grpc-timeout", "100m")])
        raw.send(unfinished)
        for stream in [*late, silent, waiting]:
            equal(raw.status(stream), (4, "deadline exceeded"), "deadline")
        check(time.time() - start < 3, "deadlines came late")
        # Half of a message was sent, and there is no window for the rest, when the deadline comes.
        raw.send(WindowUpdateFrame(0, window_increment=1 << 20))
        stream = raw.call(PATH + "Endless", framed(b"x" * 300_000), [("grpc-timeout", "300m")])
        equal(raw.status(stream), (4, "deadline exceeded"), "cut stream")
        equal(len(raw.answers[stream]["data"]), 65_535, "bytes of the cut stream")
        equal(raw.status(raw.call(PATH + "Echo", framed(b""), [("grpc-timeout", "0n")]))[0], 4, "no time at all")
        for bad in ("", "1", "S", "-1S", "1.5S", "123456789S", "1s"):
            equal(raw.status(raw.call(PATH + "Echo", framed(b""), [("grpc-timeout", bad)]))[0], 3, f"timeout {bad!r}")
        for good in ("1H", "99999999H", "99999999n", "5S"):
            equal(raw.status(raw.call(PATH + "Echo", framed(b""), [("grpc-timeout", good)]))[0], 0, f"timeout {good}")
        # A reply that is only partly taken by the socket when the deadline comes.
        deaf = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0x7FFFFFFF})
        deaf.send(WindowUpdateFrame(0, window_increment=0x7FFF0000 - 65535))
        request = framed(b"\x10" + varint(3_000_000))
        cut = [deaf.call("/grpc.testing.TestService/UnaryCall", request, [("grpc-timeout", "300m")]) for _ in range(9)]
        time.sleep(0.6)
        for stream in cut:
            answer = deaf.answer(stream)
            code = int(answer["headers"][-1].get("grpc-status", -1))
            check(code in (0, 4), f"end of the call: {code}")
            check(answer["data"].count(0) >= len(answer["data"]) - 20, "foreign bytes in a reply")
            check(code == 4 or len(answer["data"]) == 3_000_015, "a shortened reply")
        stats = server.wait_for(lambda s: s["callsOpen"] == 0, "all calls ended")
        # Three responders, one silent source, one endless one.
        equal(stats["cancelled"], 5, "handlers that were told")


def framing():
    with Server("--limit", "message=1000000") as server:
        raw = Raw(server)

        def expect(body, code, text, path="Echo", extra=()):
            found = raw.status(raw.call(PATH + path, body, extra))
            check(found[0] == code and text in found[1], f"{body[:8]!r}: found {found}, wanted {code} {text}")

        expect(framed(b"x")[:3], 13, "inside a message")
        expect(framed(b"xyz")[:-1], 13, "inside a message")
        expect(b"", 12, "none came")
        expect(framed(b"a") + framed(b"b"), 12, "more came")
        expect(framed(b"a") + b"\0", 12, "more came")
        expect(framed(b"a", 2), 13, "neither 0 nor 1")
        expect(framed(b"a", 1), 13, "without grpc-encoding")
        expect(framed(b"a", 1), 13, "not gzip", extra=[("grpc-encoding", "gzip")])
        expect(framed(gzip.compress(b"a") + b"x", 1), 13, "not gzip", extra=[("grpc-encoding", "gzip")])
        expect(framed(zlib.compress(b"a"), 1), 13, "not gzip", extra=[("grpc-encoding", "gzip")])
        # Only the prefix is sent: the limit is checked before the message comes.
        for length in (1_000_001, 0x7FFFFFFF, 0xFFFFFFFF):
            frame, stream = raw.headers(PATH + "Echo")
            raw.send(frame, raw.data(stream, struct.pack(">BI", 0, length), False))
            found = raw.status(stream)
            check(found[0] == 8 and "limit of 1000000 bytes" in found[1], f"length {length}: {found}")
            # Details are the interceptor's to add.
            equal(raw.answers[stream]["headers"][-1].get("x-limit"), "message 1000000", "details of the limit")
        expect(framed(b"x" * 1001), 8, "limit of 1000 bytes", path="Small")
        answer = raw.answer(raw.call(PATH + "Echo", framed(b"a"), [("grpc-encoding", "zstd")]))
        equal(answer["headers"][-1]["grpc-status"], "12", "unknown encoding")
        equal(answer["headers"][-1]["grpc-accept-encoding"], "identity,gzip", "accepted encodings")
        for content, status in (("application/json", "415"), ("application/grpcx", "415"), ("", "415"),
                                ("application/grpc+proto", "200"), ("application/grpc;v=1", "200")):
            answer = raw.answer(raw.call(PATH + "Echo", framed(b"a"), content=content))
            equal(answer["headers"][0][":status"], status, f"content-type {content!r}")
        answer = raw.answer(raw.call(PATH + "Echo", framed(b"a"), method="PUT"))
        equal(answer["headers"][0][":status"], "405", "method PUT")
        # In one-byte DATA frames, too.
        frame, stream = raw.headers(PATH + "Echo")
        body = framed(b"hello")
        raw.send(frame, *[raw.data(stream, body[n:n + 1], n == len(body) - 1) for n in range(len(body))])
        equal(raw.answer(stream)["data"], body, "message in one-byte frames")
        server.wait_for(lambda s: s["callsOpen"] == 0, "all calls ended")
        equal(raw.goaway, None, "GOAWAY")


def compression():
    with Server() as server:
        raw = Raw(server)
        message = b"abc" * 1000
        stream = raw.call(PATH + "Echo", framed(gzip.compress(message), 1), [("grpc-encoding", "gzip")])
        equal(raw.answer(stream)["data"], framed(message), "gzip request")
        # SimpleRequest: response_size 2,000, response_compressed true.
        request = framed(b"\x10\xd0\x0f\x32\x02\x08\x01")
        for accepted, packed in (("identity,gzip", True), ("deflate", False), ("", False)):
            stream = raw.call("/grpc.testing.TestService/UnaryCall", request, [("grpc-accept-encoding", accepted)])
            answer = raw.answer(stream)
            equal(answer["headers"][0].get("grpc-encoding") == "gzip", packed, f"encoding for {accepted!r}")
            equal(answer["data"][0], int(packed), "compressed flag")
            body = answer["data"][5:]
            equal(len(gzip.decompress(body) if packed else body), 2006, "length of the reply")
        # The official client_compressed_unary and server_compressed_unary.
        size = 314159
        payload = b"\x12" + varint(271828) + bytes(271828)
        for expected in (True, False):
            body = (b"\x10" + varint(size) + b"\x1a" + varint(len(payload)) + payload + b"\x32\x02\x08\x01"
                    + (b"\x42\x02\x08\x01" if expected else b"\x42\x00"))
            channel = server.channel(compression=grpc.Compression.Gzip if expected else None)
            reply = channel.unary_unary("/grpc.testing.TestService/UnaryCall")(body)
            equal(len(reply), size + 8, "length of the reply")


def varint(number):
    output = bytearray()
    while number > 127:
        output.append(number & 127 | 128)
        number >>= 7
    output.append(number)
    return bytes(output)


def bomb():
    with Server() as server:
        before = server.stats()["rss"]
        raw = Raw(server)
        # The large window counts from the acknowledgement on.
        check(raw.wait(lambda: raw.settings, 2), "no SETTINGS")
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
        for _ in range(3):
            stream = raw.call(PATH + "Echo", framed(packed, 1), [("grpc-encoding", "gzip")])
            found = raw.status(stream, 10)
            check(found[0] == 8 and "limit of 4194304" in found[1], f"bomb: {found}")
        grown = server.stats()["rss"] - before
        check(grown < 40_000, f"memory grew by {grown} KB")


def cancellations():
    with Server() as server:
        channel = server.channel()
        for _ in range(600):
            call = unary(channel, "Later").future(b"60000")
            call.cancel()
        futures = [unary(channel, "Later").future(b"60000") for _ in range(200)]
        server.wait_for(lambda s: s["callsOpen"] >= 200, "calls are running")
        for future in futures:
            future.cancel()
        stats = server.wait_for(lambda s: s["callsOpen"] == 0, "all calls cancelled")
        equal(unary(channel, "Echo")(b"still", timeout=5), b"still", "call after the cancellations")
        equal((server.stats()["accepted"], stats["abuse"]), (1, []), "connections")


def slow_reader():
    with Server() as server:
        start = server.stats()["rss"]
        clients = []
        for _ in range(25):
            # Window 65,535 and never an update.
            raw = Raw(server)
            raw.call(PATH + "Endless", framed(b"x" * 60_000))
            raw.call(PATH + "Endless", framed(b"x" * 200))
            # Nothing is read from the socket at all.
            deaf = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0x7FFFFFFF})
            deaf.send(WindowUpdateFrame(0, window_increment=0x7FFF0000 - 65535))
            deaf.call(PATH + "Endless", framed(b"x" * 60_000))
            clients += [raw, deaf]
        time.sleep(0.5)
        first = server.stats()["rss"]
        time.sleep(1.5)
        stats = server.stats()
        check(stats["rss"] - first < 3_000, f"memory grows while nobody reads: {first} to {stats['rss']} KB")
        check(stats["rss"] - start < 75 * 400, f"a stalled stream costs too much: {start} to {stats['rss']} KB")
        equal(stats["callsOpen"], 75, "open calls")
        for client in clients:
            client.close()
        server.wait_for(lambda s: s["callsOpen"] == 0 and s["sources"] == 0, "everything let go")


def unread_replies():
    # Unary replies that nobody reads: beyond the limit calls wait, and go on when the peer reads again.
    with Server("--loops", "1") as server:
        raw = Raw(server)
        before = server.stats()["rss"]
        request = framed(b"\x10" + varint(500_000))
        streams = [raw.call("/grpc.testing.TestService/UnaryCall", request) for _ in range(60)]
        stats = server.wait_for(lambda s: s["callsOpen"] == 60, "calls that wait")
        time.sleep(0.3)
        stats = server.stats()
        check(stats["rss"] - before < 20_000, f"memory grew by {stats['rss'] - before} KB")
        equal(stats["callsOpen"], 60, "calls that wait")
        raw.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 1 << 20}))
        raw.send(WindowUpdateFrame(0, window_increment=1 << 26))
        for stream in streams:
            equal(len(raw.answer(stream, 10)["data"]), 500_013, "late reply")


def back_pressure():
    with Server() as server:
        raw = Raw(server)
        raw.wait(lambda: raw.settings, 2)
        window = raw.settings[SettingsFrame.INITIAL_WINDOW_SIZE]
        frame, stream = raw.headers(PATH + "SlowReader")
        raw.send(frame)
        sent = credit = 0
        # Bodies of 100,000 bytes; the receiver pauses 20 ms after each, so it takes 5 MB a second.
        body = framed(b"y" * 100_000)
        end = time.time() + 0.6
        while time.time() < end:
            while sent + 100_005 <= window + credit:
                raw.send(*[raw.data(stream, body[n:n + 16384], False) for n in range(0, len(body), 16384)])
                sent += len(body)
                raw.send(WindowUpdateFrame(0, window_increment=1))
            got = raw.step(0.05)
            if isinstance(got, WindowUpdateFrame) and got.stream_id == stream:
                credit += got.window_increment
        check(sent < window + 4_500_000, f"{sent} bytes were taken from the peer")
        check(sent > window, f"only {sent} bytes were taken from the peer")
        raw.send(raw.data(stream, b"", True))
        equal(raw.status(stream, 5)[0], 0, "status")
        # Each reply is the text 100000 behind its prefix.
        equal(len(raw.answers[stream]["data"]) // 11, sent // len(body), "messages delivered")


def long_turns():
    # Each message takes longer to unpack than a turn of the connection lasts, and all of them and their end arrive at
    # once: they wait for further turns, calls beside them have theirs, and nothing is lost.
    with Server("--loops", "1") as server:
        raw = Raw(server)
        check(raw.wait(lambda: raw.settings, 2), "no SETTINGS")
        size, count = 4_000_000, 30
        body = b"\x12" + varint(size) + bytes(size)
        message = framed(gzip.compress(b"\x0a" + varint(len(body)) + body), 1)
        upload = raw.call("/grpc.testing.TestService/StreamingInputCall", message * count, [("grpc-encoding", "gzip")])
        echoes = [raw.call(PATH + "Echo", framed(b"quick")) for _ in range(3)]
        for echo in echoes:
            equal(raw.answer(echo, 10)["data"], framed(b"quick"), "call beside the long one")
        check(not raw.is_done(upload), "the long call was over before those that came after it")
        equal(raw.answer(upload, 20)["data"], framed(b"\x08" + varint(size * count)), "bytes of all messages")
        # The same with a call whose end comes alone.
        frame, upload = raw.headers("/grpc.testing.TestService/StreamingInputCall", [("grpc-encoding", "gzip")])
        data = message * 3
        raw.send(frame, *[raw.data(upload, data[n:n + 16384], False) for n in range(0, len(data), 16384)])
        raw.send(raw.data(upload, b"", True))
        equal(raw.answer(upload, 20)["data"], framed(b"\x08" + varint(size * 3)), "bytes of three messages")


def unary_beside_export():
    # An endless stream with an endless window, and short calls beside it on the same connection: each must be answered
    # before the stream has sent another 32 MB.
    with Server("--loops", "1") as server:
        raw = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0x7FFFFFFF})
        raw.send(WindowUpdateFrame(0, window_increment=0x7FFF0000 - 65535))
        export = raw.call(PATH + "Endless", framed(b"x" * 50_000))
        check(raw.wait(lambda: export in raw.answers), "the stream began")
        for _ in range(10):
            raw.answers[export]["data"] = b""
            stream = raw.call(PATH + "Echo", framed(b"quick"))
            passed = 0
            while not raw.is_done(stream) and passed < 32 << 20:
                check(raw.step(5) is not None, "nothing came")
                passed += len(raw.answers[export]["data"])
                raw.answers[export]["data"] = b""
            check(raw.is_done(stream), f"{passed} bytes of the stream came before a short reply")


def vanished_clients():
    with Server() as server:
        def round_of(count):
            context = tls_context()
            for _ in range(count):
                raw = Raw(server, context)
                raw.call(PATH + "Endless", framed(b"x" * 100))
                raw.call(PATH + "Later", framed(b"60000"))
                raw.call(PATH + "Silent", framed(b""))
                frame, _ = raw.headers(PATH + "Echo")
                raw.send(frame)
                frame, stream = raw.headers(PATH + "SlowReader")
                raw.send(frame, raw.data(stream, framed(b"abc") * 10, False))
                raw.socket.close()
            return server.wait_for(
                lambda s: s["connections"] == 0 and s["callsOpen"] == 0 and s["sources"] == 0, "everything let go", 10)

        first = round_of(300)["rss"]
        last = round_of(800)["rss"]
        check(last - first < 5_000, f"memory grew from {first} to {last} KB over 800 connections")


run({name: value for name, value in list(globals().items()) if callable(value)})
