"""The audit trail: what is on record and for whom, segments, full and read-only disks, kill -9, the commands."""

import hashlib
import json
import os
import queue
import subprocess
import time

import grpc
import pytest
from daemon import BINARY, run_insightsd
from facts import day

MIB = 1 << 20


def customer(house, name="C"):
    f = house.facts
    return [
        f.customer(name, "Contoso"), f.relationship("A", name, day(-9)), f.user(name, "ann", "Ann"),
        f.assignment(name, "ann", "E3", day(-9)), *f.coverage(name, day(-1)),
    ]  # fmt: skip


def chain(folder):
    """All records of a data folder, oldest first; the lines that begin a segment are none."""
    lines = [line for path in sorted(folder.glob("audit*.jsonl"), key=order) for line in path.read_text().splitlines()]
    return [record for record in map(json.loads, lines) if "sequence" in record]


def order(path):
    return int(path.stem.partition("-")[2] or 1)


def shown(house, who):
    return [
        (event.principal_id, event.partner_id, event.method.split("/")[-1], event.decision, event.code)
        for event in reversed(house[who].call("ListAuditEvents", page_size=1000).events)
    ]


def test_what_is_on_record_and_for_whom(new_house):
    house = new_house().start().register()
    house["operator"].feed(customer(house))
    revision = house["operator"].call("GetIngestStatus").revision
    assert house["bob"].call("ListLicensedUsers", customer_id="C").users[0].user_id == "ann"
    assert house["bob"].refused("ListLicensedUsers", customer_id="hidden").code == "NOT_FOUND"
    assert house["carol"].refused("ListLicensedUsers", customer_id="C").code == "PERMISSION_DENIED"
    assert house["alice"].refused("DeletePrincipal", principal_id="alice").code == "FAILED_PRECONDITION"
    assert house["dave"].refused("CreatePartner", partner_id="A").code == "PERMISSION_DENIED"
    assert house["operator"].refused(
        "CreatePartner", partner_id="B", principal=dict(principal_id="eve")
    ).code == "ALREADY_EXISTS"  # fmt: skip
    assert house["operator"].call("EraseUser", customer_id="C", user_id="ann").revision == revision + 1
    for _ in range(2):
        house["alice"].call("GetCustomerInsights", customer_id="C")
    operator = chain(house.daemon.folder / "data")[0]["principal"]
    assert shown(house, "alice") == [
        (operator, "A", "CreatePartner", 1, 0),
        *[("alice", "A", "CreatePrincipal", 1, 0)] * 4,
        ("alice", "A", "UpdatePrincipal", 1, 0),
        ("bob", "A", "ListLicensedUsers", 1, 0),
        ("bob", "A", "ListLicensedUsers", 1, 5),
        ("carol", "A", "ListLicensedUsers", 2, 7),
        ("alice", "A", "DeletePrincipal", 1, 9),
    ]
    assert shown(house, "dave") == [
        (operator, "B", "CreatePartner", 1, 0),
        ("dave", "B", "CreatePartner", 2, 7),
        (operator, "B", "CreatePartner", 1, 6),
    ]
    named = [event for event in house["alice"].call("ListAuditEvents").events if event.customer_hash]
    assert [event.revision for event in named] == [revision, revision], "the newest first: not found, then answered"
    assert len({event.customer_hash for event in named}) == 2
    for event in named:
        assert len(event.customer_hash) == 64
        assert event.customer_hash not in {hashlib.sha256(name).hexdigest() for name in (b"C", b"hidden")}
    # The operator's own: in the chain, in nobody's trail.
    house.daemon.stop()
    records = chain(house.daemon.folder / "data")
    own = [record for record in records if record["operator"] and not record["partner"]]
    assert [(r["method"].split("/")[-1], r["code"], r["kind"]) for r in own] == [
        ("Ingest", 0, "change"), ("EraseUser", 0, "change"),
    ]  # fmt: skip
    assert own[0]["revision"] == revision and own[1]["revision"] == revision + 1
    assert own[1]["customer"] == named[1].customer_hash
    text = "".join(path.read_text() for path in (house.daemon.folder / "data").glob("audit*.jsonl"))
    assert '"C"' not in text and "hidden" not in text and "Ann" not in text


def test_an_ingest_stream_is_on_record_after_kill(new_house):
    house = new_house().start().register()
    requests = queue.Queue()
    method = house.api.methods["Ingest"]
    call = house["operator"]._callable(method, method.request.SerializeToString, method.response.FromString)
    receipts = call(iter(requests.get, None), timeout=60)
    requests.put(house.api.IngestRequest(batch_id="one", facts=customer(house)))
    assert next(receipts).accepted > 0
    data = house.daemon.folder / "data"
    assert not [record for record in chain(data) if record["method"].endswith("/Ingest")]
    assert "1 changes noted" in run_insightsd("verify-audit", "--data", data).stdout
    house.daemon.kill()
    requests.put(None)
    house.restart()
    streams = [record for record in chain(data) if record["method"].endswith("/Ingest")]
    assert [(record["code"], record["decision"]) for record in streams] == [(2, "allowed")]
    house.daemon.stop()
    done = run_insightsd("verify-audit", "--data", data)
    assert done.returncode == 0 and "noted" not in done.stdout, done


def test_segments_are_verified_listed_and_archived(new_house, tmp_path):
    house = new_house("--audit-segment-bytes", "65536").start().register()
    for number in range(900):
        house["carol"].refused("ListPrincipals")
        if number % 100 == 0:
            house["alice"].call("ListAuditEvents", page_size=1)  # writes what waits, so that segments stay small
    data = house.daemon.folder / "data"
    numbers, token = [], ""
    while True:
        page = house["alice"].call("ListAuditEvents", page_size=100, page_token=token)
        numbers += [event.sequence for event in page.events]
        token = page.next_page_token
        if not token:
            break
    assert len(numbers) == len(set(numbers)) == page.total_size >= 906
    assert numbers == sorted(numbers, reverse=True)
    segments = sorted(data.glob("audit*.jsonl"), key=order)
    assert len(segments) >= 4
    archive = tmp_path / "archive"
    archive.mkdir()
    moved = run_insightsd("archive-audit", archive, "--data", data, "--keep", "1")
    assert moved.returncode == 0 and moved.stdout.startswith("moved audit.jsonl"), moved
    rest = house["alice"].call("ListAuditEvents", page_size=1000)
    assert 0 < len(rest.events) < len(numbers) and rest.total_size >= len(numbers)
    house.daemon.kill()
    house.restart()
    assert len(house["alice"].call("ListAuditEvents", page_size=1000).events) == len(rest.events)
    house.daemon.stop()
    short = run_insightsd("verify-audit", "--data", data)
    assert short.returncode == 0 and "those before are archived" in short.stdout, short
    whole = run_insightsd("verify-audit", "--data", data, "--archive", archive)
    assert whole.returncode == 0 and "archived" not in whole.stdout, whole
    # A segment that went another way is missed.
    victim = sorted(data.glob("audit*.jsonl"), key=order)[0]
    victim.rename(tmp_path / "stolen")
    bad = run_insightsd("verify-audit", "--data", data)
    assert bad.returncode == 1 and len(bad.stderr.splitlines()) == 1, bad
    assert f"{victim.name}, byte 0: the file is missing: record" in bad.stderr
    code, error = house.daemon.start_refused()
    said = [line for line in error.splitlines() if not line.startswith("{")]
    assert code == 1 and len(said) == 1 and victim.name in said[0], error


@pytest.fixture
def small_disk(tmp_path):
    """Makes a data folder with a file system of its own, a megabyte small."""
    mounted = []

    def mount(folder):
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("file systems cannot be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Takes the last byte of a disk; returns what to remove."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return ballast


def test_a_full_disk_refuses_changes_and_names_and_recovers(new_house, small_disk, tmp_path):
    store = tmp_path / "store.sqlite"
    house = new_house("--store", f"sqlite:{store}")
    data = small_disk(house.daemon.folder / "data")
    house.start().register()
    house["operator"].feed(customer(house))
    ballast = fill(data)
    # What was begun while there was room may still be answered; from the first failure on nothing changes.
    wanted = [house.api.CreatePrincipalRequest(principal=dict(principal_id=f"p{n}")) for n in range(60)]
    refusals = [house["alice"].raw("CreatePrincipal", request.SerializeToString()) for request in wanted]
    made = [answer for answer in refusals if isinstance(answer, bytes)]
    refused = [answer for answer in refusals if not isinstance(answer, bytes)]
    assert refused and refusals[-10:] == refused[-10:], "the disk is full"
    assert {(answer.code, answer.reason) for answer in refused} == {("UNAVAILABLE", "AUDIT_UNAVAILABLE")}
    assert all(answer.retry_seconds for answer in refused)
    question = house.api.ListLicensedUsersRequest(customer_id="C").SerializeToString()
    named = [house["bob"].raw("ListLicensedUsers", question) for _ in range(40)]
    answered = [answer for answer in named if isinstance(answer, bytes)]
    assert {answer.reason for answer in named[len(answered):]} == {"AUDIT_UNAVAILABLE"}, "names go no further than records"
    with pytest.raises(grpc.RpcError) as failed:
        house["operator"].feed(customer(house, "D"))
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
    assert house["operator"].refused("EraseUser", customer_id="C", user_id="ann").reason == "AUDIT_UNAVAILABLE"
    # Figures go on.
    assert house["alice"].call("GetCustomerInsights", customer_id="C")
    assert house["alice"].call("ListAuditEvents").events
    assert "insights_audit_writable 0" in house.daemon.admin_get("/metrics")[1]
    # And with room again, everything, without a restart.
    ballast.unlink()
    deadline = time.monotonic() + 20
    while "insights_audit_writable 1" not in house.daemon.admin_get("/metrics")[1] and time.monotonic() < deadline:
        time.sleep(0.05)
    house["alice"].call("CreatePrincipal", principal=dict(principal_id="late"))
    assert house["bob"].call("ListLicensedUsers", customer_id="C").users
    house["operator"].feed(customer(house, "D"))
    principals = {row.principal_id for row in house["alice"].call("ListPrincipals").principals}
    trail = shown(house, "alice")
    created = [event for event in trail if event[2] == "CreatePrincipal" and event[4] == 0]
    assert len([event for event in trail if event[2] == "ListLicensedUsers"]) == len(answered) + 1
    assert len(created) == 4 + len(made) + 1, "what was made is on record, and nothing else"
    assert len(principals) == 1 + len(created)
    house.daemon.stop()
    done = run_insightsd("verify-audit", "--data", data)
    assert done.returncode == 0, done.stderr


def test_a_read_only_data_folder_is_refused_in_one_line(new_house, small_disk, tmp_path):
    house = new_house("--store", f"sqlite:{tmp_path / 'store.sqlite'}")
    data = small_disk(house.daemon.folder / "data")
    house.start().register()
    house.daemon.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(data)], check=True)
    code, error = house.daemon.start_refused()
    said = [line for line in error.splitlines() if not line.startswith("{")]
    assert code == 1 and said == ["insightsd: audit trail: open audit.lock: Read-only file system"], error
    assert run_insightsd("verify-audit", "--data", data).returncode == 0


def test_a_torn_record_is_repaired_and_a_torn_acknowledged_one_is_not(new_house):
    house = new_house().start().register()
    house.daemon.kill()
    log = house.daemon.folder / "data" / "audit.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + whole.splitlines(keepends=True)[-1][:100])
    house.restart()
    assert [record["kind"] for record in chain(log.parent)][-1] == "recovered"
    assert house.daemon.stop() == 0
    acknowledged = log.read_bytes()
    log.write_bytes(acknowledged[:-5])
    code, error = house.daemon.start_refused()
    said = [line for line in error.splitlines() if not line.startswith("{")]
    assert code == 1 and len(said) == 1 and "audit.jsonl, byte " in said[0], error
    bad = run_insightsd("verify-audit", "--data", log.parent)
    assert bad.returncode == 1 and said[0].split("audit.jsonl")[1] in bad.stderr, (said, bad)


def test_commands_find_the_files_as_serve_does(new_house, tmp_path):
    house = new_house().start().register()
    house.daemon.stop()
    data = house.daemon.folder / "data"
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"data": str(data)}))
    environment = {**os.environ, "INSIGHTS_DATA": str(data)}
    for command in (["verify-audit"], ["backup", str(tmp_path / "copy.sqlite")], ["archive-audit", str(tmp_path)]):
        def run(*more, env=None):
            return subprocess.run(
                [BINARY, *command, *more], capture_output=True, text=True, env=env, cwd=tmp_path, timeout=60
            )

        assert run("--config", str(config)).returncode == 0, command
        (tmp_path / "copy.sqlite").unlink(missing_ok=True)
        assert run(env=environment).returncode == 0, command
        wrong = run("--store", "mysql://x", env=environment)
        assert wrong.returncode == 1 and wrong.stderr.startswith("insightsd: --store: "), wrong
