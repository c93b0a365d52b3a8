"""The vendor's analytics resources of old (`--web legacy`): paths, letter case, envelopes and errors as documented, every
figure as gRPC has it."""

import json
import random
import time
from urllib.parse import quote, urlencode

import pytest
import requests
from connect import Web
from facts import day
from random_worlds import SKUS, catalog, random_customer

CUSTOMERS = [f"customer-{number}" for number in range(12)]
# OneDrive counts as SharePoint.
INCLUDED = {sku: {{"ODB": "SPO"}.get(code, code) for code in codes} for sku, (_, codes, _) in SKUS.items()}
SERVICES = {1: ("o365", "Microsoft Office 365"), 2: ("crm", "Microsoft Dynamics")}
COMMERCIAL = "/v1/analytics/commercial/{}/license"
# JSON names of the archived .NET SDK's models, and of the documented answers of the second pair.
BASE = {"processedDateTime", "serviceName", "channel", "attributes"}
CUSTOMER = BASE | {"customerId", "customerName", "productName", "serviceCode"}
SDK = {
    "CustomerLicensesDeploymentInsights": CUSTOMER | {"licensesDeployed", "licensesSold", "deploymentPercent"},
    "CustomerLicensesUsageInsights": CUSTOMER
    | {"workloadCode", "workloadName", "licensesActive", "licensesQualified", "usagePercent"},
    "PartnerLicensesDeploymentInsights": BASE | {"licensesDeployed", "licensesSold", "proratedDeploymentPercent"},
    "PartnerLicensesUsageInsights": BASE
    | {"workloadCode", "workloadName", "licensesActive", "licensesQualified", "proratedLicensesUsagePercent"},
}
PAIR = {"serviceCode", "serviceName", "channel", "customerTenantId", "customerName", "productId", "productName", "processedDateTime"}
DEPLOYMENT = PAIR | {"licensesDeployed", "licensesSold"}
USAGE = PAIR | {"workloadCode", "workloadName", "licensesActive", "licenseActive", "licensesQualified"}
INTEGERS = {"licensesDeployed", "licensesSold", "licensesActive", "licenseActive", "licensesQualified"}


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    from conftest import House

    house = House(api, certificates, tmp_path_factory.mktemp("legacy"), "--web", "legacy").start().register()
    f, dice = house.facts, random.Random(69)
    groups = [group for name in CUSTOMERS for group in random_customer(dice, name, f)]
    dice.shuffle(groups)
    house["operator"].feed([*catalog(f), *[fact for group in groups for fact in group]])
    house["operator"].feed([
        f.relationship("A", "documented", day(-90)), f.customer("documented", "DT DEMO CSP CUSTOMER 005"),
        f.subscription("d", "documented", "E3", "A", day(-50), 2), *f.coverage("documented", day(-1)),
        f.user("documented", "u"), f.assignment("documented", "u", "E3", day(-40)), f.activity("documented", "u", "EXO", day(-3)),
        f.relationship("B", "hidden", day(-90)), f.customer("hidden", "Hidden"),
        f.subscription("h", "hidden", "E3", "B", day(-50), 5), *f.coverage("hidden", day(-1)),
        # Nobody has told anything about it.
        f.relationship("A", "silent", day(-90)), f.customer("silent", "Silent"),
    ])  # fmt: skip
    yield house
    house.close()


@pytest.fixture(scope="module")
def web(house):
    return {who: Web(house, getattr(house.certificates, who) if who else None) for who in ["alice", "carol", "nobody", None]}


def get(web, path, status=200, **query):
    reply = web.http("GET", path + ("?" + urlencode(query) if query else ""))
    assert reply.status == status, bytes(reply.content)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    return json.loads(bytes(reply.content))


def insights(house, customer, scope=1):
    return house["alice"].call("GetCustomerInsights", customer_id=customer, scope=scope).insights


def optional(message, name):
    return getattr(message, name) if message.HasField(name) else None


def present(**fields):
    return {name: value for name, value in fields.items() if value is not None}


def percent(message):
    return optional(message, "percent")


def rows(house, kind, shown, own):
    """As the definition has them, from gRPC's reply: what both forms of a customer's rows have in common."""
    sold = {sku.sku_id for product in own.products for sku in product.skus if sku.licenses.sold > 0}
    for product in shown.products:
        for sku in product.skus:
            row = dict(
                product=product.product, sku=sku.sku_id, name=sku.sku_name.upper(), day=shown.as_of,
                channel="Reseller" if sku.sku_id in sold else "Direct", customer=shown.customer_id, customer_name=shown.customer_name,
            )  # fmt: skip
            if kind == "deployment":
                figures = sku.licenses
                yield row | dict(part=optional(figures, "assigned"), whole=optional(figures, "sold"), percent=percent(figures.deployment))
                continue
            for workload in product.workloads:
                if workload.workload_code in INCLUDED[sku.sku_id]:
                    usage = workload.usage
                    yield row | dict(
                        code=workload.workload_code, workload=workload.workload_name, part=usage.active_users,
                        whole=optional(usage, "entitlements"), percent=percent(usage.usage),
                    )  # fmt: skip


def customer_item(kind, row):
    code, _ = SERVICES[row["product"]]
    common = dict(
        customerId=row["customer"], customerName=row["customer_name"], productName=row["name"], serviceCode=code, serviceName=code,
        channel=row["channel"], processedDateTime=row["day"] + "T00:00:00Z",
    )  # fmt: skip
    if kind == "deployment":
        return present(
            **common, licensesDeployed=row["part"], licensesSold=row["whole"], deploymentPercent=row["percent"],
            attributes={"objectType": "CustomerLicensesDeploymentInsights"},
        )  # fmt: skip
    return present(
        **common, workloadCode=row["code"], workloadName=row["workload"], licensesActive=row["part"], licensesQualified=row["whole"],
        usagePercent=row["percent"], attributes={"objectType": "CustomerLicensesUsageInsights"},
    )  # fmt: skip


def pair_item(kind, row):
    code, name = SERVICES[row["product"]]
    common = dict(
        serviceCode=code, serviceName=name, channel=row["channel"], customerTenantId=row["customer"], customerName=row["customer_name"],
        productId=row["sku"], productName=row["name"], processedDateTime=row["day"] + "T00:00:00",
    )  # fmt: skip
    if kind == "deployment":
        return present(**common, licensesDeployed=row["part"], licensesSold=row["whole"])
    return present(
        **common, workloadCode=row["code"], workloadName=row["workload"], licensesActive=row["part"], licenseActive=row["part"],
        licensesQualified=row["whole"],
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["deployment", "usage"])
def test_a_customer(house, web, kind):
    items = 0
    for customer in [*CUSTOMERS, "documented", "silent"]:
        for scope, query in [(1, {}), (1, {"scope": "own"}), (2, {"Scope": "all"})]:
            shown, own = insights(house, customer, scope), insights(house, customer)
            answer = get(web["alice"], f"/v1/customers/{customer}/analytics/licenses/{kind}", **query)
            expected = [customer_item(kind, row) for row in rows(house, kind, shown, own)]
            assert answer == {"totalCount": len(expected), "items": expected, "attributes": {"objectType": "Collection"}}
            items += len(expected)
            for item in answer["items"]:
                assert set(item) <= SDK[item["attributes"]["objectType"]]
                assert all(type(item[name]) is int for name in INTEGERS & set(item))
    assert items > 50


def test_the_documented_case(web):
    """Case and types of the vendor's sample: counts are whole, percentages are of a hundred."""
    (item,) = get(web["carol"], "/v1/customers/documented/analytics/licenses/deployment")["items"]
    assert item == {
        "customerId": "documented", "customerName": "DT DEMO CSP CUSTOMER 005", "productName": "NAME OF E3", "serviceName": "o365",
        "serviceCode": "o365", "channel": "Reseller", "processedDateTime": f"{day(-1)}T00:00:00Z", "licensesDeployed": 1,
        "licensesSold": 2, "deploymentPercent": 50.0, "attributes": {"objectType": "CustomerLicensesDeploymentInsights"},
    }  # fmt: skip
    usage = get(web["carol"], "/v1/customers/documented/analytics/licenses/usage")["items"]
    assert {item["workloadCode"] for item in usage} <= {"APPS", "EXO", "SPO", "TEAMS", "YAM"}
    exchange = next(item for item in usage if item["workloadCode"] == "EXO")
    assert exchange["workloadName"] and exchange["licensesActive"] == 1 and exchange["usagePercent"] == 100.0


@pytest.mark.parametrize("scope", [1, 2])
def test_the_portfolio(house, web, scope):
    query = {"scope": ["own", "all"][scope - 1]}
    shown = house["alice"].call("GetPortfolioInsights", scope=scope).insights
    own = house["alice"].call("GetPortfolioInsights", scope=1).insights
    sellers = {product.product for product in own.products if product.licenses.sold > 0}
    stamp = shown.as_of + "T00:00:00Z"
    deployment, usage = [], []
    for product in shown.products:
        code, _ = SERVICES[product.product]
        common = dict(serviceName=code, channel="Reseller" if product.product in sellers else "Direct", processedDateTime=stamp)
        figures = product.licenses
        if figures.HasField("sold") or figures.HasField("assigned"):
            deployment.append(present(
                **common, licensesDeployed=optional(figures, "assigned"), licensesSold=optional(figures, "sold"),
                proratedDeploymentPercent=percent(figures.deployment), attributes={"objectType": "PartnerLicensesDeploymentInsights"},
            ))  # fmt: skip
        for workload in product.workloads:
            usage.append(present(
                **common, workloadCode=workload.workload_code, workloadName=workload.workload_name,
                licensesActive=workload.usage.active_users, licensesQualified=optional(workload.usage, "entitlements"),
                proratedLicensesUsagePercent=percent(workload.usage.usage), attributes={"objectType": "PartnerLicensesUsageInsights"},
            ))  # fmt: skip
    assert len(deployment) == 2 and len(usage) > 4
    for kind, expected in [("deployment", deployment), ("usage", usage)]:
        answer = get(web["alice"], f"/v1/analytics/licenses/{kind}", **query)
        assert answer == {"totalCount": len(expected), "items": expected, "attributes": {"objectType": "Collection"}}
        assert all(set(item) <= SDK[item["attributes"]["objectType"]] for item in expected)


def all_rows(house, kind, scope=1, **fields):
    def whole(scope):
        return house["alice"].call("ListCustomerInsights", page_size=1000, scope=scope, **fields).insights

    own = {customer.customer_id: customer for customer in whole(1)}
    return [pair_item(kind, row) for shown in whole(scope) for row in rows(house, kind, shown, own[shown.customer_id])]


@pytest.mark.parametrize("kind", ["deployment", "usage"])
@pytest.mark.parametrize("scope", ["own", "all"])
def test_the_second_pair(house, web, kind, scope):
    expected = all_rows(house, kind, 1 + (scope == "all"))
    assert len(expected) > 20
    for front in ["", "/partner"]:
        for end in ["", "/"]:
            answer = get(web["alice"], front + COMMERCIAL.format(kind) + end, scope=scope)
            assert answer == {"Value": expected, "@nextLink": None, "TotalCount": len(expected)}
    assert {name for row in expected for name in row} == (DEPLOYMENT if kind == "deployment" else USAGE)


@pytest.mark.parametrize("kind", ["deployment", "usage"])
def test_pages_follow_their_links(house, web, kind):
    expected = all_rows(house, kind)
    for top in [1, 7, len(expected) - 1, len(expected), 10_000]:
        found, path = [], COMMERCIAL.format(kind) + "/?top=" + str(top) + "&filter=" + quote("channel ne 'x y&z'")
        while path:
            answer = get(web["alice"], path)
            assert answer["TotalCount"] == len(expected) and len(answer["Value"]) <= top
            found += answer["Value"]
            link = answer["@nextLink"]
            assert link is None or link.startswith(web["alice"].address + "/")
            path = link and link.removeprefix(web["alice"].address)
        assert found == expected
    assert get(web["alice"], COMMERCIAL.format(kind), skip=len(expected))["Value"] == []


FILTERS = [
    ("serviceCode eq 'crm'", lambda row: row["serviceCode"] == "crm"),
    ("channel ne 'Reseller'", lambda row: row["channel"] != "Reseller"),
    ("customerTenantId eq 'customer-3'", lambda row: row["customerTenantId"] == "customer-3"),
    ("customerTenantId eq 'hidden'", lambda row: False),
    ("customerTenantId eq 'none'", lambda row: False),
    ("customerTenantId eq 'a\"b'", lambda row: False),
    (
        "customerTenantId eq 'customer-3' or productId eq 'E3' AND serviceName eq 'Microsoft Office 365'",
        lambda row: row["customerTenantId"] == "customer-3" or (row["productId"] == "E3" and row["serviceCode"] == "o365"),
    ),
    ("customerName eq 'it''s'", lambda row: False),
    ("productName  EQ 'NAME OF E1' and customerTenantId ne 'customer-1'",
     lambda row: row["productName"] == "NAME OF E1" and row["customerTenantId"] != "customer-1"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["deployment", "usage"])
@pytest.mark.parametrize("text,passes", FILTERS, ids=[text for text, _ in FILTERS])
def test_filters(house, web, kind, text, passes):
    expected = [row for row in all_rows(house, kind) if passes(row)]
    assert get(web["alice"], COMMERCIAL.format(kind), filter=text)["Value"] == expected


@pytest.mark.parametrize("groups", ["productId", "serviceCode,channel", "customerTenantId, productName", "processedDateTime"])
@pytest.mark.parametrize("kind", ["deployment", "usage"])
def test_groups_are_sums(house, web, kind, groups):
    names = [name.strip() for name in groups.split(",")]
    measures = [name for name in (DEPLOYMENT if kind == "deployment" else USAGE) if name in INTEGERS]
    expected = {}
    for row in all_rows(house, kind):
        group = expected.setdefault(tuple(row[name] for name in names), {name: row[name] for name in names})
        for name in measures:
            if name in row:
                group[name] = group.get(name, 0) + row[name]
    answer = get(web["alice"], COMMERCIAL.format(kind), groupby=groups)
    assert answer == {"Value": list(expected.values()), "@nextLink": None, "TotalCount": len(expected)}
    page = get(web["alice"], COMMERCIAL.format(kind), groupby=groups, top=1, skip=1)
    assert page["Value"] == list(expected.values())[1:2]


def test_an_earlier_day(house, web):
    on = str(day(-20))
    expected = all_rows(house, "deployment", as_of=on)
    assert expected and expected != all_rows(house, "deployment")
    for text in [on, on + "T00:00:00", on + "T12:30:00Z"]:
        assert get(web["alice"], COMMERCIAL.format("deployment"), processedDateTime=text)["Value"] == expected


def test_mistakes(web):
    customer, pair = "/v1/customers/documented/analytics/licenses/usage", COMMERCIAL.format("usage")
    mistakes = [
        (customer + "?top=1", "top"), (customer + "?scope=mine", "scope"), (customer + "?scope", "query"), (pair + "?x=1", "x"),
        (pair + "?top=0", "top"), (pair + "?top=10001", "top"), (pair + "?top=-1", "top"), (pair + "?top=1&TOP=2", "TOP"),
        (pair + "?skip=99999999999", "skip"), (pair + "?groupby=licensesActive", "groupby"), (pair + "?groupby=channel,channel", "groupby"),
        (COMMERCIAL.format("deployment") + "?groupby=workloadCode", "groupby"), (pair + "?processedDateTime=yesterday", "date"),
        (pair + "?processedDateTime=2026-13-01", "processedDateTime is"), (pair + "?%zz=1", "query"), (pair + "?scope=%ff", "query"),
    ]  # fmt: skip
    filters = ["", "channel", "channel eq", "channel eq Reseller", "channel eq 'a", "x eq 'a'", "channel gt 'a'", "channel eq 'a' xor",
               "channel eq 'a' and", "licensesActive eq '1'", " or ".join(["channel eq 'a'"] * 33), "channel eq '" + "a" * 5_000 + "'"]
    mistakes += [(pair + "?" + urlencode({"filter": text}), "filter") for text in filters]
    for path, word in mistakes:
        answer = get(web["alice"], path, 400)
        assert set(answer) == {"code", "description", "data", "source"} and answer["source"] == "PartnerInsights"
        assert answer["code"] == 3000 and answer["data"] == [] and word in answer["description"], (path, answer)
    other = web["alice"].http("POST", pair, b"")
    assert (other.status, other.headers["allow"], json.loads(other.content)["code"]) == (405, "GET", 405)


def test_who_may(house, web):
    paths = [f"/v1/customers/documented/analytics/licenses/{kind}" for kind in ["deployment", "usage"]]
    paths += [f"/v1/analytics/licenses/{kind}" for kind in ["deployment", "usage"]]
    paths += [COMMERCIAL.format(kind) + "/" for kind in ["deployment", "usage"]]
    for path in paths:
        assert get(web["carol"], path) == get(web["alice"], path)
        answer = get(web["nobody"], path, 403)
        assert answer["code"] == 900150 and "READ_INSIGHTS" in answer["description"]
        assert get(web[None], path, 401)["code"] == 400
        assert web[None].http("GET", path).headers["www-authenticate"].startswith("Bearer")
    operator = Web(house, house.certificates.operator)
    assert operator.http("GET", paths[0]).status == 403


def test_hidden_customers_are_none(web):
    def plain(customer, kind):
        path = f"/v1/customers/{customer}/analytics/licenses/{kind}"
        reply = web["alice"].http("GET", path, ms_requestid="r-1", ms_correlationid="c-1")
        return reply.status, sorted((name, value) for name, value in reply.headers.items() if name != "date"), bytes(reply.content)

    for kind in ["deployment", "usage"]:
        hidden = plain("hidden", kind)
        assert hidden == plain("nowhere", kind) == plain("hidde%6e", kind)
        assert hidden[0] == 404 and json.loads(hidden[2])["code"] == 1000
        assert ("ms-requestid", "r-1") in hidden[1] and ("ms-correlationid", "c-1") in hidden[1]


def test_ids_are_told_back_or_made(web):
    path = "/v1/analytics/licenses/usage"
    told = web["alice"].http("GET", path, ms_requestid="4df1d5a9-7d0c", ms_correlationid="x_y.z", x_locale="nl-NL", accept="application/json")
    assert (told.headers["ms-requestid"], told.headers["ms-correlationid"]) == ("4df1d5a9-7d0c", "x_y.z")
    made = web["alice"].http("GET", path, ms_requestid="<script>")
    assert len(made.headers["ms-requestid"]) == len(made.headers["ms-correlationid"]) == 36
    assert made.headers["cache-control"] == "no-store" and made.headers["x-content-type-options"] == "nosniff"


def test_a_script_as_partners_write_it(house):
    """Python's requests over HTTP/1.1, and what Invoke-RestMethod sends; of the vendor's only the base address is changed."""
    base, files = f"https://{house.daemon.address}", house.certificates.carol
    session = requests.Session()
    # Certificates and proxies of the environment come before what is set here.
    session.trust_env = False
    session.verify = str(house.certificates.authority.certificate)
    session.cert = (str(files.certificate), str(files.key))
    session.headers.update({"Accept": "application/json", "MS-RequestId": "1c8c2d2e-8d31", "MS-CorrelationId": "9a2f"})
    seats = {}
    for customer in [*CUSTOMERS, "documented"]:
        reply = session.get(f"{base}/v1/customers/{customer}/analytics/licenses/deployment")
        reply.raise_for_status()
        assert reply.headers["MS-RequestId"] == "1c8c2d2e-8d31" and reply.raw.version == 11
        answer = reply.json()
        assert answer["totalCount"] == len(answer["items"])
        seats[customer] = sum(item.get("licensesSold", 0) for item in answer["items"])
    rows, path = [], "/partner/v1/analytics/commercial/deployment/license/?top=5"
    while path:
        page = session.get(path if path.startswith("https:") else base + path).json()
        rows += page["Value"]
        path = page["@nextLink"]
    assert len(rows) == page["TotalCount"] > 5
    # The pair shows one day for all customers, the first resources each customer's own.
    assert seats["documented"] == sum(row["licensesSold"] for row in rows if row["customerTenantId"] == "documented") == 2
    shell = {"User-Agent": "Mozilla/5.0 (Windows NT; Windows NT 10.0; nl-NL) WindowsPowerShell/5.1.19041.5129", "X-Locale": "nl-NL"}
    usage = session.get(f"{base}/v1/analytics/licenses/usage", headers=shell)
    assert usage.status_code == 200 and usage.json()["items"]
    assert session.get(f"{base}/v1/customers/none/analytics/licenses/usage", headers=shell).json()["code"] == 1000


def test_rates_are_told(api, certificates, tmp_path):
    from conftest import House

    house = House(api, certificates, tmp_path, "--web", "all", "--partner-rate", "1", "--partner-burst", "30").start().register()
    try:
        alice = Web(house, certificates.alice)
        end = time.monotonic() + 30
        while (reply := alice.http("GET", "/v1/analytics/licenses/usage")).status != 429:
            assert time.monotonic() < end
        assert int(reply.headers["retry-after"]) >= 1
        assert json.loads(bytes(reply.content))["code"] == 429
    finally:
        house.close()


def test_fractions_for_who_knows_better(api, certificates, tmp_path):
    from conftest import House

    house = House(api, certificates, tmp_path, "--web", "legacy", "--legacy-percent", "fraction").start().register()
    try:
        f = house.facts
        house["operator"].feed([
            f.sku("E3", workloads=["EXO"]), f.relationship("A", "C", day(-90)), f.subscription("s", "C", "E3", "A", day(-50), 4),
            *f.coverage("C", day(-1)), f.assignment("C", "u", "E3", day(-40)), f.activity("C", "u", "EXO", day(-3)),
        ])  # fmt: skip
        alice = Web(house, certificates.alice)
        assert get(alice, "/v1/customers/C/analytics/licenses/deployment")["items"][0]["deploymentPercent"] == 0.25
        assert get(alice, "/v1/analytics/licenses/usage")["items"][0]["proratedLicensesUsagePercent"] == 1.0
    finally:
        house.close()
