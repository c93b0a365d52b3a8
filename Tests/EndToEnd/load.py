"""The load generator of the benchmarks (`Tests/Benchmarks/Service/load.c`): C, so that a client takes little of the
cores that the server needs, and one connection is asked in the same way whatever the answers are."""

import struct
import subprocess
from dataclasses import dataclass

from daemon import ROOT
from frames import framed

SOURCE = ROOT / "Tests/Benchmarks/Service/load.c"
OK, RESOURCE_EXHAUSTED, NOT_FOUND = 0, 8, 5


@dataclass(frozen=True)
class Sample:
    """One call: which of the bodies it had, its gRPC status, microseconds."""

    body: int
    status: int
    micros: float


class LoadGenerator:
    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "load"
        libraries = ["-lnghttp2", "-lssl", "-lcrypto"]
        command = ["gcc", "-O2", "-std=c11", "-o", str(self.program), str(SOURCE), *libraries]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self._runs = 0

    def start(self, house, identity, path, messages, *options, requests, nice=0):
        """Begins a run; `messages` are serialized requests of which each call takes one at random."""
        self._runs += 1
        samples = self.folder / f"samples-{self._runs}"
        command = [
            "nice", "-n", nice, self.program, "--port", house.daemon.address.rpartition(":")[2], "--ca",
            house.certificates.authority.certificate, "--cert", identity.certificate, "--key", identity.key, "--path",
            path, "--any-status", "--samples", samples, "--requests", requests, "--seed", self._runs, *options,
        ]  # fmt: skip
        for index, message in enumerate(messages):
            body = self.folder / f"body-{self._runs}-{index}"
            body.write_bytes(framed(message))
            command += ["--body", body]
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return Run(process, samples)

    def run(self, *arguments, **options):
        return self.start(*arguments, **options).finish()


class Run:
    def __init__(self, process, samples):
        self._process = process
        self._samples = samples

    def finish(self, seconds=300):
        """The samples, in the order of the replies."""
        try:
            _, errors = self._process.communicate(timeout=seconds)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, errors
        data = self._samples.read_bytes()
        self._samples.unlink()
        return [Sample(body, status, nanos / 1_000) for body, status, nanos in struct.iter_unpack("=IIQ", data)]
