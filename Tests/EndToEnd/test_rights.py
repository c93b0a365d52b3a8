"""Each right of a server in PostgreSQL is taken away in turn: the start or the call is refused, with one clear line,
and nothing is done by halves. And what a query for one partner sees when nobody said which."""

import subprocess

import grpc
import pytest
from daemon import run_insightsd
from fault_cluster import Cluster, shared_postgres, told, until
from postgres import SERVER
from wire import Refusal

TABLES = (
    "access_change", "audit", "audit_pending", "body", "bucket", "entry", "log_slot", "migration", "partner",
    "principal", "server", "state", "store",
)  # fmt: skip
# Rights by which nothing is done that a test of seconds comes to: folds, and what is kept for later versions.
UNUSED = {"UPDATE ON audit_pending", "DELETE ON state"}
# What has no right no server can start with: by what it says.
AT_THE_START = {
    "USAGE ON SCHEMA": "its user may not", "SELECT ON migration": "may not read the version of the schema",
    "SELECT ON store": "may not read the store", "SELECT ON entry": "may not read the log",
    "SELECT ON access_change": "may not read changes of access", "SELECT ON bucket": "may not read folded state",
    "SELECT ON state": "may not read folded state", "SELECT ON body": "may not read the log",
    "SELECT ON partner": "may not read who may call", "SELECT ON principal": "may not read who may call",
    "UPDATE (id, keys_check) ON store": "may not", "INSERT ON server": "may not register a server",
    "SELECT ON server": "may not", "SELECT ON audit": "may not read the audit trail",
    "SELECT ON audit_pending": "may not read the audit trail",
}  # fmt: skip
# What a server that runs already is refused: the call, and the words in its log.
AT_A_CALL = {
    "INSERT ON entry": ("feed", "may not write the log"), "INSERT ON body": ("feed", "may not write the log"),
    "UPDATE (id, keys_check) ON store": ("feed", "may not take its turn of writing"),
    "SELECT ON log_slot": ("feed", "may not read the log"), "SELECT ON entry": ("feed", "may not read the log"),
    "INSERT ON access_change": ("disable", "may not note changes of access"),
    "UPDATE ON principal": ("disable", "may not change who may call"),
    "INSERT ON principal": ("create", "may not change who may call"),
    "DELETE ON principal": ("delete", "may not change who may call"),
    "INSERT ON partner": ("partner", "may not change who may call"),
    "UPDATE ON partner": ("switch", "may not change who may call"),
    # First of the erasures: each takes another of the eight parts of the log, as long as there are any.
    "UPDATE ON log_slot": ("erase", "may not begin another part of the log"),
    "UPDATE ON body": ("erase", "may not rewrite the log"), "UPDATE ON bucket": ("erase", "may not fold the state"),
    "INSERT ON audit_pending": ("disable", "may not write the audit trail"),
    "INSERT ON state": ("erase", "may not fold the state"), "UPDATE ON state": ("erase", "may not fold the state"),
}  # fmt: skip
# What was noted and made is not refused any more: its record follows.
RECORDED = {"INSERT ON audit", "DELETE ON audit_pending"}
# Nothing is refused without it, but operators are told: others would take the server for dead.
TOLD = {"UPDATE ON server": "may not tell that it lives"}
# Leaving is not refused to anybody: who cannot say that it goes is taken for dead later.
QUIET = {"DELETE ON server"}


@pytest.fixture(scope="module")
def postgres():
    return shared_postgres()


@pytest.fixture
def cluster(new_house, tmp_path, postgres):
    """One server that runs."""
    return Cluster(new_house, tmp_path, postgres, count=1)


def database(cluster):
    return cluster.store.split("dbname=")[1].split()[0]


def sql(cluster, statement):
    return cluster.postgres.sql(statement, database(cluster))


def statement(word, right, joint):
    what, table = right.split(" ON ")
    place = "SCHEMA insights" if table == "SCHEMA" else f"insights.{table}"
    return f"{word} {what} ON {place} {joint} insights_server"


class Without:
    """The right is away meanwhile."""

    def __init__(self, cluster, right):
        self.cluster, self.right = cluster, right

    def __enter__(self):
        sql(self.cluster, statement("REVOKE", self.right, "FROM"))

    def __exit__(self, *_):
        sql(self.cluster, statement("GRANT", self.right, "TO"))


def granted(cluster):
    """Every right of the role, as the catalog has it; parts of a table are used by the table's own rights."""
    names = ", ".join(f"'{name}'" for name in TABLES)
    rights = sql(
        cluster,
        f"""
        SELECT privilege_type || ' ON ' || table_name FROM information_schema.role_table_grants
        WHERE grantee = 'insights_server' AND table_schema = 'insights' AND table_name IN ({names})
        """,
    ).splitlines()
    return {*rights, "USAGE ON SCHEMA", "UPDATE (id, keys_check) ON store"}


def test_every_right_is_tried(cluster):
    known = {*UNUSED, *AT_THE_START, *AT_A_CALL, *RECORDED, *TOLD, *QUIET}
    assert granted(cluster) == known


def test_without_a_right_to_read_no_server_starts(cluster):
    house = cluster.start().houses[0]
    before = told(house)
    assert house.daemon.stop() == 0
    house.forget_clients()
    for right, words in AT_THE_START.items():
        with Without(cluster, right):
            code, error = house.daemon.start_refused()
        complaints = [line for line in error.splitlines() if not line.startswith("{")]
        assert code == 1 and len(complaints) == 1 and words in complaints[0], (right, error)
    house.restart()
    assert told(house) == before


class Calls:
    """Each needs other rights. The same call again, once it was refused, does what it says."""

    def __init__(self, house):
        self.house = house
        self.count = 0
        self.first = None

    def prepare(self, kind):
        """What has to be there before the right is taken away."""
        self.count += 1
        self.first = f"{kind}-{self.count}"
        f, alice = self.house.facts, self.house["alice"]
        if kind in ("disable", "delete"):
            alice.call("CreatePrincipal", principal=dict(principal_id=self.first, roles=[2]))
        if kind == "erase":
            # Known in the folded state by an erasure before, so that its row is replaced.
            self.house["operator"].feed([f.user("C", f"{self.first}-before", "Somebody")])
            self.house["operator"].call("EraseUser", customer_id="C", user_id=f"{self.first}-before")
            self.house["operator"].feed([f.user("C", self.first, "Somebody")])

    def __call__(self, kind):
        f, alice, operator = self.house.facts, self.house["alice"], self.house["operator"]
        if kind == "feed":
            operator.feed([f.user("C", self.first, "Somebody")], batch_id=self.first)
        if kind == "disable":
            alice.call("UpdatePrincipal", principal=dict(principal_id=self.first, roles=[2], disabled=True))
        if kind == "create":
            alice.call("CreatePrincipal", principal=dict(principal_id=self.first, roles=[2]))
        if kind == "delete":
            alice.call("DeletePrincipal", principal_id=self.first)
        if kind == "partner":
            first = dict(principal_id="first", display_name="First")
            operator.call("CreatePartner", partner_id=self.first, name="Partner", principal=first)
        if kind == "switch":
            operator.call("UpdatePartner", partner_id="B", disabled=True)
        if kind == "erase":
            operator.call("EraseUser", customer_id="C", user_id=self.first)


def refused(body):
    try:
        body()
    except grpc.RpcError as error:
        return Refusal.of(error)
    return Refusal("OK", "")


def test_without_a_right_to_write_the_call_is_refused(cluster):
    house = cluster.start().houses[0]
    calls = Calls(house)
    for right, (kind, words) in AT_A_CALL.items():
        calls.prepare(kind)
        before = told(house)
        said = house.daemon.log_text().count(words)
        with Without(cluster, right):
            refusal = refused(lambda: calls(kind))
            reason = "AUDIT_UNAVAILABLE" if "audit" in right else "STORE_UNAVAILABLE"
            assert (refusal.code, refusal.reason) == ("UNAVAILABLE", reason), (right, refusal)
            assert "insights." not in refusal.message and "may not" not in refusal.message
            assert told(house) == before, "nothing of it is done, and reads go on"
            until(lambda: house.daemon.log_text().count(words) > said, f"{words} without {right}")
        calls(kind)
    after = told(house)
    house.daemon.kill()
    house.restart()
    assert told(house) == after


def test_records_that_cannot_be_written_follow(cluster):
    house = cluster.start().houses[0]
    alice = house["alice"]
    words = "may not write the audit trail"
    for number, right in enumerate(sorted(RECORDED)):
        said = house.daemon.log_text().count(words)
        recorded = alice.call("ListAuditEvents").total_size
        with Without(cluster, right):
            alice.call("CreatePrincipal", principal=dict(principal_id=f"made-{number}", roles=[2]))
            until(lambda: house.daemon.log_text().count(words) > said, f"{words} without {right}")
            assert alice.call("ListAuditEvents").total_size == recorded
        until(lambda: alice.call("ListAuditEvents").total_size == recorded + 1, f"the record, {right}")


def test_what_nobody_is_refused_for_is_told(cluster):
    house = cluster.start().houses[0]
    for right, words in TOLD.items():
        with Without(cluster, right):
            house.daemon.wait_for_log(words)
            told(house)
    for right in QUIET:
        with Without(cluster, right):
            assert house.daemon.stop() == 0
        house.restart()
        told(house)


def as_partner(cluster, query):
    """As a server asks for one partner: with its own login."""
    name = cluster.postgres.name(database(cluster), SERVER)
    done = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", query, name], capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.splitlines()[0]


def test_a_query_without_a_partner_sees_nothing(cluster):
    cluster.start()
    become = "SET ROLE insights_partner; "
    scope = "SELECT FROM set_config('insights.partner', '{}', false); "
    assert int(records := sql(cluster, "SELECT count(*) FROM insights.audit WHERE partner = 'A'")) > 0
    for table, rows in (("principal", "5"), ("audit", records)):
        count = f"SELECT count(*) FROM insights.{table}"
        assert as_partner(cluster, become + count) == "0"
        assert as_partner(cluster, become + scope.format("A") + count) == rows
        assert as_partner(cluster, become + scope.format("nobody") + count) == "0"
    for table in set(TABLES) - {"principal", "audit"}:
        assert "permission denied" in as_partner(cluster, f"{become}SELECT count(*) FROM insights.{table}")
    # A server's own login has none of the rights of the partner's, nor of the owner's.
    assert "permission denied" in as_partner(cluster, "DELETE FROM insights.entry")
    assert "permission denied" in as_partner(cluster, "UPDATE insights.entry SET accepted = 0")
    assert "permission denied" in as_partner(cluster, "SET ROLE insights_owner")
    assert run_insightsd("migrate", "--store", cluster.store).returncode == 1
