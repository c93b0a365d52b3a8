"""What a start takes that reads a store of many activity days back, from either engine."""

import os
import pathlib
import subprocess
import tempfile

from feeding import Feed, Template, client
from sites import Server, Site, seal_into
from tables import median, ratio, table, whole
from wire import Api

PERSONS, DATES = 1_000, 250


def measure(bench):
    days = int(os.environ.get("START_DAYS", "5000000"))
    folder = bench.folder
    with Site(folder, "starting") as site, tempfile.TemporaryDirectory() as stubs:
        site.start()
        api = Api(pathlib.Path(stubs))
        (source,) = site.servers
        with client(api, source.address, folder.path, "operator") as caller:
            template = Template(api, PERSONS, DATES)
            batches = max(1, round(days / template.days_in_batch))
            Feed(api, caller, template).run(8, count=batches)
    days = batches * template.days_in_batch
    # Both are copies, so that both are folded to the end.
    stores = {"embedded": f"sqlite:{folder / 'starting.sqlite'}", "PostgreSQL": bench.plain.store(folder.insightsd, "starting")}
    for store in stores.values():
        words = ["copy-store", f"sqlite:{source.data / 'insights.sqlite'}", store, "--data", source.data]
        done = subprocess.run([folder.insightsd, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"copy-store: {done.stderr}")
    servers = {}
    for name, store in stores.items():
        servers[name] = Server(folder, f"start-{name}", "--store", store)
        seal_into(source.data, servers[name].data)
    cpu, memory, clock, database = ({name: [] for name in servers} for _ in range(4))
    for _ in range(bench.rounds):
        for name, server in servers.items():
            before = bench.plain.cpu()
            try:
                server.start()
                # What has ended of it counts when its parent has seen the end.
                database[name].append(bench.plain.cpu() - before)
            finally:
                server.stop()
            cpu[name].append(server.start_cpu)
            memory[name].append(server.start_memory)
            clock[name].append(server.start_seconds)
    base = median(cpu["embedded"])
    table(
        f"Starting on {days:,} activity days of {batches * PERSONS:,} persons, folded: until calls are answered, medians "
        f"of {bench.rounds} starts",
        ["store", "CPU s of the server", "against embedded", "CPU s of PostgreSQL", "seconds", "peak MiB"],
        [[name, f"{median(cpu[name]):.2f}", ratio(median(cpu[name]), base),
          f"{median(database[name]):.2f}" if name != "embedded" else "–", f"{median(clock[name]):.2f}",
          whole(median(memory[name]))] for name in servers])  # fmt: skip
