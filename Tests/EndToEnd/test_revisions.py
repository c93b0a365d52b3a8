"""Read your writes: replies tell their revision, and calls wait for one that they ask for."""

import time

import grpc
import pytest
from facts import day
from wire import Refusal

# Every method whose request has `min_revision`, with what else it needs.
READS = {
    "GetCustomerInsights": dict(customer_id="c1"),
    "ListCustomerInsights": {},
    "GetPortfolioInsights": {},
    "CompareLicenses": dict(customer_id="c1"),
    "GetTrend": dict(start_date=day(-3).isoformat(), end_date=day(-1).isoformat()),
    "ExplainUsage": dict(product=1),
    "ListRecommendations": {},
    "ExportInsights": {},
    "ListCustomers": {},
    "GetCustomer": dict(customer_id="c1"),
    "ListSubscriptions": dict(customer_id="c1"),
    "ListLicensedUsers": dict(customer_id="c1"),
}


@pytest.fixture(scope="module", autouse=True)
def customer(house):
    f = house.facts
    house["operator"].feed([
        f.sku("E3", workloads=["SPO"]), f.customer("c1", "One", "NL"), f.relationship("A", "c1", day(-60)),
        f.subscription("s1", "c1", "E3", "A", day(-50), 5), *f.coverage("c1", day(-1)),
        f.assignment("c1", "u1", "E3", day(-40)), f.activity("c1", "u1", "SPO", day(-2)),
    ])


def newest(house):
    return house["operator"].call("GetIngestStatus").revision


def something(house):
    """One more revision; nothing that a figure shows."""
    f = house.facts
    return house["operator"].feed([f.customer("c1", "One", "NL")])


def later(house, name, client="bob", timeout=30, **fields):
    method = house.api.methods[name]
    call = house[client]._callable(method, method.request.SerializeToString, method.response.FromString)
    request = method.request(**READS[name], **fields)
    if name == "ExportInsights":
        return call(request, timeout=timeout)
    return call.future(request, timeout=timeout)


def revisions(name, answer):
    return {reply.revision for reply in answer} if name == "ExportInsights" else {answer.result().revision}


@pytest.mark.parametrize("name", READS)
def test_replies_tell_their_revision(house, name):
    before = newest(house)
    assert revisions(name, later(house, name)) == {before}
    assert revisions(name, later(house, name, min_revision=before)) == {before}
    something(house)
    assert revisions(name, later(house, name, min_revision=before)) == {before + 1}


@pytest.mark.parametrize("name", READS)
def test_a_read_waits_for_its_revision(house, name):
    before = newest(house)
    waiting = [later(house, name, min_revision=before + 2) for _ in range(3)]
    something(house)
    time.sleep(0.1)
    assert not any(call.done() for call in waiting), "one revision too few"
    something(house)
    for call in waiting:
        assert revisions(name, call) == {before + 2}


def test_there_are_no_other_reads(house):
    named = {name for name, method in house.api.methods.items()
             if "min_revision" in method.request.DESCRIPTOR.fields_by_name}
    assert named == set(READS)


def test_what_does_not_come(new_house):
    house = new_house("--revision-wait", "1").start().register()
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        later(house, "ListCustomers", min_revision=2**63).result()
    refusal = Refusal.of(failure.value)
    assert (refusal.code, refusal.reason, refusal.retry_seconds) == ("UNAVAILABLE", "REVISION_NOT_HERE", 1)
    assert time.monotonic() - began >= 1
    with pytest.raises(grpc.RpcError) as failure:
        later(house, "ListCustomers", min_revision=2**64 - 1, timeout=0.3).result()
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    # An export has not begun before its facts are there.
    with pytest.raises(grpc.RpcError) as failure:
        list(later(house, "ExportInsights", min_revision=2**40))
    assert Refusal.of(failure.value).reason == "REVISION_NOT_HERE"
    # Whoever hangs up leaves nothing behind.
    calls = [later(house, "ListCustomers", min_revision=2**40) for _ in range(100)]
    for call in calls:
        call.cancel()
    assert house["alice"].call("ListCustomers").revision == newest(house)


def test_who_waits_counts(new_house):
    house = new_house("--partner-reads", "20", "--revision-wait", "30").start().register()
    target = newest(house) + 1
    calls = [later(house, "GetPortfolioInsights", min_revision=target) for _ in range(50)]
    deadline = time.monotonic() + 20
    while sum(call.done() for call in calls) < 30 and time.monotonic() < deadline:
        time.sleep(0.02)
    refused = [Refusal.of(call.exception()) for call in calls if call.done()]
    assert {(refusal.code, refusal.reason) for refusal in refused} == {("RESOURCE_EXHAUSTED", "TOO_MANY_READS")}
    assert len(refused) == 30
    other = later(house, "GetPortfolioInsights", client="dave", min_revision=target)
    assert house["alice"].call("GetPortfolioInsights").revision == target - 1, "those that need not wait do not"
    house["operator"].feed([house.facts.sku("E5", workloads=["SPO"])])
    assert other.result().revision == target
    assert sum(call.exception() is None for call in calls) == 20


def test_who_may_no_longer_waits_in_vain(new_house):
    house = new_house("--revision-wait", "30").start().register()
    house["bob"].call("WhoAmI")
    call = later(house, "ListCustomers", client="bob", min_revision=newest(house) + 1)
    time.sleep(0.2)
    house["alice"].call(
        "UpdatePrincipal", principal=dict(principal_id="bob", disabled=True), update_mask={"paths": ["disabled"]})
    house["operator"].feed([house.facts.sku("E5", workloads=["SPO"])])
    with pytest.raises(grpc.RpcError) as failure:
        call.result()
    assert failure.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


def test_pages_and_min_revision(new_house):
    house = new_house().start().register()
    f = house.facts
    facts = [fact for n in range(9) for fact in (f.customer(f"c{n}", "", "NL"), f.relationship("A", f"c{n}", day(-9)))]
    house["operator"].feed(facts)
    first = house["alice"].call("ListCustomers", page_size=4)
    something(house)
    # The snapshot of the first page goes on, unless the caller wants a later one; the token stays good for either.
    second = house["alice"].call("ListCustomers", page_size=4, page_token=first.next_page_token)
    assert second.revision == first.revision
    second = house["alice"].call(
        "ListCustomers", page_size=4, page_token=first.next_page_token, min_revision=first.revision + 1)
    assert second.revision == first.revision + 1
    assert [row.customer_id for row in second.customers] == ["c4", "c5", "c6", "c7"]
