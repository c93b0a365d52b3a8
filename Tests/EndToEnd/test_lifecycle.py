"""Start, drain, second server, restart, the other commands of insightsd."""

import queue
import threading
import time

import grpc
import pytest
from daemon import run_insightsd
from facts import day
from wire import Refusal


def complaints(error):
    """What is said to the person who started it: standard error without the log's own lines."""
    return [line for line in error.splitlines() if not line.startswith("{")]


def customer(house, name="C"):
    f = house.facts
    return [f.customer(name, "Contoso"), f.relationship("A", name, day(-9)), *f.coverage(name, day(-1))]


def test_sigterm_drains_and_ends_open_streams(new_house):
    house = new_house().start().register()
    requests = queue.Queue()
    method = house.api.methods["Ingest"]
    call = house["operator"]._callable(method, method.request.SerializeToString, method.response.FromString)
    receipts = call(iter(requests.get, None), timeout=60)
    requests.put(house.api.IngestRequest(batch_id="one", facts=customer(house)))
    assert next(receipts).accepted == 5
    codes = []

    def read_on():
        try:
            for receipt in receipts:
                codes.append(receipt.batch_id)
        except grpc.RpcError as error:
            codes.append(error.code().name)

    reader = threading.Thread(target=read_on)
    reader.start()
    started = time.monotonic()
    assert house.daemon.stop() == 0
    assert time.monotonic() - started < 29, "an idle stream does not use up the grace"
    reader.join(10)
    requests.put(None)
    assert codes == ["UNAVAILABLE"]
    assert not house.daemon.is_running


class Export:
    """An export with the stock client, which reads on slowly, or stops after the first message."""

    def __init__(self, house, identity, reads_on):
        method = house.api.methods["ExportInsights"]
        # A window that does not grow: a reader that stops leaves half of a message with the client.
        self.client = house.client(identity, options=[("grpc.http2.bdp_probe", 0)])
        request = method.request(start_date=day(-390).isoformat(), end_date=day(-1).isoformat())
        make = self.client._callable(method, method.request.SerializeToString, method.response.FromString)
        self.replies = make(request, timeout=60)
        next(self.replies)
        self.end = None
        self.go_on = threading.Event()
        self.reads_on = reads_on
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        try:
            if not self.reads_on:
                self.go_on.wait()
            for reply in self.replies:
                self.go_on.wait(0.2 if self.reads_on else 0)
            self.end = "complete"
        except grpc.RpcError as error:
            self.end = Refusal.of(error)

    def result(self):
        self.go_on.set()
        self.reader.join(20)
        self.client.close()
        return self.end


def large_house(new_house, *options):
    house = new_house(*options).start().register()
    f = house.facts
    facts = [f.sku("E3", workloads=["SPO"])]
    for number in range(40):
        name = f"C{number}"
        facts += [f.customer(name, "Contoso"), f.relationship("A", name, day(-400))]
        facts += [f.subscription(f"s-{name}", name, "E3", "A", day(-400), 9), *f.coverage(name, day(-1))]
    house["operator"].feed(facts)
    return house


def test_an_export_cut_by_the_end_of_the_grace_is_unavailable(new_house):
    house = large_house(new_house, "--shutdown-grace", "1")
    exports = [Export(house, house.certificates.alice, reads_on) for reads_on in (True, False)]
    assert house.daemon.stop() == 0
    assert [export.result().code for export in exports] == ["UNAVAILABLE"] * 2


def test_an_export_of_a_principal_that_is_disabled_is_unauthenticated(new_house):
    house = large_house(new_house)
    exports = [Export(house, house.certificates.bob, reads_on) for reads_on in (True, False)]
    bob = dict(principal_id="bob", disabled=True)
    house["alice"].call("UpdatePrincipal", principal=bob, update_mask={"paths": ["disabled"]})
    ended = f'grpc_method="{house.api.methods["ExportInsights"].path}",grpc_code="UNAUTHENTICATED"}} 2\n'
    deadline = time.monotonic() + 20
    while ended not in house.daemon.admin_get("/metrics")[1]:
        assert time.monotonic() < deadline, "the exports go on"
        time.sleep(0.1)
    ends = [export.result() for export in exports]
    assert [(end.code, end.reason) for end in ends] == [("UNAUTHENTICATED", "CREDENTIAL_INVALID")] * 2


def test_sigterm_with_nothing_open(new_house):
    house = new_house().start()
    assert house.daemon.stop() == 0


def test_calls_in_flight_at_sigterm_are_answered_or_unavailable(new_house):
    # On a quick machine three callers reach the standard rate within the second that the test takes.
    house = new_house("--partner-rate", "100000", "--partner-burst", "100000").start().register()
    house["operator"].feed(customer(house))
    seen = []
    stop = threading.Event()

    def calls():
        while not stop.is_set():
            answer = house["alice"].raw("GetCustomerInsights", b"\x0a\x01C")
            seen.append("OK" if isinstance(answer, bytes) else answer.code)
            if seen[-1] != "OK":
                return

    callers = [threading.Thread(target=calls) for _ in range(3)]
    [caller.start() for caller in callers]
    time.sleep(0.3)
    assert house.daemon.stop() == 0
    stop.set()
    [caller.join() for caller in callers]
    assert seen.count("OK") > 3 and set(seen) <= {"OK", "UNAVAILABLE"}


def test_a_second_server_on_the_same_folder_is_refused(new_house):
    house = new_house().start().register()
    code, error = house.daemon.start_refused()
    assert code == 1 and len(complaints(error)) == 1, error
    assert complaints(error)[0].startswith("insightsd: ")
    assert house["alice"].call("WhoAmI")
    house.daemon.kill()
    house.restart()
    assert house["alice"].call("WhoAmI"), "the lock of a dead server holds nobody up"


@pytest.mark.parametrize("option", ["--listen", "--admin-listen"])
def test_a_port_in_use_is_one_line_that_names_the_option(new_house, option):
    first = new_house(name="first").start().register()
    taken = first.daemon.address if option == "--listen" else first.daemon.admin
    second = new_house(option, taken, name="second")
    code, error = second.daemon.start_refused()
    assert code == 1
    assert complaints(error) == [f"insightsd: {option}: {taken}: Address already in use"]
    assert first["alice"].call("WhoAmI") and first.daemon.admin_get("/healthz")[0] == 200
    first.daemon.stop()
    # Connections that have just ended do not keep the port.
    second.start().register()
    assert second["alice"].call("WhoAmI")


def test_restart_keeps_principals_and_figures(new_house):
    house = new_house().start().register()
    house["operator"].feed(customer(house))
    figures = house["alice"].call("GetCustomerInsights", customer_id="C")
    principals = house["alice"].call("ListPrincipals")
    assert {row.principal_id for row in principals.principals} == {"alice", "bob", "carol", "nobody", "disabled"}
    for end in (house.daemon.stop, house.daemon.kill):
        end()
        house.restart()
        assert house["alice"].call("ListPrincipals") == principals
        assert house["alice"].call("GetCustomerInsights", customer_id="C") == figures
        assert house["disabled"].refused("WhoAmI").reason == "CREDENTIAL_INVALID"


def test_the_audit_chain_verifies_and_shows_an_altered_record(new_house):
    house = new_house().start().register()
    house["operator"].feed(customer(house))
    for _ in range(3):
        house["alice"].call("GetCustomerInsights", customer_id="C")
        house["carol"].refused("ListPrincipals")
    events = house["alice"].call("ListAuditEvents", page_size=1000).events
    assert {event.partner_id for event in events} == {"A"}
    refused = [event for event in events if event.method.endswith("/ListPrincipals")]
    assert {(event.principal_id, event.decision, event.code) for event in refused} == {("carol", 2, 7)}
    house.daemon.stop()
    data = house.daemon.folder / "data"
    intact = run_insightsd("verify-audit", "--data", data)
    assert intact.returncode == 0 and "all intact" in intact.stdout, intact.stderr
    chain = max((path for path in data.rglob("*audit*") if path.is_file()), key=lambda path: path.stat().st_size)
    text = chain.read_bytes()
    assert b"carol" in text
    chain.write_bytes(text.replace(b"carol", b"nobdy", 1))
    altered = run_insightsd("verify-audit", "--data", data)
    assert altered.returncode == 1 and len(altered.stderr.strip().splitlines()) == 1, altered


def test_backup_while_serving_starts_as_a_server(new_house, tmp_path):
    house = new_house().start().register()
    house["operator"].feed(customer(house))
    figures = house["alice"].call("GetCustomerInsights", customer_id="C")
    copy = tmp_path / "copy" / "data" / "insights.sqlite"
    copy.parent.mkdir(parents=True)
    done = run_insightsd("backup", copy, "--data", house.daemon.folder / "data")
    assert done.returncode == 0, done.stderr
    assert run_insightsd("backup", copy, "--data", house.daemon.folder / "data").returncode == 1
    house["operator"].feed(customer(house, "D"))
    other = new_house(name="copy").start()
    assert other["alice"].call("GetCustomerInsights", customer_id="C") == figures
    assert other["alice"].call("ListCustomers").total_size == 1


BAD_SETTINGS = [
    (("--listen", "nowhere"), "--listen"),
    (("--listen", "127.0.0.1:99999"), "--listen"),
    (("--tls-cert", "/no/such/file"), "/no/such/file"),
    (("--trust-domain", "With Capitals"), "--trust-domain"),
    (("--tls-minimum", "1.1"), "--tls-minimum"),
    (("--log-level", "loud"), "--log-level"),
    (("--max-message-bytes", "5"), "--max-message-bytes"),
    (("--partner-rate", "0"), "--partner-rate"),
    (("--store", "mysql://x"), "--store"),
    (("--config", "/no/such/config.json"), "--config"),
    (("--token-issuer", "/no/such/issuer.json"), "issuer"),
]


@pytest.mark.parametrize("options,named", BAD_SETTINGS, ids=[" ".join(options) for options, _ in BAD_SETTINGS])
def test_a_bad_setting_is_one_clear_line(new_house, options, named):
    code, error = new_house(*options).daemon.start_refused()
    assert code == 1 and len(complaints(error)) == 1 and named in complaints(error)[0], error


def test_a_damaged_store_is_refused_and_not_rebuilt(new_house):
    house = new_house().start().register()
    house.daemon.stop()
    store = house.daemon.folder / "data/insights.sqlite"
    store.write_bytes(b"this is no store" * 1000)
    code, error = house.daemon.start_refused()
    assert code == 1 and len(complaints(error)) == 1, error
    assert store.read_bytes().startswith(b"this is no store")
