"""What JSON and pages cost the server, and what gRPC's callers feel of them.

    web.py FOLDER INSIGHTSD

FOLDER has the load generator and the peer that Service/build.sh makes. Nothing is asserted about time. From the
environment: ROUNDS=6, WEB_REQUESTS=4000 calls a round, WEB_SECONDS=10 of each measurement of latency, WEB_CUSTOMERS=2000.
"""

import contextlib
import datetime
import gzip
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "EndToEnd"), str(HERE.parent / "Service"), str(HERE.parent / "Stores")]
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
from facts import Facts  # noqa: E402
from feeding import client  # noqa: E402
from servers import Folder, Servers  # noqa: E402
from sites import Server  # noqa: E402
from tables import median, table, whole  # noqa: E402
from wire import Api  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "6"))
REQUESTS = int(os.environ.get("WEB_REQUESTS", "4000"))
SECONDS = float(os.environ.get("WEB_SECONDS", "10"))
CUSTOMERS = int(os.environ.get("WEB_CUSTOMERS", "2000"))
METHOD = "GetCustomerInsights"
INSIGHTS = "/v1/customers/adventure-works/insights"
# Whoever measures latency has a processor at once: it stands for another machine, and waiting for one is none of the
# server's. Without the right to that, the figure tells of both.
FIRST = ["chrt", "--rr", "1"]
if subprocess.run([*FIRST, "true"], stderr=subprocess.DEVNULL).returncode != 0:
    print("(latency includes what the load generator waits for a processor: `chrt` may not)")
    FIRST = []
# Of gRPC's callers, and of pages, beside each other.
CALLS_A_SECOND, PAGES_A_SECOND = 500, 50


def portfolio(api):
    """Facts of another partner, in batches: customers of 8 people each, with one to six products."""
    f, rng = Facts(api), random.Random(28)
    last = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    skus = [f"SKU-{number}" for number in range(8)]
    start = last - datetime.timedelta(days=200)
    yield [f.partner("fabrikam", "Fabrikam")] + [f.sku(sku, workloads=["EXO", "SPO", "TEAMS"]) for sku in skus]
    batch = []
    for number in range(CUSTOMERS):
        customer = f"client-{number:05}"
        batch += [f.customer(customer, f"Client {number}"), f.relationship("fabrikam", customer, start)]
        for sku in rng.sample(skus, rng.randint(1, 6)):
            batch.append(f.subscription(f"{customer}-{sku}", customer, sku, "fabrikam", start, rng.randint(5, 50)))
            batch += [f.assignment(customer, f"{customer}-u{n}", sku, start) for n in range(8)]
        for n in range(8):
            days = [last - datetime.timedelta(days=back) for back in range(40) if rng.random() < 0.3]
            if days:
                batch.append(f.activity(customer, f"{customer}-u{n}", rng.choice(["EXO", "SPO", "TEAMS"]), *days))
        batch += f.coverage(customer, last)
        if len(batch) > 5_000:
            yield batch
            batch = []
    yield batch


def fill(folder, server):
    server.fill()
    with tempfile.TemporaryDirectory() as stubs:
        api = Api(pathlib.Path(stubs))
    with client(api, server.address, folder.path, "operator") as operator:
        operator.call(
            "CreatePartner", partner_id="fabrikam", name="Fabrikam",
            principal=dict(principal_id="portfolio", roles=[api.ROLE_SALES_AGENT]))  # fmt: skip
        for batch in portfolio(api):
            operator.feed(batch)


class Case:
    def __init__(self, name, path, *options, user="sales", calls=REQUESTS):
        self.name, self.path, self.options, self.user, self.calls = name, path, options, user, calls

    def load(self, folder, server, *more, wrapper=()):
        body = {} if self.path == METHOD else {"body": ""}
        return folder.load(server.port, self.path, *self.options, *more, user=self.user, wrapper=wrapper, **body)

    def measure(self, folder, server):
        """CPU microseconds a call."""
        count, _, cpu, _, _ = self.load(
            folder, server, "--requests", self.calls, "--warmup", self.calls // 10, "--pid", server.pid)  # fmt: skip
        return cpu / 1000 / count


def save(folder, server, case):
    """The bytes of one answer."""
    saved = folder / "web.reply"
    case.load(folder, server, "--requests", 1, "--save", saved)
    return pathlib.Path(saved).read_bytes()


class Static:
    """nghttpd with files of the same bytes."""

    def __init__(self, running, folder, contents):
        os.makedirs(folder / "htdocs", exist_ok=True)
        self._made = running
        for number, content in enumerate(contents):
            pathlib.Path(folder / f"htdocs/{number}").write_bytes(content)
        server = running.static_files()
        self.port, self.pid = server.port, server.process.pid


def costs(folder, running, server, peer):
    get = ["--get"]
    cases = [
        Case(f"`{METHOD}`, gRPC", METHOD),
        Case("the same as JSON, GET", INSIGHTS, *get),
        Case("the same as JSON, gzip", INSIGHTS, *get, "--gzip"),
        Case("page of a customer", "/customers/adventure-works", *get, "--gzip", calls=REQUESTS // 10),
        Case(f"page of the portfolio, {CUSTOMERS:,} customers", "/", *get, "--gzip", user="portfolio",
             calls=REQUESTS // 10),
        Case("list of customers, 50 of them", "/customers", *get, "--gzip", user="portfolio", calls=REQUESTS // 10),
    ]  # fmt: skip
    answers = [save(folder, server, case) for case in cases]
    static = Static(running, folder, answers)
    files = [Case("", f"/{number}", *get, user=case.user, calls=case.calls) for number, case in enumerate(cases)]
    ours, theirs = {}, {}
    for round in range(ROUNDS):
        for number, case in enumerate(cases):
            pairs = [(ours, case, server), (theirs, files[number], static)]
            for found, one, whose in pairs if round % 2 == 0 else reversed(pairs):
                found.setdefault(number, []).append(one.measure(folder, whose))
    rows = []
    for number, case in enumerate(cases):
        cost, file = median(ours[number]), median(theirs[number])
        plain = gzip.decompress(answers[number]) if answers[number][:2] == b"\x1f\x8b" else answers[number]
        rows.append([case.name, f"{cost:,.1f}", f"{file:.1f}", f"{cost / file:,.1f}",
                     f"{cost / median(ours[0]):.1f}", whole(len(answers[number])), whole(len(plain))])  # fmt: skip
    table(
        f"CPU µs a call, medians of {ROUNDS} rounds; beside nghttpd with a file of the same bytes",
        ["answer", "insightsd", "nghttpd", "ours / nghttpd", "ours / gRPC", "bytes on the wire", "unpacked"], rows)  # fmt: skip
    micros, size = subprocess.run(
        [peer, "json", folder.path, "20000"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split()
    table("JSON alone, by C++ protobuf's `MessageToJsonString`, from the same reply's bytes",
          ["CPU µs", "bytes"], [[micros, whole(int(size))]])  # fmt: skip


def beside(folder, server):
    """gRPC's latency with and without pages of another partner, in turn."""
    pages = Case("", "/", "--get", "--gzip", "--rate", PAGES_A_SECOND, user="portfolio")
    calls = Case("", METHOD, "--rate", CALLS_A_SECOND)
    found = {False: [], True: []}
    for round in range(ROUNDS):
        for busy in (False, True) if round % 2 == 0 else (True, False):
            with contextlib.ExitStack() as other:
                if busy:
                    count = int(PAGES_A_SECOND * (SECONDS + 2))
                    other.callback(os.waitpid, pid := os.fork(), 0)
                    if pid == 0:
                        pages.load(folder, server, "--requests", count)
                        os._exit(0)
                *_, middle, high = calls.load(
                    folder, server, "--warmup", CALLS_A_SECOND, "--requests", int(CALLS_A_SECOND * SECONDS),
                    wrapper=FIRST)  # fmt: skip
                found[busy].append((middle, high))
    alone, with_pages = ([median(values) for values in zip(*found[busy])] for busy in (False, True))
    ratios = sorted(b[1] / a[1] for a, b in zip(found[False], found[True]))
    table(
        f"`{METHOD}` by gRPC at {CALLS_A_SECOND} calls a second, beside {PAGES_A_SECOND} pages a second of another partner; "
        f"{ROUNDS} rounds of {SECONDS:.0f} s, medians",
        ["", "alone", "beside pages", "ratio"],
        [["p50 µs", whole(alone[0]), whole(with_pages[0]), f"{with_pages[0] / alone[0]:.2f}"],
         ["p99 µs", whole(alone[1]), whole(with_pages[1]),
          f"{with_pages[1] / alone[1]:.2f} (rounds {ratios[0]:.2f} to {ratios[-1]:.2f})"]])  # fmt: skip


def main():
    built, insightsd = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    scratch = tempfile.mkdtemp(prefix="insights-web-")
    try:
        os.symlink(built / "load", f"{scratch}/load")
        folder = Folder(scratch, insightsd)
        folder.prepare()
        with Servers(folder) as running:
            server = Server(folder, "web", "--loops", "1", "--web", "all")
            running.callback(server.stop)
            fill(folder, server.start())
            costs(folder, running, server, built / "peer")
            beside(folder, server)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


main()
