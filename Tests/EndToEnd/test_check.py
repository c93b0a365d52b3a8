"""What does not fit in what the server knows of a customer, by the call and by `insights check`."""

import csv
import io
import json
import subprocess

import pytest
from facts import ACTIVITY, SUBSCRIPTIONS, UNKNOWN, day
from imports import CLIENT

CUSTOMER = "checked"
SKU = "11111111-2222-4333-8444-555555555555"
FREE = "22222222-2222-4333-8444-555555555555"
LOST = "99999999-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def fed(house):
    f = house.facts
    house["operator"].feed([
        f.sku(SKU), f.sku(FREE, free=True), f.assignment(CUSTOMER, "u0", FREE, day(-20)), f.customer(CUSTOMER, CUSTOMER), f.relationship("A", CUSTOMER, day(-60)),
        f.subscription("kept", CUSTOMER, SKU, "A", day(-30), 2), f.subscription("gone", CUSTOMER, SKU, "A", day(-30), 5),
        f.subscription("nobody's", CUSTOMER, SKU, UNKNOWN, day(-30), 1), f.subscription("lost", CUSTOMER, LOST, "B", day(-30), 7),
        f.subscription_snapshot(CUSTOMER, day(-3), ["kept", "nobody's", "lost"]),
        *(f.assignment(CUSTOMER, f"u{n}", SKU, day(-20)) for n in range(4)), f.assignment(CUSTOMER, "u0", LOST, day(-20)),
        f.activity(CUSTOMER, "u0", "EXO", day(-2)), f.activity(CUSTOMER, "guest", "EXO", day(-2)),
        f.activity(CUSTOMER, "0" * 32, "EXO", day(-2), concealed=True),
        f.snapshot(CUSTOMER, SKU, day(-1), ["u0"], 1, 2),
        *f.coverage(CUSTOMER, day(0), SUBSCRIPTIONS), *f.coverage(CUSTOMER, day(-2), ACTIVITY, workloads=["EXO"]),
    ])  # fmt: skip
    return house


def test_what_is_known_of_a_customer(fed):
    check = fed["operator"].call("CheckCustomer", customer_id=CUSTOMER)
    assert check.as_of == day(0).isoformat()
    assert [(row.source, row.status) for row in check.sources] == [(1, 1), (2, 3), (3, 2)]
    assert [row.workload_code for row in check.workloads if row.status != 3] == ["EXO"]
    assert [(row.sku_id, row.catalogued, row.licenses, row.holders) for row in check.skus] == [
        (SKU, True, 3, 4), (FREE, True, 0, 1), (LOST, False, 7, 1)
    ]  # fmt: skip
    assert [(row.subscription_id, row.ended_by_snapshot) for row in check.subscriptions] == [
        ("gone", True), ("kept", False), ("lost", False), ("nobody's", False)
    ]  # fmt: skip
    gone = check.subscriptions[0]
    assert (gone.state, gone.quantity, gone.effective_date) == (4, 5, day(-3).isoformat())
    assert (check.unknown_seller_count, check.ended_by_snapshot_count) == (1, 1)
    assert (check.people, check.concealed_people, check.incomplete_snapshot_count) == (5, 1, 1)
    assert list(check.never_seen_user_ids) == ["u1", "u2", "u3"] and list(check.unlicensed_user_ids) == ["guest"]


def test_nobody_else_is_told_and_the_look_is_on_record(fed):
    assert fed["operator"].refused("CheckCustomer", customer_id="no such customer").code == "INVALID_ARGUMENT"
    assert fed["operator"].refused("CheckCustomer", customer_id="unheard").reason == "CUSTOMER_NOT_FOUND"
    assert fed["alice"].refused("CheckCustomer", customer_id=CUSTOMER).reason == "ROLE_LACKS_PERMISSION"
    fed["operator"].call("EraseUser", customer_id=CUSTOMER, user_id="u3")
    check = fed["operator"].call("CheckCustomer", customer_id=CUSTOMER)
    assert (check.people, list(check.never_seen_user_ids)) == (4, ["u1", "u2"])
    audit = (fed.daemon.data / "audit.jsonl").read_text()
    assert "CheckCustomer" in audit


def insights(house, *words):
    people = house.certificates
    return subprocess.run(
        list(map(str, [
            CLIENT, "check", CUSTOMER, *words, "--server", house.daemon.address, "--ca", people.authority.certificate,
            "--cert", people.operator.certificate, "--key", people.operator.key,
        ])), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_command_says_what_does_not_fit(fed, tmp_path):
    done = insights(fed)
    assert done.returncode == 0, done.stderr
    for told in ("gone", "is not in the catalog: 7 licenses and 1 holder", "no source tells the seller", "concealed"):
        assert told in done.stdout
    skus = tmp_path / "skus.json"
    skus.write_text(json.dumps({"value": [
        {"skuId": SKU, "skuPartNumber": "E3", "appliesTo": "User", "consumedUnits": 9, "servicePlans": [],
         "prepaidUnits": {"enabled": 3}},
    ]}))  # fmt: skip
    subscriptions = tmp_path / "subscriptions.json"
    subscriptions.write_text(json.dumps({"value": [
        {"id": "kept", "skuId": SKU, "totalLicenses": 3, "status": "Enabled", "isTrial": False,
         "createdDateTime": "2025-01-15T08:30:00Z"},
    ]}))  # fmt: skip
    done = insights(fed, "--subscribed-skus", skus, "--subscriptions", subscriptions, "--output", "csv")
    assert done.returncode == 0, done.stderr
    found = {(row["finding"], row["subject"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    assert {
        ("consumed_units_differ", SKU), ("subscription_differs", "kept"), ("subscription_not_listed", "lost"),
        ("subscription_ended", "gone"), ("sku_uncatalogued", LOST), ("source_missing", "assignments"),
    } <= found, found  # fmt: skip
