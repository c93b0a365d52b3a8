"""PostgreSQL's primary is killed and its synchronous standby promoted, under writes and reads on three servers.

    INSIGHTS_FAILOVERS=N    failovers of the long run (50)
"""

import os
import threading
import time

import grpc
import pytest
from daemon import run_insightsd
from fault_cluster import CUSTOMER, Cluster, Feeder, Readers, own_postgres, until

FAILOVERS = 2
MANY_FAILOVERS = int(os.environ.get("INSIGHTS_FAILOVERS", 50))


@pytest.fixture
def cluster(new_house, tmp_path):
    """Three servers that know where the primary is and where it may be."""
    with own_postgres() as postgres:
        store = postgres.store(run_insightsd)
        postgres.make_standby()
        yield Cluster(new_house, tmp_path, postgres, store=postgres.name_of_both(store)).start()


def test_a_failover_loses_nothing_that_was_acknowledged(cluster):
    fail_over(cluster, FAILOVERS)


@pytest.mark.long
def test_many_failovers(cluster):
    fail_over(cluster, MANY_FAILOVERS, most=20)


def fail_over(cluster, times, most=None):
    postgres = cluster.postgres
    feeder, readers = Feeder(cluster, most).start(), Readers(cluster).start()
    pauses = []
    for count in range(times):
        if count:
            postgres.make_standby()
        feeder.wait_for(20)
        with feeder.without(*cluster.houses):
            postgres.order("kill")
            # Nobody has noticed anything that reads.
            readers.wait_for(2)
            ordered = time.monotonic()
            postgres.promote()
            feeder.wait_for(1)
            pauses.append(time.monotonic() - ordered)
            for house in cluster.houses:
                feeder.wait_for(1, house)
        readers.wait_for(2)
        if count % 10 == 9:
            print(f"{count + 1} failovers, {len(feeder.acknowledged)} batches acknowledged")
    print(f"writing was back {max(pauses):.1f} s after the order to promote at the latest")
    cluster.check(feeder)
    readers.finish()
    assert not any(readers.errors.values()), readers.errors


class Write(threading.Thread):
    """A stream that is open already, into which one batch is sent later."""

    def __init__(self, house, name):
        super().__init__(daemon=True)
        self.house = house
        self.name_of_batch = name
        self.send = threading.Event()
        self.is_open = threading.Event()
        self.outcome = None

    def run(self):
        f = self.house.facts

        def requests():
            yield self.house.api.IngestRequest(batch_id=f"{self.name_of_batch}-before", facts=[f.customer(CUSTOMER)])
            self.send.wait()
            facts = [f.customer(self.name_of_batch, "Lost"), f.relationship("A", self.name_of_batch, "2024-01-01")]
            yield self.house.api.IngestRequest(batch_id=self.name_of_batch, facts=facts)

        with self.house.client(self.house.certificates.operator) as client:
            method = client.api.methods["Ingest"]
            call = client._callable(method, method.request.SerializeToString, method.response.FromString)
            try:
                for receipt in call(requests(), timeout=300):
                    if receipt.batch_id == self.name_of_batch:
                        self.outcome = receipt
                    self.is_open.set()
            except grpc.RpcError as error:
                self.outcome = error


def customers(house):
    return {row.customer_id for row in house["alice"].call("ListCustomers").customers}


WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = 'folder_1' AND wait_event = 'SyncRep'
"""
END = """
    SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = 'folder_1' AND wait_event = 'SyncRep'
"""


def test_what_only_the_primary_had_was_never_acknowledged_and_is_forgotten(cluster):
    postgres = cluster.postgres
    one, other, third = cluster.houses
    write = Write(one, "lost")
    write.start()
    assert write.is_open.wait(60)
    # The standby gets nothing any more.
    postgres.sql("ALTER SYSTEM SET primary_conninfo = ''", port=postgres.other_port)
    postgres.sql("SELECT pg_reload_conf()", port=postgres.other_port)
    until(lambda: postgres.sql("SELECT count(*) FROM pg_stat_replication") == "0", "the end of the link")
    write.send.set()
    until(lambda: postgres.sql(WAITING) != "0", "a commit that waits")
    assert "lost" not in customers(other) | customers(third), "nobody sees it while it waits"

    # By hand: now it stands on the primary, where everybody sees it, and nowhere else.
    until(lambda: postgres.sql(END) and "lost" in customers(other), "what only the primary has")
    assert write.outcome is None or isinstance(write.outcome, grpc.RpcError), "it is not acknowledged"
    postgres.order("kill")
    assert "lost" in customers(third), "reads go on"
    postgres.promote()
    write.join(120)
    is_acknowledged = not isinstance(write.outcome, grpc.RpcError)
    # Sent again by the server itself, if it found the new primary in time; else it is gone everywhere.
    until(lambda: all(("lost" in customers(house)) == is_acknowledged for house in cluster.houses), "one history")
    feeder = Feeder(cluster)
    cluster.base = cluster.revision()
    feeder.start().wait_for(20)
    cluster.check(feeder)
    assert cluster.logged("history diverged") >= 2
    assert all(customers(house) == customers(one) for house in cluster.houses)
