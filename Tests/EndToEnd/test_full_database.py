"""PostgreSQL has no room left for what the log says: writes are refused with STORE_FULL, reads go on, and with room it
goes on by itself."""

import os
import subprocess
from pathlib import Path

import grpc
import pytest
from fault_cluster import Cluster, Feeder, Readers, own_postgres, told, until
from wire import Refusal

# Three files of PostgreSQL's write-ahead log and a little.
SMALL_BYTES = 50 << 20
LARGE = 2_000


@pytest.fixture
def postgres():
    with own_postgres() as postgres:
        yield postgres


@pytest.fixture
def small_disk(postgres):
    """A file system of few bytes, where mounting one is permitted; in PostgreSQL's folder, which its user reaches."""
    folder = Path(postgres.folder) / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs", folder]
    mounted = subprocess.run(mount, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    # Files are open still.
    subprocess.run(["umount", "--lazy", folder], check=True)


def folder_for(postgres, path):
    path.mkdir(mode=0o700)
    owner = os.stat(postgres.folder)
    os.chown(path, owner.st_uid, owner.st_gid)
    return path


@pytest.fixture
def cluster(new_house, tmp_path, postgres, small_disk):
    """Bodies of the log are on the small disk, and nothing else."""
    place = folder_for(postgres, small_disk / "bodies")
    cluster = Cluster(new_house, tmp_path, postgres, count=2)
    postgres.sql(f"CREATE TABLESPACE small LOCATION '{place}'")
    for slot in range(8):
        postgres.sql(f"ALTER TABLE insights.body_{slot} SET TABLESPACE small", "folder_1")
    return cluster.start()


def fill(folder):
    path = folder / "filler"
    try:
        with open(path, "wb", buffering=0) as file:
            while file.write(bytes(65_536)):
                pass
    except OSError:
        return path
    raise AssertionError("it was never full")


def feed_much(house, name):
    """Bytes that do not fit into what tables have in reserve."""
    f = house.facts
    facts = [f.user("C", f"{name}-{number}", f"Somebody {os.urandom(24).hex()}") for number in range(LARGE)]
    return house["operator"].ingest([house.api.IngestRequest(batch_id=name, facts=facts)])


def refusal(house, name):
    try:
        receipts = feed_much(house, name)
    except grpc.RpcError as error:
        return Refusal.of(error)
    raise AssertionError(f"it was accepted: {receipts}")


def test_without_room_nothing_is_accepted_and_reads_go_on(cluster, small_disk):
    one, other = cluster.houses
    readers = Readers(cluster).start()
    before = told(one)
    filler = fill(small_disk)
    for house in (one, other):
        for number in range(2):
            answer = refusal(house, f"much-{number}")
            assert (answer.code, answer.reason) == ("RESOURCE_EXHAUSTED", "STORE_FULL"), answer
            assert answer.retry_seconds and "postgres" not in answer.message
    assert told(one) == told(other) == before
    assert cluster.logged("store failure") == 2, "operators are told"
    # What needs no body is still done: who may call is not kept there.
    one["alice"].call("UpdatePrincipal", principal=dict(principal_id="bob", roles=[2], disabled=True))
    assert other["bob"].refused("ListCustomers").code == "UNAUTHENTICATED"
    one["alice"].call("UpdatePrincipal", principal=dict(principal_id="bob", roles=[2], disabled=False))

    filler.unlink()
    revision = max(feed_much(house, f"much-{number}")[0].revision for number, house in enumerate(cluster.houses))
    until(lambda: all(house["operator"].call("GetIngestStatus").revision == revision for house in cluster.houses))
    assert revision == cluster.base + 2, "once each"
    cluster.base = revision
    feeder = Feeder(cluster).start()
    feeder.wait_for(20)
    cluster.check(feeder)
    readers.finish()
    assert not any(readers.errors.values()), readers.errors


def move_the_log(postgres, small_disk):
    """Its write-ahead log is on the small disk from now on."""
    postgres.order("stop")
    place = folder_for(postgres, small_disk / "log")
    before = Path(postgres.folder) / "data/pg_wal"
    subprocess.run(["cp", "-a", f"{before}/.", place], check=True)
    subprocess.run(["rm", "-r", before], check=True)
    before.symlink_to(place)
    postgres.order("start")


def is_down(postgres):
    try:
        postgres.sql("SELECT pg_switch_wal()")
        postgres.sql("CREATE TABLE something (); DROP TABLE something")
    except AssertionError:
        return True
    return False


def test_without_room_for_its_own_log_the_database_ends_and_comes_back(new_house, tmp_path, postgres, small_disk):
    cluster = Cluster(new_house, tmp_path, postgres, count=2)
    move_the_log(postgres, small_disk)
    cluster.start()
    feeder, readers = Feeder(cluster).start(), Readers(cluster).start()
    feeder.wait_for(20)
    with feeder.without(*cluster.houses):
        filler = fill(small_disk)
        until(lambda: is_down(postgres), "the end of PostgreSQL")
        readers.wait_for(3)
        filler.unlink()
        # It may have come back by itself.
        postgres.order("stop")
        postgres.order("start")
        for house in cluster.houses:
            feeder.wait_for(10, house)
    cluster.check(feeder)
    readers.finish()
    assert not any(readers.errors.values()), readers.errors
    assert not cluster.logged("history diverged")
