"""A way to a server that can be cut while somebody uses it."""

import queue
import socket
import threading
import time
from contextlib import suppress


class Relay:
    """Hands on what comes on a port of its own to `address` and back, until it is cut: then nobody answers there."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._target = (host.strip("[]"), int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = []
        self._lock = threading.Lock()
        self._is_cut = False
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                with self._lock:
                    self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()
                if self._is_cut:
                    self.cut()

    @staticmethod
    def _hand_on(one, other):
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def cut(self):
        self._is_cut = True
        # A listener that somebody waits for is not closed by closing alone.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            self._sockets.clear()


class Way:
    """A bad way to `address`: hands on what comes on a port of its own, and back, as it is told to.

    open        as it comes
    cut         ends every connection, and whoever connects is refused
    half-open   every connection stays and carries nothing any more; those that are made later are good
    held        what the far side says waits until the way is open again
    slow        each piece comes 200 ms late
    byte        a byte at a time
    """

    LATE_SECONDS = 0.2

    def __init__(self, address):
        self._target = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs = []
        self._lock = threading.Lock()
        self.state = "open"
        threading.Thread(target=self._accept, daemon=True).start()

    def be(self, state):
        with self._lock:
            self.state = state
            for pair in self._pairs:
                if state == "half-open":
                    pair.is_dead = True
                if state == "cut":
                    pair.end()

    @property
    def connections(self):
        """How many the near side has not ended, nor this one."""
        with self._lock:
            self._pairs = [pair for pair in self._pairs if not pair.is_over]
            return len(self._pairs)

    def close(self):
        self.be("cut")
        # A listener that somebody waits for is not closed by closing alone.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.state == "cut":
                    near.close()
                    continue
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._pairs.append(Pair(self, near, far))


class Pair:
    """A connection over a way, from both sides."""

    def __init__(self, way, near, far):
        self._way = way
        self._near, self._far = near, far
        # Carries nothing more, for ever.
        self.is_dead = False
        self.is_over = False
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one, other, is_answer in ((near, far, False), (far, near, True)):
            # What was read and is not handed on yet: the moment, and the bytes; nothing at the end.
            pieces = queue.SimpleQueue()
            threading.Thread(target=self._take, args=(one, pieces), daemon=True).start()
            threading.Thread(target=self._give, args=(pieces, other, is_answer), daemon=True).start()

    def end(self):
        self.is_over = True
        for one in (self._near, self._far):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _take(self, one, pieces):
        with suppress(OSError):
            while data := one.recv(65_536):
                pieces.put((time.monotonic(), data))
        if one is self._near and self.is_dead:
            self.end()
        pieces.put((time.monotonic(), b""))

    def _give(self, pieces, other, is_answer):
        with suppress(OSError):
            while True:
                came, data = pieces.get()
                if not data:
                    break
                if self._way.state == "slow":
                    time.sleep(max(0, came + Way.LATE_SECONDS - time.monotonic()))
                while is_answer and self._way.state == "held" and not self.is_over:
                    time.sleep(0.01)
                if self.is_dead:
                    continue
                size = 1 if self._way.state == "byte" else len(data)
                for start in range(0, len(data), size):
                    other.sendall(data[start : start + size])
        self.end()
