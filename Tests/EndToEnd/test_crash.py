"""kill -9 at random moments while batches stream in: nothing acknowledged is lost, nothing counts twice."""

import random
import threading
import time

import grpc
from facts import day

KILLS = 50
# Batches sent and not answered.
UNDER_WAY = 32
CUSTOMER = "C"


class Feeder:
    """Streams batches and keeps a ledger of what was acknowledged. Every batch is one more person at work."""

    def __init__(self, house):
        self.house = house
        self.sent = {}
        self.acknowledged = {}

    def batch(self, number):
        f = self.house.facts
        user = f"user{number:05}"
        facts = [f.assignment(CUSTOMER, user, "E3", day(-9)), f.activity(CUSTOMER, user, "SPO", day(-3))]
        return self.house.api.IngestRequest(batch_id=f"b{number}", facts=facts)

    def record(self, receipt):
        assert not receipt.HasField("status"), receipt
        number = int(receipt.batch_id[1:])
        known = self.acknowledged.setdefault(number, receipt.revision)
        assert known == receipt.revision, f"batch {number} was revision {known}, now {receipt.revision}"

    def stream_until_killed(self, moment):
        """Endless batches; the server is killed at the moment given."""

        free = threading.Semaphore(UNDER_WAY)
        over = threading.Event()

        def requests():
            while free.acquire() and not over.is_set():
                number = len(self.sent)
                self.sent[number] = self.batch(number)
                yield self.sent[number]

        client = self.house["operator"]
        method = self.house.api.methods["Ingest"]
        call = client._callable(method, method.request.SerializeToString, method.response.FromString)
        receipts = call(requests(), timeout=60)
        killed = False
        try:
            for receipt in receipts:
                self.record(receipt)
                free.release()
                if not killed and time.monotonic() >= moment:
                    self.house.daemon.kill()
                    killed = True
        except grpc.RpcError as error:
            assert killed and error.code() == grpc.StatusCode.UNAVAILABLE, error
        finally:
            over.set()
            free.release()
        assert killed

    def check_after_restart(self, window=4 * UNDER_WAY):
        """What was acknowledged is there under its revision; what was sent without an answer counts once."""
        revision = self.house["operator"].call("GetIngestStatus").revision
        assert revision >= max(self.acknowledged.values(), default=0)
        last = range(max(0, len(self.sent) - window), len(self.sent))
        expected = {number for number in last if number in self.acknowledged}
        for receipt in self.house["operator"].ingest([self.sent[number] for number in last]):
            number = int(receipt.batch_id[1:])
            if number in expected:
                assert receipt.duplicate, f"batch {number} was acknowledged and is lost"
            self.record(receipt)


def test_kill_9_while_batches_stream_in(new_house):
    house = new_house().start().register()
    f = house.facts
    base = house["operator"].feed(
        [
            f.sku("E3", workloads=["SPO"]), f.customer(CUSTOMER), f.relationship("A", CUSTOMER, day(-30)),
            f.subscription("s", CUSTOMER, "E3", "A", day(-20), 100_000), *f.coverage(CUSTOMER, day(-1)),
        ]
    ).revision  # fmt: skip
    feeder = Feeder(house)
    dice = random.Random(20)
    for _ in range(KILLS):
        feeder.stream_until_killed(time.monotonic() + dice.uniform(0, 0.15))
        house.restart()
        feeder.check_after_restart()
    feeder.check_after_restart(window=len(feeder.sent))
    # Every batch sent is acknowledged by now, each with a revision of its own, none between them.
    assert sorted(feeder.acknowledged) == sorted(feeder.sent)
    count = len(feeder.sent)
    assert sorted(feeder.acknowledged.values()) == list(range(base + 1, base + 1 + count))
    assert house["operator"].call("GetIngestStatus").revision == base + count
    product = house["alice"].call("GetCustomerInsights", customer_id=CUSTOMER).insights.products[0]
    assert product.licenses.assigned == product.usage.active_users == count
    assert house.daemon.stop() == 0
