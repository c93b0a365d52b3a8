"""Somebody is erased through one of several servers: gone on all, and on those that start later; no figure changes; and
after a fold and `insightsd maintain` nothing of the person is left in the files of the database."""

import os
from pathlib import Path

import pytest
from daemon import run_insightsd
from facts import day
from fault_cluster import CUSTOMER, Cluster, own_postgres, told, until
from test_canaries import forms

LEAVER, NAME, SIGN_IN, ALIAS = "kanarie-leaver", "Kanarie-name", "kanarie-sign-in", "kanarie-alias"
# A start that has this much of the log to replay folds at once.
FOLDED_BATCHES = 1_010


@pytest.fixture
def cluster(new_house, tmp_path):
    with own_postgres() as postgres:
        yield Cluster(new_house, tmp_path, postgres, count=2).start()


def feed_people(house):
    f = house.facts
    facts = [f.snapshot(CUSTOMER, "E3", day(-20), [LEAVER, "stays"]), f.activity(CUSTOMER, SIGN_IN, "SPO", day(-4))]
    for user, name, ids in (
        (LEAVER, NAME, {"principal": SIGN_IN, "aliases": [ALIAS]}), ("stays", "Somebody", {}),
    ):  # fmt: skip
        facts += [f.user(CUSTOMER, user, name, **ids), f.assignment(CUSTOMER, user, "E3", day(-18))]
        facts += [f.activity(CUSTOMER, user, "SPO", day(-3))]
    return house["operator"].feed(facts).revision


def feed_many(house, word):
    """So many batches that the next start folds."""
    f = house.facts
    batches = [
        house.api.IngestRequest(batch_id=f"{word}-{number}", facts=[f.customer(f"other-{number % 20}", word)])
        for number in range(FOLDED_BATCHES)
    ]
    return house["operator"].ingest(batches)[-1].revision


def files_with_marks(cluster):
    """Files of the database that have any text of the person's in any form; not the write-ahead log."""
    cluster.postgres.sql("CHECKPOINT")
    marks = [form for word in (LEAVER, NAME, SIGN_IN, ALIAS) for form in forms(word)]
    found = []
    for folder, folders, files in os.walk(cluster.postgres.folder):
        if "pg_wal" in folders:
            folders.remove("pg_wal")
        for path in (Path(folder) / name for name in files):
            try:
                data = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue
            if any(mark in data for mark in marks):
                found.append(str(path.relative_to(cluster.postgres.folder)))
    return found


def is_folded(cluster, revision):
    least = cluster.postgres.sql("SELECT min(folded_through) FROM insights.bucket", "folder_1")
    return int(least) >= revision


def make_old(cluster):
    """As if a quarter of an hour had passed, which a part of the log is kept for."""
    cluster.postgres.sql("UPDATE insights.entry SET at = at - interval '1 hour'", "folder_1")


def comparable(house, revision):
    """Figures, without the revision that they are of."""
    figures = told(house, revision)
    del figures["ListLicensedUsers"]
    for answer in figures.values():
        if "revision" in answer.DESCRIPTOR.fields_by_name:
            answer.ClearField("revision")
    return figures


def start_another(cluster, revision):
    """Whose start folds."""
    house = cluster.add().start()
    until(lambda: is_folded(cluster, revision), "the fold")
    return house


def maintain(cluster):
    store = cluster.store.replace("user=one_server", "user=postgres")
    done = run_insightsd("maintain", "--store", store)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def erase(cluster, after_fold=lambda: None):
    """Through the first server, after a fold that has the person; and with a fold after it."""
    one, other = cluster.houses
    people = feed_people(one)
    third = start_another(cluster, feed_many(one, "before"))
    cluster.houses.append(third)
    after_fold()
    before = comparable(other, people)
    assert LEAVER in str(told(other, people)["ListLicensedUsers"])
    reply = one["operator"].call("EraseUser", customer_id=CUSTOMER, user_id=LEAVER)
    assert reply.servers_pending == 0
    for house in cluster.houses:
        users = str(told(house)["ListLicensedUsers"])
        assert "stays" in users and not any(text in users for text in (LEAVER, NAME, SIGN_IN, ALIAS))
    last = feed_many(other, "after")
    make_old(cluster)
    fourth = start_another(cluster, last)
    cluster.houses.append(fourth)
    return before, last


def test_nothing_of_an_erased_person_is_left_and_no_figure_changes(cluster):
    feed_people(cluster.houses[0])
    assert files_with_marks(cluster), "the search finds what is there"
    before, last = erase(cluster)
    assert maintain(cluster) == "rewrote 1 parts of the state\n"
    assert files_with_marks(cluster) == []
    assert maintain(cluster) == "nothing to do\n"
    for house in cluster.houses:
        # The customers that were fed beside count in no figure.
        assert comparable(house, last) == before
        users = str(told(house, last)["ListLicensedUsers"])
        assert "stays" in users and not any(text in users for text in (LEAVER, NAME, SIGN_IN, ALIAS))
        assert house["operator"].refused("EraseUser", customer_id=CUSTOMER, user_id=LEAVER).code == "NOT_FOUND"


def test_what_the_planner_knows_of_values_names_nobody(cluster):
    """Statistics have values of the columns that they are about, and stay when rows go; autovacuum makes them."""
    erase(cluster, after_fold=lambda: cluster.postgres.sql("ANALYZE", "folder_1"))
    maintain(cluster)
    columns = cluster.postgres.sql(
        f"""
        SELECT starelid::regclass || '.' || attname FROM pg_statistic
        JOIN pg_attribute ON attrelid = starelid AND attnum = staattnum
        WHERE pg_statistic::text LIKE '%{LEAVER.encode().hex()}%' OR pg_statistic::text LIKE '%{LEAVER}%'
        """,
        "folder_1",
    )
    assert columns == ""
