"""Several servers on one PostgreSQL; who writes to all of them and knows what was acknowledged; what has to hold."""

import queue
import threading
import time
from contextlib import contextmanager, suppress

import grpc
import pytest
from daemon import run_insightsd
from facts import day
from postgres import Postgres
from wire import Refusal

# Bound against waiting for ever, in seconds: far above what anything takes on a busy machine.
WAIT_SECONDS = 90
# Of a stream of batches that nothing ends.
STREAM_SECONDS = 7_200
CUSTOMER = "C"
MISSING = "there is no PostgreSQL: Tests/install.sh test"


def until(happens, what="it", seconds=WAIT_SECONDS):
    """Waits until it is so, and returns what `happens` returned."""
    end = time.monotonic() + seconds
    while not (value := happens()):
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.05)
    return value


class Cluster:
    """Servers on one store with the same keys. The first one is started first and told who may call."""

    def __init__(self, new_house, folder, postgres, *options, count=3, store=None):
        self.postgres = postgres
        self._new_house = new_house
        keys = folder / "keys"
        keys.mkdir(mode=0o700)
        self.store = store or postgres.store(run_insightsd)
        # No read fails because a machine is slow.
        stale = [] if "--stale-reads" in options else ["--stale-reads", 600]
        self.words = ["--store", self.store, "--keys", keys, "--revision-wait", 60, *stale, *options]
        self._made = 0
        self.houses = [self.add() for _ in range(count)]
        # The revision before the first batch of a feeder.
        self.base = 0

    def add(self):
        """One more, that is not started."""
        self._made += 1
        return self._new_house(*self.words, name=f"server-{self._made}")

    def start(self):
        self.houses[0].start().register()
        for house in self.houses[1:]:
            house.start()
        f = self.houses[0].facts
        self.base = self.houses[0]["operator"].feed([
            f.sku("E3", workloads=["SPO"]), f.customer(CUSTOMER, "Customer"), f.relationship("A", CUSTOMER, day(-30)),
            f.subscription("s", CUSTOMER, "E3", "A", day(-20), 1_000_000), *f.coverage(CUSTOMER, day(-1)),
        ]).revision  # fmt: skip
        for house in self.houses:
            house["alice"].call("ListCustomers", min_revision=self.base)
        return self

    def revision(self):
        return max(house["operator"].call("GetIngestStatus").revision for house in self.houses)

    def logged(self, text):
        """How many servers say it."""
        return sum(text in house.daemon.log_text() for house in self.houses)

    def check(self, feeder):
        """Nothing acknowledged is lost, nothing counts twice, and all servers tell the same."""
        feeder.finish()
        count = len(feeder.acknowledged)
        # Each has a revision of its own and there is none between them: what is written twice has two.
        revisions = sorted(feeder.acknowledged.values())
        assert revisions == list(range(self.base + 1, self.base + 1 + count)), f"{count} from {self.base}: {revisions}"
        assert self.revision() == self.base + count, f"{self.revision()} is not {self.base} + {count}"
        first = None
        for house in self.houses:
            figures = told(house, self.base + count)
            first = first or figures
            product = figures["GetCustomerInsights"].insights.products[0]
            people = (product.licenses.assigned, product.usage.active_users, len(figures["ListLicensedUsers"]))
            assert people == (count, count, count), f"{people} of {count}"
            assert figures == first, "two servers do not tell the same"
        receipts = {}
        numbers = sorted(feeder.acknowledged)
        for start in range(0, count, 1_000):
            again = self.houses[-1]["operator"].ingest(map(feeder.batch, numbers[start : start + 1_000]))
            receipts |= {int(receipt.batch_id[1:]): receipt.revision for receipt in again if receipt.duplicate}
        assert receipts == feeder.acknowledged, set(feeder.acknowledged.items()) ^ set(receipts.items())


def told(house, revision=0):
    """Everything that a partner sees, as of a revision at least."""
    alice = house["alice"]
    return {
        "GetCustomerInsights": alice.call("GetCustomerInsights", customer_id=CUSTOMER, min_revision=revision),
        "GetPortfolioInsights": alice.call("GetPortfolioInsights", min_revision=revision),
        "ListCustomers": alice.call("ListCustomers", min_revision=revision),
        "GetTrend": alice.call("GetTrend", start_date=str(day(-20)), end_date=str(day(-1)), min_revision=revision),
        "ListSubscriptions": house["carol"].call("ListSubscriptions", customer_id=CUSTOMER, min_revision=revision),
        "ListPrincipals": alice.call("ListPrincipals"),
        "ListLicensedUsers": every_user(house, revision),
    }


def every_user(house, revision):
    users, token = [], ""
    while True:
        page = house["bob"].call(
            "ListLicensedUsers", customer_id=CUSTOMER, min_revision=revision, page_size=1000, page_token=token
        )
        users += page.users
        token = page.next_page_token
        if not token:
            return users


class Feeder:
    """A stream into each server, each batch one more person at work. What was sent and not acknowledged is sent again,
    through whichever server comes first, until it is."""

    # Batches of one stream that were sent and not answered.
    UNDER_WAY = 8

    def __init__(self, cluster, most=None):
        """`most` bounds how many batches a second there are, so that tests of many rounds do not grow large."""
        self.cluster = cluster
        self.acknowledged = {}
        # By server: what its streams ended with while nobody had said that it is away.
        self.errors = {house: [] for house in cluster.houses}
        self.ended = {house: 0 for house in cluster.houses}
        self.surprises = []
        self._away = set()
        self._waiting = queue.SimpleQueue()
        self._made = 0
        self._pause = 1 / most if most else 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = []

    def batch(self, number):
        api, f = self.cluster.houses[0].api, self.cluster.houses[0].facts
        user = f"user{number:06}"
        facts = [f.assignment(CUSTOMER, user, "E3", day(-9)), f.activity(CUSTOMER, user, "SPO", day(-3))]
        return api.IngestRequest(batch_id=f"b{number}", facts=facts)

    def start(self):
        for house in self.cluster.houses:
            thread = threading.Thread(target=self._feed, args=(house,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    @contextmanager
    def without(self, *houses):
        """Who is away meanwhile is expected to fail."""
        self._away |= set(houses)
        yield
        self._away -= set(houses)

    def finish(self):
        """Until everything sent is acknowledged, and every thread is over."""
        self._over.set()
        for thread in self._threads:
            thread.join(2 * WAIT_SECONDS)
            assert not thread.is_alive(), "a stream never ended"
        self._threads = []
        assert not self.surprises, self.surprises
        assert self._waiting.empty(), "what was sent is acknowledged by now"

    def wait_for(self, count, house=None):
        """Until so many more are acknowledged, by that server."""
        counted = (lambda: self.ended[house]) if house else (lambda: len(self.acknowledged))
        before = counted()
        until(lambda: self.surprises or counted() >= before + count, "acknowledgements")
        assert not self.surprises, self.surprises

    def _next(self):
        """The number of a batch that is to be sent; nil once there is none."""
        with suppress(queue.Empty):
            return self._waiting.get_nowait()
        if self._over.is_set():
            return None
        time.sleep(self._pause)
        with self._lock:
            self._made += 1
            return self._made

    def _feed(self, house):
        try:
            while not (self._over.is_set() and self._waiting.empty()):
                if not self._stream(house):
                    time.sleep(0.1)
        except Exception as surprise:  # noqa: BLE001 - told by whoever waits for the feeder
            self.surprises.append(repr(surprise))

    def _stream(self, house):
        """One stream until it ends; whether it ended well. A client of its own: the server may have another address
        than before."""
        sent = {}
        free = threading.Semaphore(self.UNDER_WAY)
        over = threading.Event()

        def requests():
            while free.acquire() and not over.is_set():
                number = self._next()
                if number is None:
                    return
                with self._lock:
                    if over.is_set():
                        self._waiting.put(number)
                        return
                    sent[number] = self.batch(number)
                yield sent[number]

        try:
            with house.client(house.certificates.operator) as client:
                method = client.api.methods["Ingest"]
                call = client._callable(method, method.request.SerializeToString, method.response.FromString)
                for receipt in call(requests(), timeout=STREAM_SECONDS):
                    sent.pop(self._record(house, receipt))
                    free.release()
            return True
        except grpc.RpcError as error:
            if house not in self._away:
                self.errors[house].append(str(Refusal.of(error)))
            # Without room only who is expected to fail may be.
            expected = {"UNAVAILABLE", "CANCELLED"} | ({"RESOURCE_EXHAUSTED"} if house in self._away else set())
            if error.code().name not in expected:
                self.surprises.append(str(error))
            return False
        finally:
            with self._lock:
                over.set()
                for number in sent:
                    self._waiting.put(number)
            free.release()

    def _record(self, house, receipt):
        assert not receipt.HasField("status"), receipt
        number = int(receipt.batch_id[1:])
        with self._lock:
            known = self.acknowledged.setdefault(number, receipt.revision)
        assert known == receipt.revision, f"batch {number} was revision {known}, now {receipt.revision}"
        self.ended[house] += 1
        return number


class Readers:
    """Somebody at each server who reads all the time."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.errors = {house: [] for house in cluster.houses}
        self.calls = {house: 0 for house in cluster.houses}
        self._away = set()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(house,), daemon=True) for house in cluster.houses]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    without = Feeder.without

    def finish(self):
        self._over.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive(), "a read never ended"

    def wait_for(self, count):
        """Until every server has answered so many more."""
        before = dict(self.calls)
        until(lambda: all(self.calls[house] >= before[house] + count for house in before), "answers")

    def _read(self, house):
        client, last = None, 0
        while not self._over.is_set():
            client = client or house.client(house.certificates.alice)
            try:
                revision = client.call("GetCustomerInsights", customer_id=CUSTOMER).revision
                if revision < last:
                    self.errors[house].append(f"revision {revision} after {last}")
                last = revision
                self.calls[house] += 1
            except grpc.RpcError as error:
                if house not in self._away:
                    self.errors[house].append(str(Refusal.of(error)))
                # Started anew it has another address.
                client.close()
                client, last = None, 0
                time.sleep(0.05)
            time.sleep(0.005)
        if client:
            client.close()


@contextmanager
def own_postgres():
    """One that a test may break."""
    try:
        postgres = Postgres()
    except FileNotFoundError:
        pytest.skip(MISSING)
    try:
        yield postgres
    finally:
        postgres.close()


def shared_postgres():
    """The one of all tests, which is not to be broken."""
    postgres = Postgres.shared()
    if postgres is None:
        pytest.skip(MISSING)
    return postgres
