"""Calls by Connect (`--web api`): the same answers and refusals as by gRPC, for every method, caller and form."""

import base64
import gzip
import json
import subprocess
import threading
import time
from urllib.parse import urlencode

import grpc
import pytest
from connect import Web
from connectrpc.errors import ConnectError
from facts import day
from google.protobuf import json_format
from google.rpc import error_details_pb2

# As every answer has them, whatever it says.
PROTECTION = {
    "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin", "strict-transport-security": "max-age=31536000",
}  # fmt: skip
FORMS = [("json", False), ("json", True), ("proto", False), ("proto", True)]
PERIOD = dict(start_date=str(day(-30)), end_date=str(day(-1)))
READS = [
    ("GetCustomerInsights", dict(customer_id="C")), ("ListCustomerInsights", {}), ("GetPortfolioInsights", {}),
    ("CompareLicenses", dict(customer_id="C")), ("CompareLicenses", {}),
    ("GetTrend", dict(customer_id="C", **PERIOD)), ("GetTrend", PERIOD),
    ("ExplainUsage", dict(customer_id="C", product=1)), ("ListRecommendations", {}), ("ListCustomers", {}),
    ("GetCustomer", dict(customer_id="C")), ("ListSubscriptions", dict(customer_id="C")),
    ("ListLicensedUsers", dict(customer_id="C")), ("WhoAmI", {}), ("ListPrincipals", {}),
    ("ExplainAccess", dict(principal_id="carol", method="/partner.insights.v1.InsightsService/GetTrend")),
]  # fmt: skip
CALLERS = ["alice", "bob", "carol", "nobody", "disabled", "unknown", "dave", "operator", "expired", "other_ca", None]


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    from conftest import House

    house = House(api, certificates, tmp_path_factory.mktemp("connect"), "--web", "api").start().register()
    house["alice"].call("UpdatePrincipal", principal=dict(principal_id="alice", roles=[1, 2]), update_mask={"paths": ["roles"]})
    f = house.facts
    house["operator"].feed([
        f.sku("E3", workloads=["EXO", "SPO"]), f.relationship("A", "C", day(-90)), f.customer("C", "Contoso & Söhne"),
        f.relationship("B", "hidden", day(-90)), f.customer("hidden", "Hidden"),
        f.subscription("s", "C", "E3", "A", day(-50), 5), *f.coverage("C", day(-1)),
        *(f.user("C", f"u{number}", f"User {number}") for number in range(40)),
        *(f.assignment("C", f"u{number}", "E3", day(-40)) for number in range(40)),
        *(f.activity("C", f"u{number}", "EXO", day(-3)) for number in range(9)),
    ])  # fmt: skip
    yield house
    house.close()


@pytest.fixture(scope="module")
def webs(house):
    return {who: Web(house, getattr(house.certificates, who) if who else None) for who in CALLERS}


def stable(message):
    """Page tokens are another one each time."""
    if hasattr(message, "next_page_token"):
        message.ClearField("next_page_token")
    return message


@pytest.mark.parametrize("codec, use_get", FORMS)
def test_every_read_answers_as_by_grpc(house, webs, codec, use_get):
    for name, fields in READS:
        expected = stable(house["alice"].call(name, **fields))
        assert stable(webs["alice"].call(name, codec, use_get, **fields)) == expected, name


def test_refusals_have_the_same_words_and_details(house, webs):
    refusal = house["alice"].refused("GetCustomerInsights", customer_id="none")
    response = webs["alice"].post("GetCustomerInsights", b'{"customerId": "none"}')
    assert response.status == 404 and response.headers["content-type"] == "application/json"
    said = json.loads(response.content)
    assert said["code"] == "not_found" and said["message"] == refusal.message
    (detail,) = said["details"]
    assert detail["type"] == "google.rpc.ErrorInfo" and detail["debug"]["reason"] == "CUSTOMER_NOT_FOUND"
    with pytest.raises(ConnectError) as raised:
        webs["alice"].call("ListCustomers", page_size=-1)
    (violation,) = raised.value.details
    assert violation.type_name == "google.rpc.BadRequest"
    bad = error_details_pb2.BadRequest.FromString(violation.message_bytes)
    assert bad.field_violations[0].field == "page_size"


@pytest.mark.parametrize("codec, use_get", FORMS)
def test_another_partners_customer_looks_like_none(webs, codec, use_get):
    """Status, headers and body are the same bytes."""
    seen = set()
    for customer in ("hidden", "nobody"):
        body = json.dumps({"customerId": customer}).encode()
        if codec == "proto":
            method = webs["alice"].api.methods["GetCustomerInsights"]
            body = method.request(customer_id=customer).SerializeToString()
        if use_get:
            message = base64.urlsafe_b64encode(body).decode().rstrip("=")
            query = urlencode({"connect": "v1", "encoding": codec, "base64": "1", "message": message})
            response = webs["alice"].http("GET", f"/partner.insights.v1.InsightsService/GetCustomerInsights?{query}")
        else:
            path = "/partner.insights.v1.InsightsService/GetCustomerInsights"
            response = webs["alice"].http("POST", path, body, content_type=f"application/{codec}")
        assert response.status == 404
        seen.add((tuple(sorted(response.headers.items())), response.content))
    assert len(seen) == 1


def test_changes_are_made_and_on_record(house, webs):
    created = webs["alice"].call("CreatePrincipal", principal=dict(principal_id="by-web", roles=[3]))
    assert created.principal.principal_id == "by-web"
    with pytest.raises(ConnectError) as raised:
        webs["alice"].call("CreatePrincipal", principal=dict(principal_id="by-web", roles=[3]))
    assert raised.value.code.name == "ALREADY_EXISTS"
    webs["alice"].call("DeletePrincipal", "proto", principal_id="by-web")
    events = house["alice"].call("ListAuditEvents", page_size=3).events
    assert [(e.method.split("/")[-1], e.code) for e in events] == [
        ("DeletePrincipal", 0), ("CreatePrincipal", 6), ("CreatePrincipal", 0),
    ]  # fmt: skip
    # Who may not is refused before anything is read, and that is on record too.
    assert webs["carol"].post("CreatePrincipal", b"not even JSON").status == 403


def test_a_call_waits_for_its_revision(house, webs):
    revision = house["operator"].call("GetIngestStatus").revision
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(webs["alice"].call("ListCustomers", min_revision=revision + 1))
    )
    caller.start()
    house["operator"].feed([house.facts.customer("C", "Contoso & Söhne")])
    caller.join(60)
    assert answers and answers[0].revision == revision + 1
    response = webs["alice"].post("ListCustomers", json.dumps({"minRevision": str(revision + 9)}).encode())
    assert response.status == 503 and int(response.headers["retry-after"]) >= 1
    assert json.loads(response.content)["details"][0]["debug"]["reason"] == "REVISION_NOT_HERE"


def test_what_is_no_request_is_refused(house, webs):
    alice = webs["alice"]
    trend = house.api.methods["GetTrend"].path

    def refused(response, status, code, words=""):
        assert response.status == status, (response.status, response.content)
        said = json.loads(response.content)
        assert said["code"] == code and words in said["message"], said
        assert PROTECTION.items() <= dict(response.headers.items()).items()
        assert not response.trailers or not list(response.trailers.items())

    refused(alice.post("GetTrend", b'{"customer": "C"}'), 400, "invalid_argument", "no field customer")
    refused(alice.post("GetTrend", b"{"), 400, "invalid_argument")
    refused(alice.post("GetTrend", b"[" * 60_000), 400, "invalid_argument")
    refused(alice.post("GetTrend", b'{"interval": "YEAR"}'), 400, "invalid_argument")
    refused(alice.post("GetTrend", b"{}" + b" " * 300_000), 413, "resource_exhausted", "65536")
    refused(alice.post("GetTrend", gzip.compress(b" " * 10_000_000), content_encoding="gzip"), 413, "resource_exhausted")
    refused(alice.post("GetTrend", b"{}", content_encoding="gzip"), 400, "invalid_argument", "gzip")
    refused(alice.post("GetTrend", b"{}", content_encoding="br"), 501, "unimplemented", "content-encoding")
    refused(alice.post("GetTrend", b"{}", connect_protocol_version="2"), 400, "invalid_argument", "version")
    for timeout in ("", "-1", "1s", "12345678901"):
        refused(alice.post("GetTrend", b"{}", connect_timeout_ms=timeout), 400, "invalid_argument", "timeout")
    refused(alice.post("GetTrend", b"{}", connect_timeout_ms="0"), 504, "deadline_exceeded")
    json_type = dict(content_type="application/json")
    refused(alice.http("POST", "/partner.insights.v1.InsightsService/Nothing", b"{}", **json_type), 501, "unimplemented")
    refused(alice.http("POST", "/grpc.health.v1.Health/Check", b"{}", **json_type), 415, "unimplemented")
    refused(alice.post("ExportInsights"), 415, "unimplemented")
    change = house.api.methods["CreatePrincipal"].path
    response = alice.http("GET", change + "?connect=v1&encoding=json&message=%7B%7D")
    refused(response, 405, "unimplemented", "POST")
    assert response.headers["allow"] == "POST"
    refused(webs[None].post("GetTrend"), 401, "unauthenticated")
    refused(webs["nobody"].post("GetTrend"), 403, "permission_denied")
    for content_type in ("text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded"):
        response = alice.http("POST", trend, b"{}", content_type=content_type)
        refused(response, 415, "unimplemented", "application/json")
        assert response.headers["accept-post"] == "application/json, application/proto"
    # In no form that is known: as without --web.
    assert alice.http("POST", "/nothing", b"{}", content_type="text/plain").status == 415
    assert alice.http("PUT", trend, b"{}", **json_type).status == 405
    for query in ("", "?connect=v1", "?a=b", "?message=%7B%7D"):
        assert alice.http("GET", trend + query).status == 405
    for query in ("connect=v1&encoding=xml&message=a", "encoding=json&message=%7", "encoding=json&message=a&more=b"):
        refused(alice.http("GET", f"{trend}?{query}"), 400, "invalid_argument", "query")
    long = "?connect=v1&encoding=json&message=" + "a" * 9_000
    refused(alice.http("GET", trend + long), 414, "invalid_argument", "8192")
    refused(alice.post("GetTrend", b"{}", x_filler="a" * 20_000), 431, "resource_exhausted")
    # And the server lives on.
    assert alice.call("WhoAmI").principal.principal_id == "alice"


# Whatever a field is, most of them are not for it.
VALUES = [
    "null", "-1", "1.5", "1e400", "1e18", "99999999999", "-9223372036854775809", '"NaN"', '"99999999999999999999"',
    "true", "[null]", "[99999999999]", "[[]]", "{}", '{"a":1}', '"\\ud83d"', '"0000-01-01T00:00:00Z"', '"a..b"', "[" * 500,
]  # fmt: skip


def fields_of(descriptor, depth=0):
    """Paths to every field of a message, by their names in JSON."""
    for field in descriptor.fields:
        yield (field.json_name,)
        if field.message_type and depth < 2:
            yield from ((field.json_name, *path) for path in fields_of(field.message_type, depth + 1))


def test_no_value_of_a_field_is_the_servers_fault(house, webs):
    """Each value in each field of each message, for somebody who may."""
    asked = 0
    for method in house.api.methods.values():
        web = webs["operator" if method.permission in ("PERMISSION_INGEST", "PERMISSION_MANAGE_PARTNERS") else "alice"]
        for path in fields_of(method.request.DESCRIPTOR):
            # A revision that is not here is waited for.
            if method.client_stream or method.server_stream or path == ("minRevision",):
                continue
            for value in VALUES:
                for name in reversed(path):
                    value = '{"%s":%s}' % (name, value)
                response = web.http("POST", method.path, value.encode(), content_type="application/json")
                assert response.status in (200, 400, 404), (method.name, value, response.status)
                asked += 1
    assert asked > 1_500
    assert house.daemon.is_running and webs["alice"].call("WhoAmI").principal.principal_id == "alice"


def test_bodies_are_packed_for_who_takes_it(house, webs):
    users = house.api.methods["ListLicensedUsers"].path
    packed = gzip.compress(b'{"customerId": "C"}')
    command = [
        "curl", "-sS", "--http2", "--cacert", house.certificates.authority.certificate, "--cert",
        house.certificates.bob.certificate, "--key", house.certificates.bob.key, "-D", "-", "-H",
        "content-type: application/json", "-H", "content-encoding: gzip", "--data-binary", "@-",
        f"https://{house.daemon.address}{users}",
    ]  # fmt: skip
    plain = subprocess.run(command, input=packed, capture_output=True, check=True).stdout
    head, _, body = plain.partition(b"\r\n\r\n")
    assert b"HTTP/2 200" in head and b"content-encoding" not in head and b"content-type: application/json" in head
    zipped = subprocess.run([*command, "-H", "accept-encoding: br, gzip;q=0.5"], input=packed, capture_output=True, check=True)
    head, _, short = zipped.stdout.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head and b"vary: accept-encoding" in head and len(short) < len(body) / 3
    reply = house.api.methods["ListLicensedUsers"].response()
    assert stable(json_format.Parse(gzip.decompress(short), reply)) == stable(
        house["bob"].call("ListLicensedUsers", customer_id="C"))


def test_buf_calls_it(house):
    done = subprocess.run(
        ["buf", "curl", "--schema", "Protos", "--protocol", "connect", "--cacert",
         house.certificates.authority.certificate, "--cert", house.certificates.carol.certificate, "--key",
         house.certificates.carol.key, "-d", '{"customer_id": "C"}',
         f"https://{house.daemon.address}/partner.insights.v1.CustomersService/GetCustomer"],
        capture_output=True, text=True, cwd=__file__.rpartition("/Tests/")[0],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["customer"]["name"] == "Contoso & Söhne"


def test_calls_are_in_metrics_and_log(house, webs):
    def counted():
        lines = house.daemon.admin_get("/metrics")[1].splitlines()
        return [line for line in lines if "WhoAmI" in line]

    def logged():
        lines = [json.loads(line) for line in house.daemon.log.read_text().splitlines() if "/WhoAmI" in line]
        return [line.get("metadata", line) for line in lines]

    before, lines = counted(), len(logged())
    webs["alice"].call("WhoAmI")
    wait_until(lambda: len(logged()) > lines)
    said = logged()[-1]
    assert said["method"] == "/partner.insights.v1.AccessService/WhoAmI"
    assert said["principal"] == "alice" and said["code"] == "OK"
    assert counted() != before
    # What a query says is in no line.
    message = "secret-customer"
    query = f"?connect=v1&encoding=json&message=%7B%22customerId%22:%22{message}%22%7D"
    for name in ("GetCustomer", "Nothing"):
        webs["alice"].http("GET", f"/partner.insights.v1.CustomersService/{name}{query}")
    webs["alice"].call("WhoAmI")
    wait_until(lambda: len(logged()) > lines + 1)
    assert message not in house.daemon.log.read_text()


def test_many_callers_at_once(webs):
    results = []

    def ask(who, codec):
        for _ in range(20):
            results.append(webs[who].call("GetPortfolioInsights", codec).revision)

    threads = [
        threading.Thread(target=ask, args=(who, codec)) for who in ("alice", "bob", "carol") for codec in ("json", "proto")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 120 and len(set(results)) == 1


def test_without_web_nothing_is_there(new_house):
    house = new_house().start().register()
    alice = Web(house, house.certificates.alice)
    assert alice.post("WhoAmI").status == 415
    assert alice.http("GET", house.api.methods["WhoAmI"].path + "?connect=v1&encoding=json&message=%7B%7D").status == 405
    assert house["alice"].call("WhoAmI").principal.principal_id == "alice"


def test_what_the_option_takes(new_house):
    for word in ("page", "api,", "none,api"):
        code, error = new_house("--web", word, name=f"bad-{word}").daemon.start_refused()
        assert code == 1 and "--web is a list of api" in error
