"""Runs the test server and speaks HTTP/2 to it, politely (grpcio) or frame by frame (Raw)."""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

import grpc
import hpack
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
    SettingsFrame, WindowUpdateFrame)

SERVER, CERTS = sys.argv[1], sys.argv[2]
# A folder of libraries for the server alone, such as those of another OpenSSL: see Tests/openssl.sh.
LIBRARIES = os.environ.get("INSIGHTSD_LIBRARY_PATH")
# A bound against waiting for ever, in seconds: far above what anything takes on a busy machine.
LONG = 60


def cert(name):
    return os.path.join(CERTS, name)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(found, wanted, what):
    check(found == wanted, f"{what}: found {found!r}, wanted {wanted!r}")


class Server:
    def __init__(self, *options, ca="ca.pem", crl=None, prefix=()):
        command = [*prefix, SERVER, "--cert", cert("server.pem"), "--key", cert("server.key")]
        if ca:
            command += ["--ca", cert(ca)]
        if crl:
            command += ["--crl", cert(crl)]
        self.process = subprocess.Popen(
            [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "LD_LIBRARY_PATH": LIBRARIES} if LIBRARIES else None)
        words = self.process.stdout.readline().split()
        check(words[:1] == ["ready"], f"server did not start: {words}")
        self.port = int(words[1])

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stats(self):
        return json.loads(self.ask("stats"))

    def wait_for(self, condition, what, seconds=LONG):
        end = time.monotonic() + seconds
        while True:
            stats = self.stats()
            if condition(stats):
                return stats
            check(time.monotonic() < end, f"{what}: {stats}")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        try:
            code = self.process.wait(LONG)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        if kind is None:
            equal(code, 0, "exit code of the server")

    def channel(self, client=None, options=(), compression=None):
        def read(name):
            with open(cert(name), "rb") as file:
                return file.read()
        credentials = grpc.ssl_channel_credentials(
            read("ca.pem"), read(client + ".key") if client else None, read(client + ".pem") if client else None)
        return grpc.secure_channel(
            f"localhost:{self.port}", credentials, options=[("grpc.use_local_subchannel_pool", 1), *options],
            compression=compression)


def unary(channel, method):
    return channel.unary_unary("/probe.Probe/" + method)


def unary_stream(channel, method):
    return channel.unary_stream("/probe.Probe/" + method)


def framed(message, flag=0):
    return struct.pack(">BI", flag, len(message)) + message


def tls_context(alpn=("h2",), client=None):
    context = ssl.create_default_context(cafile=cert("ca.pem"))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if client:
        context.load_cert_chain(cert(client + ".pem"), cert(client + ".key"))
    return context


class Closed(Exception):
    pass


class Raw:
    """One connection, frame by frame."""

    def __init__(self, server, context=None, preface=True, settings=None):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=LONG)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (context or tls_context()).wrap_socket(plain, server_hostname="localhost")
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.input = b""
        self.goaway = None
        self.answers = {}
        self.settings = {}
        self.next_stream = 1
        self.closed = False
        if preface:
            self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0, settings or {}).serialize())

    def send(self, *frames):
        self.send_bytes(b"".join(frame.serialize() for frame in frames))

    def send_bytes(self, data):
        """Like sendall, but reads meanwhile, so that neither side blocks the other."""
        self.socket.settimeout(LONG)
        try:
            self.socket.sendall(data)
        except (OSError, ssl.SSLError) as error:
            self.closed = True
            raise Closed(str(error)) from error

    def fields(self, path, extra=(), method="POST", content="application/grpc"):
        return [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"),
                ("te", "trailers"), ("content-type", content), *extra]

    def headers(self, path, extra=(), end=False, stream=None, **options):
        """The frame and the number of its stream."""
        stream = stream or self.take()
        frame = HeadersFrame(stream, self.encoder.encode(self.fields(path, extra, **options)))
        frame.flags.add("END_HEADERS")
        if end:
            frame.flags.add("END_STREAM")
        return frame, stream

    def take(self):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        return stream

    def data(self, stream, payload, end=True):
        frame = DataFrame(stream, payload)
        if end:
            frame.flags.add("END_STREAM")
        return frame

    def call(self, path, body, extra=(), **options):
        """Sends a call whose body is given with its framing; returns its stream."""
        frame, stream = self.headers(path, extra, **options)
        parts = [body[at:at + 16384] for at in range(0, max(1, len(body)), 16384)]
        frames = [self.data(stream, part, part is parts[-1]) for part in parts]
        self.send(frame, *frames)
        return stream

    def read_frame(self, seconds):
        """The next frame, or None when none comes in time; Closed at the end."""
        end = time.monotonic() + seconds
        looked = False
        while True:
            if len(self.input) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.input[:9]))
                if len(self.input) >= 9 + length:
                    frame.parse_body(memoryview(self.input[9:9 + length]))
                    self.input = self.input[9 + length:]
                    return frame
            left = end - time.monotonic()
            if left <= 0 and looked:
                return None
            looked = True
            self.socket.settimeout(max(left, 0.0005))
            try:
                got = self.socket.recv(1 << 18)
            except (TimeoutError, ssl.SSLWantReadError):
                return None
            except OSError as error:
                self.closed = True
                raise Closed(str(error)) from error
            if not got:
                self.closed = True
                raise Closed("end of stream")
            self.input += got

    def step(self, seconds, acknowledge=True):
        frame = self.read_frame(seconds)
        if frame is None:
            return None
        answer = self.answers.setdefault(frame.stream_id, {"headers": [], "data": b"", "end": False, "reset": None})
        if isinstance(frame, HeadersFrame):
            answer["headers"].append(dict(self.decoder.decode(frame.data)))
        if isinstance(frame, DataFrame):
            answer["data"] += frame.data
        if isinstance(frame, (HeadersFrame, DataFrame)) and "END_STREAM" in frame.flags:
            answer["end"] = True
        if isinstance(frame, RstStreamFrame):
            answer["reset"] = frame.error_code
        if isinstance(frame, GoAwayFrame):
            self.goaway = frame
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.settings.update(frame.settings)
            if acknowledge:
                self.send(SettingsFrame(0, flags=["ACK"]))
        if isinstance(frame, PingFrame) and "ACK" not in frame.flags and acknowledge:
            self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        return frame

    def wait(self, condition, seconds=LONG, **options):
        """Reads until the condition holds; False when the time is over or the connection ends before."""
        end = time.monotonic() + seconds
        try:
            while not condition():
                if self.step(max(0, end - time.monotonic()), **options) is None:
                    return condition()
        except Closed:
            return condition()
        return True

    def answer(self, stream, seconds=LONG):
        done = self.wait(lambda: self.is_done(stream), seconds)
        check(done, f"no answer on stream {stream}: {self.answers.get(stream)}, GOAWAY {self.goaway}")
        return self.answers[stream]

    def is_done(self, stream):
        answer = self.answers.get(stream)
        return answer is not None and (answer["end"] or answer["reset"] is not None)

    def status(self, stream, seconds=LONG):
        """grpc-status as a number and grpc-message."""
        answer = self.answer(stream, seconds)
        check(answer["headers"], f"stream {stream} was reset: {answer}")
        last = answer["headers"][-1]
        return int(last.get("grpc-status", -1)), last.get("grpc-message", "")

    def wait_closed(self, seconds=LONG):
        """True when the server ends the connection in time; answers nothing meanwhile."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.step(end - time.monotonic(), acknowledge=False)
        except Closed:
            return True
        return self.closed

    def close(self):
        self.socket.close()


def peer(raw):
    """What the server thinks of this connection's certificate: verdict, revision, generation, subject, names, facts."""
    stream = raw.call("/probe.Probe/Peer", framed(b""))
    equal(raw.status(stream)[0], 0, "status of the probe")
    return raw.answers[stream]["data"][5:].decode().split("|")


def run(cases):
    """Runs the case named on the command line; any exception is its failure."""
    cases[sys.argv[3]]()
    print("ok")
