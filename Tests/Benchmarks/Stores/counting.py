"""Instructions a read, of a server that follows and of one that has its store alone, counted by callgrind. A server that
follows asks its store all the time, on other threads: what is counted is the thread that answers."""

import collections
import glob
import os
import subprocess

import servers
from instructions import total
from sites import Site
from tables import table, whole

FEW = 500


def threads(server, folder, pattern):
    """Makes callgrind write its counters since the last time: instructions by thread."""
    for old in glob.glob(pattern):
        os.remove(old)
    subprocess.run(["callgrind_control", "--dump", str(server.pid)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip
    result = collections.Counter()
    for file in glob.glob(pattern):
        result[file.rsplit("-", 1)[1]] += total(file)
    if not result:
        raise SystemExit("callgrind wrote no counters")
    return result


def count(bench, site, binary):
    """Instructions a call, by method."""
    folder, (server,) = bench.folder, site.servers
    output = folder / f"callgrind.{site.database}"
    wrapper = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={output}", "-q"]
    many, result = FEW + int(os.environ.get("STORE_CALLS", "2000")), {}
    with site:
        site.callback(server.stop)
        server.start(wrapper, binary).fill()
        for method in servers.METHODS:
            expect = ["--expect", folder / f"{method}.reply"]
            found = []
            for calls in (FEW, FEW, many):
                folder.load(server.port, method, "--requests", calls, *expect)
                found.append(threads(server, folder, f"{output}.*"))
            thread = max(found[2], key=found[2].get)
            result[method] = (found[2][thread] - found[1][thread]) / (many - FEW)
    return result


def measure(bench):
    folder = bench.folder
    # valgrind cannot read the debug sections of Swift executables; the symbols stay.
    stripped = folder / "insightsd-stripped"
    subprocess.run(["objcopy", "--strip-debug", folder.insightsd, stripped], check=True)
    before = dict(os.environ)
    os.environ["SWIFT_DETERMINISTIC_HASHING"] = "1"
    os.environ["LD_PRELOAD"] = folder / "sigsuspend.so"
    try:
        options = ["--loops", "1"]
        embedded = count(bench, Site(folder, "counting embedded", options=options), stripped)
        following = count(bench, Site(folder, "counting plain", bench.plain, options=options), stripped)
    finally:
        os.environ.clear()
        os.environ.update(before)
    table(
        "Instructions a read (callgrind, user space, the thread that answers)",
        ["method", "embedded", "following", "ratio"],
        [[f"`{method}`", whole(embedded[method]), whole(following[method]),
          f"{following[method] / embedded[method]:.3f}"] for method in servers.METHODS])  # fmt: skip
