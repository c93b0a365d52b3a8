"""A peer that writes HTTP/2 frames as bytes, many at once, and reads only when it is told to."""

import struct
import threading

from frames import connect, tls_context
from hpack import Encoder

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 2, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, PADDED = 1, 4, 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(**values):
    numbers = {"header_table_size": 1, "initial_window_size": 4}
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", numbers[name], value) for name, value in values.items()))


class RawPeer:
    """`window` is what the server may send on a stream before it is asked for more."""

    def __init__(self, house, who="alice", window=0):
        identity = getattr(house.certificates, who) if who else None
        self.socket = connect(house.daemon.address, tls_context(house.certificates.authority, identity))
        self.socket.settimeout(20)
        self.encoder = Encoder()
        self.next = 1
        # The part of a frame of which the rest has not come yet.
        self.rest = b""
        # What may still be sent on the connection; the server gives 4 MiB as soon as it has read our settings.
        self.room = 65_535
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings(initial_window_size=window))
        # Acknowledges the server's own, whose window counts from then on.
        self.socket.sendall(frame(SETTINGS, 1, 0))

    def head(self, path, extra=()):
        """The header block of a call."""
        return self.encoder.encode(
            [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"),
             ("content-type", "application/grpc"), ("te", "trailers"), *extra], huffman=False,
        )  # fmt: skip

    def get(self, path, extra=()):
        """The bytes of a GET, and the number of its stream."""
        stream, self.next = self.next, self.next + 2
        block = self.encoder.encode(
            [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", "localhost"), *extra],
            huffman=False,
        )
        return frame(HEADERS, END_HEADERS | END_STREAM, stream, block), stream

    def begin(self, path, data=b"", end=True, extra=()):
        """The bytes of a call's frames, and the number of its stream."""
        stream, self.next = self.next, self.next + 2
        out = frame(HEADERS, END_HEADERS | (END_STREAM if end and not data else 0), stream, self.head(path, extra))
        for start in range(0, len(data), 16_384):
            last = start + 16_384 >= len(data)
            out += frame(DATA, END_STREAM if end and last else 0, stream, data[start : start + 16_384])
        return out, stream

    def send(self, data):
        """False when the server takes no more for a while, or has ended the connection."""
        try:
            self.socket.sendall(data)
            return True
        except (TimeoutError, OSError):
            return False

    def pour(self, path, data):
        """A call whose data may be larger than the windows that the server gives; false once it is given up."""
        head, stream = self.begin(path, end=False)
        self.send(head)
        room = {0: self.room, stream: 1 << 20}
        for start in range(0, len(data), 16_384):
            chunk = data[start : start + 16_384]
            while min(room.values()) < len(chunk):
                self.socket.settimeout(3)
                frames = self.frames(0.05, least=1)
                # A bidirectional call has its response's headers from the start.
                ends = (GOAWAY, 0), (RST_STREAM, 0), (HEADERS, END_STREAM)
                if not frames or any((kind, flags & END_STREAM) in ends for kind, flags, *_ in frames):
                    self.room = room[0]
                    return False
                for kind, _, number, payload in frames:
                    if kind == WINDOW_UPDATE and number in room:
                        room[number] += int.from_bytes(payload, "big")
            if not self.send(frame(DATA, 0, stream, chunk)):
                return False
            for number in room:
                room[number] -= len(chunk)
        self.room = room[0]
        return True

    def read(self, seconds=1, least=0):
        """What came, until nothing comes for a while; empty when the connection has ended."""
        received = bytearray()
        try:
            if least:
                received += self.socket.recv(1 << 20)
            self.socket.settimeout(seconds)
            while chunk := self.socket.recv(1 << 20):
                received += chunk
        except (TimeoutError, OSError):
            pass
        self.socket.settimeout(20)
        return bytes(received)

    def frames(self, seconds=1, least=0):
        """Kind, flags, stream and payload of each whole frame that came; with `least` waits until something does."""
        data, found, start = self.rest + self.read(seconds, least), [], 0
        while start + 9 <= len(data):
            end = start + 9 + int.from_bytes(data[start : start + 3], "big")
            if end > len(data):
                break
            stream = int.from_bytes(data[start + 5 : start + 9], "big") & 0x7FFF_FFFF
            found.append((data[start + 3], data[start + 4], stream, data[start + 9 : end]))
            start = end
        self.rest = data[start:] if start < len(data) else b""
        return found

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def resident(daemon):
    """Memory of the server in MiB, now and at its highest."""
    text = open(f"/proc/{daemon.pid}/status").read()
    return tuple(int(text.split(name)[1].split()[0]) / 1024 for name in ("VmRSS:", "VmHWM:"))


def metric(daemon, name):
    _, text = daemon.admin_get("/metrics")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def at_once(*tasks):
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
