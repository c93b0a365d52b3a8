"""Peers that attack: floods, resets, bombs, trickles. The numbers are those of the catalogue of HTTP/2 attacks."""
from harness import *

PATH = "/probe.Probe/"
CALM = 11


class Victim:
    """A well-behaved client beside the attacker: its calls must all succeed, and quickly."""

    def __init__(self, server):
        self.call = unary(server.channel(), "Echo")
        self.check()

    def check(self):
        for _ in range(20):
            start = time.time()
            equal(self.call(b"fine", timeout=5), b"fine", "call of a bystander")
            check(time.time() - start < 2, "a bystander waits too long")


def attack(frames, kind, most, code=CALM, setup=None, chunk=500):
    """Sends frames until the server ends the connection; it must, for this reason, before `most` of them."""
    with Server() as server:
        victim = Victim(server)
        raw = Raw(server)
        raw.wait(lambda: raw.settings, 2)
        if setup:
            setup(raw)
        sent = 0
        try:
            while sent <= most + 20_000 and raw.goaway is None:
                raw.send_bytes(b"".join(frames(raw) for _ in range(chunk)))
                sent += chunk
                while raw.step(0, acknowledge=False):
                    pass
        except Closed:
            pass
        check(raw.wait_closed(), f"{kind}: still open after {sent} frames")
        check(sent <= most + 3 * chunk, f"{kind}: closed only after {sent} frames")
        if code is not None and raw.goaway is not None:
            equal(raw.goaway.error_code, code, f"{kind}: GOAWAY")
        victim.check()
        raw.close()
        stats = server.wait_for(lambda s: s["callsOpen"] == 0 and s["connections"] == 1, "everything let go")
        if kind:
            equal(stats["abuse"], [kind], "reported")
        return sent


def rapid_reset():
    def frames(raw):
        frame, stream = raw.headers(PATH + "Later")
        return (frame.serialize() + raw.data(stream, framed(b"60000")).serialize()
                + RstStreamFrame(stream, error_code=8).serialize())
    attack(frames, "reset flood", 1_000, chunk=100)


def unread_farewell():
    # The attacker reads nothing, not even that it has to go: its connection is cut all the same, and soon.
    with Server() as server:
        raw = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0x7FFFFFFF})
        check(raw.wait(lambda: raw.settings, 2), "no SETTINGS")
        raw.send(WindowUpdateFrame(0, window_increment=0x7FFF0000 - 65535))
        raw.call(PATH + "Endless", framed(b"x" * 60_000))
        # Until the buffers of both sockets are full.
        time.sleep(1)
        for _ in range(12):
            parts = []
            for _ in range(100):
                frame, stream = raw.headers(PATH + "Later")
                parts += [frame.serialize(), RstStreamFrame(stream, error_code=8).serialize()]
            raw.send_bytes(b"".join(parts))
        stats = server.wait_for(lambda s: s["connections"] == 0, "the connection is cut", 5)
        equal((stats["callsOpen"], stats["abuse"]), (0, ["reset flood"]), "calls and what was reported")
        raw.close()


def made_you_reset():
    def zero_window(raw):
        frame, stream = raw.headers(PATH + "Later")
        update = WindowUpdateFrame(stream, window_increment=1).serialize()[:-4] + bytes(4)
        return frame.serialize() + raw.data(stream, framed(b"60000")).serialize() + update

    def after_end(raw):
        frame, stream = raw.headers(PATH + "Later")
        return frame.serialize() + raw.data(stream, framed(b"60000")).serialize() + raw.data(stream, b"x").serialize()

    def overflow(raw):
        frame, stream = raw.headers(PATH + "Later")
        return frame.serialize() + WindowUpdateFrame(stream, window_increment=0x7FFFFFFF).serialize()

    def length(raw):
        frame, stream = raw.headers(PATH + "Later", [("content-length", "3")])
        return frame.serialize() + raw.data(stream, framed(b"60000")).serialize()

    def bad_header(raw):
        frame, _ = raw.headers(PATH + "Later", [("Upper-Case", "3")])
        return frame.serialize()
    for frames in (zero_window, after_end, overflow, length, bad_header):
        attack(frames, None, 250, code=None, chunk=25)


def made_you_reset_mixed():
    # One bad stream among ten good calls: still found out.
    def frames(raw):
        output = b""
        for _ in range(10):
            frame, stream = raw.headers(PATH + "Echo")
            output += frame.serialize() + raw.data(stream, framed(b"good")).serialize()
        frame, stream = raw.headers(PATH + "Later")
        return output + frame.serialize() + WindowUpdateFrame(stream, window_increment=0x7FFFFFFF).serialize()
    attack(frames, "stream error flood", 250, chunk=20)


def continuation_flood():
    with Server() as server:
        before = server.stats()["rss"]
        for payload in (b"", b"\x00\x01a\x01b" * 3000):
            raw = Raw(server)
            raw.wait(lambda: raw.settings, 2)
            sent = 0
            try:
                raw.send(HeadersFrame(1, raw.encoder.encode(raw.fields(PATH + "Echo"))))
                while sent < 2_000:
                    raw.send(*[ContinuationFrame(1, payload) for _ in range(10)])
                    sent += 10
                    while raw.step(0, acknowledge=False):
                        pass
            except Closed:
                pass
            check(raw.wait_closed(), f"still open after {sent} CONTINUATION frames")
        check(server.stats()["rss"] - before < 10_000, "memory grew")
        Victim(server)


def control_floods():
    attack(lambda raw: PingFrame(0, b"12345678").serialize(), "PING flood", 2_000)
    attack(lambda raw: SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 70_000}).serialize(), "SETTINGS flood",
           100, chunk=50)
    attack(lambda raw: PriorityFrame(1, stream_weight=1).serialize(), "flood of frames without use", 200, chunk=100)
    # ALTSVC, ORIGIN and types that nobody knows.
    for kind in (0x0A, 0x0C, 0xEE):
        attack(lambda raw: b"\0\0\x02" + bytes([kind]) + b"\0\0\0\0\0" + b"\0\0", "flood of frames without use", 200,
               chunk=100)


def empty_frames():
    def stream(raw):
        frame, raw.target = raw.headers(PATH + "SlowReader")
        raw.send(frame)
    attack(lambda raw: DataFrame(raw.target, b"").serialize(), "empty DATA flood", 200, setup=stream, chunk=100)

    def empty_headers(raw):
        frame = HeadersFrame(raw.take(), b"")
        frame.flags.add("END_HEADERS")
        return frame.serialize()
    attack(empty_headers, None, 250, code=None, chunk=50)


def window_updates():
    attack(lambda raw: WindowUpdateFrame(0, window_increment=1).serialize(), "WINDOW_UPDATE flood", 10_000)


def busy_but_honest():
    # What a Go client does: a PING for nearly every answer. 1,500 within two seconds are no attack.
    with Server() as server:
        raw = Raw(server)
        for _ in range(1_500):
            raw.send(PingFrame(0, b"probing!"), WindowUpdateFrame(0, window_increment=1_029))
            equal(raw.status(raw.call(PATH + "Kilobyte", framed(b"")))[0], 0, "call")
        equal((raw.goaway, server.stats()["abuse"]), (None, []), "GOAWAY")


def header_lists():
    with Server() as server:
        raw = Raw(server)
        for size in (1_000, 8_000, 12_000, 15_000):
            stream = raw.call(PATH + "Echo", framed(b"a"), [("authorization", "t" * size)])
            equal(raw.status(stream)[0], 0, f"header of {size} bytes")
        def large(extra):
            block = raw.encoder.encode(raw.fields(PATH + "Echo", extra))
            stream = raw.take()
            first = HeadersFrame(stream, block[:16384])
            rest = ContinuationFrame(stream, block[16384:], flags=["END_HEADERS"])
            raw.send(first, rest, raw.data(stream, framed(b"a")))
            return stream
        for extra in ([("authorization", "7~" * 9_000)], [(f"x-{n}", "v") for n in range(1_500)]):
            found = raw.status(large(extra))
            check(found[0] == 8 and "limit of 16384 bytes" in found[1], f"large header list: {found}")
        equal(raw.status(raw.call(PATH + "Echo", framed(b"a")))[0], 0, "the connection lives")
        # One entry of 4,000 bytes in the table, referred to by one byte each: 60,000 times.
        bomb = Raw(server)
        bomb.wait(lambda: bomb.settings, 2)
        before = server.stats()["rss"]
        try:
            stream = bomb.take()
            block = bomb.encoder.encode(bomb.fields(PATH + "Echo", [("x-bomb", "b" * 3_900)])) + b"\xbe" * 44_000
            frames = [HeadersFrame(stream, block[:16384])]
            frames += [ContinuationFrame(stream, block[at:at + 16384]) for at in range(16384, len(block), 16384)]
            frames[-1].flags.add("END_HEADERS")
            bomb.send(*frames)
        except Closed:
            pass
        check(bomb.wait_closed(), "the bomb's connection stays")
        check(server.stats()["rss"] - before < 5_000, "memory grew")
        Victim(server)


def trickles():
    with Server("--limit", "handshake=1000", "--limit", "preface=1000", "--limit", "headers=1000", "--limit",
                "request=1000", "--limit", "idle=2000") as server:
        victim = Victim(server)
        # Nothing but TCP, and half a ClientHello.
        silent = socket.create_connection(("127.0.0.1", server.port))
        half = socket.create_connection(("127.0.0.1", server.port))
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        # Half a preface; half a header block; a frame header without its frame; a body byte by byte.
        preface = Raw(server, preface=False)
        preface.send_bytes(b"PRI * HTTP/2")
        block = Raw(server)
        block.send(HeadersFrame(1, block.encoder.encode(block.fields(PATH + "Echo"))))
        frame = Raw(server)
        frame.send_bytes(b"\0\x10\0\x01\x04\0\0\0\x01")
        body = Raw(server)
        opening, stream = body.headers(PATH + "Echo")
        body.send(opening, body.data(stream, framed(b"x" * 1000)[:100], False))
        start = time.time()
        while not body.is_done(stream) and time.time() - start < 6:
            body.send(body.data(stream, b"x", False))
            body.step(0.3)
        equal(body.status(stream)[0], 4, "request that trickles in")
        check(preface.wait_closed(5), "half a preface: still open")
        check(block.wait_closed(5), "half a header block: still open")
        check(frame.wait_closed(6), "half a frame: still open")
        for plain in (silent, half):
            plain.settimeout(5)
            try:
                equal(plain.recv(10), b"", "bytes for half a handshake")
            except ConnectionError:
                pass
        victim.check()


def many_streams():
    with Server() as server:
        raw = Raw(server)
        raw.wait(lambda: raw.settings, 2)
        equal(raw.settings[SettingsFrame.MAX_CONCURRENT_STREAMS], 250, "announced limit")
        before = server.stats()["rss"]
        streams = []
        for _ in range(100):
            batch = []
            for _ in range(100):
                frame, stream = raw.headers(PATH + "Silent")
                batch.append(frame)
                streams.append(stream)
            raw.send(*batch)
            while raw.step(0):
                pass
        refused = lambda: sum(answer["reset"] == 7 for answer in raw.answers.values())
        raw.wait(lambda: refused() == 9_750, 5)
        equal((refused(), raw.goaway), (9_750, None), "REFUSED_STREAM")
        equal(server.stats()["callsOpen"], 250, "open calls")
        check(server.stats()["rss"] - before < 10_000, "memory grew")
        # The first 250 are still good.
        raw.send(raw.data(streams[0], framed(b"a") + b"x"))
        equal(raw.status(streams[0])[0], 12, "an accepted stream")


def forbidden_bytes():
    with Server() as server:
        raw = Raw(server)
        raw.wait(lambda: raw.settings, 2)
        bad = [(":path", "/a\r\nb"), (":path", "/a\0b"), (":path", ""), (":authority", "a\r\nb"), ("x-a", "1\r\nx: 2"),
               ("x-a", "1\0"), ("x-a", "1\n"), ("x-a", "\r"),
               ("x-a", " \n"), ("x-a", "\0 "), (":path", " " + PATH + "Echo"), (":method", "POST "), ("x\r\n", "1"), ("x a", "1"), ("", "1"), ("connection", "close"),
               ("te", "gzip"), (":unknown", "1"), ("transfer-encoding", "chunked")]
        for name, value in bad:
            fields = [field for field in raw.fields(PATH + "Echo") if field[0] != name]
            fields.insert(0 if name.startswith(":") else len(fields), (name, value))
            stream = raw.take()
            frame = HeadersFrame(stream, raw.encoder.encode(fields))
            frame.flags.add("END_HEADERS")
            raw.send(frame, raw.data(stream, framed(b"a")))
            answer = raw.answer(stream)
            check(answer["reset"] is not None and not answer["headers"], f"{name!r}: {value!r} gave {answer}")
        # Missing and doubled pseudo-headers.
        whole = raw.fields(PATH + "Echo")
        for fields in (whole[1:], whole[:2] + whole[3:], [whole[2], *whole], [*whole, whole[2]]):
            stream = raw.take()
            frame = HeadersFrame(stream, raw.encoder.encode(fields))
            frame.flags.add("END_HEADERS")
            raw.send(frame)
            check(raw.answer(stream)["reset"] is not None, f"{fields[:5]}")
        equal(raw.status(raw.call(PATH + "Echo", framed(b"a")))[0], 0, "the connection lives")
        # What breaks the connection rather than a stream.
        broken = [
            b"\0\0\x01\0\0\0\0\0\0x", b"\0\0\x01\x06\0\0\0\0\0x", b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0",
            HeadersFrame(2, b"\x82", flags=["END_HEADERS"]).serialize(), b"\xff\xff\xff\0\0\0\0\0\1",
            HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS"]).serialize(),
            DataFrame(1, b"x").serialize(), SettingsFrame(0, flags=["ACK"]).serialize() * 2,
            b"\0\0\x05\x05\x04\0\0\0\x01\0\0\0\x02\x82"]
        for data in broken:
            other = Raw(server)
            try:
                other.wait(lambda: other.settings, 2)
                other.send_bytes(data)
            except Closed:
                pass
            check(other.wait_closed(), f"{data[:20]!r}: still open")
            check(other.goaway is not None and other.goaway.error_code != 0, f"{data[:20]!r}: no GOAWAY with an error")
        Victim(server)


def unread_acknowledgements():
    # Asks for answers without reading them: the server must stop reading, not queue without end.
    with Server("--loops", "1") as server:
        raw = Raw(server)
        raw.wait(lambda: raw.settings, 2)
        before = server.stats()["rss"]
        raw.socket.settimeout(0.5)
        ping = PingFrame(0, b"12345678").serialize()
        sent = 0
        try:
            while sent < 3_000:
                raw.socket.sendall(ping * 50)
                sent += 50
                time.sleep(0.01)
        except (OSError, ssl.SSLError):
            pass
        check(server.stats()["rss"] - before < 5_000, "memory grew")
        Victim(server)


def random_frames():
    # Valid frames with random types, flags, streams, lengths and contents, from fixed seeds: nothing may break the
    # server or another connection.
    import random
    with Server() as server:
        victim = Victim(server)
        for seed in range(150):
            chance = random.Random(seed)
            try:
                raw = Raw(server)
                sent = []
                for _ in range(chance.randrange(1, 12)):
                    frame, stream = raw.headers(PATH + chance.choice(["Echo", "Later", "SlowReader", "Endless", "Silent"]))
                    sent += [frame.serialize(), raw.data(stream, framed(b"20"), chance.random() < 0.5).serialize()]
                for _ in range(chance.randrange(1, 20)):
                    length = chance.choice([0, 1, 4, 5, 6, 8, 9, chance.randrange(300)])
                    head = length.to_bytes(3, "big") + bytes([chance.choice([*range(11), 0xEE]), chance.randrange(64)])
                    sent.append(head + chance.choice([0, 1, 2, 3, 5, 7, 99]).to_bytes(4, "big") + chance.randbytes(length))
                if chance.random() < 0.5:
                    chance.shuffle(sent)
                raw.send_bytes(b"".join(sent))
                raw.step(0.005)
            except (Closed, ssl.SSLError, OSError, hpack.HPACKError, ValueError):
                pass
            raw.socket.close()
        victim.check()
        server.wait_for(lambda s: s["callsOpen"] == 0 and s["sources"] == 0, "everything let go")


run({name: value for name, value in list(globals().items()) if callable(value)})
