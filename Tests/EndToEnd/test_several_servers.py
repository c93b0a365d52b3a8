"""Two servers on one store in PostgreSQL."""

import time

import grpc
import pytest
from daemon import run_insightsd
from facts import day
from postgres import Postgres

# Bound against waiting for ever, in seconds.
WAIT_SECONDS = 60
STALE_SECONDS = 5


@pytest.fixture
def new_pair(new_house, tmp_path):
    """Two servers that are not started yet, with the same keys."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)

    def make(postgres):
        words = ["--store", postgres.store(run_insightsd), "--keys", keys, "--stale-reads", STALE_SECONDS]
        return [new_house(*words, name=name) for name in ("one", "other")]

    return make


@pytest.fixture
def pair(new_pair, shared_postgres):
    one, other = new_pair(shared_postgres)
    return one.start().register(), other.start()


def feed(house, *names):
    f = house.facts
    revision = 0
    for name in names:
        revision = house["operator"].feed([
            f.sku("E3", workloads=["EXO"]), f.relationship("A", name, day(-90)), f.customer(name, name),
            f.subscription(f"s-{name}", name, "E3", "A", day(-50), 5), *f.coverage(name, day(-1)),
            f.user(name, f"user@{name}", "Somebody"), f.assignment(name, f"user@{name}", "E3", day(-40)),
        ]).revision  # fmt: skip
    return revision


def names(house, revision=0):
    return {row.name for row in house["alice"].call("ListCustomers", min_revision=revision).customers}


def until(happens):
    end = time.monotonic() + WAIT_SECONDS
    while not happens():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def is_refused(house):
    """UNAVAILABLE for the age of what it knows."""
    try:
        names(house)
        return False
    except grpc.RpcError as error:
        assert error.code().name == "UNAVAILABLE", error
        return True


def test_what_one_writes_the_other_answers(pair):
    one, other = pair
    assert names(other, feed(one, "c1")) == {"c1"}
    assert names(one, feed(other, "c2")) == {"c1", "c2"}
    f = one.facts
    facts = [f.relationship("A", "c3", day(-30)), f.customer("c3", "c3")]
    first = one["operator"].feed(facts, batch_id="same")
    again = other["operator"].feed(facts, batch_id="same")
    assert again.duplicate and again.revision == first.revision


def test_a_change_of_access_is_in_force_everywhere_when_it_is_answered(pair):
    one, other = pair
    for disabled in (True, False, True):
        reply = one["alice"].call("UpdatePrincipal", principal=dict(principal_id="bob", roles=[2], disabled=disabled))
        assert reply.servers_pending == 0
        if disabled:
            assert other["bob"].refused("ListCustomers").code == "UNAUTHENTICATED"
        else:
            other["bob"].call("ListCustomers")


def test_an_erased_person_is_gone_everywhere_when_it_is_answered(pair):
    one, other = pair
    revision = feed(one, "c1")
    before = other["bob"].call("ListLicensedUsers", customer_id="c1", min_revision=revision)
    assert "user@c1" in str(before)
    assert one["operator"].call("EraseUser", customer_id="c1", user_id="user@c1").servers_pending == 0
    assert "user@c1" not in str(other["bob"].call("ListLicensedUsers", customer_id="c1"))
    assert other["operator"].refused("EraseUser", customer_id="c1", user_id="user@c1").code == "NOT_FOUND"


def test_one_goes_on_when_the_other_is_gone(pair):
    one, other = pair
    feed(one, "c1")
    one.daemon.kill()
    revision = feed(other, "c2")
    assert names(other) == {"c1", "c2"}
    one.restart()
    assert names(one, revision) == {"c1", "c2"}
    assert names(other, feed(one, "c3")) == {"c1", "c2", "c3"}
    for house in (one, other):
        assert house.daemon.stop() == 0


def test_without_the_database_reads_go_on_until_they_are_too_old(new_pair):
    postgres = Postgres()
    try:
        one, other = (house.start() for house in new_pair(postgres))
        one.register()
        revision = feed(one, "c1")
        assert names(other, revision) == {"c1"}
        postgres.order("stop")
        for house in (one, other):
            assert names(house) == {"c1"}
            with pytest.raises(grpc.RpcError) as failure:
                feed(house, "c2")
            assert failure.value.code().name == "UNAVAILABLE"
        until(lambda: is_refused(one) and is_refused(other))
        postgres.order("start")
        until(lambda: not is_refused(one) and not is_refused(other))
        assert names(other, feed(one, "c3")) >= {"c1", "c3"}
    finally:
        postgres.close()


def test_servers_with_other_keys_are_refused(new_house, shared_postgres):
    store = shared_postgres.store(run_insightsd)
    new_house("--store", store, name="one").start()
    code, error = new_house("--store", store, name="other").daemon.start_refused()
    assert code == 1 and "page-token.key" in error
