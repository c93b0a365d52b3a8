"""No caller makes the process hold more than its budget, whatever is asked for and left unread."""

import contextlib
import socket
import ssl
import time

import grpc
import pytest
from connect import Web
from conftest import House
from facts import day
from frames import framed, tls_context
from raw import END_STREAM, HEADERS, RawPeer, metric, resident
from wire import Refusal

BUDGET = 48
# Above the budget: what counts is memory, but the allocator's pages are never quite full.
SLACK = 24
PACKAGE = "/partner.insights.v1."
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
EXPORT = PACKAGE + "InsightsService/ExportInsights"
LIST = PACKAGE + "InsightsService/ListCustomerInsights"
INGEST = PACKAGE + "IngestService/Ingest"
WHO_AM_I = PACKAGE + "AccessService/WhoAmI"
CUSTOMERS = 300


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    house = House(
        api, certificates, tmp_path_factory.mktemp("house"), "--memory-budget", str(BUDGET), "--partner-rate", "100000",
        "--partner-burst", "100000", "--log-level", "warning", "--web", "all",
    )  # fmt: skip
    house.start().register()
    f = house.facts
    skus = [f.sku(f"SKU-{n}", workloads=["SPO", "EXO"]) for n in range(8)]
    house["operator"].feed(skus)
    for first in range(0, CUSTOMERS, 100):
        facts = []
        for n in range(first, first + 100):
            customer = f"customer-{n:04}"
            facts += [f.relationship("A", customer, day(-60))]
            facts += [f.subscription(f"s-{n}-{k}", customer, f"SKU-{k}", "A", day(-50), 10) for k in range(8)]
            facts += f.coverage(customer, day(-1))
        house["operator"].feed(facts)
    # Warm: what lists and figures keep for themselves is no caller's.
    for _ in range(2):
        house["alice"].call("ListCustomerInsights", page_size=1000)
        house["alice"].call("ListRecommendations", page_size=1000)
    yield house
    house.daemon.stop()


@pytest.fixture
def base(house):
    """Memory in MiB before an attack; after it everything has to be let go."""
    wait(lambda: metric(house.daemon, "insights_calls_open") == 0)
    before = resident(house.daemon)[0]
    # The highest so far starts anew.
    open(f"/proc/{house.daemon.pid}/clear_refs", "w").write("5")
    yield before
    wait(lambda: metric(house.daemon, "insights_calls_open") == 0)
    wait(lambda: held(house) < 2 << 20)


def held(house):
    """Without what pages go on from, which is kept for ten minutes."""
    return metric(house.daemon, "insights_memory_held_bytes") - metric(house.daemon, "insights_paging_bytes")


def wait(done, seconds=30):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def holds(house, base):
    now, highest = resident(house.daemon)
    print(f"\n{base:.0f} MiB before, {highest:.0f} at the highest, {now:.0f} now")
    assert highest <= base + BUDGET + SLACK, f"{base:.0f} MiB before, {highest:.0f} at the highest"
    # Others have their own part.
    house["dave"].call("WhoAmI")
    return now - base


def refusals(house, method):
    """Calls of a method that ended with RESOURCE_EXHAUSTED so far."""
    _, text = house.daemon.admin_get("/metrics")
    name = f'grpc_server_handled_total{{grpc_method="{method}",grpc_code="RESOURCE_EXHAUSTED"}} '
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))


@contextlib.contextmanager
def several(house, count, **options):
    """As many connections as the server takes."""
    with contextlib.ExitStack() as stack:
        peers = []
        for _ in range(count):
            try:
                peers.append(stack.enter_context(RawPeer(house, **options)))
            except OSError:
                break
        assert peers
        yield peers


def test_reflection_that_nobody_reads(house, base):
    name = b"partner/insights/v1/insights_service.proto"
    request = framed(b"\x1a" + bytes([len(name)]) + name)
    with several(house, 6, who="nobody") as peers:
        for peer in peers:
            for _ in range(250):
                out, _ = peer.begin(REFLECTION, request * 200, end=False)
                if not peer.send(out):
                    break
        time.sleep(1)
        assert holds(house, base) < BUDGET + SLACK


def test_deferred_replies_that_nobody_reads(house, base):
    # 250 pages of a thousand customers each, on a connection that reads nothing but answers pings.
    request = framed(house.api.request("ListCustomerInsights", page_size=1000))
    with several(house, 4) as peers:
        for peer in peers:
            peer.send(b"".join(peer.begin(LIST, request)[0] for _ in range(250)))
        time.sleep(3)
        held = holds(house, base)
        # Three eighths: a connection's 8 MiB of replies, four under way, and what the allocator keeps.
        assert held < BUDGET + SLACK


HTML = [("accept", "text/html")]


@pytest.mark.parametrize("path, who", [
    ("/nothing", None), ("/about", None), ("/login", None), ("/v1/customers", None), ("/customers", "unknown"),
])  # fmt: skip
def test_what_strangers_are_told_and_do_not_read(house, base, path, who):
    told = {0: 0, END_STREAM: 0}
    with several(house, 30, who=who) as peers:
        for peer in peers:
            peer.send(b"".join(peer.get(path, HTML)[0] for _ in range(250)))
        time.sleep(2)
        print(f"{held(house) >> 20} MiB held")
        assert held(house) < BUDGET << 19, "others have the half of it"
        holds(house, base)
        for peer in peers:
            for kind, flags, _, _ in peer.frames(0.1):
                if kind == HEADERS:
                    told[flags & END_STREAM] += 1
    print(f"{path}: {told[0]} with words, {told[END_STREAM]} without")
    if path == "/nothing":
        assert told[0] > 100 and told[END_STREAM] > 500, "a status takes no room, and is told to all"


@pytest.mark.parametrize("path", [
    "/", "/customers", "/v1/insights?page_size=1000", "/v1/customers?page_size=1000", "/about",
])  # fmt: skip
def test_pages_and_json_that_nobody_reads(house, base, path):
    with several(house, 4) as peers:
        for peer in peers:
            peer.send(b"".join(peer.get(path, HTML)[0] for _ in range(250)))
        time.sleep(3)
        print(f"{held(house) >> 20} MiB held")
        # A partner has a quarter, and so has what is for anybody; replies may turn out longer than was thought.
        assert held(house) < (BUDGET << 20) * 5 // 8
        assert holds(house, base) < BUDGET + SLACK
    wait(lambda: held(house) < 2 << 20)
    assert Web(house, house.certificates.alice).http("GET", path, accept="text/html").status == 200


def test_unfinished_requests(house, base):
    # Batches of facts may be large: all but the last byte of each.
    with several(house, 4, who="operator") as peers:
        body = b"\x00" + (4 << 20).to_bytes(4, "big") + bytes((4 << 20) - 1)
        before = refusals(house, INGEST)
        assert not all([peer.pour(INGEST, body) for peer in peers for _ in range(3)])
        holds(house, base)
        assert refusals(house, INGEST) > before


def test_headers_of_calls_that_never_go_on(house, base):
    extra = [(f"x-filler-{n}", "y" * 900) for n in range(14)]
    with several(house, 40) as peers:
        for peer in peers:
            for _ in range(250):
                if not peer.send(peer.begin(WHO_AM_I, end=False, extra=extra)[0]):
                    break
        holds(house, base)


def test_exports_that_stall(house, base):
    request = framed(house.api.request("ExportInsights"))
    with several(house, 20, window=65_535) as peers:
        for peer in peers:
            peer.send(b"".join(peer.begin(EXPORT, request)[0] for _ in range(4)))
        time.sleep(1)
        holds(house, base)


def test_replies_into_a_socket_that_is_not_read(house, base):
    request = framed(house.api.request("CompareLicenses", customer_id=f"customer-{0:04}"))
    with several(house, 20, window=0x7FFF_FFFF) as peers:
        for peer in peers:
            peer.socket.settimeout(0.5)
            for _ in range(40):
                if not peer.send(b"".join(peer.begin(PACKAGE + "InsightsService/CompareLicenses", request)[0] for _ in range(50))):
                    break
        holds(house, base)


def test_batches_whose_receipts_nobody_reads(house, base):
    facts = [house.facts.sku(f"SKU-{n}", workloads=["SPO"]) for n in range(8)] * 500
    with several(house, 3, who="operator") as peers:
        for number, peer in enumerate(peers):
            for stream in range(8):
                batches = b"".join(
                    framed(house.api.request("Ingest", batch_id=f"unread-{number}-{stream}-{n}", facts=facts)) for n in range(4)
                )
                peer.socket.settimeout(2)
                if not peer.send(peer.begin(INGEST, batches, end=False)[0]):
                    break
        time.sleep(1)
        holds(house, base)
    wait(lambda: held(house) < 2 << 20)
    house["operator"].feed([house.facts.sku("SKU-0", workloads=["SPO", "EXO"])])


def test_idle_connections_are_counted(house, base):
    house["alice"].call("WhoAmI")
    with several(house, 2_000, who=None):
        # 48 KiB each: half of the budget carries 512, of which a tenth is kept for certificates.
        assert BUDGET * 8 <= metric(house.daemon, "insights_connections_open") <= BUDGET * 11
        assert metric(house.daemon, "insights_memory_held_bytes") < BUDGET << 19 | 4 << 20
        house["alice"].call("GetPortfolioInsights")
        with house.client(house.certificates.carol) as late:
            late.call("WhoAmI")


def test_room_for_a_handshake_is_not_made_before_it_comes(house, base):
    """Nine bytes announce a ClientHello of 128 KiB, for which the library would make room."""
    target = house.daemon.address.rsplit(":", 1)
    hello = b"\x16\x03\x01\x40\x00\x01\x01\xff\xf0"
    alert = b"\x15\x03\x01\x00\x02\x01\x00"
    # At once, in two pieces, with a length that goes over two records, and behind a warning.
    crumbs = b"\x16\x03\x01\x00\x02\x01\x00\x16\x03\x01\x40\x00\xff\xf0"
    for pieces in ([hello], [hello[:3], hello[3:]], [crumbs], [alert + hello]):
        peers = [socket.create_connection(target, timeout=20) for _ in range(200)]
        for piece in pieces:
            [peer.sendall(piece) for peer in peers]
            time.sleep(0.2)
        for peer in peers:
            # Long before the time that a handshake may take.
            peer.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                assert peer.recv(100)[:1] in (b"", b"\x15")
        [peer.close() for peer in peers]
    highest = resident(house.daemon)[1]
    assert highest - base < 16, f"{base:.0f} MiB before, {highest:.0f} at the highest"
    # Slow, and in pieces, but no more than real ones: it is read.
    with socket.create_connection(target, timeout=20) as plain:
        hello = client_hello(house)
        for start in range(0, len(hello), 3):
            plain.sendall(hello[start : start + 3])
            time.sleep(0.001)
        assert plain.recv(5)[0] == 22, "a handshake message"


def client_hello(house):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_context(house.certificates.authority).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_what_pages_go_on_from_is_counted_and_bounded(house, base):
    f, seen, token = house.facts, [], ""
    for number in range(40):
        # A page of each revision; every revision changes a hundred customers.
        page = house["alice"].call("ListCustomers", page_size=7)
        again = house["alice"].call("ListCustomers", page_size=7, page_token=page.next_page_token)
        assert len(page.customers) == len(again.customers) == 7
        house["operator"].feed([f.customer(f"customer-{n:04}", f"Contoso {number}") for n in range(100)])
        seen.append(metric(house.daemon, "insights_paging_bytes"))
        assert seen[-1] <= metric(house.daemon, "insights_memory_held_bytes")
        token = page.next_page_token
    assert 0 < max(seen) <= BUDGET << 18
    assert holds(house, base) < BUDGET // 2
    assert len(house["alice"].call("ListCustomers", page_size=7, page_token=token).customers) == 7, "paging goes on"


def test_what_is_above_the_budget_is_told_and_passes(house, base):
    # The operator's quarter, in half megabytes that wait for their last byte.
    body = b"\x00" + (1 << 19).to_bytes(4, "big") + bytes((1 << 19) - 1)
    with RawPeer(house, who="operator") as peer:
        while peer.pour(INGEST, body):
            pass
        wait(lambda: metric(house.daemon, "insights_memory_held_bytes") > (BUDGET << 18) * 2 // 3)
        batch = house.api.IngestRequest(batch_id="large", facts=[house.facts.sku("S", name="x" * 200)] * 15_000)
        with pytest.raises(grpc.RpcError) as error:
            house["operator"].ingest([batch])
        refused = Refusal.of(error.value)
        assert refused.code == "RESOURCE_EXHAUSTED" and refused.reason == "MEMORY_BUDGET", refused
        assert refused.retry_seconds > 0
        # Other callers have their own part.
        house["alice"].call("GetPortfolioInsights")
        house["dave"].call("WhoAmI")
    wait(lambda: held(house) < 2 << 20)
    house["operator"].feed([house.facts.sku("SKU-0", workloads=["SPO", "EXO"])])
