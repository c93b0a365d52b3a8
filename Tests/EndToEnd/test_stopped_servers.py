"""A server is stopped (SIGSTOP) while it holds the right to write, and goes on later: others write meanwhile, and it
answers nothing that is older than `--stale-reads`."""

import os
import queue
import signal
import threading
import time

import grpc
import pytest
from fault_cluster import Cluster, shared_postgres, until
from relay import Way
from wire import Refusal

SHORT_SECONDS = 4
LONG_SECONDS = 120


@pytest.fixture(scope="module")
def postgres():
    return shared_postgres()


@pytest.fixture
def way(postgres):
    way = Way(("127.0.0.1", postgres.port))
    yield way
    way.close()


@pytest.fixture
def new_cluster(new_house, tmp_path, postgres, way):
    """The first server's answers from PostgreSQL come over a way where they can be held."""

    def make(stale_seconds):
        cluster = Cluster(new_house, tmp_path, postgres, "--stale-reads", stale_seconds, count=2)
        options = cluster.houses[0].daemon.options
        place = options.index("--store") + 1
        options[place] = options[place].replace(
            f"host={postgres.folder} port={postgres.port}", f"host=127.0.0.1 port={way.port}"
        )
        return cluster.start()

    return make


def customers(house):
    return {row.customer_id for row in house["alice"].call("ListCustomers").customers}


def facts_of(house, name):
    return [house.facts.customer(name, name), house.facts.relationship("A", name, "2024-01-01")]


class Call(threading.Thread):
    def __init__(self, body):
        super().__init__(daemon=True)
        self._body = body
        self.answer = None
        self.start()

    def run(self):
        try:
            self.answer = self._body()
        except grpc.RpcError as error:
            self.answer = Refusal.of(error)

    def wait(self):
        self.join(120)
        assert self.answer is not None, "it never ended"
        return self.answer


def holds_the_lock(cluster):
    """Whether somebody over TCP, which is the first server alone, has a transaction and does nothing with it."""
    database = cluster.store.split("dbname=")[1].split()[0]
    locks = cluster.postgres.sql(
        f"""
        SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
        WHERE a.datname = '{database}' AND a.client_addr IS NOT NULL AND a.state = 'idle in transaction'
            AND l.mode = 'RowShareLock' AND l.relation = 'insights.store'::regclass
        """,
        database,
    )
    return locks != "0"


class OpenStream:
    """An ingest stream that is on record already: a batch over it needs nothing but the log."""

    def __init__(self, house, name):
        self._batches = queue.Queue()
        self._request = house.api.IngestRequest
        client, method = house["operator"], house.api.methods["Ingest"]
        call = client._callable(method, method.request.SerializeToString, method.response.FromString)
        self._answers = call(iter(self._batches.get, None), timeout=300)
        self.send(facts_of(house, name), name)

    def send(self, facts, name):
        self._batches.put(self._request(batch_id=name, facts=facts))
        return next(self._answers)


def stop_with_the_lock(cluster, way):
    """Returns a call of the stopped server's that has not been answered."""
    one = cluster.houses[0]
    for number in range(20):
        stream = OpenStream(one, f"open-{number}")
        way.be("held")
        call = Call(lambda: stream.send(facts_of(one, f"held-{number}"), f"held-{number}"))
        until(lambda: holds_the_lock(cluster) or call.answer, "the lock")
        os.kill(one.daemon.pid, signal.SIGSTOP)
        way.be("open")
        # On a slow machine the lock may have been taken away from it in time.
        if holds_the_lock(cluster):
            return call
        os.kill(one.daemon.pid, signal.SIGCONT)
        call.wait()
    raise AssertionError("it never held the lock while it was stopped")


def write(house, name):
    """Until it is acknowledged: while the lock is held, the turn may be refused."""

    def is_written():
        try:
            return house["operator"].feed(facts_of(house, name), name).revision
        except grpc.RpcError as error:
            assert error.code().name == "UNAVAILABLE", error
            return None

    return until(is_written, "others' write")


def disable_bob(house):
    return house["alice"].call("UpdatePrincipal", principal=dict(principal_id="bob", roles=[2], disabled=True))


@pytest.fixture
def going_on():
    """Stopped processes are killed like others, but not asked to end."""
    houses = []
    yield houses
    for house in houses:
        os.kill(house.daemon.pid, signal.SIGCONT)


def test_a_server_that_was_stopped_for_long_answers_nothing_old(new_cluster, way, going_on):
    cluster = new_cluster(SHORT_SECONDS)
    one, other = cluster.houses
    going_on.append(one)
    assert customers(one) == {"C"}
    held = stop_with_the_lock(cluster, way)
    revision = write(other, "meanwhile")
    # Anything that lacks it is older than the bound from now on.
    time.sleep(SHORT_SECONDS + 1)
    # Wait for the process in its sockets, and are the first that it sees.
    early = [Call(lambda: customers(one)) for _ in range(20)]
    time.sleep(0.5)
    os.kill(one.daemon.pid, signal.SIGCONT)
    for call in early:
        answer = call.wait()
        if isinstance(answer, Refusal):
            assert (answer.code, answer.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE"), answer
        else:
            assert "meanwhile" in answer
    until(lambda: isinstance(Call(lambda: customers(one)).wait(), set), "answers")
    check_afterwards(cluster, held, revision)


def test_a_server_that_was_stopped_for_a_moment_goes_on(new_cluster, way, going_on):
    cluster = new_cluster(LONG_SECONDS)
    one, other = cluster.houses
    going_on.append(one)
    assert customers(one) == {"C"}
    held = stop_with_the_lock(cluster, way)
    revision = write(other, "meanwhile")
    assert disable_bob(other).servers_pending == 1, "who is stopped is counted, and not waited for for long"
    early = [Call(lambda: customers(one)) for _ in range(20)]
    time.sleep(0.5)
    os.kill(one.daemon.pid, signal.SIGCONT)
    assert all("C" in call.wait() for call in early), "what it has is young enough"
    until(lambda: disable_bob(other).servers_pending == 0, "its confirmation")
    assert one["bob"].refused("ListCustomers").code == "UNAUTHENTICATED"
    check_afterwards(cluster, held, revision)


def check_afterwards(cluster, held, revision):
    """The stopped server's own batch is there once or not at all, as its caller was told; both tell the same."""
    one, other = cluster.houses
    answer = held.wait()
    until(lambda: one["operator"].call("GetIngestStatus").revision >= revision, "what was written meanwhile")
    last = write(one, "afterwards")
    for house in cluster.houses:
        house["alice"].call("ListCustomers", min_revision=last)
    assert customers(one) == customers(other) >= {"C", "meanwhile", "afterwards"}
    if isinstance(answer, Refusal):
        assert answer.code == "UNAVAILABLE", answer
    else:
        assert answer.batch_id in customers(other)
    assert not cluster.logged("history diverged")
