"""Servers on a store: the embedded one, or one in PostgreSQL that several share."""

import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Service"))
from servers import METHODS, SERVICE  # noqa: E402

# As in the service benchmark, but with the loops that a server has by itself.
OPTIONS = ["--log-level", "warning", "--shutdown-grace", "5", "--partner-rate", "1000000", "--partner-burst", "1000000"]
# Bounds against waiting for ever, in seconds: a start reads everything back.
START_SECONDS = 900
STOP_SECONDS = 90


class Server:
    """One insightsd, with a data folder of its own."""

    def __init__(self, folder, name, *options):
        """`folder` has executable and certificates: a `servers.Folder`."""
        self.folder, self.name = folder, name
        self.data = pathlib.Path(folder / f"{name}-data")
        self._options, self._process = [*OPTIONS, *options], None

    def start(self, wrapper=(), binary=None):
        folder, self._log = self.folder, open(self.folder / f"{self.name}.log", "a")
        words = [
            "setpriv", "--pdeathsig", "KILL", *wrapper, binary or folder.insightsd, "serve",
            "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", self.data,
            "--tls-cert", folder / "server.pem", "--tls-key", folder / "server.key", "--client-ca", folder / "ca.pem",
            *self._options,
        ]  # fmt: skip
        began = time.monotonic()
        self._process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log,
            start_new_session=True,
        )  # fmt: skip
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        found = re.match(r"ready listen=(\S+):(\d+)", self._process.stdout.readline().decode() if ready else "")
        if not found:
            raise SystemExit(f"{self.name} did not start: {pathlib.Path(self._log.name).read_text()[-2000:]}")
        self.start_seconds, self.start_cpu, self.start_memory = time.monotonic() - began, self.cpu(), self._memory()
        self.address, self.port = f"127.0.0.1:{found[2]}", int(found[2])
        return self

    @property
    def pid(self):
        return self._process.pid

    def cpu(self):
        """Seconds so far, by its process clock, which counts nanoseconds."""
        return time.clock_gettime_ns((~self.pid << 3) | 2) / 1e9

    def _memory(self):
        """The most that was resident, in MiB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def stop(self):
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def fill(self):
        """The data set of the service benchmark, and the replies to it."""
        folder, once = self.folder, {"connections": 1, "streams": 1}
        folder.load(self.port, SERVICE + "AccessService/CreatePartner", "--requests", 1, user="operator",
                    body="create-partner", **once)  # fmt: skip
        folder.load(self.port, SERVICE + "IngestService/Ingest", "--requests", 1, "--save", folder / "ingest.reply",
                    user="operator", body="ingest", **once)  # fmt: skip
        receipt = folder.decode("IngestResponse", folder / "ingest.reply")
        if "accepted:" not in receipt or "status" in receipt:
            raise SystemExit(f"the data set was refused: {receipt}")
        for method in METHODS:
            folder.load(self.port, method, "--requests", 1, "--save", folder / f"{method}.reply", **once)
        return self


class Site(contextlib.ExitStack):
    """A store and the servers on it."""

    def __init__(self, folder, name, postgres=None, servers=1, options=()):
        """Without a PostgreSQL the store is the embedded one."""
        super().__init__()
        self.name, self.postgres, self.database = name, postgres, re.sub(r"\W", "_", name)
        words = list(options)
        if postgres is not None:
            keys = pathlib.Path(folder / f"{self.database}-keys")
            keys.mkdir(mode=0o700)
            self.store = postgres.store(folder.insightsd, self.database)
            words += ["--store", self.store, "--keys", keys]
        self.servers = [Server(folder, f"{self.database}-{number}", *words) for number in range(1, servers + 1)]

    def start(self):
        for server in self.servers:
            self.callback(server.stop)
            server.start()
        self.servers[0].fill()
        return self

    def turns(self, after):
        """Turns of writing after a revision: transactions that wrote entries."""
        count = f"SELECT count(DISTINCT xmin::text) FROM insights.entry WHERE revision > {after}"
        return int(self.postgres.sql(count, self.database))

    def revision(self):
        return int(self.postgres.sql("SELECT coalesce(max(revision), 0) FROM insights.entry", self.database))


def seal_into(source, target):
    """The data folder of a store that was copied, without the store itself."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("insights.sqlite*"))
    os.chmod(target, 0o700)
