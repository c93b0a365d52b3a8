"""The stock Python client: modules generated from Protos/ by grpc_tools, and a client of few words.

    client.call("GetCustomerInsights", customer_id="C")    -> the reply, or grpc.RpcError
    client.refused("GetCustomerInsights", customer_id="C") -> Refusal with code, reason, field …
    client.raw("GetCustomerInsights", b"garbage")          -> Refusal, or the reply's bytes
"""

import importlib
import itertools
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "partner.insights.v1"
# A bound against waiting for ever, in seconds.
TIMEOUT = 60
STATUS_TRAILER = "grpc-status-details-bin"
# Numbers of the batches without a name of their own: no two clients of this process send one twice.
_batches = itertools.count(1)
# Streams that end when their caller does.
ENDLESS = {"Watch", "WatchInsights"}


@dataclass(frozen=True)
class Method:
    service: str
    name: str
    permission: str
    client_stream: bool
    server_stream: bool
    request: type
    response: type

    @property
    def path(self):
        return f"/{PACKAGE}.{self.service}/{self.name}"

    @property
    def title(self):
        return f"{self.service}/{self.name}"


class Api:
    """Messages and methods of the contract, straight from the protos."""

    def __init__(self, folder):
        protos = sorted((ROOT / "Protos/partner/insights/v1").glob("*.proto"))
        names = [str(path.relative_to(ROOT / "Protos")) for path in protos]
        import grpc_tools

        included = str(Path(grpc_tools.__file__).parent / "_proto")
        folders = [f"-I{folder}" for folder in (ROOT / "Protos", ROOT / "Protos/upstream", included)]
        code = protoc.main(["protoc", *folders, f"--python_out={folder}", f"--grpc_python_out={folder}", *names])
        assert code == 0, "the protos do not compile"
        sys.path.insert(0, str(folder))
        self.messages = {}
        self.methods = {}
        self.enums = {}
        modules = [importlib.import_module(name[: -len(".proto")].replace("/", ".") + "_pb2") for name in names]
        for module in modules:
            for name, message in module.DESCRIPTOR.message_types_by_name.items():
                self.messages[name] = getattr(module, name)
            for enum in module.DESCRIPTOR.enum_types_by_name.values():
                for value in enum.values:
                    setattr(self, value.name, value.number)
                    self.enums.setdefault(enum.name, {})[value.number] = value.name
        permission = importlib.import_module(f"{PACKAGE}.permission_pb2")
        for module in modules:
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    number = method.GetOptions().Extensions[permission.required_permission]
                    self.methods[method.name] = Method(
                        service.name, method.name, self.enums["Permission"][number], method.client_streaming,
                        method.server_streaming, message_factory.GetMessageClass(method.input_type),
                        message_factory.GetMessageClass(method.output_type),
                    )  # fmt: skip

    def request(self, name, **fields):
        """The bytes of a request."""
        return self.methods[name].request(**fields).SerializeToString()

    def __getattr__(self, name):
        try:
            return self.__dict__["messages"][name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class Refusal:
    """What a refused caller learns."""

    code: str
    message: str
    details: tuple = ()
    trailers: tuple = field(default=(), compare=False)

    @classmethod
    def of(cls, error):
        trailers = tuple((item.key, item.value) for item in error.trailing_metadata() or ())
        raw = dict(trailers).get(STATUS_TRAILER, b"")
        status = status_pb2.Status.FromString(raw)
        return cls(error.code().name, error.details(), tuple(map(_unpacked, status.details)), trailers)

    def _detail(self, kind):
        return next((detail for detail in self.details if isinstance(detail, kind)), None)

    @property
    def reason(self):
        info = self._detail(error_details_pb2.ErrorInfo)
        assert info is None or info.domain == "insights.partner"
        return info.reason if info else ""

    @property
    def metadata(self):
        info = self._detail(error_details_pb2.ErrorInfo)
        return dict(info.metadata) if info else {}

    @property
    def field_name(self):
        bad = self._detail(error_details_pb2.BadRequest)
        return bad.field_violations[0].field if bad else ""

    @property
    def retry_seconds(self):
        retry = self._detail(error_details_pb2.RetryInfo)
        return retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 if retry else None


def _unpacked(detail):
    name = detail.TypeName()
    message = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))()
    assert detail.Unpack(message), name
    return message


def same(data):
    return data


class Client:
    """One channel of one caller."""

    def __init__(self, api, address, authority, identity=None, token=None, options=()):
        self.api = api
        credentials = grpc.ssl_channel_credentials(
            root_certificates=authority.certificate.read_bytes(),
            private_key=identity.key_pem if identity else None,
            certificate_chain=identity.certificate_pem if identity else None,
        )
        # Every client gets a connection of its own: the library would share them between channels otherwise.
        self.channel = grpc.secure_channel(address, credentials, [("grpc.use_local_subchannel_pool", 1), *options])
        self.metadata = [("authorization", f"Bearer {token}")] if token else []

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _callable(self, method, serialize, parse):
        maker = getattr(
            self.channel,
            ("stream" if method.client_stream else "unary") + "_" + ("stream" if method.server_stream else "unary"),
        )
        return maker(method.path, request_serializer=serialize, response_deserializer=parse)

    def call(self, name, request=None, timeout=TIMEOUT, /, **fields):
        """The reply; of a server stream the list of replies, of one without an end the first."""
        method = self.api.methods[name]
        request = request if request is not None else method.request(**fields)
        call = self._callable(method, method.request.SerializeToString, method.response.FromString)
        answer = call(iter([request]) if method.client_stream else request, timeout=timeout, metadata=self.metadata)
        return self._all(method, answer) if method.server_stream else answer

    def _all(self, method, answer):
        if method.name not in ENDLESS:
            return list(answer)
        first = next(answer)
        answer.cancel()
        return [first]

    def refused(self, name, request=None, /, **fields):
        try:
            answer = self.call(name, request, TIMEOUT, **fields)
        except grpc.RpcError as error:
            return Refusal.of(error)
        raise AssertionError(f"{name} was answered: {answer}")

    def raw(self, name, data):
        """Sends bytes as they are: the reply's bytes, or a Refusal."""
        method = self.api.methods[name]
        call = self._callable(method, same, same)
        try:
            answer = call(iter([data]) if method.client_stream else data, timeout=TIMEOUT, metadata=self.metadata)
            return b"".join(self._all(method, answer)) if method.server_stream else answer
        except grpc.RpcError as error:
            return Refusal.of(error)

    def ingest(self, batches, timeout=TIMEOUT):
        """Sends the batches over one stream; the list of receipts."""
        method = self.api.methods["Ingest"]
        call = self._callable(method, method.request.SerializeToString, method.response.FromString)
        return list(call(iter(batches), timeout=timeout, metadata=self.metadata))

    def feed(self, facts, batch_id=None):
        """One batch that must be accepted; its receipt."""
        batch = self.api.IngestRequest(batch_id=batch_id or f"batch-{next(_batches)}", facts=facts)
        (receipt,) = self.ingest([batch])
        assert not receipt.HasField("status"), receipt
        return receipt


def have(tool):
    return subprocess.run(["which", tool], capture_output=True).returncode == 0
