"""Starts the servers of the service benchmark, each on a free port of 127.0.0.1, and drives the load generator."""

import contextlib
import dataclasses
import datetime
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

METHODS = ["GetCustomerInsights", "CompareLicenses"]
CONNECTIONS, STREAMS = 8, 16
SERVICE = "/partner.insights.v1."
# One event loop, so that server and load generator have a core each; no rate limit below what the load asks, but the
# limiter, like authentication, policy, metrics and audit, is on.
OUR_OPTIONS = ["--log-level", os.environ.get("LOG_LEVEL", "warning"), "--loops", "1", "--partner-rate", "1000000", "--partner-burst", "1000000"]


@dataclasses.dataclass
class Server:
    name: str
    process: subprocess.Popen
    port: int
    is_grpc: bool = True


class Folder:
    """The working folder: programs, certificates, requests and recorded replies."""

    def __init__(self, path, insightsd):
        self.path, self.insightsd = os.path.abspath(path), os.path.abspath(insightsd)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def prepare(self):
        here = os.path.dirname(os.path.abspath(__file__))
        yesterday = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
        subprocess.run([here + "/certificates.sh", self.path], check=True)
        subprocess.run([sys.executable, here + "/dataset.py", self.path, str(yesterday)], check=True)

    def load(self, port, method, *more, user="sales", body=None, connections=CONNECTIONS, streams=STREAMS,
             wrapper=()):
        """Runs the load generator; answers its five numbers."""
        path = method if method.startswith("/") else f"{SERVICE}InsightsService/{method}"
        command = [
            *wrapper, self / "load", "--port", str(port), "--ca", self / "ca.pem", "--cert", self / f"{user}.pem",
            "--key", self / f"{user}.key", "--path", path, "--connections", str(connections),
            "--streams", str(streams),
        ] + (["--body", self / f"{body or method}.request"] if body != "" else []) + [str(word) for word in more]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            sys.exit(f"the load generator failed: {' '.join(command)}")
        return [float(word) for word in result.stdout.split()]

    def decode(self, message, file):
        """A recorded reply (one gRPC frame) in protobuf's text format."""
        with open(file, "rb") as stream:
            body = stream.read()[5:]
        protos = ["access_service", "ingest_service", "insights_service"]
        return subprocess.run(
            ["protoc", "-I", "Protos", "-I", "Protos/upstream", f"--decode=partner.insights.v1.{message}"]
            + [f"partner/insights/v1/{name}.proto" for name in protos],
            input=body, stdout=subprocess.PIPE, check=True).stdout.decode()


class Servers(contextlib.ExitStack):
    """Servers that end with the block."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def start(self, name, command, ready, seconds=120):
        log = self.enter_context(open(self.folder / f"{name}.log", "w"))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.callback(stop, process)
        if ready is None:
            return process, None
        for line in process.stdout:
            found = re.search(ready, line)
            if found:
                return process, int(found.group(1))
        sys.exit(f"{name} did not start: see {self.folder / name}.log")

    def ours(self, wrapper=(), binary=None, name="insightsd"):
        """Our server, filled with the data set by the operator; records the replies that the peers must give."""
        folder, data = self.folder, self.folder / f"{name}-data"
        shutil.rmtree(data, ignore_errors=True)
        command = [
            *wrapper, binary or folder.insightsd, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
            "--data", data, "--tls-cert", folder / "server.pem", "--tls-key", folder / "server.key",
            "--client-ca", folder / "ca.pem", *OUR_OPTIONS,
        ]
        process, port = self.start(name, command, r"ready listen=\S*:(\d+)")
        once = {"connections": 1, "streams": 1}
        folder.load(port, SERVICE + "AccessService/CreatePartner", "--requests", 1, user="operator",
                    body="create-partner", **once)
        folder.load(port, SERVICE + "IngestService/Ingest", "--requests", 1, "--save", folder / "ingest.reply",
                    user="operator", body="ingest", **once)
        receipt = folder.decode("IngestResponse", folder / "ingest.reply")
        if "accepted:" not in receipt or "status" in receipt:
            sys.exit(f"the data set was refused: {receipt}")
        for method in METHODS:
            folder.load(port, method, "--requests", 1, "--save", folder / f"{method}.reply", **once)
        return Server("insightsd", process, port)

    def peer(self, mode, wrapper=()):
        name = f"C++ gRPC {grpc_version()}, {mode}"
        process, port = self.start(
            f"peer-{mode}", [*wrapper, self.folder / "peer", mode, self.folder.path], r"ready port=(\d+)")
        return Server(name, process, port)

    def static_files(self):
        """nghttpd, which asks for a client certificate but does not verify it, with files of the replies' sizes."""
        os.makedirs(self.folder / "htdocs", exist_ok=True)
        for method in METHODS:
            shutil.copy(self.folder / f"{method}.reply", self.folder / f"htdocs/{method}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process, _ = self.start("nghttpd", [
            "nghttpd", "--address=127.0.0.1", "-n1", "--verify-client", "-d", self.folder / "htdocs", str(port),
            self.folder / "server.key", self.folder / "server.pem",
        ], None)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return Server("nghttpd, static file", process, port, is_grpc=False)
            time.sleep(0.05)
        sys.exit("nghttpd did not start")


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stdout.close()


def grpc_version():
    return subprocess.run(
        ["pkg-config", "--modversion", "grpc++"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
