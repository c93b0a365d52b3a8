"""HTTP/2 by hand, for what no gRPC client would send."""

import socket
import ssl

import h2.config
import h2.connection
import h2.events


def tls_context(authority, identity=None, version=ssl.TLSVersion.TLSv1_3, protocols=("h2",)):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.check_hostname = False
    context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if identity:
        context.load_cert_chain(str(identity.certificate), str(identity.key))
    return context


def connect(address, context):
    host, port = address.rsplit(":", 1)
    plain = socket.create_connection((host, int(port)), timeout=60)
    return context.wrap_socket(plain, server_hostname="localhost")


class Frames:
    """One connection; `request` returns what came back on one stream."""

    def __init__(self, address, context):
        self.socket = connect(address, context)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        )
        # Plain header text: this library's Huffman code takes minutes for the long headers of some tests.
        encode = self.h2.encoder.encode
        self.h2.encoder.encode = lambda headers: encode(headers, huffman=False)
        self._received = bytearray()
        self.h2.initiate_connection()
        self._send()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _send(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, path, data=b"", method="POST", content_type="application/grpc", extra=(), te="trailers"):
        return self.read(self.send(path, data, method, content_type, extra, te))

    def send(self, path, data=b"", method="POST", content_type="application/grpc", extra=(), te="trailers"):
        """Sends a whole request and reads nothing; the number of its stream."""
        stream = self.h2.get_next_available_stream_id()
        headers = [
            (":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"),
        ]  # fmt: skip
        headers += [("content-type", content_type)] if content_type else []
        headers += [("te", te)] if te else []
        self.h2.send_headers(stream, [*headers, *extra])
        size = self.h2.max_outbound_frame_size
        for start in range(0, len(data), size):
            self.h2.send_data(stream, data[start : start + size])
        self.h2.end_stream(stream)
        self._send()
        return stream

    def read(self, stream):
        """Waits for the end of a stream."""
        answer = Answer()
        while True:
            received = self.socket.recv(65536)
            if not received:
                answer.ended = "connection"
                return answer
            self._received += received
            for event in self.h2.receive_data(received):
                if getattr(event, "stream_id", stream) != stream:
                    continue
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    answer.headers.update(event.headers)
                    answer.blocks.append(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    answer.body += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, h2.events.StreamReset):
                    answer.ended, answer.error = "reset", int(event.error_code)
                    return answer
                elif isinstance(event, h2.events.StreamEnded):
                    answer.ended = "stream"
                    answer.wire = wire_frames(self._received, stream)
                    return answer
                elif isinstance(event, h2.events.ConnectionTerminated):
                    answer.ended, answer.error = "connection", int(event.error_code)
                    return answer
            self._send()


class Answer:
    def __init__(self):
        self.headers = {}
        # Names and values of headers and of trailers, in the order sent.
        self.blocks = []
        # Type, flags and payload of each of the stream's frames.
        self.wire = []
        self.body = bytearray()
        self.ended = None
        self.error = None

    @property
    def grpc_status(self):
        return int(self.headers["grpc-status"]) if "grpc-status" in self.headers else None


def wire_frames(data, stream):
    """The frames of one stream in everything that a connection has brought, byte for byte (RFC 9113, section 4.1)."""
    frames = []
    start = 0
    while start + 9 <= len(data):
        end = start + 9 + int.from_bytes(data[start : start + 3], "big")
        if int.from_bytes(data[start + 5 : start + 9], "big") == stream:
            frames.append((data[start + 3], data[start + 4], bytes(data[start + 9 : end])))
        start = end
    return frames


def framed(message, compressed=0):
    return bytes([compressed]) + len(message).to_bytes(4, "big") + message
