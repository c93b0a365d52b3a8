"""One server with its store in PostgreSQL: everything that a server of the embedded store does, and the commands."""

import json

import grpc
import pytest
from daemon import run_insightsd
from facts import day
from postgres import CITUS, Postgres

PASSWORD = "a very secret word"


@pytest.fixture(scope="module")
def postgres():
    postgres = Postgres.shared()
    if postgres is None:
        pytest.skip("there is no PostgreSQL: Tests/install.sh test")
    return postgres


@pytest.fixture
def store(postgres):
    return postgres.store(run_insightsd)


@pytest.fixture
def new_server(new_house, store):
    return lambda *options, **other: new_house("--store", store, *options, **other)


def database(store):
    return store.split("dbname=")[1].split()[0]


def feed(house, *names):
    facts = house.facts
    for name in names:
        house["operator"].feed(
            [
                facts.relationship("A", name, day(-30)),
                facts.customer(name, name.title()),
                facts.user(name, f"user@{name}", "Somebody"),
                facts.activity(name, f"user@{name}", "TEAMS", day(-2), day(-1)),
            ]
        )


def told(house):
    """What a partner sees of everything."""
    customers = house["alice"].call("ListCustomers").customers
    figures = [
        house["alice"].call("GetCustomerInsights", customer_id=row.customer_id).SerializeToString(deterministic=True)
        for row in customers
    ]
    principals = house["alice"].call("ListPrincipals").principals
    return [row.name for row in customers], figures, [row.principal_id for row in principals]


def refused(house):
    code, error = house.daemon.start_refused()
    complaints = [line for line in error.splitlines() if not line.startswith("{")]
    assert code == 1 and len(complaints) == 1, error
    return complaints[0]


def succeeds(*arguments):
    done = run_insightsd(*arguments)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def fails(*arguments):
    done = run_insightsd(*arguments)
    assert done.returncode != 0 and not done.stdout and done.stderr.count("\n") == 1, done
    return done.stderr


def test_a_server_serves_and_comes_back(new_server, store):
    house = new_server().start().register()
    feed(house, "one", "two")
    before = told(house)
    assert before[0] == ["One", "Two"]
    for kill in (True, False, True):
        if kill:
            house.daemon.kill()
        else:
            assert house.daemon.stop() == 0
        house.restart()
        assert told(house) == before
    house["operator"].call("EraseUser", customer_id="one", user_id="user@one")
    changed = told(house)
    house["alice"].call("DeletePrincipal", principal_id="bob")
    house.daemon.kill()
    house.restart()
    after = told(house)
    assert after[:2] == changed[:2] and "bob" not in after[2]
    report = succeeds("verify-store", "--data", house.daemon.data, "--store", store)
    assert "all intact" in report and "2 partners" in report, "also while serving"
    assert not any("store" in path.name and path.suffix == ".sqlite" for path in house.daemon.data.iterdir())


def test_a_server_goes_on_when_its_connections_end(new_server, postgres, store):
    house = new_server().start().register()
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    for name in ("one", "two", "three"):
        postgres.sql(cut + "pg_backend_pid()", database(store))
        feed(house, name)
    assert told(house)[0] == ["One", "Three", "Two"]
    assert house.daemon.stop() == 0


def test_the_database_goes_and_comes(new_server):
    """Reads go on meanwhile, and nothing that was acknowledged is lost."""
    postgres = Postgres()
    try:
        house = new_server()
        house.daemon.options[-1] = postgres.store(run_insightsd)
        house.start().register()
        feed(house, "one")
        postgres.order("stop")
        assert told(house)[0] == ["One"]
        with pytest.raises(grpc.RpcError) as failure:
            feed(house, "two")
        assert failure.value.code().name == "UNAVAILABLE"
        assert "postgres" not in failure.value.details() and postgres.folder not in failure.value.details()
        postgres.order("start")
        feed(house, "three")
        assert set(told(house)[0]) >= {"One", "Three"}
        before = told(house)
        house.daemon.kill()
        house.restart()
        assert told(house) == before
        assert house.daemon.stop() == 0
    finally:
        postgres.close()


def test_stores_that_are_refused(new_house, postgres, tmp_path):
    def start(store, *options):
        return refused(new_house("--store", store, *options, name=f"house-{len(list(tmp_path.iterdir()))}"))

    empty = postgres.name(postgres.database())
    assert start(empty) == "insightsd: there is no store in the database: run migrate first"
    assert "does not exist" in start(postgres.name("none"))
    store = postgres.store(run_insightsd)
    assert "no synchronous standby" in start(store, "--require-standby", "yes")
    assert "user or password was refused" in start(store.replace("one_server", "nobody"))
    postgres.sql("UPDATE insights.migration SET version = 2, oldest = 2", database(store))
    assert "newer version" in start(store)


def test_migrations(postgres):
    store = postgres.name(postgres.database(), "postgres")
    assert "was made, is version 1" in succeeds("migrate", "--store", store)
    assert "was version 1; format 1" in succeeds("migrate", "--store", store)
    assert "was version 1; format 1" in succeeds("migrate", "--finish", "--store", store)
    server = store.replace("user=postgres", "user=one_server")
    assert "may not become insights_owner" in fails("migrate", "--store", server)
    assert succeeds("maintain", "--store", store) == "nothing to do\n"
    assert "may not become insights_owner" in fails("maintain", "--store", server)
    assert "only a store in PostgreSQL" in fails("maintain")


def test_backups_and_copies_tell_the_same(new_server, new_house, postgres, store, tmp_path):
    house = new_server().start().register()
    feed(house, "one", "two")
    house["operator"].call("EraseUser", customer_id="one", user_id="user@one")
    feed(house, "three")
    before = told(house)
    backup = tmp_path / "backup.sqlite"
    assert succeeds("backup", backup, "--store", store) == f"copied postgres {store} to {backup}\n"
    assert "exists already" in fails("backup", backup, "--store", store)
    # While it is served from, a store is not moved.
    assert "in use" in fails("copy-store", store, f"sqlite:{tmp_path / 'moved'}", "--data", house.daemon.data)
    assert house.daemon.stop() == 0

    # Back to the embedded store, with the same data folder.
    moved = tmp_path / "moved.sqlite"
    assert "revision" in succeeds("copy-store", store, f"sqlite:{moved}", "--data", house.daemon.data)
    house.daemon.options = ["--store", f"sqlite:{moved}"]
    house.restart()
    assert told(house) == before
    feed(house, "four")
    before = told(house)
    assert house.daemon.stop() == 0
    assert "is missing" in fails("verify-store", "--data", house.daemon.data, "--store", store), "the old one is old"

    # And up again, into another database.
    assert "is not empty" in fails("copy-store", f"sqlite:{moved}", store, "--data", house.daemon.data)
    again = postgres.store(run_insightsd)
    assert "revision" in succeeds("copy-store", f"sqlite:{moved}", again, "--data", house.daemon.data)
    house.daemon.options = ["--store", again]
    house.restart()
    assert told(house) == before
    feed(house, "five")
    assert told(house)[0] == ["Five", "Four", "One", "Three", "Two"]
    assert house.daemon.stop() == 0
    assert "all intact" in succeeds("verify-store", "--data", house.daemon.data, "--store", again)

    # The backup by itself, in a folder that knows of nothing.
    restored = new_house("--store", f"sqlite:{backup}", name="restored")
    restored.start()
    assert told(restored)[0] == ["One", "Three", "Two"]


def test_a_repeated_batch_is_known_after_a_copy(new_server, store, tmp_path):
    house = new_server().start().register()
    facts = [house.facts.relationship("A", "one", day(-30)), house.facts.customer("one", "One")]
    first = house["operator"].feed(facts, batch_id="first")
    assert house.daemon.stop() == 0
    moved = f"sqlite:{tmp_path / 'moved.sqlite'}"
    succeeds("copy-store", store, moved, "--data", house.daemon.data)
    house.daemon.options = ["--store", moved]
    house.restart()
    again = house["operator"].feed(facts, batch_id="first")
    assert again.duplicate and again.revision == first.revision


@pytest.mark.skipif(bool(CITUS), reason="a Citus that was there before asks for no password")
def test_passwords_are_told_to_nobody(new_house, postgres, tmp_path):
    postgres.sql(f"CREATE ROLE asked_for_password LOGIN PASSWORD '{PASSWORD}' IN ROLE insights_server")
    store = postgres.store(run_insightsd)
    name = f"postgres://asked_for_password@127.0.0.1:{postgres.port}/{database(store)}"
    with_password = name.replace("asked_for_password@", "asked_for_password:s3cret@")
    for command in (["migrate"], ["verify-store"], ["backup", tmp_path / "copy"]):
        error = run_insightsd(*command, "--store", with_password).stderr
        assert "s3cret" not in error and "would be seen by others" in error
    passfile = tmp_path / "passfile"
    passfile.write_text(f"*:*:*:asked_for_password:{PASSWORD}\n")
    passfile.chmod(0o600)
    house = new_house("--store", f"{name}?passfile={passfile}").start().register()
    feed(house, "one")
    assert house.daemon.stop() == 0
    text = house.daemon.log_text()
    assert PASSWORD not in text and str(passfile) not in text
    start = next(json.loads(line) for line in text.splitlines() if '"starting"' in line)
    assert "asked_for_password" in json.dumps(start)
    passfile.write_text("*:*:*:asked_for_password:another secret word\n")
    complaint = refused(house)
    assert "password was refused" in complaint and "secret" not in complaint
