"""A slow reader of a large portfolio costs the server little, and one that vanishes costs it nothing."""

import os
import re
import socket
import statistics
import struct
import time

import pytest
from conftest import House
from facts import day
from frames import Frames, framed, tls_context
from wire import same

MEBIBYTE = 1 << 20
# Over the plateau after ingest: four exports of 100,000 customers are under way.
MOST_GROWTH = 64 * MEBIBYTE
EXPORTS = 4
CYCLES = 12


def most_leak(customers):
    """Between the first and the last third of the times that clients came and vanished. The allocator's own coming and
    going, which grows with what an export holds; one export kept each time would be three times as much."""
    return 4 * MEBIBYTE + 300 * customers


FIRST, LAST = day(-2), day(-1)
PATH = "/partner.insights.v1.InsightsService/ExportInsights"

pytestmark = pytest.mark.parametrize(
    "portfolio", [5_000, pytest.param(100_000, marks=pytest.mark.long)], indirect=True
)


class Portfolio:
    """A server whose partner A serves many customers."""

    BATCH = 5_000

    def __init__(self, api, certificates, folder, size):
        # The test asks more often than a partner may.
        limits = ("--partner-rate", "100000", "--partner-burst", "100000")
        self.house = House(api, certificates, folder, "--log-level", "warning", *limits).start().register()
        self.size = size
        self.feed()
        self.request = framed(
            api.ExportInsightsRequest(start_date=FIRST.isoformat(), end_date=LAST.isoformat()).SerializeToString()
        )
        # In the order of the export: day, customer, then the figures that differ.
        self.expected = [
            (on.isoformat(), f"c-{index:06}", 3 + index % 7, 1) for on in (FIRST, LAST) for index in range(size)
        ]

    def feed(self):
        f = self.house.facts
        self.house["operator"].feed([f.sku("E3", workloads=["EXO"])])
        for start in range(0, self.size, self.BATCH):
            facts = []
            for index in range(start, min(start + self.BATCH, self.size)):
                customer = f"c-{index:06}"
                facts += [
                    f.customer(customer, f"Fabrikam {index}", "NL"), f.relationship("A", customer, day(-100)),
                    f.subscription(f"s-{index}", customer, "E3", "A", day(-50), 3 + index % 7),
                    f.assignment(customer, "u", "E3", day(-50)), f.activity(customer, "u", "EXO", day(-9)),
                    *f.coverage(customer, day(-1)),
                ]  # fmt: skip
            self.house["operator"].feed(facts)

    # What the server holds

    @property
    def resident(self):
        with open(f"/proc/{self.house.daemon.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024

    @property
    def held(self):
        """Open files, connections and calls: what must be as before when clients have gone."""
        _, text = self.house.daemon.admin_get("/metrics")
        gauges = [int(re.search(rf"^{name} (\d+)$", text, re.M).group(1)) for name in ("insights_connections_open", "insights_calls_open")]
        return (open_sockets(self.house.daemon.pid), *gauges)

    def wait_until(self, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it stays at {self.held}"
            time.sleep(0.05)

    # Clients

    def stalled(self):
        """An export whose client does not read: the server may send one window and has to wait."""
        context = tls_context(self.house.certificates.authority, self.house.certificates.alice)
        client = Frames(self.house.daemon.address, context)
        client.stream = client.send(PATH, self.request)
        return client

    def stall_all(self):
        before = self.held
        clients = [self.stalled() for _ in range(EXPORTS)]
        self.wait_until(lambda: self.held[2] == before[2] + EXPORTS)
        time.sleep(0.5)  # until each has filled its window
        return clients

    def rows(self, messages):
        return [
            (row.date, row.customer_id, row.own_sold, row.active_users) for message in messages for row in message.rows
        ]

    def messages(self, body):
        start = 0
        while start < len(body):
            end = start + 5 + int.from_bytes(body[start + 1 : start + 5], "big")
            yield self.house.api.ExportInsightsResponse.FromString(bytes(body[start + 5 : end]))
            start = end


def open_sockets(pid):
    """Sockets among the open files: those of the admin port, the store's files and the like come and go."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def vanish(client):
    """As a client whose machine is cut off: no farewell, a reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


@pytest.fixture(scope="module")
def portfolio(request, api, certificates, tmp_path_factory):
    portfolio = Portfolio(api, certificates, tmp_path_factory.mktemp("portfolio"), request.param)
    yield portfolio
    portfolio.house.close()


def test_memory_is_flat_for_slow_readers(portfolio):
    """Before, with all slots stalled, while one reads to its end, and after all have gone."""
    api, house = portfolio.house.api, portfolio.house
    house["alice"].call("GetPortfolioInsights")
    plateau, before = portfolio.resident, portfolio.held
    clients = portfolio.stall_all()
    stalled = portfolio.resident
    fifth = house["alice"].refused("ExportInsights")
    assert (fifth.code, fifth.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_EXPORTS") and fifth.retry_seconds > 0
    assert house["alice"].call("GetCustomer", customer_id="c-000001"), "other calls go on"
    most = []
    reader = clients[0]
    grow = reader.h2.acknowledge_received_data

    def watched(*arguments):
        most.append(portfolio.resident)
        grow(*arguments)

    reader.h2.acknowledge_received_data = watched
    answer = reader.read(reader.stream)
    assert answer.grpc_status == 0
    assert portfolio.rows(portfolio.messages(answer.body)) == portfolio.expected
    [vanish(client) for client in clients]
    portfolio.wait_until(lambda: portfolio.held == before)
    after = portfolio.resident
    print(
        f"\n{portfolio.size} customers, MiB resident: ingested {plateau / MEBIBYTE:.1f}, {EXPORTS} stalled "
        f"{stalled / MEBIBYTE:.1f}, one of them read to the end {max(most) / MEBIBYTE:.1f}, all gone {after / MEBIBYTE:.1f}"
    )
    assert max(stalled, after, *most) - plateau < MOST_GROWTH
    assert house["alice"].call("ExportInsights", api.ExportInsightsRequest(as_of=LAST.isoformat())), "the slots are free"


def test_vanished_clients_leave_nothing(portfolio):
    """Again and again: open sockets, connections, calls and slots are as before, and memory does not creep."""
    before, sizes = portfolio.held, []
    for _ in range(CYCLES):
        clients = portfolio.stall_all()
        portfolio.wait_until(lambda: portfolio.held[0] == before[0] + EXPORTS)
        started = time.monotonic()
        [vanish(client) for client in clients]
        portfolio.wait_until(lambda: portfolio.held == before)
        sizes.append(portfolio.resident)
        print(f"\nall free after {time.monotonic() - started:.2f} s; {sizes[-1] / MEBIBYTE:.1f} MiB resident", end="")
    third = CYCLES // 3
    assert statistics.median(sizes[-third:]) - statistics.median(sizes[:third]) < most_leak(portfolio.size)


def test_a_resumed_export_gives_exactly_the_rest(portfolio):
    """Cut after a message that has rows; the token in it leads on without a gap and without a row twice."""
    api, alice = portfolio.house.api, portfolio.house["alice"]
    question = dict(start_date=FIRST.isoformat(), end_date=LAST.isoformat())
    call = alice.channel.unary_stream(PATH, request_serializer=same, response_deserializer=api.ExportInsightsResponse.FromString)
    stream = call(api.ExportInsightsRequest(**question).SerializeToString(), timeout=60)
    had = []
    for message in stream:
        had += portfolio.rows([message])
        if len(had) > portfolio.size * 2 // 3:
            stream.cancel()
            break
    rest = alice.call("ExportInsights", api.ExportInsightsRequest(**question, resume_token=message.resume_token), 60)
    assert len(had) < len(portfolio.expected)
    assert had + portfolio.rows(rest) == portfolio.expected
