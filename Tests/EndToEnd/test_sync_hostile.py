"""`insights sync` and answers that nobody should give: whatever one of them says, the process lives, no other customer is
lost, and no figure moves on a word that cannot be relied on."""

import subprocess
import time

import pytest
from facts import ACTIVITY, ASSIGNMENTS, SUBSCRIPTIONS, day
from graph_world import PREMIUM
from imports import CLIENT
from relay import Relay
from sync_runs import PATIENCE, Run
from test_sync import failed, graph, sync, tenants  # noqa: F401

pytestmark = [pytest.mark.skipif(not CLIENT.exists(), reason="the client is not built"), pytest.mark.optimized]


@pytest.mark.parametrize("seconds", [-(2**63), "-9223372036854775808", 2**63, 1e300, None, [], "x"])
def test_lives_of_tokens_that_are_no_lives(sync, seconds):  # noqa: F811
    """The process goes on; a token without a life is good for the request that asked for it, and is renewed."""
    one, two = tenants(2)
    case = sync(one, two)
    token = case.simulator.tokens.issue(one.tenant_id)
    body = {"token_type": "Bearer", "expires_in": seconds, "access_token": token}
    case.simulator.fail("answer", "token", one, times=None, body=body)
    run = case.run()
    assert failed(run) == []
    case.tell(one), case.tell(two)
    case.check(one, two)


def test_a_secret_that_is_said_back_is_in_no_output(sync):  # noqa: F811
    """The canaries of `run` look for it."""
    one, two, three = customers = tenants(3)
    case = sync(*customers)
    secret = next(iter(case.simulator.secrets()))
    case.simulator.fail("answer", "token", one, times=None, code=400, body={"error": secret})
    body = {"error": secret, "error_description": f"AADSTS7000215: Invalid client secret {secret} provided."}
    case.simulator.fail("answer", "token", two, times=None, code=401, body=body)
    token = case.simulator.tokens.issue(three.tenant_id)
    case.simulator.fail("answer", "token", three, times=None, body={"expires_in": 3599, "access_token": token})
    case.simulator.fail("answer", "users", three, times=None, code=403, body={"error": {"code": token[:60]}})
    reasons = failed(case.run(code=1), one, two, three)
    assert "AADSTS7000215" in reasons[1] and "User.Read.All" in reasons[2]


def test_a_token_endpoint_that_redirects_is_not_followed(sync):  # noqa: F811
    one, two = tenants(2)
    case = sync(one, two)
    case.simulator.fail("answer", "token", one, times=None, code=302, location=f"{case.simulator.url}/elsewhere")
    (reason,) = failed(case.run(code=3), one)
    assert "redirect" in reason and case.simulator.count("token", one) == 1


def test_a_row_of_the_list_without_a_tenant_keeps_no_other_out(sync):  # noqa: F811
    one, two = tenants(2)
    case = sync(one, two)
    rows = [{"customerId": tenant.tenant_id, "displayName": tenant.name} for tenant in (one, two)]
    rows[1:1] = [{"customerId": None, "displayName": "Nobody"}, {"customerId": "not-a-guid", "displayName": "No guid"}]
    case.simulator.fail("answer", "contracts", times=None, body={"value": rows})
    run = case.run()
    assert failed(run) == [] and set(run.rows) == {one.tenant_id, two.tenant_id}
    assert "Nobody" in run.stderr and "No guid" in run.stderr
    case.simulator.reset()
    case.simulator.fail("answer", "contracts", times=None, body={"value": rows[1:3]})
    assert "Nobody" in case.run(code=1).line


@pytest.mark.parametrize("link", [12345, True, ["x"], {"href": "x"}, "http:", "https://", "//"])
def test_a_link_that_is_none_ends_nothing(sync, link):  # noqa: F811
    """People of the pages that were not read would lose everything."""
    one, two = tenants(2)
    case = sync(one, two)
    body = {"value": one.users[:4], "@odata.nextLink": link}
    case.simulator.fail("answer", "users", one, times=None, body=body)
    assert "users" in failed(case.run(code=3), one)[0]
    assert case.coverage(one).keys() == {SUBSCRIPTIONS, ACTIVITY}


def test_a_relative_link_is_followed(sync):  # noqa: F811
    one, _ = tenants(2)
    case = sync(one)
    body = {"value": one.users[:4], "@odata.nextLink": "/v1.0/users?$skiptoken=caf\u00e9 x"}
    case.simulator.fail("answer", "users", one, body=body)
    case.simulator.fail("answer", "users", one, body={"value": one.users[4:]})
    case.run()
    case.tell(one)
    case.check(one)


def test_a_directory_that_counts_nothing_takes_nobodys_licenses(sync):  # noqa: F811
    (one,) = tenants()
    case = sync(one)
    case.run()
    case.tell(one)
    for sku in one.skus:
        del sku["consumedUnits"]
    for user in one.users:
        user["assignedLicenses"] = []
    assert "nobody in the files holds a license" in failed(case.run(code=1), one)[0]
    case.check(one)


def test_a_catalog_that_goes_and_comes_on_one_day(sync):  # noqa: F811
    """Figures hang on the plans of a SKU; what was told before is told again."""
    (one,) = tenants()
    case = sync(one)
    case.run()
    case.tell(one)
    case.check(one)
    place = next(place for place, sku in enumerate(one.skus) if sku["skuId"] == PREMIUM)
    plans = one.skus[place]["servicePlans"]
    for _ in range(2):
        one.skus[place]["servicePlans"] = plans[:1]
        revision = case.revision
        case.run()
        assert case.revision > revision
        one.skus[place]["servicePlans"] = plans
        revision = case.revision
        case.run()
        assert case.revision > revision
        case.check(one)


def test_activity_that_comes_later_reaches_back(sync):  # noqa: F811
    """The first run could read no reports, and the oldest subscription is of yesterday: the days of activity are told
    when they can be read, and are seen."""
    (one,) = tenants()
    for row in one.subscriptions:
        row["createdDateTime"] = f"{day(-1)}T00:00:00Z"
    case = sync(one)
    case.simulator.fail("status", "report", one, times=None, code=403)
    case.run(code=1)
    case.simulator.reset()
    case.run()
    case.tell(one)
    case.check(one)
    case.check(one, on=day(-20))


def test_what_cannot_be_kept_loses_no_customer(sync):  # noqa: F811
    one, two = tenants(2)
    case = sync(one, two)
    saved = case.folder / "saved"
    (saved / one.tenant_id / "report_settings.json").mkdir(parents=True)
    run = case.run("--save", saved)
    assert failed(run) == []
    for path in (saved / two.tenant_id).glob("*"):
        path.unlink()
    (saved / two.tenant_id / f"users-{day(0)}-1.json").mkdir()
    assert "cannot be written" in failed(case.run("--save", saved, code=3), two)[0]


def test_a_tenant_that_pauses_asks_nothing_meanwhile(sync):  # noqa: F811
    """The simulator takes it for a violation to come back early; this is about the other requests of the tenant."""
    one, two = tenants(2)
    case = sync(one, two)
    case.simulator.fail("throttle", "subscribedSkus", one, retry_after=3)
    case.run("--parallel", "2", "--since", day(-4))
    asked = [request.time for request in case.simulator.requests if request.tenant == one.tenant_id]
    first = next(
        request.time for request in case.simulator.requests
        if (request.kind, request.tenant) == ("subscribedSkus", one.tenant_id)
    )  # fmt: skip
    assert not [time for time in asked if first + 0.3 < time < first + 2.9]
    assert case.coverage(one).keys() == {SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY}


def test_a_server_that_is_gone_is_not_fed(sync):  # noqa: F811
    """In the middle of a run nobody takes any more what the vendor tells: a few calls later the vendor is asked no more,
    and the next run goes on."""
    customers = tenants(50)
    case = sync(*customers)
    simulator = case.simulator
    # A call to a server that is not there is tried again for some twenty seconds; meanwhile the vendor is asked.
    simulator.fail("slow", ["subscribedSkus", "subscriptions", "users"], times=None, seconds=1.5)
    relay = Relay(case.house.daemon.address)
    only = [word for source in ("catalog", "subscriptions", "users") for word in ("--only", source)]
    words = case.words("--output", "json", *only, "--timeout", "5")
    words[words.index("--server") + 1] = relay.address
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not case.coverage(customers[2]):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        relay.cut()
        stdout, stderr = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 3 and not simulator.violations, stderr
    case.check_secrets(stdout, stderr)
    rows = Run(3, stdout, stderr).rows
    failures = [failure for row in rows.values() for failure in row["failures"]]
    assert len(rows) == 50 and {failure["reason"] for failure in failures} == {"ingest"}
    assert all(relay.address in failure["message"] for failure in failures)
    done = [tenant for tenant in customers if rows[tenant.tenant_id]["status"] == "ok"]
    assert customers[0] in done and customers[-1] not in done
    # Those of whom nothing was asked, not even a token.
    untouched = [tenant for tenant in customers if simulator.count(tenant=tenant) == 0]
    assert len(untouched) >= 10, len(untouched)
    simulator.reset()
    ends = customers[0], customers[-1]
    names = [word for tenant in ends for word in ("--customer", tenant.tenant_id)]
    assert failed(case.run(*only, *names)) == []
    for tenant in ends:
        case.tell(tenant, ("subscriptions", "users"))
    case.check(*ends)
