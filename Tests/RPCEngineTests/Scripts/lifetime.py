"""Drain, age, idle connections, keepalive, and the limits on connections."""
import threading

from harness import *

PATH = "/probe.Probe/"


def drain_under_load():
    with Server() as server:
        raws = [Raw(server) for _ in range(10)]
        waiting = [(raw, raw.call(PATH + "Later", framed(b"600"))) for raw in raws for _ in range(20)]
        aware = raws[0].headers(PATH + "DrainAware")
        raws[0].send(aware[0], raws[0].data(aware[1], framed(b"hello"), False))
        failures = []
        stop = threading.Event()

        def load():
            channel = server.channel()
            while not stop.is_set():
                try:
                    unary(channel, "Echo")(b"x" * 100, timeout=10)
                except grpc.RpcError as error:
                    # After the listener is gone a new connection cannot be made; that is no lost call.
                    if not stop.is_set():
                        failures.append(error.details())
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        server.wait_for(lambda s: s["callsOpen"] >= 201, "calls are running")
        late = raws[1]
        result = []
        drainer = threading.Thread(target=lambda: result.append(server.ask("drain 5000")))
        stop.set()
        drainer.start()
        # A call that crosses the announcement is still answered.
        crossing = late.call(PATH + "Echo", framed(b"crossing"))
        for raw, stream in waiting:
            equal(raw.status(stream), (0, ""), "call that was running")
        equal(late.status(crossing)[0], 0, "call that crossed the announcement")
        equal(raws[0].status(aware[1]), (14, "draining"), "stream that was told")
        for raw in raws:
            check(raw.goaway is not None or raw.wait(lambda: raw.goaway is not None), "no GOAWAY")
            equal(raw.goaway.error_code, 0, "GOAWAY code")
        drainer.join()
        equal(result, ["drained true"], "drain")
        for thread in threads:
            thread.join()
        equal(failures, [], "calls that failed")


def drain_tells():
    # Streams that begin after the announcement are told as well, whichever way they stream.
    with Server() as server:
        raw = Raw(server)
        check(raw.wait(lambda: raw.settings, 2), "no SETTINGS")
        result = []
        drainer = threading.Thread(target=lambda: result.append(server.ask("drain 20000")))
        drainer.start()
        # Without the answer to its ping the server still takes calls for a second.
        check(raw.wait(lambda: raw.goaway is not None, acknowledge=False), "no announcement")
        opening, both = raw.headers(PATH + "DrainAware")
        raw.send(opening, raw.data(both, framed(b"hello"), False))
        watch = raw.call(PATH + "Watch", framed(b""))
        equal(raw.status(both), (14, "draining"), "late stream of two directions")
        equal(raw.status(watch), (14, "draining"), "late stream of one direction")
        drainer.join()
        equal(result, ["drained true"], "drain")
    # So are those of a connection that its age had ended before.
    with Server("--limit", "age=1000", "--limit", "ageGrace=60000") as server:
        raw = Raw(server)
        opening, both = raw.headers(PATH + "DrainAware")
        raw.send(opening, raw.data(both, framed(b"hello"), False))
        watch = raw.call(PATH + "Watch", framed(b""))
        check(raw.wait(lambda: raw.goaway is not None, 5), "no GOAWAY at the age")
        time.sleep(0.1)
        drainer = threading.Thread(target=lambda: server.ask("drain 20000"))
        drainer.start()
        equal(raw.status(both), (14, "draining"), "stream of an aged connection")
        equal(raw.status(watch), (14, "draining"), "stream of an aged connection")
        drainer.join()


def drain_cuts():
    with Server() as server:
        raw = Raw(server)
        silent = raw.call(PATH + "Silent", framed(b""))
        later = raw.call(PATH + "Later", framed(b"60000"))
        check(raw.wait(lambda: silent in raw.answers, 2), "the stream began")
        start = time.time()
        result = []
        drainer = threading.Thread(target=lambda: result.append(server.ask("drain 300")))
        drainer.start()
        equal(raw.status(silent)[0], 14, "stream at the end of the grace")
        equal(raw.status(later)[0], 14, "call at the end of the grace")
        drainer.join()
        check(time.time() - start < 4, "the drain took too long")
        equal(result, ["drained false"], "drain")


def drain_tells_cut_streams():
    # Trailers need no window: also a reader that has stopped, with half a message in hand, learns why.
    for size in (200, 60_000, 200_000):
        with Server() as server:
            raw = Raw(server)
            # Once the settings are in force, a large request has a window.
            equal(raw.status(raw.call(PATH + "Echo", framed(b"")))[0], 0, "call")
            stalled = raw.call(PATH + "Endless", framed(b"x" * size))
            check(not raw.wait(lambda: raw.is_done(stalled), 0.3), "the stream goes on")
            # The window of the connection without the five bytes of the call before.
            equal(len(raw.answers[stalled]["data"]), 65_530, "bytes of a stalled stream")
            official = [iter(unary_stream(server.channel(), "Endless")(b"x" * size)) for _ in range(2)]
            reads = [[len(next(call))] for call in official]
            codes = []

            def read(call, sizes):
                try:
                    sizes += map(len, call)
                    codes.append("complete")
                except grpc.RpcError as error:
                    codes.append(error.code().name)

            running = threading.Thread(target=read, args=(official[0], reads[0]))
            running.start()
            drainer = threading.Thread(target=server.ask, args=("drain 300",))
            drainer.start()
            equal(raw.status(stalled)[0], 14, "stalled stream at the end of the grace")
            running.join()
            read(official[1], reads[1])
            drainer.join()
            equal(codes, ["UNAVAILABLE"] * 2, "official client that reads, and one that had stopped")
            equal({length for sizes in reads for length in sizes}, {size}, "messages are whole")


def age_and_idle():
    with Server("--limit", "age=1000", "--limit", "ageGrace=2000", "--limit", "idle=60000") as server:
        raw = Raw(server)
        running = raw.call(PATH + "Later", framed(b"2400"))
        endless = raw.call(PATH + "Silent", framed(b""))
        equal(raw.status(running, 6)[0], 0, "call of an aged connection")
        check(raw.goaway is not None, "no GOAWAY at the age")
        equal(raw.status(endless, 6)[0], 14, "stream after the grace")
        check(raw.wait_closed(), "an aged connection stays")
        # A client with a reconnecting channel notices nothing.
        channel = server.channel()
        end = time.time() + 2.5
        while time.time() < end:
            equal(unary(channel, "Echo")(b"a", timeout=5, wait_for_ready=True), b"a", "call across ages")
        check(server.stats()["accepted"] > 2, "connections were not renewed")
    with Server("--limit", "idle=1000") as server:
        raw = Raw(server)
        equal(raw.status(raw.call(PATH + "Echo", framed(b"")))[0], 0, "call")
        quiet = raw.call(PATH + "Silent", framed(b""))
        check(not raw.wait(lambda: raw.goaway is not None, 2.5), "a connection with a call is not idle")
        raw.send(RstStreamFrame(quiet, error_code=8))
        check(raw.wait_closed(5), "an idle connection stays")
        equal(raw.goaway.error_code, 0, "GOAWAY code")


def quiet_connections():
    # Buffers of TLS are there only while a record is: an idle connection does without (32 KB; 48 KB with them).
    with Server() as server:
        context = tls_context()
        held = [Raw(server, context) for _ in range(50)]
        before = server.stats()["rss"]
        held += [Raw(server, context) for _ in range(400)]
        server.wait_for(lambda s: s["connections"] == 450, "connections")
        grown = server.stats()["rss"] - before
        check(grown < 400 * 40, f"400 idle connections cost {grown} KB")
        for raw in held[::50]:
            equal(raw.status(raw.call(PATH + "Echo", framed(b"x" * 50_000)))[0], 0, "call")


def unread_ends():
    # What the peer takes nothing of is given up; what has nothing to say goes on.
    with Server("--limit", "unread=700") as server:
        for window in (0, 1):
            raw = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: window})
            raw.wait(lambda: len(raw.settings) > 0, 2)
            unread = [raw.call(PATH + "Echo", framed(b"x" * 5_000)), raw.call(PATH + "Endless", framed(b"x" * 5_000))]
            silent = raw.call(PATH + "Silent", framed(b""))
            for stream in unread:
                equal(raw.status(stream, 6)[0], 8, f"call with a window of {window} that nobody reads")
            check(not raw.is_done(silent), "a stream without anything to say is not unread")
            raw.close()
        # Nothing is taken from the socket: the connection ends.
        deaf = Raw(server, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0x7FFFFFFF})
        deaf.send(WindowUpdateFrame(0, window_increment=0x7FFF0000 - 65535))
        deaf.call(PATH + "Endless", framed(b"x" * 60_000))
        server.wait_for(lambda s: s["connections"] == 0, "a connection that takes nothing ends")
        deaf.close()


def memory_returns():
    # However a call ends, what was counted for it is given back, and no more than that.
    with Server("--loops", "1", "--limit", f"memory={32 << 20}") as server:
        start = server.stats()["memory"]
        for _ in range(6):
            raw = Raw(server)
            check(raw.wait(lambda: len(raw.settings) > 0, 2), "settings")
            raw.status(raw.call(PATH + "Echo", framed(b"x" * 60_000)))
            raw.status(raw.call("/no.such/Method", framed(b"x" * 60_000)))
            raw.status(raw.call(PATH + "Echo", framed(b"x"), extra=[("x-refuse", "7")]))
            raw.status(raw.call(PATH + "Echo", framed(b"not gzip", 1), extra=[("grpc-encoding", "gzip")]))
            raw.status(raw.call(PATH + "Later", framed(b"not gzip", 1), extra=[("grpc-encoding", "gzip")]))
            raw.status(raw.call(PATH + "Later", framed(b"1")))
            raw.status(raw.call(PATH + "Later", framed(b"60000"), extra=[("grpc-timeout", "50m")]))
            raw.answer(raw.call(PATH + "Echo", framed(b""), method="GET"))
            big = [("x-big-%d" % n, "y" * 1_000) for n in range(18)]
            raw.answer(raw.call(PATH + "Echo", framed(b""), extra=big))
            left = [raw.call(PATH + "Later", framed(b"60000")), raw.call(PATH + "Endless", framed(b"x" * 30_000))]
            frame, open_stream = raw.headers(PATH + "Echo")
            raw.send(frame, raw.data(open_stream, framed(b"x" * 60_000)[:16_000], end=False))
            raw.wait(lambda: False, 0.2)
            raw.send(*[RstStreamFrame(stream, error_code=8) for stream in left])
            check(server.stats()["memory"] > start, "something is counted while a call is open")
            # The rest ends with the connection.
            raw.close()
        server.wait_for(lambda s: s["callsOpen"] == 0 and s["connections"] == 0, "all is over")
        # A loop keeps up to two blocks, of 32 KiB with this budget.
        check(0 <= server.stats()["memory"] <= 64 << 10, f"left over: {server.stats()['memory']} bytes")


def keepalive():
    with Server("--limit", "keepalive=500", "--limit", "keepaliveTimeout=1000") as server:
        polite, deaf = Raw(server), Raw(server)
        polite.call(PATH + "Silent", framed(b""))
        deaf.call(PATH + "Silent", framed(b""))
        check(not polite.wait(lambda: polite.closed, 4.5), "a peer that answers pings was closed")
        check(deaf.wait_closed(4), "a peer that answers no ping stays")
        stats = server.wait_for(lambda s: s["connections"] == 1 and s["callsOpen"] == 1, "one is left")
        equal(stats["cancelled"], 1, "its call was cancelled")


def connection_limits():
    with Server("--limit", "connections=20", "--limit", "perAddress=8") as server:
        held = [Raw(server) for _ in range(8)]
        for _ in range(5):
            try:
                Raw(server)
                raise AssertionError("a ninth connection of one address was taken")
            except (OSError, ssl.SSLError):
                pass
        equal((server.stats()["connections"], server.stats()["refused"]), (8, 5), "connections")
        for raw in held[:4]:
            raw.socket.close()
        server.wait_for(lambda s: s["connections"] == 4, "closed ones are counted out")
        more = [Raw(server) for _ in range(4)]
        equal(more[3].status(more[3].call(PATH + "Echo", framed(b"")))[0], 0, "call")
        # Another address has a quota of its own, until the total is reached.
        def elsewhere(address):
            plain = socket.create_connection(("127.0.0.1", server.port), source_address=(address, 0))
            return tls_context().wrap_socket(plain, server_hostname="localhost")
        others = [elsewhere("127.0.0.2") for _ in range(8)] + [elsewhere("127.0.0.3") for _ in range(4)]
        try:
            elsewhere("127.0.0.4")
            raise AssertionError("a connection above the total was taken")
        except (OSError, ssl.SSLError):
            pass
        equal(len(others), 12, "others")


def descriptors():
    # 64 descriptors in all: accepting pauses, running connections go on, and it recovers.
    with Server("--loops", "1", prefix=("prlimit", "--nofile=64")) as server:
        first = Raw(server)
        waiting = []
        for _ in range(120):
            plain = socket.create_connection(("127.0.0.1", server.port))
            plain.setblocking(False)
            waiting.append(plain)
        time.sleep(0.3)
        equal(first.status(first.call(PATH + "Echo", framed(b"")))[0], 0, "call while descriptors are out")
        for plain in waiting:
            plain.close()
        server.wait_for(lambda s: s["connections"] == 1, "the others are gone")
        end = time.time() + 5
        while True:
            try:
                again = Raw(server)
                equal(again.status(again.call(PATH + "Echo", framed(b"")))[0], 0, "call after recovery")
                break
            except OSError:
                check(time.time() < end, "no recovery")


run({name: value for name, value in list(globals().items()) if callable(value)})
