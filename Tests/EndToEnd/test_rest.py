"""GETs below `/v1/` (`--web api`): the same figures and the same refusals as by gRPC, for every route and caller."""

import gzip
import json
import random
import subprocess
import threading
from urllib.parse import urlencode

import grpc
import pytest
from connect import Web
from conftest import House
from facts import day
from frames import Frames, tls_context
from google.protobuf import json_format
from pyqwest import HTTPVersion
from random_worlds import AS_OF, catalog, random_customer
from raw import resident
from rest import refusal, routes, word
from test_connect import PROTECTION, stable, wait_until
from wire import Refusal

WORLDS = 25
QUESTIONS = 400
PERIOD = dict(start_date=str(day(-30)), end_date=str(day(-1)))


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    house = House(api, certificates, tmp_path_factory.mktemp("rest"), "--web", "api").start().register()
    house["alice"].call("UpdatePrincipal", principal=dict(principal_id="alice", roles=[1, 2]), update_mask={"paths": ["roles"]})
    f = house.facts
    house["operator"].feed(catalog(f))
    for seed in range(WORLDS):
        dice = random.Random(seed)
        house["operator"].feed([fact for group in random_customer(dice, name_of(seed), f) for fact in group])
    house["operator"].feed([f.relationship("B", "hidden", day(-90)), f.customer("hidden", "Hidden")])
    yield house
    house.close()


def name_of(seed):
    """Ids of customers may have any visible character."""
    return ["c%d", "a/%d", "%%2F%d", "?&=#%d", "..%d", "+%d;", '{"%d"}'][seed % 7] % seed


@pytest.fixture(scope="module", params=[HTTPVersion.HTTP2, HTTPVersion.HTTP1], ids=["http2", "http1"])
def web(house, request):
    return Web(house, house.certificates.alice, version=request.param)


@pytest.fixture(scope="module")
def every(api):
    return routes(api)


def question(dice, route):
    """Fields of a request, good ones for the most part."""
    takes = route.takes
    fields = {}
    if takes("customer_id"):
        fields["customer_id"] = name_of(dice.randrange(WORLDS)) if dice.random() < 0.9 else dice.choice(["none", "hidden", "ö", "a b"])
    choices = {
        "as_of": [str(AS_OF), str(day(-1)), "", str(day(2)), "2024-02-30"], "scope": [0, 1, 2],
        "products": [[1], [2], [1, 2], [2, 2], [0]], "product": [1, 2, 0], "page_size": [1, 3, 1000, -1, 0],
        "workload_code": ["EXO", "SPO", "", "none", "ü"], "interval": [0, 1, 2, 3], "language_code": ["nl", "en", "nl-BE", "x"],
        "activity": [0, 1, 2, 3], "page_token": ["", "nonsense"],
        "filter": ["", "sold >= 2", 'customer_name : "1" AND sold != 0', "usage <", 'market = "NL"'],
        "order_by": ["", "sold desc", "customer_name", "market"], "start_date": [str(day(-30)), str(day(-9)), ""],
        "end_date": [str(day(-1)), str(AS_OF), str(day(-50))], "min_revision": [0, 1, 5],
    }  # fmt: skip
    wanted = 0.9 if route.method.name in ("GetTrend", "ExplainUsage") else 0.3
    for name, values in choices.items():
        if takes(name) and dice.random() < (wanted if name in ("start_date", "end_date", "product") else 0.3):
            # The first ones are good.
            fields[name] = values[0] if dice.random() < 0.5 else dice.choice(values)
    return fields


def by_grpc(client, method, fields):
    try:
        return stable(client.call(method.name, **fields))
    except grpc.RpcError as error:
        return Refusal.of(error)


def test_every_route_answers_as_grpc_does(house, web, every):
    assert len(every) == 17
    dice = random.Random(13)
    answers = {}
    for number in range(QUESTIONS):
        route = every[number % len(every)]
        fields = question(dice, route)
        expected = by_grpc(house["alice"], route.method, fields)
        path = route.path(json_names=dice.random() < 0.5, **fields)
        response = web.http("GET", path)
        if isinstance(expected, Refusal):
            assert refusal(response) == expected, path
        else:
            assert stable(route.reply(response)) == expected, path
            revision = getattr(expected, "revision", None)
            assert response.headers.get("etag") == (f'W/"r{revision}"' if revision is not None else None), path
        assert PROTECTION.items() <= dict(response.headers.items()).items()
        answers.setdefault(route.pattern, set()).add(response.status)
    assert all(200 in seen for seen in answers.values()), answers
    assert sum(400 in seen for seen in answers.values()) >= 12, answers


def test_pages_follow_each_other(house, web, every):
    (route,) = [route for route in every if route.pattern == "/v1/insights"]
    names, token = [], ""
    while True:
        page = route.reply(web.http("GET", route.path(page_size=4, page_token=token)))
        names += [row.customer_id for row in page.insights]
        token = page.next_page_token
        if not token:
            break
    assert names == [row.customer_id for row in house["alice"].call("ListCustomerInsights", page_size=1000).insights]
    assert len(names) == WORLDS


def test_the_language_is_asked_for_in_a_header_too(house, web):
    path = "/v1/portfolio/explanation?product=PRODUCT_OFFICE_365"
    texts = [json.loads(web.http("GET", path, accept_language=word).content)["explanation"]["text"] for word in ("nl", "en")]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("hidden", ["hidden", "nobody"])
def test_another_partners_customer_looks_like_none(house, web, every, hidden):
    """Status, headers and body are the same bytes, packed or not."""
    checked = 0
    for route in every:
        if not route.takes("customer_id"):
            continue
        fields = {name: value for name, value in {**PERIOD, "product": 1}.items() if route.takes(name)}
        for packed in ({}, {"accept_encoding": "gzip"}):
            told, none = (
                web.http("GET", route.path(customer_id=customer, **fields), **packed) for customer in (hidden, "customer-zero")
            )
            assert none.status == 404, none.content
            assert (told.status, list(told.headers.items()), told.content) == (none.status, list(none.headers.items()), none.content)
            checked += 1
    assert checked == 16


MISTAKES = [
    # Path, status of HTTP and of gRPC, field of the details, words.
    ("/v1/portfolio?asof=2024-01-01", 400, "INVALID_ARGUMENT", "asof", "asof is no parameter"),
    ("/v1/portfolio/trend?customer_id=C", 400, "INVALID_ARGUMENT", "customer_id", "is no parameter"),
    ("/v1/customers?page_size=5&pageSize=5", 400, "INVALID_ARGUMENT", "page_size", "more than once"),
    ("/v1/customers?page_size=five", 400, "INVALID_ARGUMENT", "page_size", "32 bits"),
    ("/v1/customers?page_size=-1", 400, "INVALID_ARGUMENT", "page_size", ""),
    ("/v1/insights?scope=own", 400, "INVALID_ARGUMENT", "scope", "LICENSE_SCOPE_OWN"),
    ("/v1/insights?scope=7", 400, "INVALID_ARGUMENT", "scope", "no value 7"),
    ("/v1/insights?min_revision=-1", 400, "INVALID_ARGUMENT", "min_revision", "whole number"),
    ("/v1/insights?filter=%FF", 400, "INVALID_ARGUMENT", "filter", "UTF-8"),
    ("/v1/insights?filter=usage+%3C", 400, "INVALID_ARGUMENT", "filter", ""),
    ("/v1/insights?%=1", 400, "INVALID_ARGUMENT", "query", ""),
    ("/v1/portfolio?as_of=yesterday", 400, "INVALID_ARGUMENT", "as_of", ""),
    ("/v1/customers/" + "a" * 200, 400, "INVALID_ARGUMENT", "customer_id", "128"),
    ("/v1/customers/none", 404, "NOT_FOUND", "", "no such customer"),
    ("/v1/nothing", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1/", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1/me/", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1//me", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1/customers/%2e%2e/users", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1/customers/a%00/users", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1/customers/a/b/users", 404, "NOT_FOUND", "", "no such resource"),
    ("/v1/insights?min_revision=18446744073709551615", 503, "UNAVAILABLE", "", ""),
]  # fmt: skip


@pytest.mark.parametrize("path, http, status, field, words", MISTAKES, ids=[line[0][:40] for line in MISTAKES])
def test_mistakes(web, path, http, status, field, words):
    response = web.http("GET", path)
    assert response.status == http and response.headers["content-type"] == "application/json", response.content
    told = refusal(response)
    assert (told.code, told.field_name) == (status, field) and words in told.message, told
    assert PROTECTION.items() <= dict(response.headers.items()).items()
    if http == 503:
        assert told.reason == "REVISION_NOT_HERE" and int(response.headers["retry-after"]) >= 1


def test_what_is_no_get(web):
    for verb in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        response = web.http(verb, "/v1/me", b"", content_type="application/json")
        assert (response.status, response.headers["allow"]) == (405, "GET"), verb
        assert json.loads(response.content)["error"]["code"] == 405
    assert web.http("GET", "/v1/me", b"{}").status == 400
    # Below `/v1/` nothing is Connect's.
    for verb, path in (("POST", "/v1/nothing"), ("GET", "/v1/nothing?encoding=json&message=%7B%7D")):
        response = web.http(verb, path, b"", content_type="application/json")
        assert (response.status, json.loads(response.content)["error"]["code"]) == (404, 404)
    # Nobody's paths answer as without the web.
    assert {web.http("GET", path).status for path in ("/", "/v1", "/v2/me", "/me")} == {405}


def test_what_is_too_large(web, request):
    """The status of HTTP is that in the body too. Of HTTP/1.1 the address may not be known by then."""
    for status, response in (
        (414, web.http("GET", "/v1/insights?filter=" + "a" * 9_000)), (414, web.http("GET", "/v1/customers/" + "a" * 9_000)),
        (431, web.http("GET", "/v1/insights", x_filler="a" * 20_000)), (413, web.http("GET", "/v1/insights", b" " * 300_000)),
    ):  # fmt: skip
        body = json.loads(response.content)
        assert response.status == status and ("error" in body or "http1" in request.node.name), body
        assert body.get("error", {}).get("code", status) == status
        assert PROTECTION.items() <= dict(response.headers.items()).items()


def test_nobody_is_told_anything_before_he_may(house):
    nobody, none = Web(house, house.certificates.nobody), Web(house)
    assert nobody.http("GET", "/v1/portfolio?nonsense=1").status == 403
    assert none.http("GET", "/v1/portfolio?nonsense=1").status == 401
    assert refusal(none.http("GET", "/v1/me")).reason == "CREDENTIAL_MISSING"


def test_curl_asks_for_packed_bodies(house, web):
    command = [
        "curl", "-sS", "--http2", "--compressed", "-D", "-", "--cacert", house.certificates.authority.certificate, "--cert",
        house.certificates.alice.certificate, "--key", house.certificates.alice.key,
        f"https://{house.daemon.address}/v1/insights?page_size=1000",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True).stdout
    head, _, body = done.partition(b"\r\n\r\n")
    assert b"HTTP/2 200" in head and b"content-encoding: gzip" in head and b"vary: accept-encoding" in head
    reply = json_format.Parse(body, house.api.ListCustomerInsightsResponse())
    assert stable(reply) == stable(house["alice"].call("ListCustomerInsights", page_size=1000))


# Downloads.

EXPORTS = [
    ({}, {}), (PERIOD, {}), (dict(as_of=str(day(-5)), products=[1]), {}), (dict(PERIOD, scope=1, language_code="nl"), {}),
    (dict(as_of=str(day(-5)), byte_order_mark=True), {"accept_language": "nl-BE"}),
]  # fmt: skip


def exported(api, form, fields):
    words = {}
    for name, value in fields.items():
        field = api.ExportInsightsRequest.DESCRIPTOR.fields_by_name[name]
        words[name] = [word(field, one) for one in value] if field.is_repeated else word(field, value)
    return f"/v1/export.{form}" + ("?" + urlencode(words, doseq=True) if words else "")


@pytest.mark.parametrize("fields, headers", EXPORTS)
def test_a_download_is_the_export(house, web, fields, headers):
    api, alice = house.api, house["alice"]
    language = {"language_code": headers["accept_language"]} if headers else {}
    parts = alice.call("ExportInsights", format=api.EXPORT_FORMAT_CSV, **{**fields, **language})
    response = web.http("GET", exported(api, "csv", fields), **headers)
    assert response.status == 200 and response.content == b"".join(part.csv_chunk for part in parts)
    assert response.content.count(b"\n") > 5 and (response.content[:3] == b"\xef\xbb\xbf") == ("byte_order_mark" in fields)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    days = [fields[name] for name in ("as_of", "start_date", "end_date") if name in fields]
    name = "-".join(["insights", *days])
    assert response.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    assert PROTECTION.items() <= dict(response.headers.items()).items()

    rows = [row for part in alice.call("ExportInsights", **fields) for row in part.rows]
    response = web.http("GET", exported(api, "jsonl", fields))
    lines = response.content.splitlines()
    assert response.headers["content-type"] == "application/jsonl" and response.content.endswith(b"\n")
    assert [json_format.Parse(line, api.ExportRow()) for line in lines] == rows and len(rows) > 5


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("query, field", [
    ("format=EXPORT_FORMAT_CSV", "format"), ("as_of=2024-01-01&start_date=2024-01-01&end_date=2024-01-02", "as_of"),
    ("as_of=soon", "as_of"), ("resume_token=x", "resume_token"), ("byte_order_mark=1", "byte_order_mark"),
])  # fmt: skip
def test_mistakes_of_a_download(web, form, query, field):
    response = web.http("GET", f"/v1/export.{form}?{query}")
    assert response.status == 400 and "content-disposition" not in dict(response.headers.items())
    assert refusal(response).field_name == field


def test_a_download_is_for_who_may_export(house):
    for who, status in (("carol", 200), ("nobody", 403), ("operator", 403), (None, 401)):
        web = Web(house, getattr(house.certificates, who) if who else None)
        for form in ("csv", "jsonl"):
            assert web.http("GET", f"/v1/export.{form}").status == status, who


def test_a_slow_reader_holds_nobody_up(house, web):
    """It gets everything all the same, and what the server keeps for it meanwhile is bounded."""
    fields = dict(start_date=str(day(-200)), end_date=str(day(-1)))
    whole = web.http("GET", exported(house.api, "jsonl", fields)).content
    assert len(whole) > 1_000_000
    before, _ = resident(house.daemon)
    command = [
        "curl", "-sS", "--http2", "--limit-rate", "700K", "--cacert", house.certificates.authority.certificate, "--cert",
        house.certificates.alice.certificate, "--key", house.certificates.alice.key,
        f"https://{house.daemon.address}{exported(house.api, 'jsonl', fields)}",
    ]  # fmt: skip
    slow = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    told = []
    readers = [threading.Thread(target=lambda process=process: told.append(process.stdout.read())) for process in slow]
    for reader in readers:
        reader.start()
    for _ in range(20):
        assert web.http("GET", "/v1/portfolio").status == 200
        assert resident(house.daemon)[0] - before < 30
    assert all(process.poll() is None for process in slow), "they were not slow"
    for reader in readers:
        reader.join(60)
    assert [process.wait(60) for process in slow] == [0, 0, 0] and told == [whole] * 3


def test_who_goes_away_leaves_nothing(house, web):
    """Exports are counted: those whose reader is gone are not."""
    path = exported(house.api, "csv", dict(start_date=str(day(-200)), end_date=str(day(-1))))
    context = tls_context(house.certificates.authority, house.certificates.alice)
    for _ in range(20):
        with Frames(house.daemon.address, context) as frames:
            frames.send(path, method="GET", content_type=None, te=None)
            frames.socket.recv(1_000)
    wait_until(lambda: web.http("GET", path).status == 200)
