"""A real insightsd process on free ports of the loopback interface, with a data folder of its own."""

import json
import os
import re
import select
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from certificates import TRUST_DOMAIN
from postgres import EVERYWHERE, Postgres

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("INSIGHTSD", ROOT / ".build/debug/insightsd"))
# A folder of libraries for the server alone, such as those of another OpenSSL: see Tests/openssl.sh.
LIBRARIES = os.environ.get("INSIGHTSD_LIBRARY_PATH")
# Bounds against waiting for ever, in seconds: far above what anything takes on a busy machine.
START_SECONDS = 60
WAIT_SECONDS = 60


def environment(**changes):
    """What the server's process sees."""
    return os.environ | ({"LD_LIBRARY_PATH": LIBRARIES} if LIBRARIES else {}) | changes


class Daemon:
    def __init__(self, folder, identity, authority, *options):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "insightsd.log"
        self.data = self.folder / "data"
        # May be changed between two starts.
        self.options = list(options)
        self._command = [
            BINARY, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
            "--data", self.data, "--tls-cert", identity.certificate, "--tls-key", identity.key,
            "--client-ca", authority.certificate, "--trust-domain", TRUST_DOMAIN,
        ]  # fmt: skip
        if EVERYWHERE and "--store" not in options:
            self.options += ["--store", Postgres.shared().store(run_insightsd)]
        self._process = None
        # Soft and hard limit of open files; None is that of the tests.
        self.open_files = None
        self.address = None
        self.admin = None

    def start(self):
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self._words(), stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, env=environment(),
            )  # fmt: skip
        line = self._first_line()
        match = re.fullmatch(r"ready listen=(\S+) admin=(\S+)\n", line)
        if not match:
            self.kill()
            raise AssertionError(f"no ready line but {line!r}; log: {self.log.read_text()[-2000:]}")
        self.address, self.admin = match.groups()
        return self

    def _words(self):
        """By another program rather than between fork and exec, where the threads of this one may have left locks."""
        words = list(map(str, [*self._command, *self.options]))
        return ["prlimit", "--nofile=%d:%d" % self.open_files, *words] if self.open_files else words

    def _first_line(self):
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        return self._process.stdout.readline().decode() if ready else ""

    def start_refused(self):
        """Starts, expects it to end by itself, and returns exit code and standard error."""
        done = subprocess.run(
            self._words(), capture_output=True, text=True, timeout=START_SECONDS, stdin=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip
        return done.returncode, done.stderr

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        """As a power cut does: no signal handler runs."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def stop(self, seconds=WAIT_SECONDS):
        """SIGTERM; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()

    def wait(self, seconds=WAIT_SECONDS):
        """Until it ends by itself; returns the exit code."""
        code = self._process.wait(seconds)
        self._process.stdout.close()
        return code

    def admin_get(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=WAIT_SECONDS) as answer:
            return answer.status, answer.read().decode()

    def log_text(self):
        """The log's whole lines: the last one may be half-written."""
        text = self.log.read_text(errors="replace")
        return text[: text.rfind("\n") + 1]

    def log_lines(self):
        return [json.loads(line) for line in self.log_text().splitlines()]

    def wait_for_log(self, text, seconds=WAIT_SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in self.log_text():
                return
            time.sleep(0.05)
        raise AssertionError(f"the log never said {text!r}: {self.log_text()[-2000:]}")


def run_insightsd(*arguments):
    return subprocess.run(
        [str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=WAIT_SECONDS,
        stdin=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
