"""A store that lacks what was acknowledged is refused by one line, and the operator may go on without it, on record."""

import shutil
import sqlite3

from daemon import run_insightsd
from facts import day


def store(house):
    return house.daemon.data / "insights.sqlite"


def verify(house):
    return run_insightsd("verify-store", "--data", house.daemon.data)


def feed(house, *names):
    for name in names:
        house["operator"].feed([house.facts.relationship("A", name, day(-30)), house.facts.customer(name, name.title())])


def put_back(house, copy):
    for suffix in ("", "-wal", "-shm"):
        path = store(house).with_name(store(house).name + suffix)
        path.unlink(missing_ok=True)
    shutil.copy(copy, store(house))
    store(house).chmod(0o600)


def refused(house):
    code, error = house.daemon.start_refused()
    complaints = [line for line in error.splitlines() if not line.startswith("{")]
    assert code == 1 and len(complaints) == 1, error
    return complaints[0]


def names(house):
    return [row.name for row in house["alice"].call("ListCustomers").customers]


def test_an_older_store_is_refused_until_it_is_accepted(new_house, tmp_path):
    house = new_house().start().register()
    feed(house, "one", "two")
    backup = tmp_path / "backup.sqlite"
    assert run_insightsd("backup", backup, "--data", house.daemon.data).returncode == 0
    feed(house, "three")
    done = verify(house)
    assert done.returncode == 0 and "all intact" in done.stdout, "also while serving"
    house.daemon.kill()
    newest = tmp_path / "newest"
    shutil.copytree(house.daemon.data, newest)

    put_back(house, backup)
    told = refused(house)
    assert "1 change is missing" in told and "--accept-older-store" in told
    assert refused(house) == told, "and again: nothing was changed by being refused"
    done = verify(house)
    assert done.returncode == 1 and "1 change is missing" in done.stderr

    house.daemon.options.append("--accept-older-store")
    house.restart()
    assert names(house) == ["One", "Two"]
    house.daemon.options.remove("--accept-older-store")
    assert house.daemon.stop() == 0
    house.restart()
    assert names(house) == ["One", "Two"]
    assert "older store" not in house.daemon.log_text().rpartition('"serving"')[2]
    assert run_insightsd("verify-audit", "--data", house.daemon.data).returncode == 0
    assert '"kind":"olderStore"' in (house.daemon.data / "audit.jsonl").read_text()
    assert house.daemon.stop() == 0
    # The history that was given up is none of this folder's any more.
    put_back(house, newest / "insights.sqlite")
    assert "is another one" in refused(house)


def test_a_missing_store_and_a_changed_row_are_refused(new_house, tmp_path):
    house = new_house().start().register()
    feed(house, "one", "two", "three")
    assert house.daemon.stop() == 0
    good = tmp_path / "good.sqlite"
    shutil.copy(store(house), good)

    for statement, what in (
        ("DELETE FROM state WHERE key = (SELECT max(key) FROM state)", "rows are missing"),
        ("UPDATE state SET key = key || 'x' WHERE key = (SELECT max(key) FROM state)", "does not match its bytes"),
        ("UPDATE principal SET roles = 7 WHERE id = 'carol'", "is not what was written"),
        ("UPDATE partner SET disabled = 1 WHERE id = 'A'", "is not what was written"),
        ("UPDATE entry SET accepted = 1 WHERE revision = 3", "is not what was written"),
        ("DELETE FROM principal WHERE id = 'bob'", "missing"),
        ("UPDATE meta SET value = value + 1 WHERE name = 'changes'", "is not what was written"),
    ):
        with sqlite3.connect(store(house)) as db:
            assert db.execute(statement).rowcount == 1, statement
        db.close()
        told = refused(house)
        assert what in told, (statement, told)
        done = verify(house)
        assert done.returncode == 1 and what in done.stderr, (statement, done.stderr)
        put_back(house, good)
    assert verify(house).returncode == 0

    put_back(house, good)
    store(house).unlink()
    told = refused(house)
    assert "there is no store" in told and "--accept-older-store" in told
    assert "there is no store" in verify(house).stderr
    put_back(house, good)
    house.restart()
    assert names(house) == ["One", "Three", "Two"]


def test_a_log_that_lost_its_end_is_refused(new_house, tmp_path):
    """SQLite itself would leave out everything behind a broken frame of its write-ahead log, without a word."""
    house = new_house().start().register()
    feed(house, "one", "two", "three", "four")
    house.daemon.kill()
    log = store(house).with_name("insights.sqlite-wal")
    whole = log.read_bytes()
    assert len(whole) > 100_000
    kept = tmp_path / "kept"
    shutil.copytree(house.daemon.data, kept)
    for place in (len(whole) - 3_000, len(whole) // 2, 10_000):
        shutil.rmtree(house.daemon.data)
        shutil.copytree(kept, house.daemon.data)
        log.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        told = refused(house)
        assert "missing" in told or "damaged" in told, told
    shutil.rmtree(house.daemon.data)
    shutil.copytree(kept, house.daemon.data)
    house.restart()
    assert len(names(house)) == 4


def test_a_partner_with_any_name_that_is_taken_is_read_back(new_house):
    house = new_house().start().register()
    operator = house["operator"]
    for name in ("Acme\0x", "Acme\n", "n" * 257):
        refusal = operator.refused("CreatePartner", partner_id="acme", name=name, principal=dict(principal_id="a"))
        assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "name"), name
    operator.call("CreatePartner", partner_id="acme", name="Äcme 東京 \U0001f680", principal=dict(principal_id="a", display_name="é"))
    operator.call("UpdatePartner", partner_id="acme", disabled=True)
    house.daemon.kill()
    assert verify(house).returncode == 0
    house.restart()
    operator = house["operator"]
    operator.call("UpdatePartner", partner_id="acme", disabled=False)
    assert verify(house).returncode == 0
