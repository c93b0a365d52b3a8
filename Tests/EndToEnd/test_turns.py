"""No connection keeps others waiting: not with records of TLS itself, not with calls that cost much or come at once."""

import subprocess
import threading
import time

import pytest
from conftest import House
from facts import day
from frames import framed
from raw import RST_STREAM, RawPeer, frame, metric
from test_transport import eventually

PACKAGE = "/partner.insights.v1."
LIST = PACKAGE + "InsightsService/ListCustomerInsights"
ONE = PACKAGE + "InsightsService/GetCustomerInsights"
TREND = PACKAGE + "InsightsService/GetTrend"


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    """One event loop: whoever is kept waiting is kept waiting by somebody else's connection."""
    folder = tmp_path_factory.mktemp("house")
    house = House(api, certificates, folder, "--loops", "1", "--partner-rate", "100000", "--partner-burst", "100000", "--shutdown-grace", "3")
    house.start().register()
    f = house.facts
    house["operator"].feed([f.sku(f"SKU-{n}", workloads=["SPO", "EXO"]) for n in range(6)])
    facts = []
    for n in range(60):
        customer = f"customer-{n:04}"
        facts += [f.relationship("A", customer, day(-300))]
        facts += [f.subscription(f"s-{n}-{k}", customer, f"SKU-{k}", "A", day(-200), 10) for k in range(6)]
        facts += f.coverage(customer, day(-1))
    house["operator"].feed(facts)
    yield house
    if house.daemon.is_running:
        house.daemon.stop()


class Bystander:
    """Calls all the time, and notes the slowest call of each second."""

    def __init__(self, house, who="dave"):
        self.client = house.client(getattr(house.certificates, who))
        self.slowest, self.calls, self._stop = 0.0, 0, False
        self.client.call("WhoAmI")
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop:
            start = time.monotonic()
            self.client.call("WhoAmI", None, 60)
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.calls += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self._stop = True
        self.thread.join()
        self.client.close()


@pytest.fixture(scope="module")
def key_updates(tmp_path_factory):
    source = __file__.rsplit("/", 1)[0] + "/key_updates.c"
    program = tmp_path_factory.mktemp("tools") / "key_updates"
    subprocess.run(["cc", "-O1", "-o", program, source, "-lssl", "-lcrypto"], check=True)
    return program


@pytest.mark.parametrize("padding", ["0", "38", "100", "1000"])
def test_a_flood_of_key_updates_ends_its_connection_alone(house, key_updates, padding):
    """With padding the end of a record never falls on that of the buffer it is read into."""
    host, port = house.daemon.address.rsplit(":", 1)
    floods = house.daemon.log_text().count("TLS handshake message flood")
    with Bystander(house) as bystander:
        done = subprocess.run([key_updates, host, port, "6", padding], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    # 32 are taken; what the sockets between hold is sent all the same.
    assert int(done.stdout) < 200_000
    eventually(lambda: house.daemon.log_text().count("TLS handshake message flood") > floods)
    assert bystander.calls > 0


def test_calls_whose_deadline_has_passed_are_not_begun(house):
    """What waits behind others on a connection is not computed for nobody."""
    request = framed(house.api.request("GetCustomerInsights", customer_id="customer-0001"))
    with RawPeer(house, window=0x7FFF_FFFF) as peer:
        peer.send(b"".join(peer.begin(ONE, request, extra=[("grpc-timeout", "1n")])[0] for _ in range(200)))
        peer.read()
    _, text = house.daemon.admin_get("/metrics")
    name = f'grpc_server_handled_total{{grpc_method="{ONE}",grpc_code='
    codes = {line[len(name) + 1 :].split('"')[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith(name)}
    assert codes == {"DEADLINE_EXCEEDED": 200}


MONTHS = dict(start_date=str(day(-250)), end_date=str(day(-1)), interval=3)


def test_many_calls_in_one_write_wait_for_their_turn(house):
    """250 calls at once, all answered, while another connection is served between them."""
    request = framed(house.api.request("GetTrend", **MONTHS))
    with Bystander(house) as bystander, RawPeer(house, window=0x7FFF_FFFF) as peer:
        peer.send(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00" + (0x7000_0000).to_bytes(4, "big"))
        peer.send(b"".join(peer.begin(TREND, request)[0] for _ in range(250)))
        answered, between = 0, None
        while answered < 250:
            frames = peer.frames(0.0001, least=1)
            answered += sum(kind == 1 and flags & 1 for kind, flags, *_ in frames)
            between = bystander.calls if between is None else between
        # Answers leave turn by turn rather than all after the last: the other is served between the first and the last.
        assert bystander.calls - between > 10


def test_calls_that_wait_may_be_reset(house):
    request = framed(house.api.request("GetTrend", **MONTHS))
    with RawPeer(house, window=0x7FFF_FFFF) as peer:
        for _ in range(3):
            calls = [peer.begin(TREND, request) for _ in range(100)]
            peer.send(b"".join(out for out, _ in calls) + b"".join(frame(RST_STREAM, 0, n, b"\0\0\0\x08") for _, n in calls))
        peer.read(0.5)
    end = time.monotonic() + 20
    while metric(house.daemon, "insights_calls_open") > 0:
        assert time.monotonic() < end
        time.sleep(0.1)
    house["alice"].call("GetPortfolioInsights")


def test_the_end_comes_in_time_under_load(house):
    """Last: SIGTERM while two connections have hundreds of calls waiting."""
    request = framed(house.api.request("GetTrend", **MONTHS))
    with RawPeer(house, window=0x7FFF_FFFF) as one, RawPeer(house, who="dave", window=0x7FFF_FFFF) as two:
        for peer in (one, two):
            peer.send(b"".join(peer.begin(TREND, request)[0] for _ in range(250)))
            peer.send(b"".join(peer.begin(LIST, framed(b""))[0] for _ in range(100)))
        start = time.monotonic()
        assert house.daemon.stop(seconds=60) == 0
        # The grace is 3 s; a loaded test machine gets some more.
        assert time.monotonic() - start < 20
