"""HTTP/1.1 by hand, for what no client would send, and requests as some clients do send them."""

import socket

from frames import connect, tls_context


class Answer:
    def __init__(self, status, headers, body, raw):
        self.status, self.headers, self.body, self.raw = status, headers, body, raw

    @property
    def closes(self):
        return self.headers.get("connection") == "close"


class Peer:
    """One connection on which bytes are sent as they are, and responses are read one by one."""

    def __init__(self, house, who="alice", protocols=("http/1.1",), **options):
        identity = getattr(house.certificates, who) if who else None
        context = tls_context(house.certificates.authority, identity, protocols=protocols, **options)
        self.socket = connect(house.daemon.address, context)
        self.socket.settimeout(20)
        self.rest = b""

    def send(self, *pieces):
        """False when the server has closed the connection meanwhile."""
        try:
            for piece in pieces:
                self.socket.sendall(piece.encode() if isinstance(piece, str) else piece)
            return True
        except OSError:
            return False

    def _more(self):
        try:
            chunk = self.socket.recv(65_536)
        except (ConnectionError, OSError) as error:
            if isinstance(error, socket.timeout):
                raise
            chunk = b""
        self.rest += chunk
        return bool(chunk)

    def _until(self, mark):
        while mark not in self.rest:
            if not self._more():
                raise EOFError(self.rest)
        taken, _, self.rest = self.rest.partition(mark)
        return taken

    def _exactly(self, count):
        while len(self.rest) < count:
            if not self._more():
                raise EOFError(self.rest)
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def read(self, verb="POST"):
        """The next response; EOFError when the connection ends before its end."""
        head = self._until(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        for field in fields:
            name, _, value = field.partition(": ")
            assert name == name.lower() and name not in headers, field
            headers[name] = value
        status = int(status)
        body = b""
        if status >= 200 and verb != "HEAD":
            if headers.get("transfer-encoding") == "chunked":
                assert "content-length" not in headers
                while size := int(self._until(b"\r\n"), 16):
                    body += self._exactly(size)
                    assert self._exactly(2) == b"\r\n"
                assert self._exactly(2) == b"\r\n"
            else:
                body = self._exactly(int(headers["content-length"]))
        return Answer(status, headers, body, head + b"\r\n\r\n" + body)

    def ask(self, *pieces, verb="POST"):
        self.send(*pieces)
        return self.read(verb)

    @property
    def is_closed(self):
        """Waits for the server to close, and nothing more may come before."""
        try:
            return not self.rest and self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def post(path, body=b"{}", *lines, host="localhost", content_type="application/json"):
    head = [f"POST {path} HTTP/1.1", f"host: {host}", f"content-type: {content_type}", f"content-length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def head(*lines, host=True):
    return "\r\n".join([lines[0], *(["Host: localhost"] if host else []), *lines[1:]]) + "\r\n\r\n"


GET = "GET /a HTTP/1.1"
POST = "POST /a HTTP/1.1"
CHUNKED = head(POST, "Transfer-Encoding: chunked")

# Name, bytes, status. Behind each the connection ends.
MALFORMED = [
    ("no version", head("GET /a"), 400),
    ("three words before the version", head("GET /a b HTTP/1.1"), 400),
    ("two blanks", head("GET  /a HTTP/1.1"), 400),
    ("blank at the end of the line", head("GET /a HTTP/1.1 "), 400),
    ("blank at its start", head(" GET /a HTTP/1.1"), 400),
    ("tab instead of a blank", head("GET\t/a HTTP/1.1"), 400),
    ("method that is no token", head("G(T /a HTTP/1.1"), 400),
    ("method in a colon", head("GET: /a HTTP/1.1"), 400),
    ("endless method", head("A" * 33 + " /a HTTP/1.1"), 400),
    ("no method", head(" /a HTTP/1.1"), 400),
    ("target without a slash", head("GET a HTTP/1.1"), 400),
    ("no target", head("GET  HTTP/1.1"), 400),
    ("asterisk", head("OPTIONS * HTTP/1.1"), 400),
    ("authority form", head("CONNECT localhost:443 HTTP/1.1"), 400),
    ("CONNECT of a path", head("CONNECT /a HTTP/1.1"), 400),
    ("fragment", head("GET /a#b HTTP/1.1"), 400),
    ("raw bytes above ASCII in the target", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("control character in the target", head("GET /\x01 HTTP/1.1"), 400),
    ("NUL in the target", head("GET /\0 HTTP/1.1"), 400),
    ("absolute form of another scheme", head("GET http://localhost/a HTTP/1.1"), 400),
    ("absolute form of nothing", head("GET https:///a HTTP/1.1"), 400),
    ("absolute form with a user", head("GET https://me@localhost/a HTTP/1.1"), 400),
    ("absolute form of another host", head("GET https://example.org/a HTTP/1.1"), 421),
    ("HTTP/1.0", head("GET /a HTTP/1.0"), 505),
    ("HTTP/0.9", "GET /a\r\n", 400),
    ("HTTP/1.2", head("GET /a HTTP/1.2"), 505),
    ("HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("HTTP/1.11", head("GET /a HTTP/1.11"), 400),
    ("version in small letters", head("GET /a http/1.1"), 400),
    ("version without a dot", head("GET /a HTTP/11"), 400),
    ("huge request line", head("GET /" + "a" * 9_000 + " HTTP/1.1"), 414),
    ("endless request line", "GET /" + "a" * 30_000, 414),
    ("bare LF behind the request line", "GET /a HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    ("bare LF behind a header", "GET /a HTTP/1.1\r\nHost: localhost\n\r\n", 400),
    ("bare LF at the end", "GET /a HTTP/1.1\r\nHost: localhost\r\n\n", 400),
    ("bare CR", "GET /a HTTP/1.1\r\nHost: localhost\rx: y\r\n\r\n", 400),
    ("CR CR LF", "GET /a HTTP/1.1\r\nHost: localhost\r\r\n\r\n", 400),
    ("two empty lines first", "\r\n\r\n" + head(GET), 400),
    ("bare LF first", "\n" + head(GET), 400),
    ("folded header", head(GET, "x: a", " b"), 400),
    ("folded by a tab", head(GET, "x: a", "\tb"), 400),
    ("blank before the first header", "GET /a HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    ("blank before the colon", head(GET, "x : a"), 400),
    ("header without a colon", head(GET, "x"), 400),
    ("header without a name", head(GET, ": a"), 400),
    ("name that is no token", head(GET, "x(y): a"), 400),
    ("name above ASCII", head(GET, "x\u00e9: a"), 400),
    ("NUL in a value", head(GET, "x: a\0b"), 400),
    ("DEL in a value", head(GET, "x: a\x7fb"), 400),
    ("escape in a value", head(GET, "x: a\x1bb"), 400),
    ("no host", head(GET, host=False), 400),
    ("two hosts", head(GET, "Host: localhost"), 400),
    ("empty host", head(GET, "Host:", host=False), 400),
    ("host with a path", head(GET, "Host: localhost/a", host=False), 400),
    ("host with a user", head(GET, "Host: me@localhost", host=False), 400),
    ("host with a blank", head(GET, "Host: localhost example.org", host=False), 400),
    ("host in a list", head(GET, "Host: localhost, localhost", host=False), 400),
    ("host with a word as port", head(GET, "Host: localhost:https", host=False), 400),
    ("host with half an address", head(GET, "Host: [::1", host=False), 400),
    ("another host", head(GET, "Host: example.org", host=False), 421),
    ("host that begins with a dot", head(GET, "Host: .localhost", host=False), 400),
    ("another address", head(GET, "Host: 127.0.0.2", host=False), 421),
    ("too many headers", head(GET, *("x: y" for _ in range(101))), 431),
    ("headers that are too large", head(GET, *(f"x{n}: {'a' * 4_000}" for n in range(5))), 431),
    ("a header that is too large", head(GET, "x: " + "a" * 17_000), 431),
    ("endless header", "GET /a HTTP/1.1\r\nHost: localhost\r\nx: " + "a" * 30_000, 431),
    ("content-length twice", head(POST, "Content-Length: 2", "Content-Length: 3"), 400),
    ("content-length twice the same", head(POST, "Content-Length: 2", "Content-Length: 2"), 400),
    ("content-length in a list", head(POST, "Content-Length: 2, 2"), 400),
    ("content-length with a sign", head(POST, "Content-Length: +2"), 400),
    ("negative content-length", head(POST, "Content-Length: -2"), 400),
    ("hex content-length", head(POST, "Content-Length: 0x2"), 400),
    ("empty content-length", head(POST, "Content-Length:"), 400),
    ("endless content-length", head(POST, "Content-Length: " + "9" * 30), 413),
    ("both lengths", head(POST, "Content-Length: 2", "Transfer-Encoding: chunked"), 400),
    ("both lengths the other way", head(POST, "Transfer-Encoding: chunked", "Content-Length: 2"), 400),
    ("chunked twice", head(POST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
    ("chunked in a list", head(POST, "Transfer-Encoding: gzip, chunked"), 400),
    ("chunked and identity", head(POST, "Transfer-Encoding: chunked, identity"), 400),
    ("identity", head(POST, "Transfer-Encoding: identity"), 400),
    ("gzip", head(POST, "Transfer-Encoding: gzip"), 400),
    ("chunked with a vertical tab", head(POST, "Transfer-Encoding: \x0bchunked"), 400),
    ("empty transfer-encoding", head(POST, "Transfer-Encoding:"), 400),
    ("another expectation", head(POST, "Content-Length: 2", "Expect: 200-ok"), 417),
    ("chunk size that is no number", CHUNKED + "zz\r\n", 400),
    ("chunk size with a sign", CHUNKED + "-1\r\n", 400),
    ("chunk size with 0x", CHUNKED + "0x2\r\n{}\r\n", 400),
    ("chunk size with a blank", CHUNKED + "2 \r\n{}\r\n", 400),
    ("empty chunk size", CHUNKED + "\r\n", 400),
    ("chunk size of nine digits", CHUNKED + "000000002\r\n{}\r\n", 400),
    ("endless chunk size", CHUNKED + "1" * 400, 400),
    ("endless chunk extension", CHUNKED + "2;" + "a" * 400 + "\r\n", 400),
    ("chunk extensions without an end", CHUNKED + ("1;" + "a" * 200 + "\r\n{\r\n") * 60, 400),
    ("bare LF behind a chunk size", CHUNKED + "2\n{}\r\n", 400),
    ("chunk longer than its size", CHUNKED + "2\r\n{}}\r\n", 400),
    ("chunk without its end", CHUNKED + "2\r\n{}0\r\n\r\n", 400),
    ("trailer without a name", CHUNKED + "2\r\n{}\r\n0\r\n: a\r\n\r\n", 400),
    ("folded trailer", CHUNKED + "2\r\n{}\r\n0\r\na: b\r\n c\r\n\r\n", 400),
    ("endless trailers", CHUNKED + "0\r\n" + "a: b\r\n" * 200 + "\r\n", 431),
    ("TLS in TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
]  # fmt: skip
