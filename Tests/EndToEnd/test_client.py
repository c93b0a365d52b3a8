"""The command line client against a server: what it prints in each form, and what it says about mistakes."""

import csv
import io
import json
import subprocess

import pytest
from daemon import BINARY
from facts import day

CLIENT = BINARY.parent / "insights"
pytestmark = pytest.mark.skipif(not CLIENT.exists(), reason="the client is not built")

E3 = "6fd2c87f-b296-42f0-b197-1e91e994b900"


@pytest.fixture(scope="module", autouse=True)
def customers(house):
    """C reports everything; E has licenses that nobody holds; P reports no assignments."""
    f = house.facts
    house["operator"].feed(
        [
            f.sku(E3, workloads=["SPO"]),
            *(f.customer(name, f"Customer {name}", "NL") for name in "CEP"),
            *(f.relationship("A", name, day(-60)) for name in "CEP"),
            *(f.subscription("s", name, E3, "A", day(-50), 4) for name in "CEP"),
            *(f.assignment("C", f"u{number}", E3, day(-50)) for number in range(4)),
            *(f.activity(name, f"u{number}", "SPO", day(-12)) for name in "CP" for number in range(3)),
            *f.coverage("C", day(-1)), *f.coverage("E", day(-1)),
            f.coverage("P", day(-1))[0], f.coverage("P", day(-1))[2],
        ]
    )  # fmt: skip


def insights(house, who, *arguments):
    files = getattr(house.certificates, who)
    connection = [
        "--server", house.daemon.address, "--ca", house.certificates.authority.certificate, "--cert", files.certificate,
        "--key", files.key,
    ]  # fmt: skip
    return subprocess.run(
        list(map(str, [CLIENT, *arguments, *connection])), capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def answer(house, who, *arguments):
    done = insights(house, who, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def as_json(house, who, *arguments):
    return json.loads(answer(house, who, *arguments, "--output", "json").stdout)


def as_csv(house, who, *arguments):
    return list(csv.DictReader(io.StringIO(answer(house, who, *arguments, "--output", "csv").stdout)))


READS = [
    ("alice", "customer", "C"), ("alice", "portfolio"), ("alice", "compare"), ("alice", "trend", "C"),
    ("alice", "explain"), ("alice", "advice"), ("alice", "customers"), ("alice", "customers", "--names"),
    ("bob", "subscriptions", "C"), ("bob", "users", "C"), ("alice", "whoami"), ("alice", "principals", "list"),
    ("alice", "audit"), ("operator", "ingest-status"),
]  # fmt: skip


def leaves(value):
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


@pytest.mark.parametrize("call", READS, ids=" ".join)
def test_json_holds_whole_numbers_as_numbers(house, call):
    texts = [leaf for leaf in leaves(as_json(house, *call)) if isinstance(leaf, str)]
    assert not [text for text in texts if text.lstrip("-").isdigit()]


def test_json_shows_zeros_and_empty_lists(house):
    explanation = as_json(house, "alice", "explain", "C")["explanation"]
    assert [part["users"] for part in explanation["classes"]] == [3, 0, 0, 0, 0, 0, 0, 0]
    nothing = as_json(house, "alice", "customers", "--filter", "sold > 1000")
    assert nothing["insights"] == [] and nothing["total_size"] == 0 and nothing["next_page_token"] == ""
    assert as_json(house, "alice", "principals", "list")["principals"][0]["disabled"] is False
    # What has presence stays absent: nobody reported it.
    assert "total_users" not in as_json(house, "alice", "explain", "P")["explanation"]


@pytest.mark.parametrize("call", READS, ids=" ".join)
def test_csv_writes_short_names_of_enums(house, call):
    rows = as_csv(house, *call)
    named = {"product", "state", "kind", "roles", "permissions", "usage_class", "decision", "code_name"}
    cells = [cell for row in rows for name, cell in row.items() if name in named or name.endswith("attribution")]
    for cell in cells:
        assert cell == cell.upper() and not cell.startswith(("PRODUCT_", "ROLE_", "PERMISSION_")), cell


def test_csv_names_products_as_the_export_does(house):
    exported = {row["product"] for row in as_csv(house, "alice", "export")}
    assert {row["product"] for row in as_csv(house, "alice", "portfolio")} <= exported
    assert {row["roles"] for row in as_csv(house, "alice", "principals", "list")} >= {"ADMIN_AGENT", "SALES_AGENT"}


def users(tmp_path, holders):
    file = tmp_path / "users.json"
    rows = [dict(userPrincipalName=name, assignedLicenses=[dict(skuId=E3)] if holds else []) for name, holds in holders]
    file.write_text(json.dumps({"value": rows}))
    return ["import", "graph-users", file, "--customer", "E", "--date", day(-1)]


def test_import_of_users_says_what_it_cannot_know(house, tmp_path):
    command = users(tmp_path, [("a@x", False)])
    note = "licenses of SKUs that nobody in the file holds are left as they were"
    done = answer(house, "operator", *command)
    assert note in done.stderr and note not in done.stdout and "--all-skus-from" in done.stderr
    done = answer(house, "operator", *command, "--output", "json")
    assert done.stderr == "" and any(note in text for text in json.loads(done.stdout)["notes"])
    done = answer(house, "operator", *command, "--sku", E3)
    assert note not in done.stderr
    assert note in answer(house, "operator", *command, "--check").stderr


def test_imports_count_in_words(house, tmp_path):
    file = tmp_path / "facts.jsonl"
    file.write_text(json.dumps({"user": dict(customer_id="C", user_id="u0", display_name="Anna")}) + "\n")
    assert answer(house, "operator", "import", "facts", file).stdout.splitlines()[:2] == [
        "facts: 1 row, 1 fact", "imported in 1 batch, revision " + str(as_json(house, "operator", "ingest-status")["revision"]),
    ]  # fmt: skip
    assert "nothing new: the batch had been imported before" in answer(house, "operator", "import", "facts", file).stdout
    file.write_text("Report Refresh Date,User Principal Name,Teams Last Activity Date\n")
    done = answer(house, "operator", "import", "graph-active-users", file, "--customer", "C")
    assert "nothing to import" in done.stdout and "revision" not in done.stdout


def test_trend_tells_no_value_from_not_reported(house):
    chart = answer(house, "alice", "trend", "E", "--from", day(-5), "--metric", "usage", "--chart").stdout
    assert "no value" in chart and "not reported" not in chart
    chart = answer(house, "alice", "trend", "P", "--from", day(-5), "--metric", "usage", "--chart").stdout
    assert "not reported" in chart and "no value" not in chart


def test_audit_names_codes(house):
    insights(house, "carol", "users", "C")
    table = answer(house, "alice", "audit", "--limit", "5").stdout
    assert "PERMISSION_DENIED" in table
    refused = next(row for row in as_csv(house, "alice", "audit") if row["principal_id"] == "carol")
    assert (refused["code"], refused["code_name"], refused["decision"]) == ("7", "PERMISSION_DENIED", "DENIED")
    event = as_json(house, "alice", "audit", "--limit", "1")["events"][0]
    assert event["is_operator"] in (False, True) and isinstance(event["code"], int)


def test_explanation_of_a_portfolio_does_not_contradict_itself(house):
    done = answer(house, "alice", "explain")
    assert "75.0 %" in done.stdout and "3 of the 6 active users" in done.stdout
    portfolio = answer(house, "alice", "portfolio").stdout
    assert "3 of the 6 active users" in portfolio


def test_several_servers_are_tried_in_turn(house):
    """Nobody listens on port 1; the last `--server` of `insights` joins those before it."""
    done = insights(house, "alice", "--server", "127.0.0.1:1,127.0.0.1:2", "portfolio")
    assert done.returncode == 0 and "SharePoint" in done.stdout, done.stderr
    done = subprocess.run(
        [CLIENT, "whoami", "--server", "127.0.0.1:1,[::1]:2", "--timeout", "5"], capture_output=True, text=True,
        timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    line = "insights: cannot reach 127.0.0.1:1, [::1]:2: connection refused\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["nope"], "there is no command “nope”; `insights --help` lists the commands"),
        (["custmers"], "there is no command “custmers”; did you mean “customers”?"),
        (["principals", "lst"], "there is no command “principals lst”; did you mean “principals list”?"),
        (["partners", "nope"], "there is no command “partners nope”; `insights partners --help` lists the commands"),
        ([], "a command is missing; `insights --help` lists the commands"),
    ],
)
def test_unknown_commands_are_named(house, arguments, line):
    done = insights(house, "alice", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"insights: {line}\n")
