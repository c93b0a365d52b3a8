"""An HTTPS server of key sets that counts who asks for what, and can misbehave."""

import json
import ssl
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class KeyServer:
    """Serves `keys[path]`; `/huge/…`, `/moved/…` and `/slow/…` misbehave as they are called."""

    def __init__(self, identity):
        self.keys = {}
        self.asked = Counter()
        self.versions = set()
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.load_cert_chain(str(identity.certificate), str(identity.key))
        # The handshake belongs to the connection's own thread.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path):
        return f"https://127.0.0.1:{self._server.server_port}{path}"

    def publish(self, path, *signers):
        self.keys[path] = json.dumps({"keys": [signer.jwk() for signer in signers]}).encode()

    def stop(self):
        """From now on nobody listens."""
        if not self.over.is_set():
            self.over.set()
            self._server.shutdown()
            self._server.server_close()

    def _handler(outer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked[self.path] += 1
                outer.versions.add(self.request_version)
                if self.path.startswith("/huge/"):
                    return self._answer(200, b'{"keys":[' + b" " * (10 << 20) + b"]}")
                if self.path.startswith("/moved/"):
                    return self._answer(302, b"", location=outer.url("/target/" + self.path.split("/")[-1]))
                if self.path.startswith("/slow/"):
                    outer.over.wait(60)
                body = outer.keys.get(self.path)
                self._answer(404 if body is None else 200, body or b"")

            def _answer(self, status, body, **headers):
                try:
                    self.send_response(status)
                    for name, value in {"content-length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    # A reader that had enough hangs up.
                    self.close_connection = True

            def log_message(self, *_):
                pass

        return Handler
