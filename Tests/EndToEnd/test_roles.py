"""Who may call what: every method of the contract by every kind of caller, against a committed table."""

import pytest
from daemon import ROOT, run_insightsd
from pathlib import Path
from wire import Refusal

GOLDEN = Path(__file__).parent / "golden/role_matrix.txt"
GARBAGE = b"\xff\xff\xff\xff"

# Column → certificate; None shows none.
CALLERS = {
    "user management admin": "alice",
    "admin agent": "bob",
    "sales agent": "carol",
    "no role": "nobody",
    "operator": "operator",
    "no certificate": None,
    "other CA": "other_ca",
    "expired": "expired",
    "two names": "two_names",
    "unknown": "unknown",
    "disabled": "disabled",
}
CELLS = {
    ("INVALID_ARGUMENT", "MALFORMED_MESSAGE"): "yes",
    ("PERMISSION_DENIED", "ROLE_LACKS_PERMISSION"): "-",
    ("UNAUTHENTICATED", "CREDENTIAL_MISSING"): "missing",
    ("UNAUTHENTICATED", "CREDENTIAL_INVALID"): "invalid",
    ("UNAUTHENTICATED", "CREDENTIAL_EXPIRED"): "expired",
}


def cell(answer):
    if not isinstance(answer, Refusal):
        return "answered"
    return CELLS.get((answer.code, answer.reason), f"{answer.code} {answer.reason}".strip())


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() + "\n" for row in rows)


def matrix(house, data):
    rows = [["method", "permission", *CALLERS]]
    for method in house.api.methods.values():
        answers = [cell(house[who].raw(method.name, data)) for who in CALLERS.values()]
        rows.append([method.title, method.permission.removeprefix("PERMISSION_"), *answers])
    return [rows[0], *sorted(rows[1:])]


@pytest.fixture(scope="module")
def observed(house):
    """Bytes that are no message: who may is told so, who may not is refused before anything looks at them."""
    return matrix(house, GARBAGE)


def test_matrix_equals_the_golden_table(observed):
    seen = table(observed)
    assert len(observed) - 1 == 23
    assert seen == GOLDEN.read_text(), f"the matrix is now:\n{seen}"


def test_every_method_has_a_permission(api):
    assert all(method.permission != "PERMISSION_UNSPECIFIED" for method in api.methods.values())


def test_print_policy_says_the_same(observed):
    printed = run_insightsd("print-policy")
    assert printed.returncode == 0, printed.stderr
    columns = 7  # method, permission, three roles, no role, operator
    assert sorted(lines(printed.stdout)) == sorted(lines(table([row[:columns] for row in observed])))


def test_the_readme_shows_the_same(observed):
    readme = (ROOT / "README.md").read_text()
    shown = table([row[:7] for row in observed])
    block = readme.split("<!-- role matrix -->", 1)[1].split("```", 2)[1]
    assert sorted(lines(block)) == sorted(lines(shown))


def lines(text):
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def test_refusal_of_a_role_names_what_would_do(house):
    refusal = house["carol"].refused("ListLicensedUsers", customer_id="C")
    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "ROLE_LACKS_PERMISSION")
    assert refusal.metadata == {"permission": "READ_USERS", "roles": "UserManagementAdmin,AdminAgent"}


@pytest.mark.parametrize("path", ["InsightsService/getcustomerinsights", "InsightsService/GetCustomerInsights/", "Nothing/At"])
def test_other_spellings_are_no_methods(house, path):
    for who in ("alice", None):
        call = house[who].channel.unary_unary(f"/partner.insights.v1.{path}")
        with pytest.raises(Exception) as caught:
            call(b"", timeout=10)
        assert Refusal.of(caught.value).code == "UNIMPLEMENTED"
