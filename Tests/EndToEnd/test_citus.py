"""Servers whose folded state is on the workers of a Citus. `test_postgres.py` and `test_several_servers.py` run on it
too where it is named."""

import grpc
import pytest
from daemon import run_insightsd
from facts import day
from postgres import CITUS, Postgres

pytestmark = pytest.mark.skipif(
    not CITUS, reason="INSIGHTS_TEST_CITUS names no coordinator of a Citus with workers to which nothing else belongs"
)


@pytest.fixture(scope="module")
def citus():
    return Postgres.shared()


def database(store):
    return store.split("dbname=")[1].split()[0]


def feed(house, count, person="user"):
    facts = house.facts
    for number in range(count):
        name = f"c{number}"
        house["operator"].feed(
            [
                facts.relationship("A", name, day(-30)),
                facts.customer(name, name),
                facts.user(name, f"{person}@{name}", "Somebody"),
                facts.activity(name, f"{person}@{name}", "TEAMS", day(-2), day(-1)),
            ]
        )


def figures(house, count):
    """Whatever the revision is."""
    replies = [house["alice"].call("GetCustomerInsights", customer_id=f"c{number}") for number in range(count)]
    for reply in replies:
        reply.revision = 0
    return [reply.SerializeToString(deterministic=True) for reply in replies]


def rows(citus, store):
    """Rows of folded state on each worker."""
    counted = """
        SELECT sum(result::int) FROM run_command_on_shards('insights.state', 'SELECT count(*) FROM %s')
        JOIN pg_dist_shard_placement USING (shardid) GROUP BY nodename, nodeport
    """
    return [int(count) for count in citus.sql(counted, database(store)).split()]


def test_state_is_folded_onto_workers_and_read_back(new_house, citus):
    store = citus.store(run_insightsd)
    house = new_house("--store", store).start().register()
    feed(house, 12)
    assert house.daemon.stop() == 0
    assert all(count > 0 for count in rows(citus, store)), "folded as the server stopped, onto every worker"
    house.restart()
    before = figures(house, 12)
    house["operator"].call("EraseUser", customer_id="c3", user_id="user@c3")
    after = figures(house, 12)
    assert after == before, "whoever is erased stays counted"
    house.daemon.kill()
    house.restart()
    assert figures(house, 12) == before
    owner = citus.name(database(store), "postgres")
    done = run_insightsd("maintain", "--store", owner)
    assert done.returncode == 0 and done.stdout == "rewrote 1 parts of the state\n", done
    assert "all intact" in run_insightsd("verify-store", "--data", house.daemon.data, "--store", store).stdout
    assert house.daemon.stop() == 0


def test_a_refused_worker_stops_folds_and_nothing_else(new_house, citus):
    store = citus.store(run_insightsd)
    house = new_house("--store", store).start().register()
    feed(house, 4)
    # As if they were down: nobody may connect to them.
    for worker in range(len(citus.workers)):
        citus.sql(f"ALTER DATABASE {database(store)} CONNECTION LIMIT 0", worker=worker)
        end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database(store)}'"
        citus.sql(end, worker=worker)
    try:
        feed(house, 8)
        before = figures(house, 8)
        # The bucket's rows cannot be written.
        with pytest.raises(grpc.RpcError) as failure:
            house["operator"].call("EraseUser", customer_id="c2", user_id="user@c2")
        assert failure.value.code().name == "UNAVAILABLE"
        assert figures(house, 8) == before
        feed(house, 8)
        house.daemon.stop()
    finally:
        for worker in range(len(citus.workers)):
            citus.sql(f"ALTER DATABASE {database(store)} CONNECTION LIMIT -1", worker=worker)
    house.restart()
    assert figures(house, 8) == before
    house["operator"].call("EraseUser", customer_id="c2", user_id="user@c2")
    assert figures(house, 8) == before
    assert house.daemon.stop() == 0
    assert sum(rows(citus, store)) > 0
    named = "SELECT sum(result::int) FROM run_command_on_shards('insights.state', "
    named += "$$SELECT count(*) FROM %s WHERE position('user@c2'::bytea IN content) > 0$$)"
    assert citus.sql(named, database(store)) == "0"
