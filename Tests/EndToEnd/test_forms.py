"""Every form in which a method can be asked × every kind of caller × every kind of customer: gRPC, Connect, addresses
of GET over both versions of HTTP, downloads, the resources of old, pages and the event stream, all against one table
that people can read. gRPC's own golden table is what each form has to agree with.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from callers import COLUMNS, OTHERS, ROLE_SETS, TOKEN_ROLES, Callers, principal
from connect import Web
from facts import day
from google.protobuf import json_format
from pyqwest import HTTPVersion
from rest import HTTP_STATUS, refusal, routes
from samples import REQUESTS, filled
from test_matrix import CUSTOMERS, REFUSED, WORDS, served, with_customers
from test_matrix import GOLDEN as GRPC_GOLDEN

GOLDEN = Path(__file__).parent / "golden/forms.txt"
STATUS = {word: 200 if word == "yes" else HTTP_STATUS[meaning.split()[0]] for word, meaning in WORDS.items()}
# Of another partner, with every role; and of a partner that is disabled. Neither is in gRPC's own table.
STRANGERS = ["partner B", "closed"]
VERSIONS = {"h2": HTTPVersion.HTTP2, "1.1": HTTPVersion.HTTP1}
# Methods of a customer or of the whole portfolio, which is asked for by naming none.
EITHER = {"CompareLicenses", "ExplainUsage", "GetTrend", "ListRecommendations"}

# What is no method's own address, with the method whose decision it has to be.
PAGES = {
    "/": "GetPortfolioInsights", "/customers": "ListCustomerInsights", "/customers/{}": "GetCustomerInsights",
    "/customers/{}/subscriptions": "ListSubscriptions", "/customers/{}/users": "ListLicensedUsers",
    "/compare": "CompareLicenses", "/compare?customer={}": "CompareLicenses", "/trend": "GetTrend",
    "/trend?customer={}": "GetTrend", "/explain": "ExplainUsage", "/explain?customer={}": "ExplainUsage",
    "/advice": "ListRecommendations", "/advice?customer={}": "ListRecommendations", "/export": "ExportInsights",
    "/access": "ListPrincipals", "/audit": "ListAuditEvents", "/me": "WhoAmI", "/about": "Check",
}  # fmt: skip
LEGACY = {
    f"{front}/analytics/licenses/{kind}": method
    for front, method in (("/v1/customers/{}", "GetCustomerInsights"), ("/v1", "GetPortfolioInsights"))
    for kind in ("deployment", "usage")
} | {
    f"{front}/v1/analytics/commercial/{kind}/license{end}": "ListCustomerInsights"
    for front in ("", "/partner") for kind in ("deployment", "usage") for end in ("", "/")
}  # fmt: skip
DOWNLOADS = {"/v1/export.csv": "ExportInsights", "/v1/export.jsonl": "ExportInsights"}
OTHER_JSON = {"/openapi.json": "WhoAmI"}


@dataclass(frozen=True)
class Form:
    name: str
    # Of the caller's column, the customer and the request; what it returns is for `judge`.
    ask: object
    # To a word, or a status where no more is told.
    judge: object


class World(Callers):
    def __init__(self, api, certificates, folder):
        super().__init__(
            api, certificates, folder, "--web", "all", "--partner-rate", "100000", "--partner-burst", "100000"
        )
        with_customers(self)
        f, operator = self.house.facts, self.house["operator"]
        operator.call("CreatePartner", partner_id="closed", principal=dict(principal_id="first"))
        operator.call("UpdatePartner", partner_id="closed", disabled=True)
        self.house["dave"].call(
            "UpdatePrincipal", principal=dict(principal_id="dave", roles=[1, 2, 3]), update_mask={"paths": ["roles"]}
        )
        self.house["dave"].call("CreatePrincipal", principal=dict(principal_id="nobody"))
        self.identities = {
            **{column: certificates.authority.principal("A", principal(column), name=f"web-{column}") for column in ROLE_SETS},
            **{column: name and getattr(certificates, name) for column, name in OTHERS.items()},
            "partner B": certificates.dave, "closed": certificates.authority.principal("closed", "first", name="closed"),
        }  # fmt: skip
        for column in STRANGERS:
            self._clients[column] = self.house.client(self.identities[column])
        self.webs = {(column, version): self._web(column, VERSIONS[version]) for column in self.columns for version in VERSIONS}
        self.methods = {method.name: method for method in served(self["none"]) if "grpc.reflection" not in method.path}
        self.forms = {name: list(self._forms(method)) for name, method in self.methods.items() if name != "Watch"}
        # Who is to be erased, in each form.
        known = [customer for kind, customer in CUSTOMERS.items() if kind != "never"]
        operator.feed([
            f.assignment(customer, f"leaver-{form}", "E3", day(-50)) for customer in known
            for form in range(len(self.forms["EraseUser"]))
        ])  # fmt: skip

    @property
    def columns(self):
        return [*COLUMNS, *STRANGERS]

    def _web(self, column, version):
        if column in TOKEN_ROLES:
            return Web(self.house, token=self.signer.token(roles=TOKEN_ROLES[column]), version=version)
        return Web(self.house, self.identities[column], version=version)

    def _forms(self, method):
        yield Form("gRPC", lambda column, _, message: method.ask(self[column], message.SerializeToString()), str)
        ours = self.house.api.methods.get(method.name)
        if ours and not ours.client_stream and not ours.server_stream:
            for version in VERSIONS:
                for codec in ("json", "proto"):
                    yield Form(f"POST {codec} {version}", self._connect(ours, version, codec), connect_word)
                    if only_reads(ours):
                        ask = self._connect(ours, version, codec, in_query=True)
                        yield Form(f"GET ?encoding={codec} {version}", ask, connect_word)
        found = [route for route in routes(self.house.api) if route.method.name == method.name]
        places = [(route.pattern.replace("{customer_id}", "{}"), route) for route in found]
        places += [(path, None) for table in (DOWNLOADS, OTHER_JSON) for path, name in table.items() if name == method.name]
        for version in VERSIONS:
            for path, route in places:
                yield Form(f"GET {path} {version}", self._get(path, route, version), rest_word)
            for path, name in {**LEGACY, **PAGES}.items():
                if name == method.name:
                    yield Form(f"GET {path} {version}", self._page(path, version), page_status)
            if method.name == "WatchInsights":
                yield Form(f"GET /watch {version}", self._watch(version), int)

    def _connect(self, method, version, codec, in_query=False):
        def ask(column, customer, message, **headers):
            web = self.webs[column, version]
            body = json_format.MessageToJson(message).encode() if codec == "json" else message.SerializeToString()
            if not in_query:
                return web.http("POST", method.path, body, content_type=f"application/{codec}", **headers)
            packed = base64.urlsafe_b64encode(body).decode().rstrip("=")
            return web.http("GET", f"{method.path}?connect=v1&encoding={codec}&base64=1&message={packed}", **headers)

        return ask

    def _get(self, path, route, version):
        def ask(column, customer, message, **headers):
            target = path
            if route:
                fields = dict(REQUESTS[route.method.name])
                target = route.path(**fields, **({"customer_id": customer} if route.variables else {}))
            return self.webs[column, version].http("GET", target, **headers)

        return ask

    def _page(self, path, version):
        def ask(column, customer, message, **headers):
            return self.webs[column, version].http("GET", path.format(customer), accept="text/html", **headers)

        return ask

    def _watch(self, version):
        def ask(column, customer, message):
            web = self.webs[column, version]
            with web.client.stream("GET", web.address + "/watch", headers=web.headers) as response:
                return response.status

        return ask

    def message(self, method, column, customer, form):
        """With names that no other caller and no other form uses."""
        fields = filled(REQUESTS[method.name], f"{column}-{form}".replace(" ", "-").replace("+", "-"))
        if method.name == "EraseUser":
            fields["user_id"] = f"leaver-{form}"
        return method.request(**fields, **({"customer_id": customer} if customer else {}))

    def cell(self, method, column, customer):
        """The word on which all forms agree; else what each says."""
        said = {}
        for number, form in enumerate(self.forms[method.name]):
            if not is_for(form, method, customer):
                continue
            if method.name == "DeletePrincipal" and ("U" in column or column == "partner B"):
                victim = self.message(method, column, customer, number).principal_id
                self[column].call("CreatePrincipal", principal=dict(principal_id=victim))
            said[form.name] = form.judge(form.ask(column, customer, self.message(method, column, customer, number)))
        expected = said["gRPC"]
        others = {form: answer for form, answer in said.items() if answer not in (expected, STATUS.get(expected))}
        return expected if not others else f"{expected} but {others}"


def is_for(form, method, customer):
    """Addresses are of a customer or of the portfolio."""
    return method.name not in EITHER or form.name[:5] != "GET /" or ("{}" in form.name) == bool(customer)


def only_reads(method):
    services = method.request.DESCRIPTOR.file.services_by_name
    options = services[method.service].methods_by_name[method.name].GetOptions()
    return options.idempotency_level == options.NO_SIDE_EFFECTS


def word(text):
    return next((word for word, meaning in WORDS.items() if meaning == text.strip()), text)


def connect_word(response):
    if response.status == 200:
        return "yes"
    error = json.loads(response.content)
    code = error["code"].upper()
    assert response.status == HTTP_STATUS[code], error
    reasons = [detail["debug"]["reason"] for detail in error.get("details", []) if "reason" in detail.get("debug", {})]
    return word(" ".join([code, *reasons]))


def rest_word(response):
    if response.status == 200:
        return "yes"
    told = refusal(response)
    return word(f"{told.code} {told.reason}")


def page_status(response):
    # A browser is led to where people sign in.
    is_led = response.status == 303 and response.headers["location"].startswith("/login")
    return 401 if is_led else response.status


@pytest.fixture(scope="module")
def world(api, certificates, tmp_path_factory):
    world = World(api, certificates, tmp_path_factory.mktemp("forms"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def observed(world):
    """(method, customer or "-") → column → word."""
    return {
        (name, kind): {column: world.cell(method, column, CUSTOMERS.get(kind)) for column in world.columns}
        for name, method in world.methods.items() if name in world.forms
        for kind in kinds(method)
    }  # fmt: skip


def kinds(method):
    return [*(CUSTOMERS if method.takes_customer else []), *([] if method.takes_customer and method.name not in EITHER else ["-"])]


def text_of(world, observed):
    """A block for each method: its forms, then a line for each kind of customer."""
    lines = [f"{word:9}{STATUS[word]}  {meaning}" for word, meaning in WORDS.items()]
    width = max(len(column) for column in [*world.columns, *WORDS]) + 2
    for name, forms in world.forms.items():
        lines += ["", world.methods[name].path.lstrip("/")]
        versions = {}
        for form in forms:
            place, *more = form.name.rsplit(" ", 1)
            versions.setdefault(place, []).extend(more)
        lines += [f"    {place}{', ' * bool(more)}{' and '.join(more)}" for place, more in versions.items()]
        lines.append("  customer  " + "".join(column.ljust(width) for column in world.columns).rstrip())
        for (method, kind), cells in observed.items():
            if method == name:
                lines.append(f"  {kind:10}" + "".join(word.ljust(width) for word in cells.values()).rstrip())
    return "\n".join(lines) + "\n"


def test_every_form_decides_as_the_table_says(world, observed):
    seen = text_of(world, observed)
    assert seen == GOLDEN.read_text(), f"the table is now:\n{seen}"


def test_the_table_has_every_address(world):
    """Whatever is served in another form than gRPC's stands under a method."""
    forms = {form.name for forms in world.forms.values() for form in forms}
    document = json.loads(world.webs["UAS", "h2"].http("GET", "/openapi.json").content)["paths"]
    for path, verbs in document.items():
        if "get" in verbs:
            place = path.replace("{customer_id}", "{}")
            assert {f"GET {place} h2", f"GET {place} 1.1"} <= forms, path
        else:
            name = path.rpartition("/")[2]
            assert sum(form.name.startswith("POST") for form in world.forms[name]) == 4, path
    menu = world.webs["UAS", "h2"].http("GET", "/", accept="text/html").content.decode()
    for path in PAGES:
        assert "{" in path or f'href="{path}"' in menu or path in ("/", "/me", "/about"), path


def test_it_is_that_of_grpc(observed):
    """gRPC's own table, which the policy and the documents are held to, says the same of everybody who is in it."""
    lines = GRPC_GOLDEN.read_text().split("\n\n", 1)[1].splitlines()
    starts = [lines[0].index(f" {column}") + 1 for column in COLUMNS]
    compared = set()
    for line in lines[1:]:
        path, kind = line[: starts[0]].split()
        name = path.rpartition("/")[2]
        if (name, kind) in observed:
            expected = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
            assert [observed[name, kind][column] for column in COLUMNS] == expected, line
            compared.add((name, kind))
    assert set(observed) - compared == {(name, "-") for name in EITHER}


def test_strangers_are_who_they_are(observed):
    """A partner's own is another's unknown, whatever the roles; a disabled partner's people are nobody."""
    for (name, kind), cells in observed.items():
        may = cells["UAS"] not in REFUSED
        if may and kind in CUSTOMERS:
            assert cells["partner B"] == ("yes" if kind == "other" else "hidden"), (name, kind)
        else:
            assert cells["partner B"] == cells["UAS"], name
        assert cells["closed"] == ("yes" if name == "Check" else "invalid"), name


# One's customers, seen by somebody else.

# Lists that are asked for one customer.
FILTERS = [
    ("/v1/insights?filter=", 'customer_id = "{}"'), ("/v1/customers?filter=", 'customer_id = "{}"'),
    *((f"/v1/analytics/commercial/{kind}/license?filter=", "customerTenantId eq '{}'") for kind in ("deployment", "usage")),
]  # fmt: skip


def told(response):
    """All of it, but what is another one each time anyway."""
    headers = [(name, value) for name, value in response.headers.items() if name not in ("date", "ms-requestid", "ms-correlationid")]
    return response.status, headers, bytes(response.content)


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_hidden_is_like_never_existed(world, observed, packing):
    """The same status, headers and bytes in every form: of another partner's customer, of a former one, and of none."""
    compared = 0
    for name, forms in world.forms.items():
        method = world.methods[name]
        if observed.get((name, "other"), {}).get("UAS") != "hidden":
            continue
        for form in forms:
            if form.name == "gRPC" or not is_for(form, method, "any"):
                continue
            answers = [
                told(form.ask("UAS", customer, world.message(method, "UAS", customer, 0), accept_encoding=packing))
                for customer in (CUSTOMERS["never"], CUSTOMERS["other"], CUSTOMERS["former"])
            ]  # fmt: skip
            assert answers[0][0] == 404 and answers[0][2], form.name
            assert answers[1] == answers[0] and answers[2] == answers[0], form.name
            compared += 1
    # Of Connect, addresses, pages and the resources of old.
    assert compared == 8 * 8 + 8 * 2 + 7 * 2 + 2 * 2
    for version in VERSIONS:
        for path, condition in FILTERS:
            answers = [
                told(world.webs["UAS", version].http("GET", path + quote(condition.format(customer)), accept_encoding=packing))
                for customer in (CUSTOMERS["never"], CUSTOMERS["other"], CUSTOMERS["former"])
            ]  # fmt: skip
            assert answers[0][0] == 200, answers[0]
            assert answers[1] == answers[0] and answers[2] == answers[0], path
