"""Connect's stock Python client, and plain requests of HTTP, both with a client certificate or a token.

    web.call("GetTrend", customer_id="C")                     -> the reply, or connectrpc's ConnectError
    web.http("POST", path, body, content_type="…", name="…")  -> the response, whatever it says
"""

from connectrpc.client import ConnectClientSync
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport

CODECS = {"json": google_protobuf_json_codec, "proto": google_protobuf_binary_codec}
WAIT_SECONDS = 60


class Web:
    """One caller."""

    def __init__(self, house, identity=None, token=None, version=HTTPVersion.HTTP2):
        self.api = house.api
        self.address = f"https://{house.daemon.address}"
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.transport = SyncHTTPTransport(
            tls_ca_cert=house.certificates.authority.certificate.read_bytes(),
            tls_cert=identity.certificate_pem if identity else None, tls_key=identity.key_pem if identity else None,
            http_version=version, timeout=WAIT_SECONDS, enable_otel=False, enable_gzip=True,
            follow_redirects=False,
        )  # fmt: skip
        self.client = SyncClient(self.transport)

    def call(self, name, codec="json", use_get=False, timeout_ms=None, headers=None, /, **fields):
        method = self.api.methods[name]
        client = ConnectClientSync(self.address, codec=CODECS[codec](), http_client=self.client)
        level = IdempotencyLevel.NO_SIDE_EFFECTS if use_get else IdempotencyLevel.UNKNOWN
        service = method.path.split("/")[1]
        info = MethodInfo(
            name=name, service_name=service, input=method.request, output=method.response, idempotency_level=level,
            stream_type=StreamType.UNARY,
        )  # fmt: skip
        return client.execute_unary(
            request=method.request(**fields), method=info, headers=self.headers | (headers or {}), use_get=use_get,
            timeout_ms=timeout_ms,
        )  # fmt: skip

    def http(self, verb, path, body=b"", **headers):
        words = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.execute(verb, self.address + path, headers=words, content=body)

    def post(self, name, body=b"{}", **headers):
        """JSON as it is."""
        return self.http("POST", self.api.methods[name].path, body, content_type="application/json", **headers)
