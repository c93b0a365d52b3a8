"""The document at `/openapi.json`: valid, complete, and true: what it calls possible is what the server answers."""

import json
import re
from urllib.parse import urlencode

import hypothesis
import pytest
import requests
import schemathesis
from connect import Web
from conftest import House
from daemon import ROOT
from facts import day
from openapi_spec_validator import validate
from rest import routes
from samples import REQUESTS, filled
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

EXAMPLES = 12
DOCUMENT = json.loads((ROOT / "Sources/InsightsWeb/OpenAPI/openapi.json").read_text())
CHECKS = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    checks.response_headers_conformance,
]  # fmt: skip
# They would end the callers of the test.
LEFT_OUT = {"DeletePrincipal", "UpdatePrincipal", "UpdatePartner", "EraseUser"}
CHANGES = {"CreatePrincipal", "CreatePartner"}
OPERATORS = {"GetIngestStatus", "CheckCustomer", "CreatePartner"}


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    house = House(api, certificates, tmp_path_factory.mktemp("openapi"), "--web", "api").start().register()
    house["alice"].call("UpdatePrincipal", principal=dict(principal_id="alice", roles=[1, 2]), update_mask={"paths": ["roles"]})
    f = house.facts
    house["operator"].feed([
        f.sku("E3", workloads=["EXO", "SPO"]), f.relationship("A", "C", day(-90)), f.customer("C", "Contoso & Söhne", "NL"),
        f.subscription("s", "C", "E3", "A", day(-50), 5), f.subscription("t", "C", "GHOST", "B", day(-50), 5),
        *f.coverage("C", day(-1)), *(f.user("C", f"u{number}", f"User {number}") for number in range(9)),
        *(f.assignment("C", f"u{number}", "E3", day(-40)) for number in range(9)), f.activity("C", "u1", "EXO", day(-3)),
    ])  # fmt: skip
    yield house
    house.close()


@pytest.fixture(scope="module")
def webs(house):
    return {who: Web(house, getattr(house.certificates, who)) for who in ("alice", "operator", "nobody")}


@pytest.fixture(scope="module")
def document(webs):
    return json.loads(webs["nobody"].http("GET", "/openapi.json").content)


def test_it_is_valid_and_the_committed_one(document):
    validate(document)
    assert document == DOCUMENT
    assert set(document["components"]["securitySchemes"]) == {"mutualTLS", "bearer"}


def test_it_is_for_whoever_is_registered(house, webs):
    assert webs["operator"].http("GET", "/openapi.json").status == 200
    refused = Web(house).http("GET", "/openapi.json")
    assert refused.status == 401 and json.loads(refused.content)["error"]["status"] == "UNAUTHENTICATED"
    assert webs["nobody"].http("GET", "/openapi.json?a=b").status == 400
    other = webs["nobody"].http("POST", "/openapi.json", b"{}", content_type="application/json")
    assert (other.status, other.headers["allow"], json.loads(other.content)["error"]["code"]) == (405, "GET", 405)
    packed = webs["nobody"].http("GET", "/openapi.json", accept_encoding="gzip")
    assert packed.status == 200 and packed.headers["content-type"] == "application/json"


def test_it_has_every_call_and_every_message(api, document):
    gets = {pattern for pattern, verbs in document["paths"].items() if "get" in verbs}
    assert gets == {route.pattern for route in routes(api)} | {"/v1/export.csv", "/v1/export.jsonl", "/openapi.json"}
    posts = {pattern for pattern, verbs in document["paths"].items() if "post" in verbs}
    assert posts == {method.path for method in api.methods.values() if not method.client_stream and not method.server_stream}
    schemas = document["components"]["schemas"]
    assert set(api.messages) | set(api.enums) <= set(schemas)
    for name, message in api.messages.items():
        assert set(schemas[name]["properties"]) == {field.json_name for field in message.DESCRIPTOR.fields}
    for name, values in api.enums.items():
        assert schemas[name]["enum"] == list(values.values())
    identities = [verbs[verb]["operationId"] for verbs in document["paths"].values() for verb in verbs]
    assert len(identities) == len(set(identities))
    for verbs in document["paths"].values():
        assert all(operation["summary"] for operation in verbs.values())


def test_it_has_every_reason_of_an_error(document):
    """Whatever the server's sources say."""
    found = set()
    for path in (ROOT / "Sources").rglob("*.swift"):
        if {"InsightsServer", "InsightsWeb"} & set(path.parts):
            code = path.read_text()
            found |= set(re.findall(r'reason: "([A-Z_]+)"', code))
            if path.name == "Exhaustion.swift":
                found |= set(re.findall(r'"([A-Z]+_[A-Z_]+)"', code))
    failures = (ROOT / "Sources/Authentication/AuthenticationFailure.swift").read_text()
    found |= set(re.findall(r'case \w+ = "([A-Z_]+)"', failures))
    assert found == set(document["components"]["schemas"]["ErrorReason"]["enum"])


def test_what_it_calls_required_is(api, webs, document):
    """A request without it is refused by its name; a query too."""
    checked = 0
    for method in api.methods.values():
        request = method.request.DESCRIPTOR
        required = document["components"]["schemas"][request.name].get("required", [])
        good = {**filled(REQUESTS[method.name], "x"), **({"customer_id": "C"} if "customer_id" in request.fields_by_name else {})}
        web = webs["operator" if method.name in OPERATORS | LEFT_OUT & {"UpdatePartner", "EraseUser"} else "alice"]
        for left_out in (field for field in request.fields if field.json_name in required):
            body = json.dumps({name: value for name, value in good.items() if name != left_out.name}).encode()
            response = web.post(method.name, body)
            (violation,) = json.loads(response.content)["details"][0]["debug"]["fieldViolations"]
            assert response.status == 400 and violation["field"].partition(".")[0] == left_out.name, (method.name, response.content)
            checked += 1
    for pattern, verbs in document["paths"].items():
        for parameter in verbs.get("get", {}).get("parameters", []):
            if parameter.get("required") and parameter["in"] == "query":
                told = json.loads(webs["alice"].http("GET", pattern.replace("{customer_id}", "C")).content)
                assert told["error"]["details"][0]["fieldViolations"][0]["field"] == "start_date"
                checked += 1
    assert checked == 17 + 4


def test_its_examples_can_be_asked_for(webs, document):
    """Each with what is required; of days before the customer of these tests nothing is known."""
    asked = 0
    for pattern, verbs in document["paths"].items():
        parameters = {one["name"]: one for one in verbs.get("get", {}).get("parameters", []) if one["in"] == "query"}
        needed = {name: one["example"] for name, one in parameters.items() if one.get("required")}
        # One of two is needed, and a range has two ends.
        needed |= {"product": "PRODUCT_OFFICE_365"} if "product" in parameters else {}
        for name, parameter in parameters.items():
            if "example" not in parameter:
                continue
            query = {**needed, name: parameter["example"]}
            if name in ("start_date", "end_date"):
                query |= {other: parameters[other]["example"] for other in ("start_date", "end_date")}
            if name == "workload_code":
                query.pop("product", None)
            response = webs["alice"].http("GET", pattern.replace("{customer_id}", "C") + "?" + urlencode(query))
            early = "{customer_id}" in pattern and {"as_of", "start_date"} & set(query)
            assert response.status in ((200, 404) if early else (200,)), (pattern, query, response.content)
            asked += 1
    assert asked > 40


def test_days_are_days(webs, document):
    """As the schemas have them, and in answers too."""
    for schema in document["components"]["schemas"].values():
        for name in {"asOf", "date", "startDate", "endDate", "through"} & set(schema.get("properties", {})):
            assert schema["properties"][name]["format"] == "date", name
    shown = json.loads(webs["alice"].http("GET", "/v1/customers/C/insights").content)
    assert shown["insights"]["asOf"] == str(day(-1))


def closed(value):
    """Of an object nothing but what the document names."""
    if isinstance(value, dict):
        value = {key: closed(part) for key, part in value.items()}
        if value.get("type") == "object" and "properties" in value:
            value.setdefault("additionalProperties", False)
    return [closed(part) for part in value] if isinstance(value, list) else value


def answered(web, case):
    """What the server says to a case, as the checks have it."""
    prepared = requests.Request(**{
        name: value for name, value in case.as_transport_kwargs(base_url="https://localhost").items()
        if name in ("method", "url", "headers", "params", "json", "data")
    }).prepare()  # fmt: skip
    body = prepared.body or b""
    headers = {"content_type": prepared.headers["content-type"]} if "content-type" in prepared.headers else {}
    response = web.http(prepared.method, prepared.path_url, body.encode() if isinstance(body, str) else body, **headers)
    return schemathesis.Response(
        status_code=response.status, headers={name: [value] for name, value in response.headers.items()},
        content=response.content, request=prepared, elapsed=0, verify=True,
    )  # fmt: skip


def operations():
    return [found.ok() for found in schemathesis.openapi.from_dict(closed(DOCUMENT)).get_all_operations()]


GOOD = {
    "customer_id": "C", "as_of": str(day(-1)), "start_date": str(day(-9)), "end_date": str(day(-1)), "interval": "TREND_INTERVAL_WEEK",
    "scope": "LICENSE_SCOPE_OWN", "products": ["PRODUCT_OFFICE_365"], "product": "PRODUCT_OFFICE_365", "page_size": 2,
    "principal_id": "carol", "method": "GetTrend",
}  # fmt: skip


def make_good(operation, case):
    """What nobody guesses."""
    if operation.method == "post":
        request = operation.path.rpartition("/")[2] + "Request"
        known = DOCUMENT["components"]["schemas"][request]["properties"]
        case.body = {name: value for name, value in GOOD.items() if camel(name) in known}
        return
    names = {parameter["name"]: parameter["in"] for parameter in DOCUMENT["paths"][operation.path]["get"]["parameters"]}
    case.query = {name: GOOD[name] for name, place in names.items() if place == "query" and name in GOOD}
    case.path_parameters = {name: GOOD[name] for name, place in names.items() if place == "path"}


def camel(name):
    first, *more = name.split("_")
    return first + "".join(word.title() for word in more)


def is_asked(operation):
    return operation.path.rpartition("/")[2] not in LEFT_OUT


@pytest.mark.parametrize("operation", filter(is_asked, operations()), ids=lambda operation: operation.label)
def test_what_is_asked_by_it_is_answered_by_it(webs, operation):
    """Requests that the document allows, and such as it does not: no answer is outside of it, and none is the server's
    own fault."""
    web = webs["operator" if operation.path.rpartition("/")[2] in OPERATORS else "alice"]
    seen = []

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(data=hypothesis.strategies.data())
    def ask(data):
        mode = data.draw(hypothesis.strategies.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(hypothesis.strategies.booleans()):
            make_good(operation, case)
        response = answered(web, case)
        assert response.status_code < 500 or response.status_code == 503, response.content
        case.validate_response(response, checks=CHECKS)
        seen.append(response.status_code)

    ask()
    assert len(seen) >= EXAMPLES and (200 in seen or operation.path.rpartition("/")[2] in CHANGES), seen


@pytest.mark.parametrize(
    "status, content", [(200, b'{"other": 1}'), (200, b'{"principal": {"roles": [1]}}'), (404, b'{"code": "not_found"}')]
)
def test_an_answer_outside_of_it_is_seen(status, content):
    """The checks look at what is in an answer."""
    (operation,) = [operation for operation in operations() if operation.label == "GET /v1/me"]
    case = operation.Case()
    asked = requests.Request("GET", "https://localhost/v1/me").prepare()
    response = schemathesis.Response(
        status_code=status, headers={"content-type": ["application/json"]}, content=content, request=asked, elapsed=0, verify=True,
    )  # fmt: skip
    with pytest.raises(FailureGroup):
        case.validate_response(response, checks=CHECKS)
