"""`insights sync` as a service and for whoever sets it up: metrics, lines of JSON, signals, `--check`, refusals."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
import test_sync
from facts import ACTIVITY, ASSIGNMENTS, SUBSCRIPTIONS, day
from graph_simulator import rsa_identity
from imports import CLIENT
from prometheus import families, values
from sync_runs import PATIENCE, Run, mode
from test_sync import failed, tenants

pytestmark = [pytest.mark.skipif(not CLIENT.exists(), reason="the client is not built"), pytest.mark.optimized]

graph, sync = test_sync.graph, test_sync.sync

PREFIX = "insights_sync_"
# As the simulator calls it, and as the metrics do.
KINDS = {
    "token": "token", "contracts": "contracts", "subscribedSkus": "catalog", "subscriptions": "subscriptions",
    "users": "users", "reportSettings": "report_settings", "report": "activity", "download": "download",
}  # fmt: skip
# Seconds in which a signal ends a run, whatever it waits for.
PROMPT = 3


@contextmanager
def service(case, *arguments):
    """A run in the background; what it says goes into a file of the folder, which is looked through for secrets."""
    log = case.folder / "log"
    with open(log, "wb") as stderr:
        process = subprocess.Popen(
            case.words(*arguments), stdout=subprocess.PIPE, stderr=stderr, stdin=subprocess.DEVNULL, text=True
        )
        try:
            yield process, log
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
    case.check_secrets(log.read_text())


def wait_until(condition, process):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


def ended(process):
    """What a process that is told to end printed; it must not take its time."""
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - start < PROMPT and process.returncode == 0
    return stdout


def lines(log):
    """Whole lines so far."""
    return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def runs(log):
    return [line for line in lines(log) if line["message"] == "run"]


# MARK: Metrics


def requests_of(text):
    return {kind: int(number) for kind, number in values(text, PREFIX + "requests_total", "kind").items()}


def seen(simulator):
    return {KINDS[kind]: simulator.count(kind) for kind, _ in simulator.counts}


def test_metrics_tell_what_a_run_did(sync):
    good, throttled, refused = tenants(3)
    case = sync(good, throttled, refused)
    metrics = case.folder / "sync.prom"
    start = int(time.time())
    case.run("--metrics-file", metrics)
    text, end = metrics.read_text(), time.time()
    assert mode(metrics) == 0o644 and not list(case.folder.glob("sync.prom?*"))
    assert set(families(text)) == {
        PREFIX + name
        for name in (
            "runs_total", "failed_runs_total", "last_run_timestamp_seconds", "last_success_timestamp_seconds",
            "failures_total", "requests_total", "throttled_seconds_total",
        )
    }  # fmt: skip
    assert values(text, PREFIX + "runs_total") == 1 and values(text, PREFIX + "failed_runs_total") == 0
    assert start <= values(text, PREFIX + "last_run_timestamp_seconds") <= end
    first = values(text, PREFIX + "last_success_timestamp_seconds", "customer")
    assert set(first) == {tenant.tenant_id for tenant in (good, throttled, refused)}
    assert all(start <= at <= end for at in first.values())
    reasons = values(text, PREFIX + "failures_total", "reason")
    assert len(reasons) > 10 and set(reasons.values()) == {0}
    assert requests_of(text) == seen(case.simulator) and values(text, PREFIX + "throttled_seconds_total") == 0
    # Another process, in which one waits and one fails. Its counters begin anew; what is known of the day does not.
    case.simulator.reset()
    case.simulator.fail("throttle", "users", throttled, retry_after=2)
    refused.consented = {"ReportSettings.Read.All", "Reports.Read.All"}
    time.sleep(1.1)
    failed(case.run("--metrics-file", metrics, code=3), refused)
    text = metrics.read_text()
    assert values(text, PREFIX + "runs_total") == 1 and values(text, PREFIX + "failed_runs_total") == 0
    reasons = values(text, PREFIX + "failures_total", "reason")
    # Once, though three of its sources have it.
    assert reasons.pop("no_consent") == 1 and set(reasons.values()) == {0}
    assert 2 <= values(text, PREFIX + "throttled_seconds_total") < 3 and requests_of(text) == seen(case.simulator)
    second = values(text, PREFIX + "last_success_timestamp_seconds", "customer")
    assert second.pop(refused.tenant_id) == first.pop(refused.tenant_id)
    assert all(second[name] > first[name] for name in first)


def test_metrics_of_runs_in_which_nothing_could_be_done(sync):
    (one,) = tenants()
    case = sync(one)
    metrics = case.folder / "sync.prom"
    one.consented = False
    case.run("--metrics-file", metrics, code=1)
    text = metrics.read_text()
    assert values(text, PREFIX + "failed_runs_total") == values(text, PREFIX + "runs_total") == 1
    assert values(text, PREFIX + "last_success_timestamp_seconds", "customer") == {}
    # A server that is not there.
    words = case.words("--metrics-file", metrics)
    words[words.index("--server") + 1] = "127.0.0.1:9"
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr and len(done.stderr.splitlines()) == 1
    text = metrics.read_text()
    assert values(text, PREFIX + "failed_runs_total") == 1 and requests_of(text) == {}
    assert values(text, PREFIX + "last_run_timestamp_seconds") > 0
    one.consented = True
    line = case.run("--metrics-file", case.folder / "no-folder/sync.prom", code=1).line
    assert "no-folder/sync.prom" in line


def test_whoever_reads_the_metrics_sees_all_of_a_run(sync):
    """Round after round: a reader that never pauses always finds a whole file, whose counters never go back."""
    customers = tenants(25)
    case = sync(*customers)
    metrics = case.folder / "sync.prom"
    counters, files, reads = [0], set(), 0
    with service(case, "--every", "1s", "--only", "catalog", "--metrics-file", metrics) as (process, log):
        wait_until(metrics.exists, process)
        deadline = time.monotonic() + PATIENCE
        while len(files) < 5:
            assert process.poll() is None and time.monotonic() < deadline
            files.add(metrics.stat().st_ino)
            text = metrics.read_text()
            assert len(values(text, PREFIX + "last_success_timestamp_seconds", "customer")) == len(customers)
            counters.append(values(text, PREFIX + "runs_total"))
            reads += 1
        told = len(runs(log))
        ended(process)
    assert counters == sorted(counters) and counters[-1] >= 4 and told >= 4 and reads > 100
    text = metrics.read_text()
    assert requests_of(text) == seen(case.simulator) and values(text, PREFIX + "failed_runs_total") == 0


# MARK: Lines


def test_a_line_for_each_customer_and_run(sync):
    good, refused = tenants(2)
    case = sync(good, refused)
    refused.consented = {"Organization.Read.All", "ReportSettings.Read.All", "Reports.Read.All"}
    with service(case, "--every", "1s") as (process, log):
        wait_until(lambda: len(runs(log)) >= 2, process)
        refused.consented = False
        good.consented = False
        case.simulator.tokens.lifetime = 1
        case.simulator.fail("expired_token", ["subscribedSkus"], good, times=None)
        wait_until(lambda: runs(log)[-1]["level"] == "error", process)
        assert ended(process) == ""
    told = lines(log)
    for line in told:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"])
        assert line["level"] in ("info", "warning", "error") and line["message"] in ("customer", "run")
    first = told[: [line["message"] for line in told].index("run") + 1]
    assert sorted(line.get("customer", "") for line in first) == sorted(["", good.tenant_id, refused.tenant_id])
    of = {line.get("customer"): line for line in first}
    row = of[good.tenant_id]
    assert (row["message"], row["level"], row["status"]) == ("customer", "info", "ok") and row["facts"] > 0
    assert (row["subscriptions"], row["users"], row["days"]) == (7, 20, 26) and "failures" not in row
    row = of[refused.tenant_id]
    assert (row["level"], row["status"]) == ("warning", "failed") and "users" not in row and row["days"] == 26
    (failure,) = row["failures"]
    assert (failure["source"], failure["reason"]) == ("users", "no_consent") and "User.Read.All" in failure["error"]
    run = of[None]
    assert (run["level"], run["customers"], run["failed"]) == ("warning", 2, 1) and run["seconds"] >= 0
    # Of all runs together, as the metrics have them.
    assert run["requests"] < runs(log)[1]["requests"] and run["throttled_seconds"] == 0
    assert runs(log)[-1]["failed"] == 2


def test_a_run_that_fails_as_a_whole_is_told_and_tried_again(sync):
    (one,) = tenants()
    case = sync(one)
    right = case.simulator.application.secret
    case.simulator.application.secret = "another"
    with service(case, "--every", "1s") as (process, log):
        wait_until(lambda: runs(log), process)
        line = runs(log)[0]
        assert line["level"] == "error" and "AADSTS7000215" in line["error"] and line["customers"] == 0
        case.simulator.application.secret = right
        wait_until(lambda: runs(log)[-1]["level"] == "info", process)
        ended(process)
    case.tell(one)
    case.check(one)


# MARK: Signals


@pytest.mark.parametrize("arguments", [[], ["--every", "1h"]], ids=["one run", "a service"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_pause(sync, arguments, number):
    """Though a server wants ten minutes. Who was done before is up to date, and the next run goes on."""
    done, waiting = tenants(2)
    case = sync(done, waiting)
    case.simulator.fail("throttle", "users", waiting, times=None, retry_after=600)
    with service(case, *arguments) as (process, _):
        wait_until(lambda: ACTIVITY in case.coverage(done) and case.simulator.count("users", waiting), process)
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        assert time.monotonic() - start < PROMPT and process.returncode == 0
    case.tell(done)
    case.check(done)
    case.check_nothing_of(waiting, SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY)
    case.simulator.reset()
    assert failed(case.run()) == []
    case.tell(waiting)
    case.check(done, waiting)


def test_metrics_count_pauses_that_were_slept(sync):
    (one,) = tenants()
    case = sync(one)
    case.simulator.fail("throttle", "users", one, times=None, retry_after=600)
    metrics = case.folder / "sync.prom"
    with service(case, "--metrics-file", metrics) as (process, _):
        wait_until(lambda: case.simulator.count("users", one), process)
        time.sleep(0.5)
        ended(process)
    assert 0.4 < values(metrics.read_text(), PREFIX + "throttled_seconds_total") < 60


def test_a_signal_ends_the_time_between_two_runs(sync):
    case = sync(*tenants())
    with service(case, "--every", "1d") as (process, log):
        wait_until(lambda: runs(log), process)
        ended(process)
    assert len(runs(log)) == 1


# MARK: Check


def test_check_tells_what_is_missing_and_reads_nothing(sync):
    good, partly, stranger = customers = tenants(3)
    case = sync(*customers)
    partly.consented = {"Organization.Read.All", "ReportSettings.Read.All"}
    stranger.consented = False
    revision, simulator = case.revision, case.simulator
    rows = {row["customer_id"]: row for row in json.loads(case.run("--check", code=3).stdout)}
    assert case.revision == revision and case.coverage(good) == {}
    for request in simulator.requests:
        assert request.kind != "download"
        if request.kind in ("users", "subscriptions"):
            assert request.query["$top"] == "1"
        if request.kind == "users":
            assert request.query["$select"] == "id"
    # A question of each kind, and of one without a token none.
    assert simulator.count("report", good) == simulator.count("users", good) == simulator.count("token", good) == 1
    assert simulator.count(tenant=stranger) == 1
    assert rows["A"]["readable"] and [one["source"] for one in rows["A"]["results"]] == [
        "contracts", "delegatedAdminCustomers"
    ]  # fmt: skip
    assert rows[good.tenant_id]["readable"] and rows[good.tenant_id]["missing"] == []
    assert not rows[partly.tenant_id]["readable"]
    assert rows[partly.tenant_id]["missing"] == ["User.Read.All", "Reports.Read.All"]
    results = {one["source"]: one for one in rows[partly.tenant_id]["results"]}
    assert {name for name, one in results.items() if one["ok"]} == {
        "subscribedSkus", "directory/subscriptions", "admin/reportSettings"
    }  # fmt: skip
    assert "Authorization_RequestDenied" in results["users"]["message"]
    assert "AADSTS700016" in rows[stranger.tenant_id]["results"][0]["message"]
    # The same for people.
    done = subprocess.run(case.words("--check"), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 3 and not done.stderr
    case.check_secrets(done.stdout)
    assert done.stdout.splitlines()[:2] == ["contracts: answers", "delegatedAdminCustomers: answers"]
    of_good, of_partly, of_stranger = done.stdout.splitlines()[-3:]
    assert good.tenant_id in of_good and " yes" in of_good
    assert partly.tenant_id in of_partly and " in part " in of_partly and "User.Read.All, Reports.Read.All" in of_partly
    assert stranger.tenant_id in of_stranger and " no " in of_stranger and "AADSTS700016" in of_stranger


def test_whoever_sends_nothing_leaves_nothing(sync, tmp_path):
    (one,) = tenants()
    case = sync(one)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {"TMPDIR": str(work)}
    before = sorted(case.folder.rglob("*"))
    for option in ("--check", "--dry-run"):
        done = subprocess.run(case.words(option), env=environment, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert list(work.iterdir()) == [] and sorted(case.folder.rglob("*")) == before
        # Nor one that is ended.
        case.simulator.fail("throttle", "subscriptions", one, retry_after=600)
        process = subprocess.Popen(case.words(option), env=environment, stdout=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: case.simulator.script.faults[-1].used, process)
            assert [mode(path) for path in work.iterdir()] == [0o700]
            ended(process)
        finally:
            process.kill()
        assert list(work.iterdir()) == [] and sorted(case.folder.rglob("*")) == before


def test_check_counts_on_a_terminal(sync):
    """And leaves nothing of it there, also when it fails."""
    one, two = tenants(2)
    case = sync(one, two)

    def shown(code):
        near, far = pty.openpty()
        process = subprocess.Popen(case.words("--check"), stdout=subprocess.DEVNULL, stderr=far, stdin=subprocess.DEVNULL)
        os.close(far)
        text = b""
        # The end of a terminal is an error.
        with contextlib.suppress(OSError):
            while data := os.read(near, 65_536):
                text += data
        os.close(near)
        assert process.wait(PATIENCE) == code
        return text.decode()

    clear = "\r\x1b[2K"
    text = shown(0)
    assert "2 of 2 customers" in text and text.endswith(clear)
    case.simulator.fail("status", "contracts", times=None, code=403)
    text = shown(1)
    assert "request" in text and clear + "insights: " in text


def test_check_of_a_list_that_is_not_open_to_applications(sync):
    """Then the other one may be, and nobody learns it by a run that fails."""
    case = sync(*tenants(), customers="delegatedAdminCustomers")
    case.simulator.partner.tenant.consented = {"Directory.Read.All"}
    run = case.run("--check", code=1)
    (row,) = json.loads(run.stdout)
    assert [one["ok"] for one in row["results"]] == [True, False]
    assert row["missing"] == ["DelegatedAdminRelationship.Read.All"] and "cannot be listed" in run.line


# MARK: Refusals


def refusal(case, *arguments, code=1):
    """The one line, before anything was asked of anybody."""
    done = subprocess.run(
        case.words(*arguments), capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code and not done.stdout, (done.stdout, done.stderr)
    assert len(done.stderr.splitlines()) == 1 and case.simulator.count() == 0
    case.check_secrets(done.stderr)
    return done.stderr


def test_two_with_one_state_folder(sync):
    (one,) = tenants()
    case = sync(one)
    with service(case, "--every", "1h") as (process, log):
        wait_until(lambda: runs(log), process)
        case.simulator.reset()
        assert "another synchronization uses the state folder" in refusal(case)
        ended(process)
    assert failed(case.run()) == []


ID = "673c3bdc-2b51-538b-8364-063972b52b87"
CUSTOMER = {"tenant_id": ID}
# Member of the configuration, its new value, and words of the refusal.
REFUSED = {
    "a key of the partner": ("partner.name", "A", "partner.name"),
    "a key of the endpoints": ("endpoints.proxy", "p", "endpoints.proxy"),
    "a key of a customer": ("customers", [CUSTOMER | {"tenant": ID}], "customers[0].tenant"),
    "no partner": ("partner", None, "partner is missing"),
    "no tenant": ("partner.tenant_id", None, "partner.tenant_id"),
    "a tenant by name": ("partner.tenant_id", "contoso.example", "GUID"),
    "a partner id that is none": ("partner.partner_id", "a b\n", "partner.partner_id"),
    "no client": ("application.client_id", None, "application.client_id is missing"),
    "a number for a text": ("application.client_id", 7, "application.client_id is not a text"),
    "no secret": ("application.client_secret_file", None, "client_secret_file, or certificate and key"),
    "a secret that is not there": ("application.client_secret_file", "nowhere", "nowhere"),
    "a folder for a secret": ("application.client_secret_file", ".", "is no file"),
    "a key alone": ("application", {"client_id": "c", "key": "k"}, "belong together"),
    "an authority that is not there": ("endpoints.ca", "nowhere.pem", "nowhere.pem"),
    "plain http": ("endpoints.graph", "http://graph.example", "https"),
    "plain http for tokens": ("endpoints.login", "http://login.example", "https"),
    "an address with a query": ("endpoints.graph", "https://graph.example?x", "https"),
    "an unknown list": ("customers", "everybody", "customers must be"),
    "a customer without a tenant": ("customers", [{}], "customers[0].tenant_id"),
    "a customer twice": ("customers", [CUSTOMER, CUSTOMER], "twice"),
    "a tenant of partners twice": (
        "partner_tenants", {ID: "B", ID.upper(): "C"}, "sync.json:1: partner_tenants." + ID.upper() + " is there twice"
    ),
    "a partner for a name": ("partner_tenants", {"fabrikam": "B"}, "fabrikam"),
    "a number for a folder": ("state", 1, "state is not a text"),
    "a list": (None, [], "not an object"),
}


def test_configurations_that_are_refused(sync):
    case = sync(*tenants())
    good = case.config.read_text()
    for name, (path, value, words) in REFUSED.items():
        config = json.loads(good)
        if path:
            *outer, last = path.split(".")
            (config[outer[0]] if outer else config)[last] = value
        case.config.write_text(json.dumps(config if path else value))
        assert words in refusal(case), name
    case.config.unlink()
    assert "sync.json" in refusal(case)


def test_secrets_and_certificates_that_are_refused(sync, tmp_path):
    registered = rsa_identity(tmp_path)
    case = sync(*tenants(), registered=registered)
    config = json.loads(case.config.read_text())
    other = rsa_identity(tmp_path, "other")
    key = registered.key.read_text()

    def with_application(**changes):
        case.config.write_text(json.dumps(config | {"application": config["application"] | changes}))
        return refusal(case)

    assert "is not the key of" in with_application(key=str(other.key))
    assert "no certificate" in with_application(certificate=str(registered.key))
    assert "application.key" in with_application(key=str(registered.certificate))
    assert "nowhere" in with_application(certificate="nowhere")
    for number in (0o644, 0o604, 0o660):
        registered.key.chmod(number)
        line = with_application()
        assert f"{number:04o}" in line and "0600" in line and key.splitlines()[1] not in line
    secret = case.folder / "secret"
    by_secret = {"certificate": None, "key": None, "client_secret_file": "secret"}
    for text in ("", "\n", "one\ntwo", "with a blank"):
        secret.write_text(text)
        secret.chmod(0o600)
        assert "one line" in with_application(**by_secret)
    secret.chmod(0o644)
    assert "0644" in with_application(**by_secret)


def test_words_that_are_refused(sync):
    case = sync(*tenants())
    assert "--only" in refusal(case, "--only", "licenses")
    assert "--parallel" in refusal(case, "--parallel", "0") and "--parallel" in refusal(case, "--parallel", "65")
    assert "--every" in refusal(case, "--every", "6") and "--every" in refusal(case, "--every", "400d")
    assert "exclude" in refusal(case, "--check", "--every", "1h")
    assert "--since" in refusal(case, "--since", "yesterday")


# MARK: Parts


def test_a_customer_that_nobody_knows(sync):
    one, two = tenants(2)
    case = sync(one, two)
    run = case.run("--customer", one.tenant_id, "--customer", "nobody", code=1)
    assert "nobody is none of the 2 customers" in run.line and run.stdout == ""
    assert case.simulator.count(tenant=one) == 0 and case.coverage(one) == {}


@pytest.mark.parametrize(
    "source, asked, covered",
    [
        ("catalog", {"subscribedSkus"}, {}),
        ("subscriptions", {"subscriptions"}, {SUBSCRIPTIONS: 0}),
        ("users", {"users", "subscribedSkus"}, {ASSIGNMENTS: 0}),
        ("activity", {"reportSettings", "report", "download"}, {ACTIVITY: -2}),
    ],
)
def test_one_source_alone(sync, source, asked, covered):
    (one,) = tenants()
    case = sync(one)
    run = case.run("--only", source)
    assert {kind for kind, tenant in case.simulator.counts if tenant == one.tenant_id} == {"token", *asked}
    assert case.coverage(one) == {name: day(number).isoformat() for name, number in covered.items()}
    row = run.of(one)
    assert [key in row for key in ("subscriptions", "users", "days")] == [
        source == "subscriptions", source == "users", source == "activity"
    ]  # fmt: skip
    if source != "catalog":
        case.tell(one, (source,))
        case.check(one)


def test_the_output_for_programs(sync):
    good, refused = tenants(2)
    case = sync(good, refused)
    refused.consented = False
    case.run(code=3)
    done = subprocess.run(case.words("--output", "csv"), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 3
    head, *rows = done.stdout.splitlines()
    assert head == "customer_id,name,status,subscriptions,users,days,facts,reason"
    assert rows[0] == f"{good.tenant_id},{good.name},ok,7,20,0,0," and rows[1].startswith(f"{refused.tenant_id},")
    (row,) = [row for row in Run(3, case.run(code=3).stdout, "").rows.values() if row["status"] == "failed"]
    assert set(row) == {"customer_id", "name", "status", "facts", "reason", "notes", "failures"}
    assert {one["source"] for one in row["failures"]} == {"catalog", "subscriptions", "users", "activity"}
    assert {one["reason"] for one in row["failures"]} == {"no_consent"} and row["reason"].count("AADSTS700016") == 1
