"""Batches: all or nothing, once, in order, visible when acknowledged."""

import queue
import threading

import pytest
from facts import day


@pytest.fixture
def operator(house):
    return house["operator"]


def batch(house, batch_id, *facts):
    return house.api.IngestRequest(batch_id=batch_id, facts=facts)


def visible(house):
    return {row.customer_id for row in house["alice"].call("ListCustomers", page_size=1000).customers}


def serve(house, customer):
    return [house.facts.customer(customer, customer), house.facts.relationship("A", customer, day(-9))]


def test_a_batch_with_one_bad_fact_changes_nothing(house, operator):
    bad = house.api.Fact(activity=dict(customer_id="X", user_id="u", workload_code="EXO"))
    before = operator.call("GetIngestStatus").revision
    (refused,) = operator.ingest([batch(house, "half", *serve(house, "half-customer"), bad)])
    assert (refused.status.fact_index, refused.status.field) == (2, "facts[2].activity.dates")
    assert "half-customer" not in visible(house)
    assert operator.call("GetIngestStatus").revision == before
    (accepted,) = operator.ingest([batch(house, "half", *serve(house, "half-customer"))])
    assert (accepted.revision, accepted.accepted, accepted.duplicate) == (before + 1, 2, False)
    assert "half-customer" in visible(house)


def test_the_same_batch_twice_counts_once(house, operator):
    request = batch(house, "twice", *serve(house, "twice-customer"))
    first, second = operator.ingest([request, request])
    (third,) = operator.ingest([request])
    assert not first.duplicate and second.duplicate and third.duplicate
    assert len({(r.revision, r.accepted) for r in (first, second, third)}) == 1
    assert operator.call("GetIngestStatus").revision == first.revision


def test_the_same_id_with_other_content_is_refused(house, operator):
    operator.ingest([batch(house, "changed", *serve(house, "c1"))])
    refused, after = operator.ingest([batch(house, "changed", *serve(house, "c2")), batch(house, "fine", *serve(house, "c3"))])
    assert refused.status.code == 6 and refused.status.field == "batch_id"
    assert not after.HasField("status")
    assert {"c1", "c3"} <= visible(house) and "c2" not in visible(house)


def test_a_receipt_tells_what_the_batch_changed(house, operator):
    f = house.facts
    (first,) = operator.ingest([
        batch(house, "sold", *serve(house, "S"), f.subscription("s", "S", "E3", "B", day(-9), 5),
              f.subscription("t", "S", "LOST", "A", day(-9), 7), *f.coverage("S", day(-1)))
    ])  # fmt: skip
    assert (first.effects.sellers_changed, first.effects.subscriptions_ended) == (0, 0)
    assert "LOST" in first.effects.uncatalogued_sku_ids
    snapshot = house.api.Fact(subscription_snapshot=dict(customer_id="S", date=day(-3).isoformat(), subscription_ids=["t"]))
    request = batch(house, "upgraded", f.subscription("s", "S", "E5", "A", day(-5), 6), snapshot)
    changed, again = operator.ingest([request, request])
    assert (changed.effects.sellers_changed, changed.effects.subscriptions_ended) == (1, 1)
    assert again.duplicate and not again.HasField("effects")
    rows = house["bob"].call("ListSubscriptions", customer_id="S", as_of=day(-4).isoformat()).subscriptions
    assert [(row.subscription_id, row.sku_id, row.state) for row in rows] == [("s", "E5", 1), ("t", "LOST", 1)]
    rows = house["bob"].call("ListSubscriptions", customer_id="S", as_of=day(-3).isoformat()).subscriptions
    assert [(row.subscription_id, row.state) for row in rows] == [("s", 4), ("t", 1)]
    insights = house["alice"].call("GetCustomerInsights", customer_id="S", as_of=day(-3).isoformat()).insights
    assert ("LOST", 7) in [(sku.sku_id, sku.sold) for sku in insights.uncatalogued_skus]
    assert insights.uncatalogued_sku_count == len(insights.uncatalogued_skus)


def sold(house, customer, who="alice", scope=1):
    """SKU → licenses that the caller's partner sold, as of today."""
    insights = house[who].call("GetCustomerInsights", customer_id=customer, as_of=day(0).isoformat(), scope=scope).insights
    rows = [row for product in insights.products for row in product.skus]
    return {row.sku_id: row.licenses.sold for row in rows if row.licenses.sold}


def test_a_subscription_changes_its_sku_on_a_day_and_its_seller_for_every_day(house, operator):
    f = house.facts
    skus = [f.sku("UP-1"), f.sku("UP-2")]
    relationships = [f.relationship(partner, "up", day(-30)) for partner in "AB"]
    first = operator.feed([*skus, *relationships, *f.coverage("up", day(0)), f.subscription("s", "up", "UP-1", "A", day(-9), 5)])
    assert first.effects == house.api.BatchEffects()
    operator.feed([f.subscription("s", "up", "UP-2", "A", day(-2), 5)])
    assert sold(house, "up") == {"UP-2": 5} and sold(house, "up", "dave") == {}
    days = {"start_date": day(-4).isoformat(), "end_date": day(-1).isoformat()}
    points = house["alice"].call("GetTrend", customer_id="up", scope=1, products=[1], **days).points
    assert [point.licenses.sold for point in points] == [5, 5, 5, 5]
    # The last one told, whatever its day; an unknown one takes nothing back.
    moved = operator.feed([f.subscription("s", "up", "UP-1", "B", day(-9), 5)])
    assert moved.effects.sellers_changed == 1
    same = operator.feed([f.subscription("s", "up", "UP-1", "UNKNOWN", day(-9), 5), f.subscription("s", "up", "UP-1", "B", day(-9), 5)])
    assert same.effects.sellers_changed == 0
    assert sold(house, "up") == {} and sold(house, "up", "dave") == {"UP-2": 5}


def test_a_snapshot_ends_what_it_covers_and_does_not_name(house, operator):
    f = house.facts
    operator.feed(
        [
            f.sku("LIST"), *(f.relationship(partner, "list", day(-30)) for partner in "AB"), *f.coverage("list", day(0)),
            *(f.subscription(f"a{n}", "list", "LIST", "A", day(-9), 1 + n) for n in range(3)),
            f.subscription("b", "list", "LIST", "B", day(-9), 10), f.subscription("later", "list", "LIST", "A", day(-1), 100),
        ]
    )  # fmt: skip
    receipt = operator.feed([f.subscription_snapshot("list", day(-2), ["a0", "unheard"], "A")])
    assert receipt.effects.subscriptions_ended == 2
    assert sold(house, "list") == {"LIST": 101} and sold(house, "list", "dave") == {"LIST": 10}
    # A later one of the same day and seller replaces it: only what it leaves out has ended.
    operator.feed([f.subscription_snapshot("list", day(-2), ["a0", "a1"], "A")])
    assert sold(house, "list") == {"LIST": 103}
    receipt = operator.feed([f.subscription_snapshot("list", day(-1), [])])
    assert receipt.effects.subscriptions_ended == 3
    assert sold(house, "list") == {"LIST": 100} and sold(house, "list", "dave") == {}
    own = house["bob"].call("ListSubscriptions", customer_id="list", as_of=day(0).isoformat()).subscriptions
    assert [(row.subscription_id, row.state, row.effective_date) for row in own] == [
        ("a0", 4, day(-1).isoformat()), ("a1", 4, day(-1).isoformat()), ("a2", 4, day(-2).isoformat()),
        ("later", 1, day(-1).isoformat()),
    ]  # fmt: skip


def assigned(house, customer):
    (office,) = [
        product for product in house["alice"].call(
            "GetCustomerInsights", customer_id=customer, as_of=day(0).isoformat()
        ).insights.products if product.product == 1
    ]  # fmt: skip
    return office.licenses.assigned


def test_a_snapshot_in_parts_counts_when_it_is_complete(house, operator):
    """Over streams and restarts; an incomplete one counts nothing."""
    f = house.facts
    operator.feed(
        [
            f.sku("PART"), *serve(house, "parts"), f.subscription("s", "parts", "PART", "A", day(-9), 50),
            f.assignment("parts", "before", "PART", day(-9)), *f.coverage("parts", day(0)),
        ]
    )  # fmt: skip
    people = [[f"u{part}-{n}" for n in range(4)] for part in range(3)]
    parts = [f.snapshot("parts", "PART", day(-2), people[n], n + 1, 3) for n in range(3)]
    operator.feed([parts[2]])
    assert assigned(house, "parts") == 1
    operator.feed([f.snapshot("parts", "PART", day(-2), ["wrong"], 1, 3)])
    assert house.daemon.stop() == 0
    house.restart()
    operator = house["operator"]
    operator.feed([parts[0]])
    assert assigned(house, "parts") == 1
    operator.feed([parts[1]])
    assert assigned(house, "parts") == 12
    # The whole of the same day replaces it.
    operator.feed([f.snapshot("parts", "PART", day(-2), ["u0-0", "u1-1"])])
    assert assigned(house, "parts") == 2


def test_the_receipt_names_skus_that_are_not_catalogued(house, operator):
    f = house.facts
    ids = [f"NOWHERE-{n:03}" for n in range(120)]
    facts = [f.subscription(f"s{n}", "nowhere", sku, "A", day(-9), 1) for n, sku in enumerate(ids[:-1])]
    facts += [f.assignment("nowhere", "u", sku, day(-9)) for sku in (ids[-1], "SOMEWHERE")]
    receipt = operator.feed([f.sku("SOMEWHERE"), *serve(house, "nowhere"), *facts, *f.coverage("nowhere", day(0))])
    assert (list(receipt.effects.uncatalogued_sku_ids), receipt.effects.uncatalogued_sku_count) == (ids[:100], 120)
    insights = house["alice"].call("GetCustomerInsights", customer_id="nowhere", as_of=day(0).isoformat()).insights
    # Nothing of the last one was sold.
    assert [(row.sku_id, row.sold) for row in insights.uncatalogued_skus] == [(sku, 1) for sku in ids[:100]]
    assert insights.uncatalogued_sku_count == 119
    operator.feed([f.sku(sku) for sku in ids])
    insights = house["alice"].call("GetCustomerInsights", customer_id="nowhere", as_of=day(0).isoformat()).insights
    assert insights.uncatalogued_sku_count == 0 and sum(sold(house, "nowhere").values()) == 119


def test_empty_batches_and_zero_quantities(house, operator):
    before = operator.call("GetIngestStatus").revision
    (empty,) = operator.ingest([batch(house, "empty")])
    assert (empty.revision, empty.accepted) == (before + 1, 0)
    operator.feed([house.facts.subscription("zero", "Z", "E3", "A", day(-9), 0), house.facts.support("Z", day(-1), 0)])


def test_every_receipt_is_visible_at_once(house, operator):
    """Answers come batch by batch on an open stream, and a reader sees each one when it is there."""
    requests = queue.Queue()
    method = house.api.methods["Ingest"]
    call = operator._callable(method, method.request.SerializeToString, method.response.FromString)
    receipts = call(iter(requests.get, None), timeout=60)
    for n in range(10):
        requests.put(batch(house, f"visible-{n}", *serve(house, f"visible-{n}")))
        receipt = next(receipts)
        assert receipt.batch_id == f"visible-{n}" and f"visible-{n}" in visible(house)
    requests.put(None)
    assert list(receipts) == []


def test_streams_at_once_make_one_revision_each(house, operator):
    """Four streams of twenty batches: every revision is one batch's and nobody's twice."""
    before = operator.call("GetIngestStatus").revision
    seen = []

    def stream(name):
        with house.client(house.certificates.operator) as client:
            requests = [batch(house, f"{name}-{n}", house.facts.user("par", f"{name}{n}")) for n in range(20)]
            receipts = client.ingest(requests)
            assert [receipt.batch_id for receipt in receipts] == [request.batch_id for request in requests]
            seen.extend(receipt.revision for receipt in receipts)

    threads = [threading.Thread(target=stream, args=(f"par{n}",)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(seen) == list(range(before + 1, before + 81))


def test_facts_may_come_in_any_order(house, operator):
    f = house.facts
    pieces = [
        f.activity("order", "u", "SPO", day(-3)),
        f.assignment("order", "u", "ORDER-SKU", day(-20)),
        f.subscription("order-s", "order", "ORDER-SKU", "A", day(-20), 4),
        *f.coverage("order", day(-1)),
        f.sku("ORDER-SKU", workloads=["SPO"]),
        f.customer("order", "Order"),
        f.relationship("A", "order", day(-30)),
    ]
    for piece in pieces:
        operator.feed([piece])
    (office,) = [p for p in house["alice"].call("GetCustomerInsights", customer_id="order").insights.products if p.product == 1]
    assert (office.licenses.sold, office.licenses.assigned) == (4, 1)
    assert (office.usage.active_users, office.usage.total_users) == (1, 1)


def test_ingest_status_tells_coverage(house, operator):
    f = house.facts
    operator.feed([f.customer("status"), *f.coverage("status", day(-3), 1, 3)])
    reply = operator.call("GetIngestStatus", customer_id="status")
    (row,) = reply.customers
    assert [source.through for source in row.sources] == [day(-3).isoformat(), "", day(-3).isoformat()]
    assert [source.status for source in row.sources] == [2, 3, 2]
    assert [(w.workload_code, w.status) for w in row.workloads] == [
        (code, 2) for code in ("APPS", "CRM", "EXO", "SFB", "SPO", "TEAMS", "YAM")
    ]
    operator.feed([f.customer("silent"), *f.coverage("silent", day(-3), 1)])
    assert not operator.call("GetIngestStatus", customer_id="silent").customers[0].workloads


def test_ingest_status_tells_names_and_relationships(house, operator):
    """Of every partner, also those to come; what was taken back is left out, and a relationship alone is enough."""
    f = house.facts
    operator.feed(
        [
            f.customer("known", "Known B.V.", "NL"), f.relationship("B", "known", day(5)),
            f.relationship("A", "known", day(-9)), f.relationship("A", "known", day(-40), day(-20)),
            f.relationship("B", "known", day(-7)), f.relationship("A", "known-by-link", day(-3)),
        ]
    )  # fmt: skip
    operator.feed([f.relationship("B", "known", day(-7), day(-7))])
    (row,) = operator.call("GetIngestStatus", customer_id="known").customers
    assert (row.name, row.market) == ("Known B.V.", "NL")
    assert [(r.partner_id, r.start_date, r.end_date) for r in row.relationships] == [
        ("A", day(-40).isoformat(), day(-20).isoformat()), ("A", day(-9).isoformat(), ""), ("B", day(5).isoformat(), ""),
    ]  # fmt: skip
    (row,) = operator.call("GetIngestStatus", customer_id="known-by-link").customers
    assert (row.name, row.market, len(row.relationships)) == ("", "", 1)
    assert {"known", "known-by-link"} <= {row.customer_id for row in operator.call("GetIngestStatus").customers}


def test_ingest_status_tells_the_coverage_of_each_workload(house, operator):
    f = house.facts
    operator.feed([f.customer("by-workload"), *f.coverage("by-workload", day(-3), 3, workloads=["EXO", "ODB"])])
    operator.feed(f.coverage("by-workload", day(-1), 3, workloads=["TEAMS"]))
    (row,) = operator.call("GetIngestStatus", customer_id="by-workload").customers
    assert [source.through for source in row.sources] == ["", "", day(-1).isoformat()]
    reported = {"EXO": day(-3), "SPO": day(-3), "TEAMS": day(-1)}
    assert [(workload.workload_code, workload.through, workload.status) for workload in row.workloads] == [
        (code, reported[code].isoformat() if code in reported else "", 2 if code in reported else 3)
        for code in ("APPS", "CRM", "EXO", "SFB", "SPO", "TEAMS", "YAM")
    ]


def test_what_no_source_reports_of_activity_is_absent(house, operator, api):
    """The vendor's report of active users has no column for Dynamics 365 and Microsoft 365 Apps."""
    f = house.facts
    users = [f"w{n}" for n in range(6)]
    skus = {"W-office": ["EXO", "APPS"], "W-dynamics": ["CRM"]}
    operator.feed(
        [
            f.sku("W-office", workloads=skus["W-office"]), f.sku("W-dynamics", 2, workloads=skus["W-dynamics"]),
            f.customer("partly"), f.relationship("A", "partly", day(-30)),
            *(f.subscription(f"partly-{sku}", "partly", sku, "A", day(-20), 6) for sku in skus),
            *(f.assignment("partly", user, sku, day(-20)) for user in users for sku in skus),
            *(f.activity("partly", user, "EXO", day(-3)) for user in users),
            *f.coverage("partly", day(-1), 1, 2),
            *f.coverage("partly", day(-2), 3, workloads=["EXO", "ODB", "TEAMS", "SFB", "YAM"]),
        ]
    )  # fmt: skip
    insights = house["alice"].call("GetCustomerInsights", customer_id="partly").insights
    office, dynamics = insights.products
    assert insights.as_of == day(-2).isoformat()
    assert (office.usage.active_users, office.usage.total_users) == (6, 6)
    assert not dynamics.HasField("usage") and dynamics.licenses.assigned == 6
    rows = {row.workload_code: row for product in insights.products for row in product.workloads}
    assert rows["EXO"].usage.active_users == 6
    assert not rows["APPS"].HasField("usage") and not rows["CRM"].HasField("usage")
    assert [row.workload_code for row in insights.freshness.workloads if not row.through] == ["APPS", "CRM"]
    (row,) = operator.call("GetIngestStatus", customer_id="partly").customers
    assert [w.status for w in row.workloads] == [3, 3, 2, 2, 2, 2, 2]
    explained = house["alice"].call("ExplainUsage", customer_id="partly", product=2).explanation
    assert not explained.HasField("active_users") and not explained.classes and explained.text
    assert not house["alice"].call("ListRecommendations", customer_id="partly").recommendations
    # The customer is still found by the usage that is there.
    found = house["alice"].call("ListCustomerInsights", filter="customer_id = partly AND usage = 100")
    assert [row.customer_id for row in found.insights] == ["partly"]
    gone = house["alice"].call("ListCustomerInsights", filter="customer_id = partly AND usage >= 0", products=[2])
    assert not gone.insights
    chunks = house["alice"].call("ExportInsights", as_of=day(-2).isoformat())
    exported = [row for chunk in chunks for row in chunk.rows if row.customer_id == "partly"]
    assert [(row.product, row.HasField("active_users"), row.HasField("usage_percent")) for row in exported] == [
        (1, True, True), (2, False, False),
    ]  # fmt: skip
    # A later fact about one workload changes nothing about the others.
    operator.feed(f.coverage("partly", day(-3), 3, workloads=["CRM"]))
    dynamics = house["alice"].call("GetCustomerInsights", customer_id="partly").insights.products[1]
    assert (dynamics.usage.active_users, dynamics.usage.total_users) == (0, 6)


def test_not_reported_is_not_zero(house, operator):
    f = house.facts
    operator.feed(
        [
            f.sku("NR", workloads=["EXO"]), f.customer("blank"), f.relationship("A", "blank", day(-30)),
            f.subscription("blank-s", "blank", "NR", "A", day(-20), 4), f.assignment("blank", "u", "NR", day(-20)),
            f.activity("blank", "u", "EXO", day(-3)), *f.coverage("blank", day(-1), 3),
        ]
    )  # fmt: skip
    insights = house["alice"].call("GetCustomerInsights", customer_id="blank").insights
    for product in insights.products:
        for field in ("sold", "entitled", "trial", "uncounted", "assigned", "assigned_lower", "assigned_unsold"):
            assert not product.licenses.HasField(field), field
        assert not product.usage.HasField("total_users") and not product.usage.HasField("entitlements")
    assert insights.products[0].usage.active_users == 1
    operator.feed(f.coverage("blank", day(-1)))
    assert house["alice"].call("GetCustomerInsights", customer_id="blank").insights.products[0].licenses.sold >= 4


def test_erasing_a_person_keeps_every_figure(house, operator):
    f = house.facts
    operator.feed(
        [
            f.sku("ER", workloads=["EXO"]), f.customer("erase"), f.relationship("A", "erase", day(-30)),
            f.subscription("erase-s", "erase", "ER", "A", day(-20), 4), f.user("erase", "jan", "Jan de Vries"),
            f.assignment("erase", "jan", "ER", day(-20)), f.activity("erase", "jan", "EXO", day(-3)),
            *f.coverage("erase", day(-1)),
        ]
    )  # fmt: skip
    named = house["bob"].call("ListLicensedUsers", customer_id="erase").users
    assert [(user.user_id, user.display_name) for user in named] == [("jan", "Jan de Vries")]
    before = house["alice"].call("GetCustomerInsights", customer_id="erase").insights
    revision = operator.call("EraseUser", customer_id="erase", user_id="jan").revision
    assert revision == operator.call("GetIngestStatus").revision
    assert house["alice"].call("GetCustomerInsights", customer_id="erase").insights == before
    left = house["bob"].call("ListLicensedUsers", customer_id="erase")
    assert "jan" not in str(left) and "Jan" not in str(left)
    for path in (house.daemon.folder / "data").rglob("*"):
        if path.is_file():
            assert b"Jan de Vries" not in path.read_bytes(), f"{path.name} still has the name"


def test_any_id_erases_a_person_with_all_of_them(house, operator):
    f = house.facts
    operator.feed(
        [
            f.sku("ANY", workloads=["EXO"]), *serve(house, "any"), f.subscription("s", "any", "ANY", "A", day(-20), 4),
            f.activity("any", "old.name@x", "EXO", day(-4)), f.assignment("any", "object-1", "ANY", day(-20)),
        ]
    )  # fmt: skip
    person = f.user("any", "object-1", "Ann Verduijn", "new.name@x", ["old.name@x"])
    receipt = operator.feed([person, f.activity("any", "new.name@x", "EXO", day(-3)), *f.coverage("any", day(-1))])
    assert receipt.effects.people_merged == 1
    (row,) = house["bob"].call("ListLicensedUsers", customer_id="any").users
    assert (row.user_id, row.principal_name, row.display_name) == ("object-1", "new.name@x", "Ann Verduijn")
    assert [(last.workload_code, last.last_active_date) for last in row.last_activity] == [("EXO", day(-3).isoformat())]
    before = house["alice"].call("GetCustomerInsights", customer_id="any").insights
    assert before.products[0].usage.active_users == 1
    operator.call("EraseUser", customer_id="any", user_id="old.name@x")
    assert house["alice"].call("GetCustomerInsights", customer_id="any").insights == before
    assert list(house["bob"].call("ListLicensedUsers", customer_id="any").users) == []
    for name in ("object-1", "new.name@x", "old.name@x"):
        refusal = operator.refused("EraseUser", customer_id="any", user_id=name)
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", "USER_NOT_FOUND")
    assert house.daemon.stop() == 0
    for path in (house.daemon.folder / "data").rglob("*"):
        for text in (b"Verduijn", b"old.name@x", b"new.name@x", b"object-1"):
            assert not path.is_file() or text not in path.read_bytes(), f"{path.name} still has {text}"
    house.restart()
    operator = house["operator"]
    assert house["alice"].call("GetCustomerInsights", customer_id="any").insights == before
    # Somebody new under an old id.
    operator.feed([f.user("any", "new.name@x", "Bea"), f.activity("any", "new.name@x", "EXO", day(-2))])
    assert house["alice"].call("GetCustomerInsights", customer_id="any").insights.products[0].usage.active_users == 2
