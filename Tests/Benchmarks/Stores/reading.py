"""Reads a second of CPU: an embedded store, one server on PostgreSQL, and three that are asked at once."""

import concurrent.futures
import contextlib
import os

import servers
from sites import Site
from tables import median, ratio, table, whole


def measure(bench):
    calls = int(os.environ.get("REQUESTS", "20000")) // 2
    folder, samples = bench.folder, {}
    with contextlib.ExitStack() as running:
        options = ["--loops", "1"]
        embedded = running.enter_context(Site(folder, "reading embedded", options=options)).start()
        shared = running.enter_context(Site(folder, "reading plain", bench.plain, 3, options)).start()
        setups = {
            "embedded": embedded.servers, "PostgreSQL, 1 of 3 asked": shared.servers[:1],
            "PostgreSQL, 3 asked at once": shared.servers,
        }  # fmt: skip
        pool = running.enter_context(concurrent.futures.ThreadPoolExecutor(3))
        names = list(setups)
        for number in range(bench.rounds):
            for method in servers.METHODS:
                for index in range(len(names)):
                    name = names[(index + number) % len(names)]
                    loads = [pool.submit(load, folder, server, method, calls) for server in setups[name]]
                    samples.setdefault((method, name), []).append([one.result() for one in loads])
    rows = []
    for method in servers.METHODS:
        one = rate(samples[method, names[1]])
        for name in names:
            found = samples[method, name]
            micros = median([cpu * 1e6 for round in found for _, cpu in round])
            rows.append([f"`{method}`: {name}" if name == names[0] else name, f"{micros:.1f}", whole(rate(found)),
                         ratio(rate(found), one), whole(median([sum(rate for rate, _ in round) for round in found]))])  # fmt: skip
    table(
        f"Reads: {bench.rounds} rounds of {calls:,} calls to each server, medians",
        ["servers", "CPU µs a call", "calls a CPU second, all together", "against one", "calls/s"], rows)  # fmt: skip


def load(folder, server, method, calls):
    """Calls a second, and CPU seconds a call."""
    count, seconds, cpu, _, _ = folder.load(
        server.port, method, "--requests", calls, "--warmup", max(calls // 10, 500), "--pid", server.pid, "--expect",
        folder / f"{method}.reply")  # fmt: skip
    return count / seconds, cpu / 1e9 / count


def rate(samples):
    """Calls that the servers answer with a second of CPU each: as many machines, as many seconds."""
    return median([sum(1 / cpu for _, cpu in round) for round in samples])
