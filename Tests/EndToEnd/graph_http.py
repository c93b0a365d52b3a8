"""HTTP/1.1 over TLS for the simulator of Graph: a thread for each connection, answers in one piece, ways to break one.
Standard library only."""

import select
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote

MAXIMUM_HEAD = 64 << 10
MAXIMUM_BODY = 1 << 20
PIECE = 64 << 10
# Seconds for which a connection may be silent.
IDLE = 120
# Seconds between two looks at whether somebody stalled has gone, or everything is over.
GLANCE = 0.1
REASONS = {
    200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


@dataclass
class Request:
    """What came. The token is not kept: `headers` has its first words instead."""

    origin: str
    method: str
    # Path and query as they came.
    target: str
    fields: list
    body: bytes = b""
    time: float = field(default_factory=time.monotonic)
    kind: str = "other"
    tenant: str | None = None
    # Of reports and downloads.
    day: object = None

    @cached_property
    def headers(self):
        return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in self.fields)}

    @property
    def path(self):
        return unquote(self.target.partition("?")[0])

    @property
    def raw_query(self):
        return self.target.partition("?")[2]

    @property
    def query(self):
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def take_authorization(self):
        """The value of the header, which is not kept."""
        for place, line in enumerate(self.fields):
            name, _, value = line.partition(":")
            if name.strip().lower() == "authorization":
                kind = value.strip().partition(" ")[0]
                self.fields[place] = f"{name}: {kind} …"
                return value.strip()
        return None


@dataclass
class Answer:
    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: dict = field(default_factory=dict)
    chunked: bool = False

    def head(self, length=None):
        """With the length of the body, or of another one."""
        lines = [f"HTTP/1.1 {self.status} {REASONS[self.status]}", f"Content-Type: {self.kind}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        length = len(self.body) if length is None else length
        lines.append("Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def whole(self):
        if not self.chunked:
            return self.head() + self.body
        # Two chunks, as bodies are cut anywhere.
        half = len(self.body) // 2
        return self.head() + b"".join(map(chunk, (self.body[:half], self.body[half:]))) + b"0\r\n\r\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class Connection:
    def __init__(self, plain, context, stopped):
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(IDLE)
        # Here, in the thread of the connection.
        self._socket = context.wrap_socket(plain, server_side=True)
        self._stopped = stopped
        self._buffer = b""

    def read(self, origin):
        """The next request; None at the end."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAXIMUM_HEAD or not self._fill():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        assert version == "HTTP/1.1", version
        request = Request(origin, method, target, fields)
        length = int(request.headers.get("content-length", 0))
        if length > MAXIMUM_BODY or "transfer-encoding" in request.headers:
            return None
        if request.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            if not self._fill():
                return None
        request.body, self._buffer = self._buffer[:length], self._buffer[length:]
        # What is kept of it is made again without the token.
        del request.headers
        return request

    def _fill(self):
        data = self._socket.recv(PIECE)
        self._buffer += data
        return bool(data)

    def send(self, data):
        self._socket.sendall(data)

    def cut(self, data, with_reset=False):
        """Sends so much and hangs up, without a word of TLS; with a reset of TCP if asked."""
        if data:
            self._socket.sendall(data)
        if with_reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def stall(self, data):
        """Sends so much, and then nothing until the other side hangs up or everything is over."""
        self._socket.sendall(data)
        while not self._stopped.is_set():
            if select.select([self._socket], [], [], GLANCE)[0] and not self._socket.recv(PIECE):
                return

    def pour(self, answer, size, filler, start):
        """A body of `size` bytes that is never held as a whole."""
        self.send(answer.head(size))
        left = size
        piece = (filler * (PIECE // len(filler) + 1))[:PIECE]
        while left > 0 and not self._stopped.is_set():
            part = (start or piece)[:left]
            start = b""
            left -= len(part)
            self.send(chunk(part) if answer.chunked else part)
        if answer.chunked:
            self.send(b"0\r\n\r\n")

    def shut(self):
        """From another thread."""
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self._socket.close()


class Listener:
    """Takes connections on a free port of the loopback interface, or on a given one."""

    def __init__(self, origin, serve, context, stopped, port=0):
        self.origin = origin
        self._serve = serve
        self._context = context
        self._stopped = stopped
        self._connections = set()
        self._listening = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while not self._stopped.is_set():
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def _talk(self, plain):
        connection = None
        try:
            connection = Connection(plain, self._context, self._stopped)
            self._connections.add(connection)
            while request := connection.read(self.origin):
                if not self._serve(connection, request):
                    return
        except (OSError, ValueError):
            # Somebody who has enough hangs up, and TLS that is not trusted ends in the handshake.
            pass
        finally:
            self._connections.discard(connection)
            (connection or plain).close()

    def stop(self):
        close_listening(self._listening)
        for connection in list(self._connections):
            connection.shut()


class PlainTrap:
    """A port without TLS, to which nobody may ever come."""

    def __init__(self, came):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._came = came
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            self._came()
            plain.close()

    def stop(self):
        close_listening(self._listening)


def close_listening(listening):
    """Whoever waits in `accept` is told."""
    try:
        listening.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    listening.close()


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(str(certificate), str(key))
    return context
