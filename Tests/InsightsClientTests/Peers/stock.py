"""The stock Python server with methods of plain bytes. Prints its port and ends with its input."""

import sys
from concurrent import futures

import grpc


def unary(request, context):
    context.set_trailing_metadata([("x-peer-bin", b"\0\1"), ("x-left", str(context.time_remaining() is not None))])
    return request


def both(requests, context):
    for request in requests:
        yield request


def fail(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "kein Käse")


class Methods(grpc.GenericRpcHandler):
    def service(self, details):
        return {
            "/probe.Probe/Echo": grpc.unary_unary_rpc_method_handler(unary),
            "/probe.Probe/Both": grpc.stream_stream_rpc_method_handler(both),
            "/probe.Probe/Fail": grpc.unary_unary_rpc_method_handler(fail),
        }.get(details.method)


folder = sys.argv[1]
pair = (open(f"{folder}/server.key", "rb").read(), open(f"{folder}/server.pem", "rb").read())
server = grpc.server(
    futures.ThreadPoolExecutor(8), handlers=[Methods()], options=[("grpc.max_receive_message_length", 64 << 20)]
)
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
server.start()
print("ports", port, flush=True)
sys.stdin.read()
