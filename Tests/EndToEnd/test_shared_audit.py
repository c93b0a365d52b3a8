"""The audit trail of servers that share a store: one trail over all chains, its verification, what a killed one leaves."""

import threading

import pytest
from daemon import run_insightsd
from test_credentials_streams import OpenIngest

WAIT_SECONDS = 60


@pytest.fixture
def pair(new_house, tmp_path, shared_postgres):
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    store = shared_postgres.store(run_insightsd)
    one, other = [
        new_house("--store", store, "--keys", keys, name=name).start() for name in ("one", "other")
    ]  # fmt: skip
    one.register()
    return one, other, store, keys


def verify(store, keys):
    return run_insightsd("verify-audit", "--store", store, "--keys", keys)


def shown(house, who="alice"):
    """Newest last."""
    events, token = [], ""
    while True:
        page = house[who].call("ListAuditEvents", page_size=2, page_token=token)
        events += page.events
        token = page.next_page_token
        if not token:
            assert page.total_size == len(events)
            return [(e.principal_id, e.method.split("/")[-1], e.decision, e.code) for e in reversed(events)]


def test_one_trail_over_all_servers(pair):
    one, other, store, keys = pair
    names = [f"p{number}" for number in range(4)]
    for server, name in zip([one, other] * 2, names):
        server["alice"].call("CreatePrincipal", principal=dict(principal_id=name, roles=[3]))
    assert other["carol"].refused("ListLicensedUsers", customer_id="C").code == "PERMISSION_DENIED"
    created = ("alice", "CreatePrincipal", 1, 0)
    for server in (one, other):
        # The denied call is written within a tenth of a second, or by whoever reads on its server.
        shown(other)
        trail = shown(server)
        assert trail.count(created) == len(one.ROLES) + 4
        assert ("carol", "ListLicensedUsers", 2, 7) in trail
    done = verify(store, keys)
    assert done.returncode == 0, done.stderr
    assert "all intact, in 2 chains" in done.stdout
    # Another partner's people see nothing of it.
    assert {event[0] for event in shown(one, "dave")} == {"feeder"}
    # The folder of a server has no trail of its own.
    assert not list((one.daemon.folder / "data").glob("audit*.jsonl"))


def test_what_was_changed_in_the_tables_is_found(pair, shared_postgres):
    one, other, store, keys = pair
    for number, server in enumerate([one, other] * 2):
        server["alice"].call("CreatePrincipal", principal=dict(principal_id=f"p{number}", roles=[3]))
    database = store.partition("dbname=")[2].split()[0]
    chain, sequence = shared_postgres.sql(
        "SELECT server, sequence FROM insights.audit ORDER BY server DESC, sequence LIMIT 1", database
    ).split("|")
    shared_postgres.sql(
        "UPDATE insights.audit SET line = replace(line, '\"code\":0', '\"code\":5') "
        f"WHERE server = {chain} AND sequence = {sequence}", database
    )  # fmt: skip
    done = verify(store, keys)
    assert done.returncode == 1
    assert f"audit chain {chain}: record {sequence} is not what was written" in done.stderr
    # A server can only add to it.
    done = shared_postgres.try_sql("DELETE FROM insights.audit", database, "one_server")
    assert "permission denied" in done.stderr
    done = run_insightsd("archive-audit", one.daemon.folder, "--store", store)
    assert done.returncode == 1 and "stays there" in done.stderr
    done = run_insightsd("verify-audit", "--store", store, "--data", other.daemon.folder)
    assert done.returncode == 1 and "there is no audit.key" in done.stderr


def test_a_killed_server_leaves_a_record(pair):
    """A stream of batches that was open has one, with an unknown outcome, when a server has the chain again."""
    one, other, store, keys = pair
    OpenIngest(one, one.certificates.operator)
    assert "1 changes noted, not on record yet" in verify(store, keys).stdout
    one.daemon.kill()
    one.start()
    done = verify(store, keys)
    assert done.returncode == 0 and "not on record" not in done.stdout, done.stdout + done.stderr


def test_changes_of_many_callers_at_once(pair):
    """Groups on both servers: every change has one record."""
    one, other, store, keys = pair
    threads = []
    for number in range(40):
        server = (one, other)[number % 2]
        threads.append(
            threading.Thread(
                target=server["alice"].call, args=("CreatePrincipal",),
                kwargs=dict(principal=dict(principal_id=f"many-{number}", roles=[3])),
            )
        )  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert shown(one).count(("alice", "CreatePrincipal", 1, 0)) == len(one.ROLES) + 40
    assert verify(store, keys).returncode == 0
