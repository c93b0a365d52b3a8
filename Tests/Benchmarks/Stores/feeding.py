"""Feeds activity into a server, as a process of its own, so that two servers are fed by two.

    feeding.py ADDRESS CERTIFICATES SECONDS FACTS STREAMS WINDOW RATE

One batch has as many activity facts, each of one day and a person of its own. Each of the streams has as many batches
under way at once; RATE is batches a second of all of them, 0 for as many as there can be. Says `ready`, waits for a line
on standard input, and prints one of JSON at the end. No two batches have a fact in common.
"""

import collections
import concurrent.futures
import copy
import datetime
import json
import os
import pathlib
import random
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"))
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
from wire import Api, Client, same  # noqa: E402

# Days of one customer, before the next has its first.
DAYS = 300
WORKLOADS = ["EXO", "SPO", "TEAMS"]


class Identity:
    """A certificate and its key, by the names that the service benchmark gives them; of the authority too."""

    def __init__(self, folder, name):
        self.certificate = pathlib.Path(folder) / f"{name}.pem"
        self.certificate_pem = self.certificate.read_bytes()
        self.key_pem = (pathlib.Path(folder) / f"{name}.key").read_bytes()


def client(api, address, folder, name):
    return Client(api, address, Identity(folder, "ca"), Identity(folder, name))


class Template:
    """Makes batches by putting names and days into the bytes of one, for building messages takes longer than sending
    them."""

    CUSTOMER, BATCH = b"customer-0000000000-000000", b"batch-0000000000-00000000"

    def __init__(self, api, facts, dates):
        rng = random.Random(28)
        today = datetime.datetime.now(datetime.timezone.utc).date()
        self._label = os.urandom(5).hex().encode()
        self._days = [str(today - datetime.timedelta(days=1 + back)) for back in range(DAYS)]
        self._is_daily = dates == 1
        self.days_in_batch = facts * dates
        activity = []
        for _ in range(facts):
            days = ["9999-01-01"] if self._is_daily else sorted(rng.sample(self._days, dates))
            activity.append(api.Fact(activity=dict(
                customer_id=self.CUSTOMER.decode(), user_id=str(uuid.UUID(int=rng.getrandbits(128))),
                workload_code=rng.choice(WORKLOADS), dates=days,
            )))  # fmt: skip
        self._bytes = api.IngestRequest(batch_id=self.BATCH.decode(), facts=activity).SerializeToString()

    def another(self):
        """One whose batches have no fact in common with those of this one."""
        made = copy.copy(self)
        made._label = os.urandom(5).hex().encode()
        return made

    def batch(self, number):
        customer = number // DAYS if self._is_daily else number
        made = self._bytes.replace(self.CUSTOMER, b"customer-%s-%06d" % (self._label, customer))
        if self._is_daily:
            made = made.replace(b"9999-01-01", self._days[DAYS - 1 - number % DAYS].encode())
        return made.replace(self.BATCH, b"batch-%s-%08d" % (self._label, number), 1)


class Feed:
    """Sends batches and keeps what each took."""

    def __init__(self, api, caller, template, first=0):
        self.api, self.template, self.number = api, template, first
        self._call = caller._callable(api.methods["Ingest"], same, same)
        self.latencies, self.revision = [], 0

    def run(self, window, seconds=None, count=None, rate=0):
        """Until the time is over or as many were sent; seconds that it took."""
        places, sent = threading.Semaphore(window), collections.deque()
        began = time.monotonic()

        def requests():
            number = 0
            while number != count and (seconds is None or time.monotonic() < began + seconds):
                if rate and (pause := began + number / rate - time.monotonic()) > 0:
                    time.sleep(pause)
                places.acquire()
                made = self.template.batch(self.number)
                sent.append(time.monotonic())
                self.number += 1
                number += 1
                yield made

        for data in self._call(requests()):
            self.latencies.append(time.monotonic() - sent.popleft())
            places.release()
            receipt = self.api.IngestResponse.FromString(data)
            if receipt.HasField("status") or receipt.duplicate:
                raise SystemExit(f"a batch was not accepted: {receipt}")
            self.revision = receipt.revision
        return time.monotonic() - began


def main():
    address, folder = sys.argv[1:3]
    seconds, facts, streams, window, rate = map(float, sys.argv[3:8])
    with tempfile.TemporaryDirectory() as stubs:
        api = Api(pathlib.Path(stubs))
    template = Template(api, int(facts), 1)
    with client(api, address, folder, "operator") as caller, concurrent.futures.ThreadPoolExecutor(int(streams)) as pool:
        feeds = [Feed(api, caller, template.another()) for _ in range(int(streams))]
        for feed in feeds:
            feed.run(1, count=1)
            feed.latencies.clear()
        print("ready", flush=True)
        sys.stdin.readline()
        cpu = time.process_time()
        runs = [pool.submit(feed.run, int(window), seconds, rate=rate / streams) for feed in feeds]
        taken = max(run.result() for run in runs)
    latencies = [value for feed in feeds for value in feed.latencies]
    print(json.dumps({"seconds": taken, "cpu": time.process_time() - cpu, "latencies": latencies}))


if __name__ == "__main__":
    main()
