"""HTTPS servers that do what the path says, a proxy, and ports that only seem to be servers.

    server.py FOLDER    makes certificates in FOLDER, prints the ports as a line of JSON, and ends with its input
"""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PIECE = b"x" * 16_384


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_key(folder, name):
    openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")


def make_certificates(folder):
    """Two authorities; servers of the first for `localhost` and for 127.0.0.1."""
    for name in ("authority", "stranger"):
        make_key(folder, name)
        openssl(folder, "req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "2", "-out", f"{name}.pem")
    for name, alternative in (("name", "DNS:localhost"), ("address", "IP:127.0.0.1")):
        make_key(folder, name)
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        openssl(folder, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
        openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
            "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip


class Log:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []
        self.tunnels = []
        self.connections = Counter()
        self.sent = Counter()
        self.hung_up = Counter()

    def state(self):
        with self.lock:
            return {name: value for name, value in vars(self).items() if name != "lock"}


def listen(serve):
    """A port of 127.0.0.1 where every connection gets a thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def read_head(reader):
    """Request line and headers, or None at the end of the connection."""
    lines = []
    while True:
        line = reader.readline(65_536)
        if not line:
            return None
        if line in (b"\r\n", b"\n"):
            method, _, rest = lines[0].partition(" ")
            return (method, rest.partition(" ")[0]), {
                name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
            }
        lines.append(line.decode("latin-1").rstrip("\r\n"))


class Site:
    """One server; `behaviors` are its paths."""

    def __init__(self, name, folder, log, context):
        self.name, self.folder, self.log, self.context = name, folder, log, context

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            elif connection.recv(1, socket.MSG_PEEK) == b"\x16":
                # TLS where none is spoken.
                connection.recv(65_536)
                return connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            with self.log.lock:
                self.log.connections[self.name] += 1
            reader = connection.makefile("rb")
            while head := read_head(reader):
                (method, target), headers = head
                body = reader.read(int(headers.get("content-length", 0)))
                url = urlsplit(target)
                with self.log.lock:
                    self.log.requests.append(
                        {"site": self.name, "method": method, "path": url.path, "headers": headers, "body": body.decode("latin-1")}
                    )
                name, _, argument = url.path[1:].partition("/")
                answer = Answer(self, connection, url.path, {key: values[0] for key, values in parse_qs(url.query).items()})
                if getattr(answer, "do_" + name.replace("-", "_"), answer.unknown)(argument) is not True:
                    break
        except OSError:
            with self.log.lock:
                self.log.hung_up[self.name] += 1
        finally:
            connection.close()


class Answer:
    """A behavior returns True when the connection stays open."""

    def __init__(self, site, connection, path, query):
        self.site, self.connection, self.path, self.query = site, connection, path, query

    def send(self, data):
        self.connection.sendall(data)
        with self.site.log.lock:
            self.site.log.sent[self.path] += len(data)

    def answer(self, status, body=b"", **headers):
        lines = [f"HTTP/1.1 {status} Some Reason"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in {"content-length": len(body), **headers}.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return True

    def unknown(self, _):
        return self.answer(404)

    def do_file(self, name):
        path = self.site.folder / name
        return self.answer(200, path.read_bytes()) if path.is_file() else self.answer(404)

    def do_log(self, _):
        return self.answer(200, json.dumps(self.site.log.state()).encode())

    def do_status(self, status):
        return self.answer(int(status), b"x" * int(self.query.get("bytes", 0)), retry_after="7")

    def do_bytes(self, count):
        self.send(f"HTTP/1.1 200 OK\r\ncontent-length: {count}\r\n\r\n".encode())
        left = int(count)
        while left:
            self.send(PIECE[: min(left, len(PIECE))])
            left -= min(left, len(PIECE))
        return True

    def do_chunked(self, count):
        self.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(int(count)):
            self.send(b"4000\r\n" + PIECE + b"\r\n")
        self.send(b"0\r\n\r\n")
        return True

    def do_headers(self, count):
        self.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n")
        for number in range(int(count)):
            self.send(f"x-{number}: ".encode() + b"y" * 1_000 + b"\r\n")
        self.send(b"\r\n")
        return True

    def do_line(self, count):
        self.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: " + b"y" * int(count) + b"\r\n\r\n")
        return True

    def do_interim(self, count):
        for _ in range(int(count)):
            self.send(b"HTTP/1.1 103 Early Hints\r\nlink: </" + b"y" * 1_000 + b">\r\n\r\n")
        return self.answer(200)

    def do_trailers(self, count):
        self.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
        for number in range(int(count)):
            self.send(f"x-{number}: ".encode() + b"y" * 1_000 + b"\r\n")
        self.send(b"\r\n")
        return True

    def do_silent(self, _):
        self.connection.recv(1)

    def do_stall(self, count):
        self.send(f"HTTP/1.1 200 OK\r\ncontent-length: {2 * int(count)}\r\n\r\n".encode() + b"x" * int(count))
        self.connection.recv(1)

    def do_trickle(self, _):
        self.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            self.send(b"x")
            time.sleep(0.05)

    def do_late(self, milliseconds):
        time.sleep(int(milliseconds) / 1_000)
        return self.answer(200, b"late")

    def do_half(self, _):
        self.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxxxxx")
        self.connection.unwrap()

    def do_half_chunk(self, _):
        self.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nxxx")
        self.connection.unwrap()

    def do_no_answer(self, _):
        pass

    def do_garbage(self, _):
        self.send(b"220 mail.example ready\r\n")

    def do_redirect(self, status):
        return self.answer(int(status or 302), b"elsewhere", location=self.query["to"])

    def do_around(self, _):
        return self.answer(302, location="/around/and-around")

    def do_echo(self, _):
        return self.answer(200, json.dumps(self.site.log.state()["requests"][-1]).encode(), content_type="application/json")


class Proxy:
    """Tunnels by CONNECT; `refuse` answers 407 instead."""

    def __init__(self, log, refuse):
        self.log, self.refuse = log, refuse

    def serve(self, connection):
        (_, target), headers = read_head(connection.makefile("rb", buffering=0))
        with self.log.lock:
            self.log.tunnels.append({"target": target, "headers": headers})
        if self.refuse:
            connection.sendall(b"HTTP/1.1 407 No\r\nx-secret: of-the-proxy\r\ncontent-length: 0\r\n\r\n")
            return connection.close()
        host, _, port = target.rpartition(":")
        there = socket.create_connection((host, int(port)))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for source, sink in ((connection, there), (there, connection)):
            threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    def copy(self, source, sink):
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def main():
    folder = Path(sys.argv[1])
    make_certificates(folder)
    log = Log()
    ports = {}
    for name in ("name", "address"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        ports[name] = listen(Site(name, folder, log, context).serve)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    warnings.simplefilter("ignore", DeprecationWarning)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.load_cert_chain(folder / "name.pem", folder / "name.key")
    ports["old"] = listen(Site("old", folder, log, old).serve)
    ports["plain"] = listen(Site("plain", folder, log, None).serve)
    ports["proxy"] = listen(Proxy(log, False).serve)
    ports["refusing_proxy"] = listen(Proxy(log, True).serve)
    ports["mute"] = listen(lambda connection: connection.recv(65_536) and time.sleep(600))
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


main()
