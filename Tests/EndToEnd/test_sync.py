"""`insights sync` against a simulator of the vendor's APIs and a real server: what it makes of good and of bad answers.

After each case figures, people and coverage are those of the naive model, and no secret is anywhere.
"""

import itertools
import json
import signal
import subprocess
import time

import pytest
from certificates import Authority
from facts import ACTIVITY, ASSIGNMENTS, SUBSCRIPTIONS, day, today
from graph_simulator import rsa_identity
from graph_world import PREMIUM, sample_tenant
from imports import CLIENT
from sync_runs import PATIENCE, Sync, files_of, has_core_dumps_off, mode, people, reported_days

pytestmark = [pytest.mark.skipif(not CLIENT.exists(), reason="the client is not built"), pytest.mark.optimized]

NUMBERS = itertools.count(1)


def tenants(number=1, users=20, **changes):
    """Customers that no other case has."""
    return [sample_tenant(next(NUMBERS), users, **changes) for _ in range(number)]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """The authority of the simulators, and their certificate."""
    authority = Authority(tmp_path_factory.mktemp("graph") / "authority", "simulator of Graph")
    return authority, authority.server()


@pytest.fixture
def sync(house, graph, tmp_path):
    made = []

    def make(*customers, **changes):
        authority, identity = graph
        made.append(Sync(house, identity, authority, tmp_path / f"sync-{len(made)}", *customers, **changes))
        return made[-1]

    yield make
    for case in made:
        case.simulator.stop()


def failed(run, *customers):
    """The reasons, when these failed and all others did not."""
    names = [tenant.tenant_id for tenant in customers]
    assert {name for name, row in run.rows.items() if row["status"] == "failed"} == set(names)
    assert {row["status"] for row in run.rows.values()} <= {"ok", "failed"}
    return [run.rows[name]["reason"] for name in names]


# Good answers


def test_a_first_run_tells_the_history(sync):
    one, two = tenants(2)
    case = sync(one, two)
    run = case.run()
    assert failed(run) == []
    case.tell(one), case.tell(two)
    case.check(one, two)
    # Long before anybody synced, there is what was sold then.
    case.check(one, on=day(-60))
    days = reported_days(one)
    row = run.of(one)
    assert (row["subscriptions"], row["users"], row["days"]) == (7, 20, len(days)) and row["facts"] > 0
    assert not row["reason"]
    through = {SUBSCRIPTIONS: day(0), ASSIGNMENTS: day(0), ACTIVITY: day(-2)}
    assert case.coverage(two) == {source: on.isoformat() for source, on in through.items()}
    asked = case.simulator.days_of(one)
    assert set(days) < set(asked) and min(asked) == day(-27) and set(asked.values()) == {1}
    customer = case.house["carol"].call("GetCustomer", customer_id=one.tenant_id).customer
    assert customer.name == one.name
    # By one token for each, and the partner's own.
    assert case.simulator.count("token") == 3 and case.simulator.count("users", one) == 1


def test_the_second_run_adds_nothing(sync):
    one, two = tenants(2)
    case = sync(one, two)
    case.run()
    revision = case.revision
    case.simulator.reset()
    run = case.run()
    assert case.revision == revision and [run.of(tenant)["facts"] for tenant in (one, two)] == [0, 0]
    assert min(case.simulator.days_of(one)) == min(case.simulator.days_of(two)) == day(-1)
    # The rows in another order are the same rows.
    one.users.reverse(), one.subscriptions.reverse(), one.skus.reverse()
    case.run()
    assert case.revision == revision
    # And without the state there is more to ask, but nothing else to see.
    case.tell(one), case.tell(two)
    case.check(one, two)


def test_what_changes_is_told_of_today(sync):
    (one,) = tenants(lag=3)
    case = sync(one)
    case.run()
    case.tell(one)
    case.check(one)
    assert case.coverage(one)[ACTIVITY] == day(-3).isoformat()
    case.simulator.reset()
    one.subscriptions[0]["totalLicenses"] += 5
    del one.subscriptions[2]
    one.users[0]["assignedLicenses"] = []
    one.reports.days |= {day(-2)}
    run = case.run()
    case.tell(one, since_creation=False, days=[day(-2)])
    case.check(one)
    assert run.of(one)["days"] == 1 and min(case.simulator.days_of(one)) == day(-2)
    assert case.coverage(one)[ACTIVITY] == day(-2).isoformat()


def test_customers_by_every_list(sync):
    found = tenants(3)
    case = sync(*found)
    case.simulator.page_sizes["contracts"] = 1
    assert set(case.run().rows) == {tenant.tenant_id for tenant in found} and case.simulator.count("contracts") == 3
    delegated = sync(*tenants(3), customers="delegatedAdminCustomers")
    delegated.simulator.page_sizes["delegatedAdminCustomers"] = 2
    assert len(delegated.run().rows) == 3 and delegated.simulator.count("delegatedAdminCustomers") == 2
    one, two, _ = named = tenants(3)
    listed = [
        {"tenant_id": one.tenant_id.upper(), "customer_id": f"own-{one.tenant_id}", "name": "By Hand", "market": "BE"},
        {"tenant_id": two.tenant_id},
    ]  # fmt: skip
    by_hand = sync(*named, customers=listed)
    by_hand.simulator.settings_wrapped = False
    assert set(by_hand.run().rows) == {f"own-{one.tenant_id}", two.tenant_id}
    customer = case.house["carol"].call("GetCustomer", customer_id=f"own-{one.tenant_id}").customer
    assert (customer.name, customer.market) == ("By Hand", "BE")
    assert by_hand.simulator.count("contracts") == 0 and by_hand.simulator.count("token") == 2
    for case, rows in ((case, found), (by_hand, [two])):
        for tenant in rows:
            case.tell(tenant)
        case.check(*rows)


def test_a_certificate_in_place_of_a_secret(sync, tmp_path):
    (one,) = tenants()
    case = sync(one, registered=rsa_identity(tmp_path))
    case.run()
    case.tell(one)
    case.check(one)
    assert len(case.simulator.application.assertions) == case.simulator.count("token") == 2


def test_only_what_is_asked_for(sync):
    one, two = tenants(2)
    case = sync(one, two)
    only = ["--customer", one.tenant_id, "--only", "subscriptions", "--only", "activity", "--since", day(-5)]
    run = case.run(*only)
    assert list(run.rows) == [one.tenant_id]
    case.tell(one, ("subscriptions", "activity"), days=[day(-number) for number in (5, 4, 3, 2)])
    case.check(one)
    assert min(case.simulator.days_of(one)) == day(-5) and case.simulator.count("users") == 0
    assert case.simulator.count(tenant=two) == 0 and case.coverage(two) == {}


def test_what_is_saved_is_what_came_and_a_dry_run_sends_nothing(sync):
    (one,) = tenants()
    case = sync(one)
    case.simulator.page_sizes["users"] = 12
    revision, saved = case.revision, case.folder / "saved"
    case.run("--dry-run")
    assert case.revision == revision and case.coverage(one) == {} and case.simulator.count("users", one) == 2
    case.run("--save", saved)
    case.tell(one)
    case.check(one)
    files = files_of(saved)
    assert {mode(path) for path in files} == {0o600} and len({path.relative_to(saved).parts[0] for path in files}) == 1
    texts = [path.read_bytes() for path in files]
    for on in reported_days(one):
        assert one.report(on) in texts
    pages = [(path, page) for path, page in ((path, page_of(path)) for path in files) if page]
    users = [(path, page) for path, page in pages if "userPrincipalName" in page[0]]
    assert sorted(row["id"] for _, page in users for row in page) == [row["id"] for row in one.users]
    words = [CLIENT, "import", "graph-users", *(path for path, _ in users), "--customer", "saved", "--check"]
    connection = case.words()[3:]
    done = subprocess.run([str(word) for word in (*words, *connection)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "20 users" in done.stdout, done.stderr


def page_of(path):
    """The rows of a file that is a page of a list with rows."""
    try:
        page = json.loads(path.read_bytes())
    except ValueError:
        return None
    return page["value"] if isinstance(page, dict) and isinstance(page.get("value"), list) else None


# Answers that are asked for again

HEALED = {
    "429 in seconds": ("throttle", "users", {"retry_after": 2}),
    "503 until a date": ("throttle", "download", {"code": 503, "retry_after": 2, "as_date": True}),
    "429 of a report": ("throttle", "report", {"retry_after": 1, "after": 5}),
    "429 without a word": ("throttle", "subscribedSkus", {}),
    "502 of a page": ("status", "users", {"code": 502, "after": 1}),
    "504": ("status", "subscriptions", {"code": 504}),
    "500 of the token": ("status", "token", {"code": 500}),
    "a page is cut": ("cut", "users", {"after": 1}),
    "an answer with a length is cut": ("cut", "subscriptions", {"chunked": False}),
    "a report is cut": ("cut", "download", {"after": 3}),
    "a report is reset": ("cut", "download", {"part": 0.9, "reset": True}),
    "nothing comes": ("cut_before_head", "report", {}),
}


def test_broken_answers_are_asked_for_again(sync):
    customers = dict(zip(HEALED, tenants(len(HEALED))))
    case = sync(*customers.values())
    case.simulator.page_sizes["users"] = 7
    for name, (fault, on, options) in HEALED.items():
        case.simulator.fail(fault, on, customers[name], **options)
    run = case.run("--parallel", "8")
    assert failed(run) == []
    assert [fault.used for fault in case.simulator.script.faults] == [1] * len(HEALED)
    for name, tenant in customers.items():
        case.tell(tenant)
        case.check(tenant)
        assert case.coverage(tenant)[ACTIVITY] == day(-2).isoformat(), name


def test_after_eight_tries_a_customer_failed_until_the_next_run(sync):
    patient, other = tenants(2)
    case = sync(patient, other)
    case.simulator.fail("throttle", "users", patient, times=None, retry_after=1)
    (reason,) = failed(case.run(code=3), patient)
    assert "429" in reason and case.simulator.count("users", patient) == 8
    case.tell(patient, ("subscriptions", "activity")), case.tell(other)
    case.check(patient, other)
    case.check_nothing_of(patient, ASSIGNMENTS)
    case.simulator.reset()
    assert failed(case.run()) == []
    case.tell(patient, ("users",))
    case.check(patient, other)


def test_some_wait_and_the_others_go_on(sync):
    """At most four requests of a tenant at once, and those who wait hold up no other, however many there are."""
    first, second, *others = customers = tenants(5)
    case = sync(*customers)
    simulator = case.simulator
    for tenant in (first, second):
        simulator.fail("throttle", "subscribedSkus", tenant, retry_after=6)
    simulator.fail("slow", ["subscriptions", "users", "report", "download"], times=None, seconds=0.05)
    case.run("--parallel", "3", "--since", day(-8))
    again = [
        [one.time for one in simulator.requests if (one.kind, one.tenant) == ("subscribedSkus", tenant.tenant_id)][1]
        for tenant in (first, second)
    ]
    ends = [max(one.time for one in simulator.requests if one.tenant == tenant.tenant_id) for tenant in others]
    assert max(ends) < min(again)
    assert 1 < max(simulator.greatest.values()) <= 4 and simulator.greatest_overall <= 3
    for tenant in customers:
        case.tell(tenant, days=[on for on in reported_days(tenant) if on >= day(-8)])
    case.check(*customers)


@pytest.mark.long
def test_a_stalled_answer_is_given_up_after_a_minute(sync):
    page, report = tenants(2)
    case = sync(page, report)
    case.simulator.fail("stall", "users", page)
    case.simulator.fail("stall", "download", report)
    start = time.monotonic()
    assert failed(case.run()) == []
    assert 60 <= time.monotonic() - start < 100
    case.tell(page), case.tell(report)
    case.check(page, report)


# Tokens and consent


def test_a_token_that_is_refused_is_renewed_once(sync):
    once, always, other = tenants(3)
    case = sync(once, always, other)
    case.simulator.fail("expired_token", "subscriptions", once)
    case.simulator.fail("expired_token", "subscriptions", always, times=None)
    failed(case.run(code=3), always)
    simulator = case.simulator
    assert [simulator.count("token", tenant) for tenant in (once, other)] == [2, 1]
    assert simulator.count("subscriptions", always) == 2
    case.tell(once), case.tell(other)
    case.check(once, other)
    case.check_nothing_of(always, SUBSCRIPTIONS)


def test_customers_without_consent_fail_by_their_code(sync):
    unknown, refused, partly, healthy = customers = tenants(4)
    case = sync(*customers)
    unknown.consented = False
    partly.consented = {"Organization.Read.All", "ReportSettings.Read.All", "Reports.Read.All"}
    case.simulator.fail("no_consent", "token", refused, times=None)
    revision = case.revision
    done = subprocess.run(
        case.words("--check"), capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )
    assert done.returncode in (0, 3) and case.revision == revision and case.simulator.count("download") == 0
    assert "AADSTS700016" in done.stdout and "AADSTS65001" in done.stdout and "User.Read.All" in done.stdout
    case.check_secrets(done.stdout, done.stderr)
    case.simulator.reset()
    case.simulator.fail("no_consent", "token", refused, times=None)
    reasons = failed(case.run(code=3), unknown, refused, partly)
    for reason, word in zip(reasons, ("AADSTS700016", "AADSTS65001", "Authorization_RequestDenied")):
        assert word in reason and "\n" not in reason
    # What is forbidden stays so: nobody asks again.
    assert [case.simulator.count(kind, partly) for kind in ("token", "users")] == [1, 1]
    assert case.simulator.count(tenant=unknown) == case.simulator.count(tenant=refused) == 1
    case.check_nothing_of(unknown, SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY)
    case.check_nothing_of(refused, SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY)
    case.tell(partly, ("subscriptions", "activity")), case.tell(healthy)
    case.check(partly, healthy)


def test_nothing_can_be_done(sync, certificates):
    """Exit code 1: all customers failed, the secret is wrong, or the authority of the endpoints is another."""
    one, two = tenants(2)
    case = sync(one, two)
    one.consented = two.consented = False
    revision = case.revision
    run = case.run(code=1)
    assert failed(run, one, two) and case.revision == revision
    one.consented = two.consented = True
    case.simulator.application.secret = "another"
    assert "AADSTS7000215" in case.run(code=1).line
    case = sync(one, endpoints={
        "login": case.simulator.url, "graph": case.simulator.url, "ca": str(certificates.authority.certificate)
    })  # fmt: skip
    start = time.monotonic()
    assert "certificate" in case.run(code=1).line and time.monotonic() - start < 5
    assert case.coverage(one) == {} and case.revision == revision


# Answers that are no good


def test_answers_that_cannot_be_read_become_nothing(sync):
    page, html, catalog, report, healthy = customers = tenants(5)
    case = sync(*customers)
    case.simulator.page_sizes["users"] = 7
    case.simulator.fail("malformed", "users", page, times=None, after=1)
    case.simulator.fail("malformed", "users", html, times=None, html=True)
    case.simulator.fail("malformed", "subscribedSkus", catalog, times=None)
    case.simulator.fail("malformed", "download", report, times=None, day=day(-10))
    failed(case.run(code=3), page, html, catalog, report)
    for tenant in (page, html, catalog):
        case.tell(tenant, ("subscriptions", "activity"))
        case.check_nothing_of(tenant, ASSIGNMENTS)
    case.tell(healthy)
    case.check(page, html, catalog, healthy)
    assert case.coverage(report).get(ACTIVITY, "") < day(-10).isoformat()
    case.simulator.reset()
    case.run()
    case.tell(report)
    for tenant in (page, html, catalog):
        case.tell(tenant, ("users",))
    case.check(*customers)


def test_paging_without_an_end_ends(sync):
    endless, loop, healthy = tenants(3)
    case = sync(endless, loop, healthy)
    case.simulator.fail("endless_paging", "users", endless)
    case.simulator.fail("loop_paging", "users", loop, times=None)
    reason, _ = failed(case.run(code=3), endless, loop)
    assert "10000" in reason.replace(",", "") and case.simulator.count("users", endless) == 10_000
    # Whoever sees that a page is followed by itself may give up earlier.
    assert case.simulator.count("users", loop) <= 10_000
    for tenant in (endless, loop):
        case.tell(tenant, ("subscriptions", "activity"))
        case.check_nothing_of(tenant, ASSIGNMENTS)
    case.tell(healthy)
    case.check(endless, loop, healthy)


def test_nothing_is_followed_to_another_place(sync):
    """That nobody came there is among the violations of the simulator, which each run must not have."""
    foreign, plain, elsewhere, report, healthy = customers = tenants(5)
    case = sync(*customers)
    case.simulator.page_sizes["users"] = 7
    case.simulator.fail("foreign_page", "users", foreign, times=None)
    case.simulator.fail("plain_page", "users", plain, times=None)
    case.simulator.fail("redirect_elsewhere", "users", elsewhere, times=None)
    case.simulator.fail("redirect_plain", "report", report, times=None)
    failed(case.run(code=3), foreign, plain, elsewhere, report)
    for tenant in (foreign, plain, elsewhere):
        assert case.simulator.count("users", tenant) == 1
        case.tell(tenant, ("subscriptions", "activity"))
    case.tell(report, ("subscriptions", "users")), case.tell(healthy)
    case.check(*customers)


def test_an_answer_above_the_limit_is_named(sync):
    chunked, announced, report, healthy = customers = tenants(4)
    case = sync(*customers)
    case.simulator.fail("huge", "users", chunked, times=None)
    case.simulator.fail("huge", "users", announced, times=None, chunked=False, bytes=1 << 40)
    case.simulator.fail("huge", "download", report, times=None)
    for reason in failed(case.run(code=3), chunked, announced, report):
        assert "64 MiB" in reason
    assert [case.simulator.count("users", tenant) for tenant in (chunked, announced)] == [1, 1]
    for tenant in (chunked, announced):
        case.tell(tenant, ("subscriptions", "activity"))
    case.tell(report, ("subscriptions", "users")), case.tell(healthy)
    case.check(*customers)


# Answers that are odd


def test_people_that_change_between_pages(sync):
    (one,) = tenants()
    case = sync(one)
    case.simulator.page_sizes["users"] = 7
    moved = [{"skuId": PREMIUM, "disabledPlans": []}]
    # Two of them with another license than on the page before.
    case.simulator.fail("people_change", "users", one, times=None, moved=moved)
    run = case.run()
    case.tell(one, ("subscriptions", "activity"))
    rows = [*one.users, *(one.users[place] | {"assignedLicenses": moved} for place in (6, 13))]
    case.world.tell(people(case.facts, one, rows))
    case.check(one)
    assert run.of(one)["users"] == 20


def test_concealed_names_count_and_meet_nobody(sync):
    (one,) = tenants(concealed=True)
    case = sync(one)
    run = case.run()
    case.tell(one, concealed=True)
    case.check(one)
    assert "conceal" in (run.stdout + run.stderr).lower()
    assert case.coverage(one)[ACTIVITY] == day(-2).isoformat()


def test_days_that_are_not_there_yet_and_days_without_anybody(sync):
    before, late, empty, never = customers = tenants(4)
    case = sync(*customers)
    never.reports = {}
    late.reports.days -= {day(-2), day(-3), day(-4)}
    case.simulator.fail("report_of_day_before", "report", before, times=None, day=day(-2))
    case.simulator.fail("empty_report", "report", empty, times=None, day=day(-10))
    assert failed(case.run()) == []
    case.tell(before, days=[on for on in reported_days(before) if on < day(-2)])
    case.tell(late)
    case.tell(empty, days=[on for on in reported_days(empty) if on != day(-10)])
    case.tell(never, ("subscriptions", "users"))
    case.check(*customers)
    through = [case.coverage(tenant)[ACTIVITY] for tenant in (before, late, empty)]
    assert through == [day(-number).isoformat() for number in (3, 5, 2)]
    # Not far beyond the first that is missing.
    assert max(case.simulator.days_of(never)) <= min(case.simulator.days_of(never)) + (day(3) - day(0))
    # The other way of saying that a report is not there: an earlier one comes.
    case.simulator.reset()
    case.simulator.missing_report = "earlier"
    revision = case.revision
    case.run("--customer", late.tenant_id, "--only", "activity")
    assert case.revision == revision and min(case.simulator.days_of(late)) == day(-4)
    case.check(*customers)


# Configuration and service


def test_a_configuration_that_is_refused(sync, tmp_path):
    case = sync(*tenants())
    secret, good = case.folder / "secret", json.loads(case.config.read_text())
    revision = case.revision

    def refused(word, **changes):
        case.config.write_text(json.dumps(good | changes))
        assert word in case.run(code=1).line

    refused("tenants", tenants=[])
    application = good["application"]
    refused("client_secrets", application=application | {"client_secrets": 1})
    refused("https", endpoints=good["endpoints"] | {"graph": case.simulator.url.replace("https", "http")})
    refused("https", endpoints=good["endpoints"] | {"login": case.simulator.url.replace("https", "http")})
    refused("customers", customers="all")
    identity = rsa_identity(tmp_path)
    both = {"certificate": str(identity.certificate), "key": str(identity.key)}
    refused("secret", application=application | both)
    identity.key.chmod(0o640)
    refused("600", application=application | both | {"client_secret_file": None})
    secret.chmod(0o644)
    refused("600")
    secret.unlink()
    refused("secret")
    case.config.write_text("{")
    assert "sync.json" in case.run(code=1).line
    assert case.simulator.count() == 0 and case.revision == revision


def test_a_service_goes_on_until_it_is_told_to_stop(sync):
    one, two = tenants(2)
    case = sync(one, two)
    words = case.words("--every", "2s", "--save", case.folder / "saved")
    process = subprocess.Popen(
        ["prlimit", "--core=unlimited:unlimited", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while case.simulator.count("subscribedSkus", two) < 3 and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert process.poll() is None and has_core_dumps_off(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and not case.simulator.violations
    case.check_secrets(stdout, stderr)
    # The tokens of the first round did for all.
    assert case.simulator.count("token") == 3
    # Once each, and never of a day that is covered.
    assert {number for on, number in case.simulator.days_of(one).items() if on <= day(-2)} == {1}
    case.tell(one), case.tell(two)
    case.check(one, two)
    assert case.coverage(one)[SUBSCRIPTIONS] == today().isoformat()
