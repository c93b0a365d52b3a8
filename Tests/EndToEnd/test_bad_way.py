"""A bad way between one of two servers and PostgreSQL, under writes through both: calls are answered, or refused with
UNAVAILABLE and sent again; nothing is done twice, and no connection is left."""

import time

import pytest
from fault_cluster import Cluster, Feeder, Readers, shared_postgres, until
from relay import Way

# What a server needs: for turns, for reads, to listen, and two for the audit trail.
CONNECTIONS = 5


@pytest.fixture(scope="module")
def postgres():
    return shared_postgres()


@pytest.fixture
def way(postgres):
    way = Way(("127.0.0.1", postgres.port))
    yield way
    way.close()


@pytest.fixture
def cluster(new_house, tmp_path, postgres, way):
    """The first of the two servers is the one with the bad way."""
    cluster = Cluster(new_house, tmp_path, postgres, count=2)
    options = cluster.houses[0].daemon.options
    place = options.index("--store") + 1
    near, far = f"host={postgres.folder} port={postgres.port}", f"host=127.0.0.1 port={way.port}"
    assert near in options[place]
    options[place] = options[place].replace(near, far)
    return cluster.start()


def backends(cluster):
    """Connections that PostgreSQL has of the servers."""
    database = cluster.store.split("dbname=")[1].split()[0]
    return int(cluster.postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"))


def check(cluster, way, feeder, readers):
    """When the way is good again."""
    one, other = cluster.houses
    way.be("open")
    feeder.wait_for(10, one)
    readers.wait_for(2)
    cluster.check(feeder)
    readers.finish()
    assert not feeder.errors[other] and not any(readers.errors.values()), (feeder.errors, readers.errors)
    until(lambda: way.connections <= CONNECTIONS, "the end of lost connections")
    until(lambda: backends(cluster) <= 2 * CONNECTIONS, "the end of what PostgreSQL has of them")
    assert not cluster.logged("history diverged")


@pytest.mark.parametrize("state", ["slow", "byte"])
def test_a_slow_way_only_takes_longer(cluster, way, state):
    feeder, readers = Feeder(cluster).start(), Readers(cluster).start()
    feeder.wait_for(5)
    way.be(state)
    feeder.wait_for(10, cluster.houses[0])
    feeder.wait_for(10, cluster.houses[1])
    check(cluster, way, feeder, readers)
    assert not feeder.errors[cluster.houses[0]]


def test_a_way_that_is_cut_again_and_again(cluster, way):
    feeder, readers = Feeder(cluster).start(), Readers(cluster).start()
    for seconds in (0, 0.05, 1, 0, 0.05):
        feeder.wait_for(3, cluster.houses[0])
        way.be("cut")
        time.sleep(seconds)
        way.be("open")
    check(cluster, way, feeder, readers)


def test_a_way_that_carries_nothing_any_more(cluster, way):
    """Until the server gives up on an answer; the other one is held up no longer than a lock may be held."""
    one, other = cluster.houses
    feeder, readers = Feeder(cluster).start(), Readers(cluster).start()
    feeder.wait_for(5, one)
    with feeder.without(other):
        way.be("half-open")
        feeder.wait_for(5, other)
        feeder.wait_for(5, one)
    check(cluster, way, feeder, readers)
