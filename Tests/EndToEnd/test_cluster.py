"""The demonstration of several servers on one PostgreSQL, on what is built already."""

import os
import re
import subprocess

import pytest
from daemon import BINARY, ROOT
from postgres import Postgres

pytestmark = pytest.mark.skipif(
    not (BINARY.parent / "insights").exists(), reason="the client is not built"
)


def test_the_demonstration_runs_through_and_loses_nothing():
    if Postgres.shared() is None:
        pytest.skip("there is no PostgreSQL: Tests/install.sh test")
    done = subprocess.run(
        [ROOT / "Tests/Demo/cluster.sh"], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        env=os.environ | {"BIN": str(BINARY.parent), "CLUSTER_SECONDS": "3"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    kept = re.findall(r"server \d: (\d+) customers; of (\d+) acknowledged 0 missing", done.stdout)
    assert len(kept) == 3 and all(int(there) >= int(acknowledged) > 0 for there, acknowledged in kept), done.stdout
    folder = re.search(r"standby, in (\S+)", done.stdout)[1]
    assert not os.path.exists(folder), "what it made is gone"
    running = subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True)
    assert not running.stdout, "what it started is stopped"
