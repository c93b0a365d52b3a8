"""Lists page without a gap or a repeat, also while facts come in."""

import threading

import grpc
import pytest
from facts import day

COUNT = 230


@pytest.fixture(scope="module", autouse=True)
def customers(house):
    f = house.facts
    facts = [f.sku("E3", workloads=["SPO"])]
    for n in range(COUNT):
        name = f"c{n:03}"
        facts += [f.customer(name, f"Customer {n % 7}", "NL" if n % 2 else "BE"), f.relationship("A", name, day(-60))]
        facts += [f.subscription(f"s{n}", name, "E3", "A", day(-50), n % 13), *f.coverage(name, day(-1))]
        facts += [f.activity(name, f"u{m}", "SPO", day(-2)) for m in range(n % 5)]
    house["operator"].feed(facts)


def pages(client, method, rows, size, **fields):
    token, seen, total = "", [], None
    while True:
        reply = client.call(method, page_size=size, page_token=token, **fields)
        assert len(getattr(reply, rows)) <= size
        assert total in (None, reply.total_size), "the total holds for the whole walk"
        total = reply.total_size
        seen += [row.customer_id for row in getattr(reply, rows)]
        token = reply.next_page_token
        if not token:
            return seen, total


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_every_customer_once(house, size):
    wanted = [f"c{n:03}" for n in range(COUNT)]
    assert pages(house["alice"], "ListCustomers", "customers", size) == (wanted, COUNT)
    if size > 1:
        assert pages(house["alice"], "ListCustomerInsights", "insights", size) == (wanted, COUNT)


@pytest.mark.parametrize("order", ["sold", "sold desc", "customer_name", "active_users desc", "usage", "deployment desc"])
def test_orders_have_no_gaps(house, order):
    seen, total = pages(house["alice"], "ListCustomerInsights", "insights", 33, order_by=order)
    assert total == COUNT and len(set(seen)) == len(seen) == COUNT
    if order == "sold desc":
        key = {f"c{n:03}": (-(n % 13), f"c{n:03}") for n in range(COUNT)}
        assert seen == sorted(seen, key=key.get)


def test_filters(house):
    seen, total = pages(house["alice"], "ListCustomerInsights", "insights", 20, filter="sold >= 10 AND market = NL")
    assert seen == [f"c{n:03}" for n in range(COUNT) if n % 13 >= 10 and n % 2] and total == len(seen)
    seen, _ = pages(house["alice"], "ListCustomers", "customers", 20, filter='name : "MER 3" AND market != NL')
    assert seen == [f"c{n:03}" for n in range(COUNT) if n % 7 == 3 and n % 2 == 0]


def test_a_page_size_above_the_maximum_is_clamped(house):
    assert len(house["alice"].call("ListCustomers", page_size=2**31 - 1).customers) == COUNT


@pytest.mark.parametrize("method,rows", [("ListCustomers", "customers"), ("ListCustomerInsights", "insights")])
def test_walking_while_facts_come_in(house, method, rows):
    """Whoever was there at the first page is seen exactly once, whatever changes meanwhile."""
    stop = threading.Event()
    f = house.facts

    def feed():
        n = 0
        while not stop.is_set():
            n += 1
            name = f"b-{method}-{n:04}"
            house["operator"].feed(
                [
                    f.customer(name), f.relationship("A", name, day(-60)),
                    f.subscription(f"s{n % COUNT}", f"c{n % COUNT:03}", "E3", "A", day(-40), n % 17),
                ]
            )  # fmt: skip

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        order = {} if method == "ListCustomers" else {"order_by": "sold desc"}
        for _ in range(3):
            seen, total = pages(house["alice"], method, rows, 10, **order)
            assert len(seen) == len(set(seen)) == total
            assert {f"c{n:03}" for n in range(COUNT)} <= set(seen)
    finally:
        stop.set()
        feeder.join()


def test_an_export_is_resumed_where_it_was_cut(house):
    whole = house["alice"].call("ExportInsights", start_date=day(-9).isoformat(), end_date=day(-1).isoformat())
    rows = [row for reply in whole for row in reply.rows]
    assert len(whole) > 3 and rows == sorted(rows, key=lambda row: (row.date, row.customer_id, row.product))
    cut = whole[len(whole) // 2]
    rest = house["alice"].call(
        "ExportInsights", start_date=day(-9).isoformat(), end_date=day(-1).isoformat(), resume_token=cut.resume_token
    )
    before = sum(len(reply.rows) for reply in whole[: len(whole) // 2 + 1])
    assert [row for reply in rest for row in reply.rows] == rows[before:]
    for reply, last in ((whole, whole[-1]), (rest, rest[-1])):
        assert last.customers_done == last.customers_total == whole[0].customers_total
        done = [message.customers_done for message in reply]
        assert done == sorted(done)


def test_advice_is_paged_by_customer_and_kind(house):
    """A page goes on behind the last piece shown, also within one customer."""

    def walk(size, **fields):
        token, seen = "", []
        while True:
            reply = house["alice"].call("ListRecommendations", page_size=size, page_token=token, **fields)
            seen += [(row.customer_id, row.product, row.kind) for row in reply.recommendations]
            assert len(reply.recommendations) <= size
            token = reply.next_page_token
            if not token:
                assert reply.total_size == len(seen)
                return seen

    whole = walk(1000)
    assert len(whole) > COUNT / 2 and whole == sorted(set(whole))
    assert walk(1) == walk(7) == whole
    assert walk(1, customer_id=whole[0][0]) == [row for row in whole if row[0] == whole[0][0]]


def test_the_status_of_ingestion_ends_with_its_last_customer(house):
    """A page that the last customers fill exactly has no page behind it."""
    everybody = house["operator"].call("GetIngestStatus")
    count = len(everybody.customers)
    assert everybody.total_size == count and not everybody.next_page_token
    exact = house["operator"].call("GetIngestStatus", page_size=count)
    assert list(exact.customers) == list(everybody.customers) and not exact.next_page_token
    most = house["operator"].call("GetIngestStatus", page_size=count - 1)
    rest = house["operator"].call("GetIngestStatus", page_size=count - 1, page_token=most.next_page_token)
    assert [*most.customers, *rest.customers] == list(everybody.customers) and not rest.next_page_token


def test_a_name_that_looks_like_a_formula_is_text_in_csv(house, api):
    """Spreadsheet programs would run it; quotes and separators stay in their cell."""
    import csv

    f = house.facts
    names = ["=1+1", "+31 20", "-5", "@SUM(A1)", "\tTab", 'Say "hi", twice', "plain"]
    facts = []
    for n, name in enumerate(names):
        facts += [f.customer(f"z-formula{n}", name, "=BE"), f.relationship("B", f"z-formula{n}", day(-9))]
        facts += [f.subscription(f"z{n}", f"z-formula{n}", "E3", "B", day(-9), 1), *f.coverage(f"z-formula{n}", day(-1))]
    house["operator"].feed(facts)
    for language, separator in (("en", ","), ("nl", ";")):
        chunks = house["dave"].call("ExportInsights", format=api.EXPORT_FORMAT_CSV, language_code=language)
        text = b"".join(chunk.csv_chunk for chunk in chunks).decode()
        rows = list(csv.DictReader(text.splitlines(), delimiter=separator))
        assert len(rows) == len(names) and len({len(row) for row in rows}) == 1
        for row, name in zip(rows, names):
            assert not row["customer_name"].startswith(("=", "+", "-", "@", "\t")), row
            assert row["customer_name"].endswith(name.strip()) and row["market"].endswith("=BE")
            assert row["deployment_percent"] == ("0,0" if language == "nl" else "0.0")


@pytest.fixture
def long_export(house):
    """Starts exports of 59 days; those still under way at the end are cancelled."""
    method = house.api.methods["ExportInsights"]
    call = house["alice"].channel.unary_stream(
        method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
    )
    request = method.request(start_date=day(-59).isoformat(), end_date=day(-1).isoformat())
    started = []

    def start(**options):
        started.append(call(request, timeout=60, **options))
        return started[-1]

    yield start
    for export in started:
        export.cancel()


def rows(export):
    return [row for reply in export for row in reply.rows]


def test_an_export_that_nobody_reads_holds_nobody_up(house, long_export):
    exports = [long_export() for _ in range(3)]
    assert all(next(export).customers_total for export in exports)
    for _ in range(50):
        assert house["alice"].call("ListCustomers", page_size=1).total_size >= COUNT
    assert len(house["alice"].call("ListCustomers", page_size=1000).customers) >= COUNT
    assert len(rows(long_export())) > COUNT


def test_exports_at_once_are_limited_and_free_when_cancelled(long_export):
    exports = [long_export() for _ in range(4)]
    assert all(next(export).customers_total for export in exports)
    with pytest.raises(grpc.RpcError) as caught:
        next(long_export())
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    for export in exports:
        export.cancel()
    # The server hears of the cancellations before it hears of a later call of the same connection.
    assert next(long_export()).customers_total > 0


def test_compressed_both_ways(long_export):
    assert rows(long_export(compression=grpc.Compression.Gzip)) == rows(long_export()) != []
