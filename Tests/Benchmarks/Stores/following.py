"""How far a server is behind another that writes at half of what it can."""

import contextlib
import datetime
import pathlib
import tempfile
import time

from feeding import Feed, Template, client
from sites import Site
from tables import spread, table, whole
from writing import SMALL, Feeder, sample
from wire import Api

PAUSE = 0.02


class Prober:
    """Writes a batch through the first server of a site and then reads its revision on the first and on the last."""

    def __init__(self, api, bench, site, ending):
        folder, self._api = bench.folder.path, api
        self._feed = Feed(api, ending.enter_context(client(api, site.servers[0].address, folder, "operator")),
                          Template(api, 10, 1))  # fmt: skip
        self._readers = [
            ending.enter_context(client(api, server.address, folder, "sales"))
            for server in (site.servers[0], site.servers[-1])
        ]
        self._as_of = str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1))
        # Of the acknowledgement, of a read where it was written, and of one on the other server.
        self.taken = ([], [], [])

    def probe(self, seconds):
        end, which = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self._feed.latencies.clear()
            self._feed.run(1, count=1)
            began = time.monotonic()
            reply = self._readers[which].call(
                "CompareLicenses", customer_id="adventure-works", as_of=self._as_of, min_revision=self._feed.revision)
            self.taken[1 + which].append(time.monotonic() - began)
            self.taken[0].extend(self._feed.latencies)
            if reply.revision < self._feed.revision:
                raise SystemExit("a read with min_revision was answered from older facts")
            which = 1 - which
            time.sleep(PAUSE)


def measure(bench):
    with tempfile.TemporaryDirectory() as stubs, contextlib.ExitStack() as running:
        api = Api(pathlib.Path(stubs))
        sites = {
            "embedded": running.enter_context(Site(bench.folder, "following embedded")).start(),
            "PostgreSQL": running.enter_context(Site(bench.folder, "following plain", bench.plain, 2)).start(),
            "with standby": running.enter_context(Site(bench.folder, "following pair", bench.pair, 2)).start(),
        }
        probers = {name: Prober(api, bench, site, running) for name, site in sites.items()}
        half = {name: sample(bench, site, SMALL, 1).batches / 2 for name, site in sites.items()}
        for _ in range(bench.rounds):
            for name, site in sites.items():
                feeder = Feeder(bench.folder, site.servers[0], bench.seconds + 0.5, SMALL, half[name])
                try:
                    feeder.wait()
                    feeder.go()
                    probers[name].probe(bench.seconds)
                    feeder.finish()
                finally:
                    feeder.end()
    table(
        f"Following at half load, ms, p50 / p99: a batch is written through one server, and its revision is read with "
        f"`min_revision` there and on the other one right after the acknowledgement. {bench.rounds} rounds of "
        f"{bench.seconds:g} s.",
        ["store", "batches of 10 facts/s meanwhile", "acknowledgement", "read on the same server",
         "read on the other server"],
        [[name, whole(half[name]), spread(prober.taken[0]), spread(prober.taken[1]),
          spread(prober.taken[2]) if len(sites[name].servers) > 1 else "–"]
         for name, prober in probers.items()])  # fmt: skip
