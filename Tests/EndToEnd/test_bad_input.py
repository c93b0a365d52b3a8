"""Hostile and mistaken input: a clear refusal, and the server and the very channel go on."""

import grpc
import pytest
from facts import ACTIVITY, day
from frames import Frames, framed, tls_context
from wire import Refusal

# Still ahead when a day ends between here and its use.
TOMORROW = day(2).isoformat()
LONG = "x" * 129

# Who, method, fields → field path of the refusal.
BAD_FIELDS = [
    ("GetCustomerInsights", {}, "customer_id"),
    ("GetCustomerInsights", {"customer_id": LONG}, "customer_id"),
    ("GetCustomerInsights", {"customer_id": "with space"}, "customer_id"),
    ("GetCustomerInsights", {"customer_id": "naïve"}, "customer_id"),
    ("GetCustomerInsights", {"customer_id": "C\n"}, "customer_id"),
    ("GetCustomerInsights", {"customer_id": "C", "as_of": TOMORROW}, "as_of"),
    ("GetCustomerInsights", {"customer_id": "C", "as_of": "2026-02-30"}, "as_of"),
    ("GetCustomerInsights", {"customer_id": "C", "as_of": "2026-2-3"}, "as_of"),
    ("GetCustomerInsights", {"customer_id": "C", "as_of": "1969-12-31"}, "as_of"),
    ("GetCustomerInsights", {"customer_id": "C", "as_of": "yesterday"}, "as_of"),
    ("GetCustomerInsights", {"customer_id": "C", "as_of": "٢٠٢٦-01-01"}, "as_of"),
    ("GetCustomerInsights", {"customer_id": "C", "scope": 9}, "scope"),
    ("GetCustomerInsights", {"customer_id": "C", "products": [1, 0]}, "products[1]"),
    ("GetCustomerInsights", {"customer_id": "C", "products": [7]}, "products[0]"),
    ("GetPortfolioInsights", {"as_of": TOMORROW}, "as_of"),
    ("CompareLicenses", {"customer_id": LONG}, "customer_id"),
    ("ListCustomerInsights", {"page_size": -1}, "page_size"),
    ("ListCustomerInsights", {"filter": "usage <"}, "filter"),
    ("ListCustomerInsights", {"filter": "price < 3"}, "filter"),
    ("ListCustomerInsights", {"filter": "usage < 3 OR sold > 1"}, "filter"),
    ("ListCustomerInsights", {"filter": "usage < 3; DROP TABLE facts"}, "filter"),
    ("ListCustomerInsights", {"filter": " AND ".join(["sold > 1"] * 4_000)}, "filter"),
    ("ListCustomerInsights", {"order_by": "colour"}, "order_by"),
    ("ListCustomerInsights", {"order_by": "sold down"}, "order_by"),
    ("GetTrend", {"end_date": day(-1).isoformat()}, "start_date"),
    ("GetTrend", {"start_date": day(-1).isoformat()}, "end_date"),
    ("GetTrend", {"start_date": day(-1).isoformat(), "end_date": day(-2).isoformat()}, "end_date"),
    ("GetTrend", {"start_date": day(-400).isoformat(), "end_date": day(0).isoformat()}, "end_date"),
    ("GetTrend", {"start_date": day(-9).isoformat(), "end_date": day(-1).isoformat(), "workload_code": "exo"}, "workload_code"),
    ("GetTrend", {"start_date": day(-9).isoformat(), "end_date": day(-1).isoformat(), "interval": 8}, "interval"),
    ("ExplainUsage", {}, "product"),
    ("ExplainUsage", {"product": 1, "workload_code": "EXO"}, "workload_code"),
    ("ExplainUsage", {"workload_code": "WORD"}, "workload_code"),
    ("ListRecommendations", {"page_size": -5}, "page_size"),
    ("ExportInsights", {"as_of": day(-1).isoformat(), "start_date": day(-2).isoformat()}, "as_of"),
    ("ExportInsights", {"format": 6}, "format"),
    ("ExportInsights", {"resume_token": "junk"}, "resume_token"),
    ("ListCustomers", {"filter": "usage > 3"}, "filter"),
    ("GetCustomer", {}, "customer_id"),
    ("ListLicensedUsers", {"customer_id": "C", "activity": 5}, "activity"),
    ("CreatePrincipal", {"principal": {"principal_id": "with/slash"}}, "principal.principal_id"),
    ("CreatePrincipal", {"principal": {"principal_id": "x", "roles": [9]}}, "principal.roles[0]"),
    ("CreatePrincipal", {"principal": {"principal_id": "x", "display_name": "n" * 257}}, "principal.display_name"),
]


@pytest.mark.parametrize("method,fields,path", BAD_FIELDS, ids=[f"{n}-{m}-{p}" for n, (m, _, p) in enumerate(BAD_FIELDS)])
def test_bad_field(house, method, fields, path):
    refusal = house["alice"].refused(method, **fields)
    assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", path), refusal.message
    # The message says what is wrong with it, and never repeats 10,000 conditions.
    assert path.split("[")[0].split(".")[-1] in refusal.message and len(refusal.message) < 600


BASE = {"customer_id": "C"}
SUBSCRIPTION = BASE | {"subscription_id": "s", "sku_id": "E3", "effective_date": "2026-01-01", "quantity": 1, "state": 1}
LISTED = BASE | {"date": "2026-01-01"}
PERSON = BASE | {"user_id": "u"}
HOLDERS = BASE | {"sku_id": "E3", "date": "2026-01-02", "user_ids": ["u"]}
COVERED = BASE | {"through": "2026-01-01"}
BAD_TERMS = ["1M", "P", "PT1H", "P1M1Y", "p1m", "P1.5Y", "P1M ", "P1234567890123456Y", "yearly", "\u0661"]
BAD_FACTS = [
    ({}, "fact"),
    ({"partner": {"partner_id": "with space"}}, "partner.partner_id"),
    ({"partner": {"partner_id": "P:1"}}, "partner.partner_id"),
    ({"customer": {}}, "customer.customer_id"),
    ({"customer": BASE | {"name": "n" * 257}}, "customer.name"),
    ({"relationship": BASE | {"partner_id": "A", "start_date": ""}}, "relationship.start_date"),
    ({"relationship": BASE | {"partner_id": "A", "start_date": "2026-01-02", "end_date": "2026-01-01"}}, "relationship.end_date"),
    ({"sku": {"sku_id": "E3", "product": 9}}, "sku.product"),
    ({"sku": {"sku_id": "E3", "workload_codes": ["EXO", "exo"]}}, "sku.workload_codes[1]"),
    ({"subscription": SUBSCRIPTION | {"quantity": -1}}, "subscription.quantity"),
    ({"subscription": SUBSCRIPTION | {"quantity": 100_000_001}}, "subscription.quantity"),
    ({"subscription": SUBSCRIPTION | {"quantity": 2**63 - 1}}, "subscription.quantity"),
    ({"subscription": SUBSCRIPTION | {"quantity": -(2**63)}}, "subscription.quantity"),
    ({"subscription": SUBSCRIPTION | {"state": 0}}, "subscription.state"),
    ({"subscription": SUBSCRIPTION | {"state": 77}}, "subscription.state"),
    ({"subscription": SUBSCRIPTION | {"effective_date": "01-01-2026"}}, "subscription.effective_date"),
    ({"subscription": SUBSCRIPTION | {"seller_partner_id": "a b"}}, "subscription.seller_partner_id"),
    ({"subscription": SUBSCRIPTION | {"seller_kind": 5}}, "subscription.seller_kind"),
    ({"subscription": SUBSCRIPTION | {"term_end": "9999-99-99"}}, "subscription.term_end"),
    *(({"subscription": SUBSCRIPTION | {"term": term}}, "subscription.term") for term in BAD_TERMS),
    ({"subscription_snapshot": {"date": "2026-01-01"}}, "subscription_snapshot.customer_id"),
    ({"subscription_snapshot": BASE}, "subscription_snapshot.date"),
    ({"subscription_snapshot": BASE | {"date": "2026-02-30"}}, "subscription_snapshot.date"),
    ({"subscription_snapshot": LISTED | {"subscription_ids": ["s", ""]}}, "subscription_snapshot.subscription_ids[1]"),
    ({"subscription_snapshot": LISTED | {"subscription_ids": [LONG]}}, "subscription_snapshot.subscription_ids[0]"),
    ({"subscription_snapshot": LISTED | {"seller_partner_id": "a b"}}, "subscription_snapshot.seller_partner_id"),
    ({"user": BASE | {"user_id": ""}}, "user.user_id"),
    ({"user": PERSON | {"principal_name": "ann smith"}}, "user.principal_name"),
    ({"user": PERSON | {"aliases": ["a@x", ""]}}, "user.aliases[1]"),
    ({"user": PERSON | {"aliases": ["ü@x"]}}, "user.aliases[0]"),
    ({"user": PERSON | {"aliases": [f"u{n}" for n in range(101)]}}, "user.aliases"),
    ({"assignment": BASE | {"user_id": "u", "sku_id": "E3", "start_date": "2026-01-02", "end_date": "2026-01-01"}}, "assignment.end_date"),
    ({"assignment_snapshot": BASE | {"sku_id": "E3", "date": "2026-01-02", "user_ids": ["u", ""]}}, "assignment_snapshot.user_ids[1]"),
    ({"assignment_snapshot": HOLDERS | {"part": 1}}, "assignment_snapshot.parts"),
    ({"assignment_snapshot": HOLDERS | {"part": 1, "parts": 10_001}}, "assignment_snapshot.parts"),
    ({"assignment_snapshot": HOLDERS | {"part": 1, "parts": -1}}, "assignment_snapshot.parts"),
    ({"assignment_snapshot": HOLDERS | {"parts": 2}}, "assignment_snapshot.part"),
    ({"assignment_snapshot": HOLDERS | {"part": 3, "parts": 2}}, "assignment_snapshot.part"),
    ({"assignment_snapshot": HOLDERS | {"part": -(2**31), "parts": 2}}, "assignment_snapshot.part"),
    ({"activity": BASE | {"user_id": "u", "workload_code": "WORD", "dates": ["2026-01-01"]}}, "activity.workload_code"),
    ({"activity": BASE | {"user_id": "u", "workload_code": "EXO"}}, "activity.dates"),
    ({"activity": BASE | {"user_id": "u", "workload_code": "EXO", "dates": ["2026-01-01", TOMORROW]}}, "activity.dates[1]"),
    ({"activity": BASE | {"user_id": "u", "workload_code": "EXO", "dates": ["2026-01-01"] * 4001}}, "activity.dates"),
    ({"support_request": BASE | {"date": "2026-01-01", "category": 0, "count": 1}}, "support_request.category"),
    ({"support_request": BASE | {"date": "2026-01-01", "category": 1, "count": 1_000_001}}, "support_request.count"),
    ({"support_request": BASE | {"date": "2026-01-01", "category": 1, "count": -1}}, "support_request.count"),
    ({"coverage": BASE | {"source": ACTIVITY, "through": TOMORROW}}, "coverage.through"),
    ({"coverage": BASE | {"source": 0, "through": "2026-01-01"}}, "coverage.source"),
    ({"coverage": COVERED | {"source": ACTIVITY, "workload_codes": ["EXO", "exo"]}}, "coverage.workload_codes[1]"),
    ({"coverage": COVERED | {"source": ACTIVITY, "workload_codes": [""]}}, "coverage.workload_codes[0]"),
    ({"coverage": COVERED | {"source": 1, "workload_codes": ["EXO"]}}, "coverage.workload_codes"),
    ({"coverage": COVERED | {"source": 2, "workload_codes": ["EXO"]}}, "coverage.workload_codes"),
]  # fmt: skip


def test_bad_facts_name_index_and_field_and_the_stream_goes_on(house):
    """All of them over one stream, a good batch at its end."""
    api = house.api
    good = api.Fact(customer={"customer_id": "C"})
    batches = [
        api.IngestRequest(batch_id=f"bad-{n}", facts=[good, good, api.Fact(**fields)])
        for n, (fields, _) in enumerate(BAD_FACTS)
    ]
    batches.append(api.IngestRequest(batch_id="good", facts=[good]))
    before = house["operator"].call("GetIngestStatus").revision
    receipts = house["operator"].ingest(batches)
    assert [receipt.batch_id for receipt in receipts] == [batch.batch_id for batch in batches]
    for receipt, (_, path) in zip(receipts, BAD_FACTS):
        status = receipt.status
        wanted = ("INVALID_ARGUMENT", 2, f"facts[2].{path}")
        assert (grpc_name(status.code), status.fact_index, status.field) == wanted, status.message
        assert receipt.revision == 0 and receipt.accepted == 0 and len(status.details) == 1
    assert not receipts[-1].HasField("status") and receipts[-1].revision == before + 1


def grpc_name(number):
    return next(code.name for code in grpc.StatusCode if code.value[0] == number)


@pytest.mark.parametrize("batch_id", ["", "x" * 129, "two words"])
def test_bad_batch_id(house, batch_id):
    (receipt,) = house["operator"].ingest([house.api.IngestRequest(batch_id=batch_id)])
    assert receipt.status.field == "batch_id" and not receipt.status.HasField("fact_index")


def test_too_many_facts(house):
    fact = house.api.Fact(customer={"customer_id": "C"})
    (receipt,) = house["operator"].ingest([house.api.IngestRequest(batch_id="many", facts=[fact] * 100_001)], timeout=60)
    assert receipt.status.field == "facts" and "100000" in receipt.status.message


def test_a_message_above_the_limit(house):
    with house.client(house.certificates.operator) as client:
        big = house.api.IngestRequest(batch_id="big", facts=[house.api.Fact(customer={"customer_id": "C", "name": "n" * (5 << 20)})])
        with pytest.raises(grpc.RpcError) as caught:
            client.ingest([big])
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "4194304" in caught.value.details()
        assert client.call("WhoAmI").is_operator
    refusal = house["alice"].raw("GetCustomerInsights", b"\x0a" + varint(5 << 20) + b"C" * (5 << 20))
    assert refusal.code == "RESOURCE_EXHAUSTED"
    assert house["alice"].call("WhoAmI")


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


NESTED = b"\x0b" * 10_000
MALFORMED = {
    "cut in a field": b"\x0a\x05C",
    "length beyond the end": b"\x0a\xff\xff\xff\xff\x0f",
    "varint without end": b"\xff" * 11,
    "field number 0": b"\x00\x01",
    "group without end": b"\x0b",
    "10,000 nested groups": NESTED,
    "invalid UTF-8": b"\x0a\x02\xc3\x28",
    "wrong wire type end": b"\x0c",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("method", ["GetCustomerInsights", "CompareLicenses", "GetCustomer", "GetTrend"])
def test_bytes_that_are_no_message(house, method, data):
    refusal = house["alice"].raw(method, data)
    assert isinstance(refusal, Refusal) and refusal.code == "INVALID_ARGUMENT", refusal
    assert house["alice"].call("WhoAmI").principal.principal_id == "alice"


def test_garbage_is_not_looked_at_without_the_permission(house):
    for who, code in (("nobody", "PERMISSION_DENIED"), ("operator", "PERMISSION_DENIED"), (None, "UNAUTHENTICATED")):
        assert house[who].raw("GetCustomerInsights", NESTED).code == code


def test_unknown_methods_and_services(house):
    for path in ("/partner.insights.v1.InsightsService/Nothing", "/nothing.at.all/X", "/x", "/"):
        with pytest.raises(grpc.RpcError) as caught:
            house["alice"].channel.unary_unary(path)(b"", timeout=60)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED, path


@pytest.fixture
def frames(house):
    context = tls_context(house.certificates.authority, house.certificates.alice)
    with Frames(house.daemon.address, context) as frames:
        yield frames


WHO_AM_I = "/partner.insights.v1.AccessService/WhoAmI"


def test_by_hand_a_good_call_works(frames):
    answer = frames.request(WHO_AM_I, framed(b""))
    assert answer.grpc_status == 0 and answer.body[0] == 0 and answer.ended == "stream"


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/grpcx", None])
def test_wrong_content_type(frames, content_type):
    assert frames.request(WHO_AM_I, framed(b""), content_type=content_type).headers[":status"] == "415"
    assert frames.request(WHO_AM_I, framed(b"")).grpc_status == 0


FRAMING = {
    "no message at all": (b"", {}),
    "a frame cut in its head": (b"\0\0\0", {}),
    "a frame cut in its body": (b"\0\0\0\0\x09abc", {}),
    "two messages": (framed(b"") + framed(b""), {}),
    "compressed without an encoding": (framed(b"x", compressed=1), {}),
    "a flag that does not exist": (framed(b"", compressed=7), {}),
    "an unknown encoding": (framed(b"x", compressed=1), {"extra": [("grpc-encoding", "snappy")]}),
    "junk for gzip": (framed(b"junk", compressed=1), {"extra": [("grpc-encoding", "gzip")]}),
    "a length of 4 GiB": (b"\0\xff\xff\xff\xff", {}),
    "a bad timeout": (framed(b""), {"extra": [("grpc-timeout", "soon")]}),
    "GET": (b"", {"method": "GET"}),
}


@pytest.mark.parametrize("data,how", FRAMING.values(), ids=FRAMING)
def test_bad_framing(frames, house, data, how):
    answer = frames.request(WHO_AM_I, data, **how)
    refused = answer.grpc_status not in (None, 0) or answer.headers.get(":status", "200") != "200"
    assert refused or answer.ended == "reset", vars(answer)
    assert answer.ended in ("stream", "reset"), "the connection must live on"
    assert frames.request(WHO_AM_I, framed(b"")).grpc_status == 0


def test_a_gzip_bomb_stops_at_the_message_limit(frames):
    import gzip

    # 32 MiB of zeros in 32 KB: below every window, far above the limit once unpacked.
    bomb = gzip.compress(b"\0" * (32 << 20), 9)
    answer = frames.request(WHO_AM_I, framed(bomb, compressed=1), extra=[("grpc-encoding", "gzip")])
    assert answer.grpc_status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert frames.request(WHO_AM_I, framed(b"")).grpc_status == 0


def test_headers_above_the_limit(frames):
    answer = frames.request(WHO_AM_I, framed(b""), extra=[("x-long", "v" * 20_000)])
    assert answer.grpc_status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert frames.request(WHO_AM_I, framed(b"")).grpc_status == 0


def test_the_server_outlived_it_all(house):
    """Last in the file: same process, nothing of the attackers' text as a line of its own in the log."""
    assert house.daemon.is_running
    for line in house.daemon.log.read_text().splitlines():
        assert line.startswith("{") and line.endswith("}"), line
