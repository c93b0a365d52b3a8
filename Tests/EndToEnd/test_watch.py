"""`WatchInsights`: which customers changed, coalesced, resumable, bounded for slow readers."""

import json
import queue
import subprocess
import threading
import time

import grpc
import pytest
import requests
from facts import day
from test_client import CLIENT
from wire import Refusal

CUSTOMERS = [f"c{number:02}" for number in range(12)]


@pytest.fixture
def house(new_house):
    house = new_house().start().register()
    f = house.facts
    house["operator"].feed([
        f.sku("E3", workloads=["EXO"]),
        *(fact for name in CUSTOMERS for fact in [f.relationship("A", name, day(-90)), *f.coverage(name, day(-1))]),
        f.relationship("B", "theirs", day(-90)),
    ])  # fmt: skip
    return house


class Watch:
    """The messages of a watch as they come."""

    def __init__(self, client, **fields):
        method = client.api.methods["WatchInsights"]
        call = client.channel.unary_stream(
            method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
        )
        self.call = call(method.request(**fields), timeout=120, metadata=client.metadata)
        self.messages = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for message in self.call:
                self.messages.put((list(message.customer_ids), message.all_customers, message.revision))
        except grpc.RpcError as error:
            self.messages.put(error)

    def next(self, seconds=20):
        return self.messages.get(timeout=seconds)

    def is_silent(self, seconds):
        try:
            raise AssertionError(f"there came {self.messages.get(timeout=seconds)}")
        except queue.Empty:
            return True

    def collect(self, wanted, seconds=20):
        """The customers of messages until all that are wanted were told."""
        told, end = set(), time.monotonic() + seconds
        while told < set(wanted):
            customers, whole, revision = self.next(end - time.monotonic())
            assert not whole
            told |= set(customers)
        assert told == set(wanted)
        return revision

    def ended(self):
        error = self.next()
        assert isinstance(error, grpc.RpcError), error
        return Refusal.of(error)


def activity(house, customer, offset=-3, user="u"):
    return house.facts.activity(customer, user, "EXO", day(offset))


def test_changed_customers_are_told(house):
    watch = Watch(house["carol"])
    customers, whole, first = watch.next()
    assert (customers, whole) == ([], False) and first > 0
    receipt = house["operator"].feed([activity(house, "c01"), activity(house, "c00")])
    assert watch.next() == (["c00", "c01"], False, receipt.revision)
    # Another partner's customers are nobody's business.
    house["operator"].feed([activity(house, "theirs")])
    assert watch.is_silent(1.5)
    # What is told can be read.
    receipt = house["operator"].feed([activity(house, "c05", user="v")])
    customers, _, revision = watch.next()
    read = house["carol"].call("GetCustomerInsights", customer_id=customers[0], min_revision=revision)
    assert customers == ["c05"] and read.revision >= receipt.revision
    watch.call.cancel()


def test_a_watch_goes_on_where_it_was(house):
    begun = Watch(house["carol"])
    _, _, revision = begun.next()
    begun.call.cancel()
    house["operator"].feed([activity(house, "c03")])
    receipt = house["operator"].feed([activity(house, "c07"), activity(house, "theirs")])
    assert Watch(house["carol"], resume=revision).next() == (["c03", "c07"], False, receipt.revision)
    assert Watch(house["carol"], resume=receipt.revision).next() == ([], False, receipt.revision)
    refusal = Watch(house["carol"], resume=receipt.revision + 1000).ended()
    assert (refusal.code, refusal.reason) == ("OUT_OF_RANGE", "REVISION_NOT_HERE")


def test_more_than_can_be_listed(house):
    watch = Watch(house["carol"])
    _, _, revision = watch.next()
    house["operator"].feed([house.facts.relationship("A", "new", day(-9))])
    customers, whole, told = watch.next()
    assert (customers, whole) == ([], True) and told > revision
    house["operator"].feed([house.facts.sku("E5", workloads=["SPO"])])
    assert watch.next()[1]
    # A server that began later cannot tell what changed before.
    house.daemon.stop()
    assert watch.ended().code == "UNAVAILABLE"
    house.restart()
    customers, whole, _ = Watch(house["carol"], resume=revision).next()
    assert (customers, whole) == ([], True)


def test_many_changes_are_few_messages(house):
    """A message at most every half second, however much arrives; and none is missed."""
    watch = Watch(house["carol"])
    watch.next()
    begun = time.monotonic()
    for number in range(40):
        house["operator"].feed([activity(house, CUSTOMERS[number % 12], user=f"u{number}")])
    revision = watch.collect(CUSTOMERS)
    took = time.monotonic() - begun
    assert watch.messages.qsize() <= 2
    reads = house["carol"].call("GetCustomerInsights", customer_id="c11", min_revision=revision)
    assert reads.revision >= revision and took < 60


def test_a_slow_reader_costs_no_more(house):
    """Its window is closed: changes add up in one message."""
    method = house.api.methods["WatchInsights"]
    slow = house.client(house.certificates.carol, options=[("grpc.http2.lookahead_bytes", 0)])
    call = slow.channel.unary_stream(
        method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
    )(method.request(), timeout=120)  # fmt: skip
    next(call)
    for number in range(30):
        house["operator"].feed([activity(house, CUSTOMERS[number % 12], user=f"u{number}")])
        time.sleep(0.05)
    told, messages = set(), 0
    while told < set(CUSTOMERS):
        told |= set(next(call).customer_ids)
        messages += 1
    assert messages <= 8
    call.cancel()
    slow.close()


def test_whoever_is_removed_is_told_no_more(house):
    watch = Watch(house["carol"])
    watch.next()
    begun = time.monotonic()
    house["alice"].call(
        "UpdatePrincipal", principal=dict(principal_id="carol", disabled=True), update_mask={"paths": ["disabled"]}
    )
    refusal = watch.ended()
    assert refusal.code == "UNAUTHENTICATED" and time.monotonic() - begun < 5
    assert house["nobody"].refused("WatchInsights").reason == "ROLE_LACKS_PERMISSION"
    assert house["operator"].refused("WatchInsights").reason == "ROLE_LACKS_PERMISSION"


def test_a_partner_has_so_many_watches(house):
    watches = [Watch(house["alice"]) for _ in range(100)]
    for watch in watches:
        watch.next()
    refusal = house["carol"].refused("WatchInsights")
    assert (refusal.code, refusal.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_WATCHES")
    house["operator"].feed([activity(house, "c04")])
    assert all(watch.next()[0] == ["c04"] for watch in watches)
    watches.pop().call.cancel()
    end = time.monotonic() + 20
    while isinstance(house["carol"].raw("WatchInsights", b""), Refusal):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_server_that_stops_ends_watches(house):
    watch = Watch(house["carol"])
    watch.next()
    begun = time.monotonic()
    house.daemon.stop()
    assert watch.ended().code == "UNAVAILABLE"
    assert time.monotonic() - begun < 10


def test_the_client_watches(house):
    files = house.certificates.carol
    words = [CLIENT, "watch", "--server", house.daemon.address, "--ca", house.certificates.authority.certificate]
    words += ["--cert", files.certificate, "--key", files.key]
    process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout.readline().split("\t")[1] == "\n"
        receipt = house["operator"].feed([activity(house, "c02"), activity(house, "c09")])
        assert process.stdout.readline() == f"{receipt.revision}\tc02 c09\n"
    finally:
        process.terminate()
        process.wait(20)


def test_pages_hear_of_changes(new_house):
    """The same as an event stream, which a browser goes on with behind the last event's id."""
    house = new_house("--web", "pages", name="pages").start().register()
    f = house.facts
    house["operator"].feed([fact for name in CUSTOMERS for fact in [f.relationship("A", name, day(-90)), *f.coverage(name, day(-1))]])
    files = house.certificates.carol

    def listen(session, status=200, query="", **headers):
        url = f"https://{house.daemon.address}/watch{query}"
        reply = session.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, stream=True, timeout=60)
        assert reply.status_code == status, reply.text
        return reply

    def events(reply):
        event = {}
        for line in reply.iter_lines(chunk_size=1, decode_unicode=True):
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            else:
                yield int(event["id"]), json.loads(event["data"])

    with requests.Session() as session:
        session.trust_env = False
        session.verify, session.cert = str(house.certificates.authority.certificate), (str(files.certificate), str(files.key))
        reply = listen(session)
        assert reply.headers["content-type"] == "text/event-stream" and reply.headers["cache-control"] == "no-store"
        told = events(reply)
        first, data = next(told)
        assert data == {"customers": []}
        receipt = house["operator"].feed([activity(house, "c03"), activity(house, "c01")])
        assert next(told) == (receipt.revision, {"customers": ["c01", "c03"]})
        reply.close()
        for words in (dict(query=f"?after={first}"), dict(last_event_id=str(first))):
            reply = listen(session, **words)
            assert next(events(reply)) == (receipt.revision, {"customers": ["c01", "c03"]})
            reply.close()
        listen(session, 400, "?after=x")
        listen(session, 400, f"?after={receipt.revision + 1000}")
        session.cert = None
        listen(session, 401)
