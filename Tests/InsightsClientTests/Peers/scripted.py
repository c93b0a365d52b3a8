"""An HTTP/2 server on TLS whose every frame is scripted; the method of a call says what it does wrong.

Prints the ports of the scripted server, of one that goes away at once and of one without HTTP/2, and ends with its
input. `Log` answers with what clients did: their resets, connections, calls."""

import socket
import ssl
import struct
import sys
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions

HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]
LOCK = threading.Lock()
LOG = []
REFUSED = {}


def note(line):
    with LOCK:
        LOG.append(line)


def message(data, compressed=0):
    return bytes([compressed]) + struct.pack(">I", len(data)) + data


class Peer:
    def __init__(self, sock):
        self.sock = sock
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf8"))
        self.bodies = {}
        self.calls = {}
        self.timeouts = {}

    def run(self):
        self.http.initiate_connection()
        self.flush()
        note("connection")
        while data := self.sock.recv(65536):
            for event in self.http.receive_data(data):
                self.handle(event)
            self.flush()
        self.sock.close()

    def flush(self):
        if data := self.http.data_to_send():
            self.sock.sendall(data)

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            headers = dict(event.headers)
            self.calls[event.stream_id] = headers[":path"].rsplit("/")[-1]
            self.bodies[event.stream_id] = b""
            self.timeouts[event.stream_id] = headers.get("grpc-timeout", "")
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            name = self.calls[event.stream_id]
            note(f"call {name}")
            getattr(self, name)(event.stream_id, self.bodies[event.stream_id][5:].decode())
        elif isinstance(event, h2.events.StreamReset):
            note(f"reset {event.error_code}")

    def answer(self, stream, data=b"", trailers=TRAILERS):
        self.http.send_headers(stream, HEADERS)
        self.http.send_data(stream, message(data))
        self.http.send_headers(stream, trailers, end_stream=True)

    def goaway(self, last, code=0):
        self.flush()
        self.sock.sendall(struct.pack(">I", 8)[1:] + b"\7\0" + struct.pack(">III", 0, last, code))

    # What the methods do.

    def Log(self, stream, body):
        with LOCK:
            text = ",".join(LOG)
            LOG.clear()
        self.answer(stream, text.encode())

    def Echo(self, stream, body):
        self.answer(stream, body.encode())

    def Reset(self, stream, body):
        """Headers, a message, and a reset with the code of the request."""
        self.http.send_headers(stream, HEADERS)
        self.http.send_data(stream, message(b"first"))
        self.http.reset_stream(stream, int(body))

    def Refuse(self, stream, body):
        """REFUSED_STREAM as often as the request says, then an answer."""
        times = int(body)
        REFUSED[times] = REFUSED.get(times, 0) + 1
        if REFUSED[times] <= times:
            self.http.reset_stream(stream, 7)
        else:
            self.answer(stream, str(REFUSED.pop(times)).encode())

    def RefuseLate(self, stream, body):
        """The first time it refuses the call unseen after 300 ms; then it answers with the timeouts of both."""
        if first := REFUSED.pop("late", None):
            self.answer(stream, f"{first} {self.timeouts[stream]}".encode())
        else:
            REFUSED["late"] = self.timeouts[stream]
            time.sleep(0.3)
            self.http.reset_stream(stream, 7)

    def GoAwayUnseen(self, stream, body):
        """The first time the server goes away without having seen the call."""
        if REFUSED.setdefault("goaway", 0) == 0:
            REFUSED["goaway"] = 1
            self.goaway(stream - 2 if stream > 2 else 0)
        else:
            REFUSED.pop("goaway")
            self.answer(stream, b"at last")

    def GoAwaySeen(self, stream, body):
        """The server goes away and still answers the call."""
        self.goaway(stream)
        threading.Timer(0.2, self.late, [stream]).start()

    def late(self, stream):
        self.answer(stream, b"late")
        self.flush()

    def Cut(self, stream, body):
        """The connection is cut after the headers."""
        self.http.send_headers(stream, HEADERS)
        self.flush()
        self.sock.shutdown(socket.SHUT_RDWR)

    def Status503(self, stream, body):
        self.http.send_headers(stream, [(":status", "503"), ("content-type", "text/html")])
        self.http.send_data(stream, b"<h1>busy</h1>", end_stream=True)

    def Web(self, stream, body):
        self.http.send_headers(stream, [(":status", "200"), ("content-type", "text/html")])
        self.http.send_data(stream, b"<h1>hello</h1>", end_stream=True)

    def NoStatus(self, stream, body):
        self.answer(stream, b"x", [("x-more", "1")])

    def NoTrailers(self, stream, body):
        self.http.send_headers(stream, HEADERS)
        self.http.send_data(stream, message(b"x"), end_stream=True)

    def HalfMessage(self, stream, body):
        self.http.send_headers(stream, HEADERS)
        self.http.send_data(stream, message(b"whole")[:-2])
        self.http.send_headers(stream, TRAILERS, end_stream=True)

    def Compressed(self, stream, body):
        self.http.send_headers(stream, HEADERS)
        self.http.send_data(stream, message(b"x", compressed=1))

    def HugeClaim(self, stream, body):
        self.http.send_headers(stream, HEADERS)
        self.http.send_data(stream, b"\0\xff\xff\xff\xff")

    def TrailersOnly(self, stream, body):
        self.http.send_headers(
            stream, [*HEADERS, ("grpc-status", "5"), ("grpc-message", "no %C3%A4 %zz"), ("x-bin", "AQI=, Aw")],
            end_stream=True)

    def Padded(self, stream, body):
        """Interim headers first, and a message in many small pieces, padding and all."""
        self.http.send_headers(stream, [(":status", "103")])
        self.http.send_headers(stream, HEADERS)
        for byte in message(b"pieces"):
            self.http.send_data(stream, bytes([byte]), pad_length=3)
        self.http.send_headers(stream, TRAILERS, end_stream=True)

    def BadFrame(self, stream, body):
        """DATA of a stream that does not exist, which is an error of the connection."""
        self.flush()
        self.sock.sendall(struct.pack(">I", 1)[1:] + b"\0\0" + struct.pack(">I", 99) + b"x")

    def Sleep(self, stream, body):
        """Reads nothing more, and so answers no ping, for a while."""
        time.sleep(1.5)

    def Hang(self, stream, body):
        pass


def serve(context, sock, refuses):
    try:
        peer = Peer(context.wrap_socket(sock, server_side=True))
        if refuses:
            note("connection")
            peer.http.initiate_connection()
            peer.goaway(0)
            while peer.sock.recv(65536):
                pass
            return
        peer.run()
    except (OSError, h2.exceptions.ProtocolError):
        pass


def listen(folder, protocols, refuses):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    context.set_alpn_protocols(protocols)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=[context, sock, refuses], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


ports = [
    listen(sys.argv[1], protocols, refuses)
    for protocols, refuses in [(["h2"], False), (["h2"], True), (["http/1.1"], False)]
]
print("ports", *ports, flush=True)
sys.stdin.read()
