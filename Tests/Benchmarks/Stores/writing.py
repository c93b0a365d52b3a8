"""Turns and facts a second, through one and through two servers, and how long an acknowledgement takes."""

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys

from sites import Site
from tables import median, ratio, spread, table, whole

FEEDING = pathlib.Path(__file__).with_name("feeding.py")


@dataclasses.dataclass(frozen=True)
class Load:
    name: str
    facts: int
    streams: int = 1
    # Batches of each stream under way at once.
    window: int = 1


ALONE = Load("10 facts, one batch at a time", 10)
BUSY = Load("10 facts, 4 streams", 10, 4)
SMALL = Load("10 facts, 32 streams", 10, 32, 2)
LARGE = Load("10,000 facts, 4 streams", 10_000, 4, 2)
LOADS = [ALONE, BUSY, SMALL, LARGE]


class Feeder:
    """feeding.py."""

    def __init__(self, folder, server, seconds, load, rate=0):
        words = [
            sys.executable, FEEDING, server.address, folder.path, seconds, load.facts, load.streams, load.window, rate,
        ]  # fmt: skip
        self._process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait(self):
        """Until it is ready to begin."""
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit("a feeder did not begin")

    def go(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def finish(self):
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise SystemExit("a feeder failed")
        return json.loads(output)

    def end(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


@dataclasses.dataclass
class Sample:
    """Of one round; rates a second, CPU in microseconds a fact."""

    batches: float
    facts: float
    turns: float
    servers_cpu: float
    postgres_cpu: float
    # Cores that were busy with feeding.
    feeders_cpu: float
    latencies: list


def sample(bench, site, load, count):
    """Feeds through the first `count` servers of a site."""
    with contextlib.ExitStack() as ending:
        feeders = []
        for server in site.servers[:count]:
            feeders.append(Feeder(bench.folder, server, bench.seconds, load))
            ending.callback(feeders[-1].end)
        for feeder in feeders:
            feeder.wait()
        before = site.revision() if site.postgres else 0
        cpu = [server.cpu() for server in site.servers]
        postgres_cpu = site.postgres.cpu() if site.postgres else 0
        for feeder in feeders:
            feeder.go()
        done = [feeder.finish() for feeder in feeders]
    cpu = sum(server.cpu() - then for server, then in zip(site.servers, cpu))
    postgres_cpu = (site.postgres.cpu() if site.postgres else 0) - postgres_cpu
    seconds, batches = max(one["seconds"] for one in done), sum(len(one["latencies"]) for one in done)
    facts = batches * load.facts
    return Sample(
        batches / seconds, facts / seconds, site.turns(before) / seconds if site.postgres else 0,
        cpu / facts * 1e6, postgres_cpu / facts * 1e6, sum(one["cpu"] for one in done) / seconds,
        [value for one in done for value in one["latencies"]])  # fmt: skip


def measure(bench):
    with contextlib.ExitStack() as running:
        embedded = running.enter_context(Site(bench.folder, "writing embedded")).start()
        plain = running.enter_context(Site(bench.folder, "writing plain", bench.plain, 2)).start()
        pair = running.enter_context(Site(bench.folder, "writing pair", bench.pair, 2)).start()
        setups = {
            "embedded": (embedded, 1), "PostgreSQL": (plain, 1), "PostgreSQL, 2 servers": (plain, 2),
            "with standby": (pair, 1), "with standby, 2 servers": (pair, 2),
        }  # fmt: skip
        samples, names = {}, list(setups)
        for number in range(bench.rounds):
            bench.disk.measure(0.5)
            for load in LOADS:
                for index in range(len(names)):
                    name = names[(index + number) % len(names)]
                    samples.setdefault((load, name), []).append(sample(bench, setups[name][0], load, setups[name][1]))
    disk = median(bench.disk.rates)
    rows = []
    for load in LOADS:
        base = median([one.facts for one in samples[load, "embedded"]])
        for name in names:
            rows.append(row(name if name != "embedded" else f"{load.name}: embedded", samples[load, name], base, disk))
    table(
        f"Writing: medians of {bench.rounds} rounds of {bench.seconds:g} s; the disk allows {disk:,.0f} `fdatasync` a "
        "second. The CPU of both servers is counted also where one is fed, for the other follows.",
        ["store", "batches/s", "facts/s", "against embedded", "turns/s", "against `fdatasync`",
         "CPU µs a fact, servers", "PostgreSQL", "cores of the feeders"], rows)  # fmt: skip
    table(
        "Acknowledgement of a batch of 10 facts, one at a time, ms, p50 / p99",
        ["store", "p50 / p99"],
        [[name, spread([value for one in samples[ALONE, name] for value in one.latencies])]
         for name in names if setups[name][1] == 1])  # fmt: skip


def row(name, samples, base, disk):
    def of(field):
        return median([getattr(one, field) for one in samples])

    is_shared = of("turns") > 0
    return [
        name, whole(of("batches")), whole(of("facts")), ratio(of("facts"), base),
        whole(of("turns")) if is_shared else "–", ratio(of("turns"), disk) if is_shared else "–",
        f"{of('servers_cpu'):.2f}", f"{of('postgres_cpu'):.2f}" if is_shared else "–",
        f"{of('feeders_cpu'):.2f}",
    ]  # fmt: skip
