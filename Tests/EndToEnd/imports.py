"""The command line client as somebody runs it who imports files: what it says, what it takes, what it refuses."""

import json
import subprocess
from pathlib import Path

from daemon import BINARY

CLIENT = BINARY.parent / "insights"
FILES = Path(__file__).parent / "field"


class Imports:
    """Runs `insights import` as the operator, in the folder of one case."""

    def __init__(self, house, case):
        self.house = house
        self.folder = FILES / case
        files = house.certificates.operator
        self.connection = [
            "--server", house.daemon.address, "--ca", house.certificates.authority.certificate, "--cert", files.certificate,
            "--key", files.key,
        ]  # fmt: skip

    def run(self, kind, *arguments):
        words = [CLIENT, "import", kind, *arguments, *self.connection]
        return subprocess.run(
            list(map(str, words)), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, cwd=self.folder
        )

    def __call__(self, kind, *arguments):
        """The summary of an import that must be taken, as JSON has it."""
        done = self.run(kind, *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, kind, *arguments):
        """The one line about an import that must be refused."""
        before = self.house["operator"].call("GetIngestStatus").revision
        done = self.run(kind, *arguments)
        assert done.returncode == 1 and done.stdout == "", done.stdout
        assert self.house["operator"].call("GetIngestStatus").revision == before, "something was imported"
        (line,) = done.stderr.splitlines()
        return line.removeprefix("insights: ")


def left_out(summary):
    """How many rows or fields became no fact, by reason."""
    return {row["reason"]: row["count"] for row in summary["left_out"]}
