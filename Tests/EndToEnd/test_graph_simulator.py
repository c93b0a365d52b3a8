"""The simulator of Graph does what its documentation says, so that a test of `insights sync` tests that. No server."""

import csv
import http.client
import io
import json
import signal
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from certificates import Authority
from graph_simulator import CLIENT_ID, Simulator, rsa_identity
from graph_tokens import ASSERTION_TYPE, encoded
from graph_world import COLUMNS, E3, rendered, sample_tenant, utc_today

USERS = "/v1.0/users?$select=id,userPrincipalName,displayName,assignedLicenses&$top=999"
LAST = utc_today() - timedelta(2)
REPORT = f"/v1.0/reports/getOffice365ActiveUserDetail(date={LAST})"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("graph") / "authority")


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    return rsa_identity(tmp_path_factory.mktemp("application"))


@pytest.fixture(scope="module")
def served(authority, registered):
    with Simulator(authority.server(), [sample_tenant(number, 25) for number in range(3)]) as simulator:
        simulator.application.register(registered.certificate)
        yield simulator


@pytest.fixture
def simulator(served):
    served.reset()
    yield served
    served.page_sizes["users"] = (999, 100)


@pytest.fixture
def tenant(simulator):
    return list(simulator.tenants.values())[0]


@pytest.fixture
def ask(authority):
    """ask(url, token) → status, headers, body; over a connection of its own."""

    def request(url, token=None, method="GET", body=None, **headers):
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=str(authority.certificate))
        connection = http.client.HTTPSConnection(parts.netloc, context=context, timeout=20)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, url[url.index(parts.netloc) + len(parts.netloc) :], body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return request


@pytest.fixture
def token_of(simulator, ask):
    def token(tenant, **changes):
        form = {
            "grant_type": "client_credentials", "client_id": CLIENT_ID, "scope": f"{simulator.url}/.default",
            "client_secret": simulator.application.secret,
        } | changes  # fmt: skip
        body = urlencode({name: value for name, value in form.items() if value is not None})
        url = f"{simulator.url}/{getattr(tenant, 'tenant_id', tenant)}/oauth2/v2.0/token"
        answer = ask(url, None, "POST", body, **{"Content-Type": "application/x-www-form-urlencoded"})
        return answer[0], json.loads(answer[2])

    return token


@pytest.fixture
def token(token_of, tenant):
    status, answer = token_of(tenant)
    assert status == 200, answer
    return answer["access_token"]


def pages(simulator, ask, token, path, most=50):
    """The pages of a list, and the link to the next when there are more than so many."""
    found, link = [], simulator.url + path
    while link and len(found) < most:
        status, _, body = ask(link, token)
        assert status == 200, body
        found.append(json.loads(body))
        link = found[-1].get("@odata.nextLink")
    return found, link


def error(answer):
    return answer[0], json.loads(answer[2])["error"]["code"]


def download(simulator, ask, token, path=REPORT):
    status, headers, _ = ask(simulator.url + path, token)
    assert status == 302
    return ask(headers["Location"])


# Tokens


def test_a_secret_gets_a_token_of_one_tenant(simulator, ask, tenant, token_of):
    status, answer = token_of(tenant)
    assert status == 200 and answer["token_type"] == "Bearer" and answer["expires_in"] == 3_599
    assert ask(simulator.url + USERS, answer["access_token"])[0] == 200
    assert error(ask(simulator.url + USERS, "something")) == (401, "InvalidAuthenticationToken")
    assert not simulator.violations and simulator.count("users", tenant) == 1


@pytest.mark.parametrize(
    "changes, status, code",
    [
        ({"client_secret": "wrong"}, 401, 7000215), ({"client_secret": None}, 401, 7000218),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, 400, 700016), ({"grant_type": "password"}, 400, 70003),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, 1002012), ({"scope": None}, 400, 900144),
    ],
)  # fmt: skip
def test_a_wrong_request_for_a_token_is_refused(token_of, tenant, changes, status, code):
    found, answer = token_of(tenant, **changes)
    assert (found, answer["error_codes"]) == (status, [code])
    assert answer["error_description"].startswith(f"AADSTS{code}: ")


def test_tenants_that_cannot_be_read(simulator, ask, tenant, token_of):
    assert token_of("11111111-0000-4000-8000-000000000000")[1]["error_codes"] == [90002]
    tenant.consented = False
    assert token_of(tenant)[1]["error_codes"] == [700016]
    tenant.consented = {"User.Read.All"}
    token = token_of(tenant)[1]["access_token"]
    assert ask(simulator.url + USERS, token)[0] == 200
    denied = ask(simulator.url + "/v1.0/subscribedSkus", token)
    assert error(denied) == (403, "Authorization_RequestDenied")
    assert error(ask(simulator.url + REPORT, token)) == (403, "S2SUnauthorized")
    tenant.consented = True


def assertion(simulator, tenant, identity, algorithm, **claims):
    now = int(time.time())
    url = f"{simulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    payload = {"aud": url, "iss": CLIENT_ID, "sub": CLIENT_ID, "jti": str(time.monotonic_ns())}
    payload |= {"nbf": now, "exp": now + 300}
    header = {"alg": algorithm, "typ": "JWT", "x5t#S256": simulator.application.thumbprint}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, payload | claims))
    command = ["openssl", "dgst", "-sha256", "-sign", str(identity.key)]
    if algorithm == "PS256":
        command += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return {
        "client_secret": None, "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": text + "." + encoded(done.stdout),
    }  # fmt: skip


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_assertion_gets_a_token_once(simulator, registered, token_of, tenant, algorithm):
    good = assertion(simulator, tenant, registered, algorithm)
    assert token_of(tenant, **good)[0] == 200
    assert token_of(tenant, **good)[1]["error_codes"] == [700028]
    text = assertion(simulator, tenant, registered, algorithm)["client_assertion"]
    place = text.rindex(".") + 20
    forged = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    assert token_of(tenant, **good | {"client_assertion": forged})[1]["error_codes"] == [700027]


@pytest.mark.parametrize(
    "claims, code",
    [
        ({"aud": "https://login.microsoftonline.com/x/oauth2/v2.0/token"}, 700023), ({"iss": "somebody"}, 700021),
        ({"exp": int(time.time()) - 1}, 700024), ({"exp": int(time.time()) + 3_600}, 700024), ({"exp": 1e99}, 5002730),
    ],
)  # fmt: skip
def test_a_wrong_assertion_is_refused(simulator, registered, token_of, tenant, claims, code):
    wrong = assertion(simulator, tenant, registered, "PS256", **claims)
    assert token_of(tenant, **wrong)[1]["error_codes"] == [code]


def test_a_token_ends(simulator, ask, tenant, token_of):
    simulator.tokens.lifetime = 0
    token = token_of(tenant)[1]["access_token"]
    simulator.tokens.lifetime = 3_599
    assert error(ask(simulator.url + USERS, token)) == (401, "InvalidAuthenticationToken")


# Lists


def test_people_come_in_pages(simulator, ask, tenant, token):
    simulator.page_sizes["users"] = 10
    found, _ = pages(simulator, ask, token, USERS)
    assert [len(page["value"]) for page in found] == [10, 10, 5]
    assert [row for page in found for row in page["value"]] == tenant.users
    assert not simulator.violations and simulator.count("users") == 3
    link = found[0]["@odata.nextLink"]
    assert ask(link.replace("%2b", "%2B"), token)[0] == 400
    assert "was changed" in simulator.violations[0]


def test_only_what_is_selected_comes(simulator, ask, token):
    (page,), _ = pages(simulator, ask, token, "/v1.0/users")
    assert set(page["value"][0]) == {"id", "userPrincipalName", "displayName"}
    for query in ("$top=1000", "$top=0", "$filter=a", "$select=id&$select=id"):
        assert ask(f"{simulator.url}/v1.0/users?{query}", token)[0] == 400
    assert len(simulator.violations) == 4


def test_the_partner_lists_its_customers(simulator, ask, token, token_of):
    partner = token_of(simulator.partner.tenant)[1]["access_token"]
    (page,), _ = pages(simulator, ask, partner, "/v1.0/contracts?$top=999")
    assert [row["customerId"] for row in page["value"]] == list(simulator.tenants)[:3]
    (page,), _ = pages(simulator, ask, partner, "/v1.0/tenantRelationships/delegatedAdminCustomers")
    assert page["value"][0]["tenantId"] == list(simulator.tenants)[0]
    assert pages(simulator, ask, token, "/v1.0/contracts?$top=999")[0][0]["value"] == []


def test_subscriptions_fit_the_skus_and_the_people(simulator, ask, tenant, token):
    (skus,), _ = pages(simulator, ask, token, "/v1.0/subscribedSkus")
    (subscriptions,), _ = pages(simulator, ask, token, "/v1.0/directory/subscriptions")
    for sku in skus["value"]:
        assert sku["id"] == f"{tenant.tenant_id}_{sku['skuId']}"
        held = [row for row in tenant.users if sku["skuId"] in [held["skuId"] for held in row["assignedLicenses"]]]
        assert sku["consumedUnits"] == len(held)
        rows = [row for row in subscriptions["value"] if row["skuId"] == sku["skuId"]]
        assert sum(sku["prepaidUnits"].values()) == sum(row["totalLicenses"] for row in rows) > 0


def test_settings_in_both_forms(simulator, ask, tenant, token):
    answer = json.loads(ask(simulator.url + "/v1.0/admin/reportSettings", token)[2])
    assert answer["value"]["displayConcealedNames"] is False
    simulator.settings_wrapped, tenant.concealed = False, True
    answer = json.loads(ask(simulator.url + "/v1.0/admin/reportSettings", token)[2])
    assert answer["displayConcealedNames"] is True
    simulator.settings_wrapped, tenant.concealed = True, False


# Reports


def test_a_report_is_downloaded_once_without_a_token(simulator, ask, tenant, token):
    status, headers, _ = ask(simulator.url + REPORT, token)
    assert status == 302
    location = headers["Location"]
    assert location.startswith(simulator.download_url) and "sig=" in location
    status, _, body = ask(location)
    assert status == 200 and body.startswith(b"\xef\xbb\xbf")
    assert list(csv.DictReader(io.StringIO(body.decode("utf-8-sig")))) == tenant.reports[LAST]
    assert body == rendered(tenant.reports[LAST]) and not simulator.violations
    assert ask(location)[0] == 410 and ask(location.replace("sig=", "sig=x"))[0] == 403
    location = ask(simulator.url + REPORT, token)[1]["Location"]
    assert ask(location, token)[0] == 200
    assert "with an authorization" in simulator.violations[-1] and simulator.days_of(tenant) == {LAST: 2}
    assert all(text not in repr(simulator.requests) for text in simulator.secrets() if "signature" not in text)


def test_a_report_that_is_not_there_yet(simulator, ask, token):
    early = REPORT.replace(str(LAST), str(utc_today()))
    assert ask(simulator.url + early, token)[0] == 404
    old = REPORT.replace(str(LAST), str(utc_today() - timedelta(40)))
    assert ask(simulator.url + old, token)[0] == 400
    simulator.missing_report = "earlier"
    body = download(simulator, ask, token, early)[2]
    simulator.missing_report = "404"
    assert body.splitlines()[1].startswith(str(LAST).encode())


def test_reports_by_order(simulator, ask, token):
    simulator.fail("report_of_day_before", "report")
    simulator.fail("empty_report", "report")
    simulator.fail("concealed", "report")
    before, empty, concealed = (download(simulator, ask, token)[2].decode("utf-8-sig").splitlines() for _ in range(3))
    assert before[1].startswith(str(LAST - timedelta(1)))
    assert empty == [",".join(COLUMNS)]
    assert len(concealed) == len(before) == 26 and all(len(line.split(",")[1]) == 32 for line in concealed[1:])


# Faults


def test_throttling_says_how_long(simulator, ask, token):
    simulator.fail("throttle", "users", retry_after=1)
    simulator.fail("throttle", "users", code=503, retry_after=1, as_date=True)
    simulator.fail("throttle", "users")
    status, headers, _ = ask(simulator.url + USERS, token)
    assert (status, headers["Retry-After"]) == (429, "1")
    status, headers, _ = ask(simulator.url + USERS, token)
    assert status == 503 and 0 <= parsedate_to_datetime(headers["Retry-After"]).timestamp() - time.time() <= 2
    assert "before Retry-After was over" in simulator.violations[0]
    time.sleep(2)
    assert "Retry-After" not in ask(simulator.url + USERS, token)[1]
    assert ask(simulator.url + USERS, token)[0] == 200 and len(simulator.violations) == 1


def test_faults_come_in_their_turn_and_to_their_tenant(simulator, ask, token, token_of):
    simulator.page_sizes["users"] = 10
    other = list(simulator.tenants.values())[1]
    simulator.fail("status", "users", tenant=other, times=None, code=502)
    simulator.fail("cut", "users", after=1)
    first = json.loads(ask(simulator.url + USERS, token)[2])
    with pytest.raises(http.client.IncompleteRead):
        ask(first["@odata.nextLink"], token)
    assert ask(first["@odata.nextLink"], token)[0] == 200
    foreign = token_of(other)[1]["access_token"]
    assert [error(ask(simulator.url + USERS, foreign)) for _ in range(3)] == [(502, "generalException")] * 3


@pytest.mark.parametrize("options", [{"chunked": True}, {"chunked": False}, {"reset": True}, {"part": 0}, {"part": 1}])
def test_an_answer_is_cut(simulator, ask, token, options):
    simulator.fail("cut", "download", **options)
    location = ask(simulator.url + REPORT, token)[1]["Location"]
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(location)
    assert ask(location)[0] == 200 and not simulator.violations


def test_nothing_comes(simulator, ask, token):
    simulator.fail("cut_before_head", "report")
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(simulator.url + REPORT, token)
    simulator.fail("stall", "subscriptions")
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(urlsplit(simulator.url).netloc, context=context, timeout=0.5)
    connection.request("GET", "/v1.0/directory/subscriptions", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    with pytest.raises(TimeoutError):
        answer.read()
    connection.close()


def test_a_token_runs_out_and_consent_is_taken_back(simulator, ask, tenant, token, token_of):
    simulator.fail("no_consent", ["token", "report"], times=2)
    assert token_of(tenant)[1]["error_codes"] == [65001]
    assert ask(simulator.url + REPORT, token)[0] == 403
    simulator.fail("expired_token", "subscribedSkus")
    for _ in range(2):
        assert error(ask(simulator.url + "/v1.0/subscribedSkus", token)) == (401, "InvalidAuthenticationToken")
    assert ask(simulator.url + "/v1.0/subscribedSkus", token_of(tenant)[1]["access_token"])[0] == 200


def test_answers_that_cannot_be_read(simulator, ask, token):
    simulator.fail("malformed", "users")
    with pytest.raises(json.JSONDecodeError):
        json.loads(ask(simulator.url + USERS, token)[2])
    simulator.fail("malformed", "users", html=True)
    status, headers, body = ask(simulator.url + USERS, token)
    assert status == 200 and headers["Content-Type"].startswith("text/html") and body.startswith(b"<!DOCTYPE")
    simulator.fail("malformed", "download")
    assert b"\nyesterday," in download(simulator, ask, token)[2]


def test_paging_that_leads_astray(simulator, ask, tenant, token):
    simulator.page_sizes["users"] = 10
    simulator.fail("endless_paging", "users")
    found, link = pages(simulator, ask, token, USERS, 20)
    assert len(found) == 20 and link and found[0]["value"] and not found[-1]["value"]
    simulator.fail("loop_paging", "users")
    assert json.loads(ask(simulator.url + USERS, token)[2])["@odata.nextLink"] == simulator.url + USERS
    assert not simulator.violations
    simulator.fail("foreign_page", "users")
    ask(json.loads(ask(simulator.url + USERS, token)[2])["@odata.nextLink"], token)
    assert "another host" in simulator.violations[0]
    simulator.fail("plain_page", "users")
    link = json.loads(ask(simulator.url + USERS, token)[2])["@odata.nextLink"]
    assert link.startswith("http://")
    simulator.fail("redirect_plain", "report")
    assert ask(simulator.url + REPORT, token)[1]["Location"].startswith("http://")
    simulator.fail("redirect_elsewhere", "users")
    assert ask(simulator.url + USERS, token)[1]["Location"].startswith("https://localhost:")
    http_only = http.client.HTTPConnection(urlsplit(link).netloc, timeout=5)
    with pytest.raises((http.client.HTTPException, OSError)):
        http_only.request("GET", "/")
        http_only.getresponse()
    assert simulator.violations[1:] == ["somebody came without TLS"]


def test_people_change_between_pages(simulator, ask, tenant, token):
    simulator.page_sizes["users"] = 10
    simulator.fail("people_change", "users", times=None, moved=[{"skuId": E3, "disabledPlans": []}])
    found, _ = pages(simulator, ask, token, USERS)
    assert [len(page["value"]) for page in found] == [10, 11, 6]
    assert [page["value"][0]["id"] for page in found[1:]] == [tenant.users[9]["id"], tenant.users[19]["id"]]
    assert found[1]["value"][0]["assignedLicenses"] == [{"skuId": E3, "disabledPlans": []}]


@pytest.mark.parametrize("chunked", [True, False])
def test_a_huge_answer_is_of_the_size_asked_for(simulator, ask, token, chunked):
    simulator.fail("huge", "users", bytes=3_000_001, chunked=chunked)
    status, headers, body = ask(simulator.url + USERS, token)
    assert (status, len(body)) == (200, 3_000_001) and ("Content-Length" in headers) != chunked
    assert not simulator.violations


def test_compressed_lists(simulator, ask, token):
    _, headers, body = ask(simulator.url + USERS, token, **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and body[:2] == b"\x1f\x8b"


def test_requests_at_once_are_counted(simulator, ask, tenant, token):
    simulator.fail("slow", "subscribedSkus", times=None, seconds=0.3)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: ask(simulator.url + "/v1.0/subscribedSkus", token), range(5)))
    assert simulator.greatest[tenant.tenant_id] == simulator.greatest_overall == 5
    (violation,) = simulator.violations
    assert "5 requests" in violation


def test_the_program(tmp_path):
    program = Path(__file__).parent / "graph_simulator.py"
    command = [sys.executable, str(program), "--folder", str(tmp_path), "--customers", "2", "--users", "5"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        ready = dict(word.split("=", 1) for word in process.stdout.readline().split()[1:])
        config = json.loads(Path(ready["config"]).read_text())
        assert config["endpoints"]["graph"] == ready["api"]
        assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
        context = ssl.create_default_context(cafile=str(tmp_path / config["endpoints"]["ca"]))
        connection = http.client.HTTPSConnection(urlsplit(ready["api"]).netloc, context=context, timeout=5)
        connection.request("GET", "/v1.0/users")
        assert connection.getresponse().status == 401
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stdout.close()
