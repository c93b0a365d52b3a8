"""A way to a server that can be cut while somebody uses it."""

import socket
import threading
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
