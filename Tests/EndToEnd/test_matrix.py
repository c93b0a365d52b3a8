"""Every method that is served × every kind of caller × every kind of customer, against a committed table.

The methods come from the running server's reflection. One without a request in samples.py, or without its rows in the golden
table, fails here.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from callers import COLUMNS, ROLE_SETS, Callers, principal
from daemon import ROOT, run_insightsd
from facts import day
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc import RpcError
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from samples import REQUESTS, VICTIM, filled
from wire import ENDLESS, Refusal, same

GOLDEN = Path(__file__).parent / "golden/access_matrix.txt"
GARBAGE = b"\xff\xff\xff\xff"

# Seen from partner A.
CUSTOMERS = {"own": "customer-own", "other": "customer-not", "former": "customer-was", "never": "customer-nil"}
WORDS = {
    "yes": "the call is answered",
    "role": "PERMISSION_DENIED ROLE_LACKS_PERMISSION",
    "hidden": "NOT_FOUND CUSTOMER_NOT_FOUND",
    "nobody": "NOT_FOUND USER_NOT_FOUND",
    "missing": "UNAUTHENTICATED CREDENTIAL_MISSING",
    "invalid": "UNAUTHENTICATED CREDENTIAL_INVALID",
    "expired": "UNAUTHENTICATED CREDENTIAL_EXPIRED",
}
REFUSED = ("role", "missing", "invalid", "expired")


@dataclass(frozen=True)
class Served:
    """A method as the server's reflection describes it."""

    path: str
    request: type
    client_stream: bool
    server_stream: bool

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    @property
    def takes_customer(self):
        return "customer_id" in self.request.DESCRIPTOR.fields_by_name

    def message(self, column, customer):
        assert self.name in REQUESTS, f"{self.path} has no request in samples.py"
        fields = filled(REQUESTS[self.name], column.replace(" ", "-").replace("+", "-"))
        return self.request(**fields, **({"customer_id": customer} if customer else {})).SerializeToString()

    def ask(self, client, data):
        """The word for what a caller gets."""
        kind = f"{'stream' if self.client_stream else 'unary'}_{'stream' if self.server_stream else 'unary'}"
        call = getattr(client.channel, kind)(self.path, request_serializer=same, response_deserializer=same)
        try:
            answer = call(iter([data]) if self.client_stream else data, timeout=60, metadata=client.metadata)
            if self.name in ENDLESS:
                next(answer)
                answer.cancel()
            elif self.server_stream:
                list(answer)
        except RpcError as error:
            refusal = Refusal.of(error)
            text = f"{refusal.code} {refusal.reason}".strip()
            return next((word for word, meaning in WORDS.items() if meaning == text), text)
        return "yes"


def served(client):
    database = ProtoReflectionDescriptorDatabase(client.channel)
    pool = DescriptorPool(database)
    services = [pool.FindServiceByName(name) for name in sorted(database.get_services())]
    return [
        Served(
            f"/{service.full_name}/{method.name}", GetMessageClass(method.input_type), method.client_streaming,
            method.server_streaming,
        )
        for service in services for method in sorted(service.methods, key=lambda method: method.name)
    ]  # fmt: skip


def with_customers(callers):
    """The customers of the table, and somebody for each caller to delete."""
    f = callers.house.facts
    relationships = [
        f.relationship("A", CUSTOMERS["own"], day(-100)),
        f.relationship("B", CUSTOMERS["other"], day(-100)),
        f.relationship("A", CUSTOMERS["former"], day(-100), day(-3)),
    ]
    known = [customer for kind, customer in CUSTOMERS.items() if kind != "never"]
    callers.house["operator"].feed(
        [f.sku("E3", workloads=["SPO"]), *relationships]
        + [
            fact
            for customer in known
            for fact in (
                f.customer(customer, "Fabrikam"),
                f.subscription(f"s-{customer}", customer, "E3", "A", day(-50), 9),
                f.assignment(customer, "leaver", "E3", day(-50)),
                *f.coverage(customer, day(-1)),
            )
        ]
    )
    for column in COLUMNS:
        victim = VICTIM.format(column=column.replace(" ", "-").replace("+", "-"))
        callers.house["alice"].call("CreatePrincipal", principal=dict(principal_id=victim))
    return callers


@pytest.fixture(scope="module")
def callers(api, certificates, tmp_path_factory):
    callers = with_customers(Callers(api, certificates, tmp_path_factory.mktemp("callers")))
    yield callers
    callers.close()


@pytest.fixture(scope="module")
def methods(callers):
    return served(callers["none"])


@pytest.fixture(scope="module")
def observed(callers, methods):
    """(path, customer or "-") → column → word."""
    return {
        (method.path, kind): {
            column: method.ask(callers[column], method.message(column, CUSTOMERS.get(kind))) for column in COLUMNS
        }
        for method in methods
        for kind in (CUSTOMERS if method.takes_customer else ["-"])
    }


def lines_of(observed):
    rows = [["method", "customer", *COLUMNS]]
    rows += [[path.lstrip("/"), kind, *cells.values()] for (path, kind), cells in observed.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    legend = [f"{word.ljust(9)}{meaning}" for word, meaning in WORDS.items()]
    table = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*legend, "", *table]) + "\n"


def test_the_matrix_equals_the_golden_table(observed):
    seen = lines_of(observed)
    assert seen == GOLDEN.read_text(), f"the matrix is now:\n{seen}"


def test_everything_of_the_protos_is_served_and_nothing_else(api, methods):
    ours = {method.path for method in api.methods.values()}
    standard = {
        "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }  # fmt: skip
    assert {method.path for method in methods} == ours | standard
    assert {method.name for method in methods} == set(REQUESTS), "a request for what is not served"
    assert all(method.permission != "PERMISSION_UNSPECIFIED" for method in api.methods.values())


def test_the_decision_is_made_before_the_message_is_looked_at(api, callers, methods, observed):
    """Bytes that are no message: who may is told so; who may not gets the same refusal as with a good message."""
    for method in methods:
        if method.path not in {method.path for method in api.methods.values()}:
            continue
        cells = observed[method.path, "own" if method.takes_customer else "-"]
        for column, word in cells.items():
            expected = word if word in REFUSED else "INVALID_ARGUMENT MALFORMED_MESSAGE"
            assert method.ask(callers[column], GARBAGE) == expected, (method.path, column)


def test_permissions_add_up(methods, observed):
    """Several roles may exactly what one of them may; roles of other kinds add and take nothing."""
    for cells in observed.values():
        may = {column for column, word in cells.items() if word not in REFUSED}
        for column, roles in ROLE_SETS.items():
            if roles:
                assert (column in may) == any(initial in may for initial in column)
        assert ("S+foreign" in may) == ("S" in may)
        assert ("foreign" in may) == ("none" in may)


# What the operator's tools and the documents say.

POLICY = {"user management admin": "U", "admin agent": "A", "sales agent": "S", "no role": "none", "operator": "operator"}


@pytest.fixture(scope="module")
def policy(api, observed):
    """The table of `print-policy`, as it was seen."""
    rows = [["method", "permission", *POLICY]]
    for method in api.methods.values():
        cells = observed.get((method.path, "own")) or observed[method.path, "-"]
        may = ["-" if cells[column] in REFUSED else "yes" for column in POLICY.values()]
        rows.append([method.title, method.permission.removeprefix("PERMISSION_"), *may])
    return sorted(" ".join(row) for row in rows)


def squeezed(text):
    return sorted(" ".join(line.split()) for line in text.strip().splitlines())


def test_print_policy_says_what_happens(policy):
    printed = run_insightsd("print-policy")
    assert printed.returncode == 0, printed.stderr
    assert squeezed(printed.stdout) == policy


def test_the_readme_says_what_happens(policy):
    readme = (ROOT / "README.md").read_text()
    assert squeezed(readme.split("<!-- role matrix -->", 1)[1].split("```", 2)[1]) == policy


def explained(api, callers, method, **who):
    reply = callers.house["alice"].call("ExplainAccess", method=method.path, **who)
    assert reply.permission == getattr(api, method.permission), method.path
    assert method.permission.removeprefix("PERMISSION_") in reply.rule or who.get("principal_id") == "disabled", reply
    return reply


def test_explain_access_predicts_every_decision(api, callers, observed):
    """For everybody that partner A's admin can ask about, by roles and by principal."""
    checked = 0
    for method in api.methods.values():
        cells = observed.get((method.path, "own")) or observed[method.path, "-"]
        may = {column for column, word in cells.items() if word not in REFUSED}
        for column, roles in ROLE_SETS.items():
            for who in ({"roles": roles}, {"principal_id": principal(column)}):
                reply = explained(api, callers, method, **who)
                expected = api.ACCESS_DECISION_ALLOWED if column in may else api.ACCESS_DECISION_DENIED
                assert reply.decision == expected, (method.path, who)
                # Where no role is needed, none is named.
                alone = {initial for initial in "UAS" if initial in may}
                assert {"UAS"[role - 1] for role in reply.sufficient_roles} == alone, (method.path, who)
                checked += 1
        reply = explained(api, callers, method, principal_id="disabled")
        assert reply.decision == api.ACCESS_DECISION_DENIED and "disabled" not in may
        assert "disabled" in reply.rule
    assert checked == 2 * len(ROLE_SETS) * len(api.methods)
    assert callers.house["alice"].refused("ExplainAccess", principal_id="unknown", method="x").code == "INVALID_ARGUMENT"
    unknown = callers.house["alice"].refused("ExplainAccess", principal_id="unknown", method=method.path)
    assert unknown.reason == "PRINCIPAL_NOT_FOUND"
    foreign = callers.house["alice"].refused("ExplainAccess", principal_id="dave", method=method.path)
    assert (foreign.code, foreign.message, foreign.details) == (unknown.code, unknown.message, unknown.details)


# Names that are nearly a method's.


def test_refusal_of_a_role_names_what_would_do(callers):
    refusal = callers["S"].refused("ListLicensedUsers", customer_id=CUSTOMERS["own"])
    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "ROLE_LACKS_PERMISSION")
    assert refusal.metadata == {"permission": "READ_USERS", "roles": "UserManagementAdmin,AdminAgent"}


def other_spellings(path):
    service, _, method = path.lstrip("/").rpartition("/")
    package, _, name = service.rpartition(".")
    return [
        f"/{service}/{method.lower()}", f"/{service}/{method[0].lower()}{method[1:]}", f"/{service.lower()}/{method}",
        f"{path}/", f"/{path}", f"//{service}/{method}", f"/{service}//{method}", f"/{package}.v2.{name}/{method}",
        f"/{name}/{method}", f"/{service}/{method}?x=1", f"/{service}/{method}%00", f"/{service}/./{method}",
    ]  # fmt: skip


def test_other_spellings_are_no_methods(callers, methods):
    """Nobody reaches a method by another name, whatever its rows say."""
    for method in methods:
        for path in other_spellings(method.path):
            for column in ("UAS", "operator", "anonymous"):
                call = callers[column].channel.unary_unary(path, request_serializer=same, response_deserializer=same)
                with pytest.raises(RpcError) as caught:
                    call(method.message("spelling", CUSTOMERS["own"] if method.takes_customer else None), timeout=60)
                assert caught.value.code().name == "UNIMPLEMENTED", (path, column)


