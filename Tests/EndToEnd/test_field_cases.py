"""Files as partners have them in hand, from the import to the figures. The files of each case are in field/.

Days of the files are in the past for good; what is read of them is told as of 24 September 2025.
"""

import json
import re
from datetime import date, timedelta

import pytest
from facts import ACTIVITY, DYNAMICS, OFFICE
from imports import CLIENT, Imports, left_out

pytestmark = pytest.mark.skipif(not CLIENT.exists(), reason="the client is not built")

E3 = "6fd2c87f-b296-42f0-b197-1e91e994b900"
PREMIUM = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
BASIC = "3b555118-da6a-4418-894f-7df1e2096870"
SALES = "1e1a282c-9c54-43a2-9310-98ef728faace"
# In no catalog.
UNKNOWN_SKU = "88888888-cccc-4ddd-8eee-ffffffffffff"
OUR_TENANT = "b1b1b1b1-2222-4333-8444-555555555555"
PROVIDER = "e2e2e2e2-3333-4444-8555-666666666666"
OURS = ("--partner-tenant", f"{OUR_TENANT}=A")
AS_OF = date(2025, 9, 24)
OWN, EVERYBODY = 1, 2
ENTITLED, UNCOUNTED, TRIAL, OVER, TURNOVER, UNLICENSED, FREE, UNIDENTIFIED = range(8)
# RecommendationKind.
SHOW_THE_VALUE, LICENSE_THE_USERS = 1, 5


def tenant(number):
    return f"cccccccc-0000-4000-9000-{number:012d}"


@pytest.fixture(scope="module", autouse=True)
def catalog(house):
    suite, f = ["EXO", "SPO", "TEAMS", "YAM", "APPS"], house.facts
    house["operator"].feed(
        [
            f.sku(E3, OFFICE, suite, "Office 365 E3"), f.sku(PREMIUM, OFFICE, suite, "Business Premium"),
            f.sku(BASIC, OFFICE, suite[:-1], "Business Basic"), f.sku(SALES, DYNAMICS, ["CRM"], "Dynamics 365 Sales"),
        ]
    )  # fmt: skip


class Case:
    """A customer of partner A, and the imports of its files."""

    def __init__(self, house, folder, customer, *partners):
        self.house = house
        self.customer = customer
        self.imports = Imports(house, folder)
        f = house.facts
        house["operator"].feed(
            [f.customer(customer, customer, "NL"), *(f.relationship(partner, customer, "2025-01-01") for partner in partners)]
        )

    def feed(self, kind, *arguments):
        return self.imports(kind, *arguments, "--customer", self.customer)

    def refused(self, kind, *arguments):
        return self.imports.refused(kind, *arguments, "--customer", self.customer)

    def insights(self, on=AS_OF, scope=EVERYBODY, who="carol"):
        return self.house[who].call(
            "GetCustomerInsights", customer_id=self.customer, as_of=on.isoformat(), scope=scope
        ).insights

    def product(self, number=OFFICE, *asked, **named):
        rows = [row for row in self.insights(*asked, **named).products if row.product == number]
        return rows[0] if rows else self.house.api.ProductInsights(product=number)

    def sold(self, *asked, **named):
        return self.product(OFFICE, *asked, **named).licenses.sold

    def classes(self, product=OFFICE, on=AS_OF):
        explanation = self.house["carol"].call(
            "ExplainUsage", customer_id=self.customer, as_of=on.isoformat(), product=product
        ).explanation
        return [row.users for row in explanation.classes]

    def advice(self, on=AS_OF):
        rows = self.house["carol"].call("ListRecommendations", customer_id=self.customer, as_of=on.isoformat())
        return {(row.product, row.kind) for row in rows.recommendations}

    def users(self, on=AS_OF):
        return self.house["bob"].call("ListLicensedUsers", customer_id=self.customer, as_of=on.isoformat()).users

    def subscriptions(self, on=AS_OF, who="carol"):
        return self.house[who].call(
            "ListSubscriptions", customer_id=self.customer, as_of=on.isoformat()
        ).subscriptions


@pytest.fixture
def case(house, request):
    """Makes a customer of its own for every variant of a test."""
    number = iter(range(99))

    def make(folder, *partners):
        name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")
        return Case(house, folder, f"{name}-{next(number)}", *(partners or "A"))

    return make


def licensed(case, *options, subscriptions="subscriptions.json", users="users.json"):
    """Subscriptions and holders since January."""
    case.feed("graph-subscriptions", subscriptions, "--since-creation", "--date", "2025-09-01", *OURS, *options)
    case.feed("graph-users", users, "--date", "2025-09-01", "--held-since", "2025-01-15", "--sku", E3)


def check_five(case, file):
    case.feed("graph-active-users", file)
    usage = case.product().usage
    assert usage.active_users == 5
    rows = {row.workload_code: row.usage.active_users for row in case.product().workloads if row.HasField("usage")}
    assert (rows.get("EXO"), rows.get("TEAMS")) == (5, 5)


# Forms of a table


@pytest.mark.parametrize("file", ["activity.csv", "two-marks.csv", "mark-and-mojibake.csv"])
def test_01_a_mark_written_twice_is_a_mark(case, file):
    check_five(case("01-mojibake-mark"), file)


def test_01_question_marks_before_the_header_are_named(case):
    line = case("01-mojibake-mark").refused("graph-active-users", "question-marks.csv")
    assert line.startswith("question-marks.csv") and "mark" in line and "???" in line


FORMS = [
    "semicolons.csv", "sep-semicolon.csv", "sep-comma.csv", "tabs.csv", "quoted-semicolons.csv", "type-line.csv",
]  # fmt: skip


@pytest.mark.parametrize("file", FORMS)
def test_03_separators(case, file):
    check_five(case("03-semicolons"), file)


@pytest.mark.parametrize("order", ["le", "be"])
def test_05_utf_16_is_read_by_its_mark(case, order):
    customer = case("05-utf-16")
    check_five(customer, f"activity-{order}.csv")
    customer.feed("graph-users", f"users-{order}.json", "--date", "2025-09-01")
    assert [user.display_name for user in customer.users()] == ["Fay", "Gus"]


@pytest.mark.parametrize("file", ["graph.json", "pages.json", "lines.jsonl", "columns.json", "camel-headers.csv"])
def test_07_the_report_as_json(case, file):
    check_five(case("07-report-as-json"), file)


# People


@pytest.mark.parametrize("file", ["digests.csv", "guids.csv"])
def test_09_concealed_names_count_and_are_nobody(case, file):
    customer = case("09-concealed-names")
    licensed(customer)
    summary = customer.feed("graph-active-users", file)
    assert any("concealed" in note for note in summary["notes"])
    usage = customer.product().usage
    assert (usage.active_users, usage.total_users, usage.usage.percent) == (4, 4, 100)
    assert customer.classes() == [0, 0, 0, 0, 0, 0, 0, 4]
    assert (OFFICE, LICENSE_THE_USERS) not in customer.advice()
    # The names are shown again: the same people, or not; four is what is certain.
    customer.feed("graph-active-users", "shown-again.csv")
    assert customer.product(OFFICE, date(2025, 9, 25)).usage.active_users == 4
    assert customer.classes(on=date(2025, 9, 25)) == [4, 0, 0, 0, 0, 0, 0, 0]


def test_10_rows_without_a_name_are_left_out_and_counted(case):
    customer = case("10-empty-names")
    summary = customer.feed("graph-active-users", "activity.csv")
    assert sum(left_out(summary).values()) == 2
    assert customer.product().usage.active_users == 2
    summary = customer.feed("graph-users", "users.json", "--date", "2025-09-01")
    assert sum(left_out(summary).values()) == 1
    assert [user.display_name for user in customer.users()] == ["Fay", "Gus"]
    # The places are told to people, and `--strict` takes none of it.
    done = customer.imports.run("graph-active-users", "activity.csv", "--customer", customer.customer, "--salt", "again")
    assert done.returncode == 0 and "activity.csv:3:" in done.stderr and "activity.csv:4:" in done.stderr
    assert "activity.csv:3:" in customer.refused("graph-active-users", "activity.csv", "--strict", "--salt", "strict")


@pytest.mark.parametrize("activity_first", [False, True])
def test_12_a_renamed_person_is_one(case, activity_first):
    customer = case("12-renamed-person")
    customer.feed("graph-subscriptions", "subscriptions.json", "--since-creation", "--date", "2025-09-01", *OURS)
    steps = [
        ("graph-users", "users-before.json", "--date", "2025-09-01", "--held-since", "2025-01-15"),
        ("graph-active-users", "activity-before.csv"),
        ("graph-users", "users-after.json", "--date", "2025-09-20"),
        ("graph-active-users", "activity-after.csv"),
    ]
    for step in [steps[1], steps[3], steps[0], steps[2]] if activity_first else steps:
        customer.feed(*step)
    product = customer.product()
    assert (product.licenses.assigned, product.usage.active_users, product.usage.total_users) == (1, 1, 1)
    assert product.usage.usage.percent == 100
    assert customer.classes() == [1, 0, 0, 0, 0, 0, 0, 0]
    (person,) = customer.users()
    assert (person.display_name, person.principal_name) == ("Eva Jansen", "eva.jansen@twelve.example")
    # Somebody else gets the old name: what came under it before stays with Eva, what comes is the other's.
    customer.feed("graph-users", "users-made-anew.json", "--date", "2025-09-21")
    customer.feed("graph-active-users", "activity-of-the-other.csv")
    assert customer.product().usage.active_users == 2
    assert customer.classes() == [1, 0, 0, 0, 0, 1, 0, 0]
    (person,) = customer.users()
    assert {last.workload_code: last.last_active_date for last in person.last_activity} == {"EXO": "2025-09-23"}


def test_14_columns_that_come_and_go(case):
    customer = case("14-new-columns")
    summary = customer.feed("graph-active-users", "copilot.csv")
    assert any("copilot last activity date" in text.lower() for text in [*left_out(summary), *summary["notes"]])
    assert customer.product().usage.active_users == 1
    customer = case("14-new-columns")
    customer.feed("graph-active-users", "unread-column-twice.csv")
    assert customer.product().usage.active_users == 1
    line = case("14-new-columns").refused("graph-active-users", "read-column-twice.csv")
    assert "teams last activity date" in line.lower()


def test_14_of_yammer_and_viva_engage_the_later_day_counts(case):
    customer = case("14-new-columns")
    customer.feed("graph-active-users", "yammer-and-viva.csv")
    workloads = {row.workload_code: row.usage for row in customer.product().workloads if row.HasField("usage")}
    assert list(workloads) == ["YAM"] and workloads["YAM"].active_users == 2
    # Only what the report has a column for is reported.
    freshness = customer.insights().freshness.workloads
    assert [row.workload_code for row in freshness if row.status != 3] == ["YAM"]


def test_17_forms_that_powershell_writes(case):
    forms = {"get-mguser.json": 5, "one-in-pascal-case.json": 1, "one-user.json": 1, "license-no-list.json": 1}
    for file, people in forms.items():
        customer = case("17-powershell-json")
        customer.feed("graph-users", file, "--date", "2025-09-01")
        assert len(customer.users()) == people, file
        assert all(list(user.sku_ids) == [E3] for user in customer.users()), file


PAGES = [
    ["array-of-pages.json"], ["one-after-the-other.json"], ["lines.jsonl"], ["page-1.json", "page-2.json"],
    ["page-2.json", "page-1.json"],
]  # fmt: skip


@pytest.mark.parametrize("files", PAGES, ids=" ".join)
def test_19_pages_are_one_answer(case, files):
    customer = case("19-pages")
    customer.feed("graph-users", *files, "--date", "2025-09-01")
    assert [user.display_name for user in customer.users()] == ["Fay", "Gus", "Hal"]


def test_19_a_page_alone_is_refused(case):
    assert "page" in case("19-pages").refused("graph-users", "page-1.json", "--date", "2025-09-01")


def test_20_a_file_in_which_nobody_is_licensed_is_not_the_truth(case):
    customer = case("20-nobody-licensed")
    licensed(customer)
    assert customer.product().licenses.assigned == 12
    later = ("--date", "2025-09-20", "--sku", E3)
    assert "--accept-drop" in customer.refused("graph-users", "nobody.json", *later)
    assert customer.product().licenses.assigned == 12
    customer.feed("graph-users", "nobody.json", *later, "--accept-drop")
    assert customer.product().licenses.assigned == 0 and customer.product().licenses.sold == 20
    assert customer.product(OFFICE, date(2025, 9, 19)).licenses.assigned == 12


def test_20_fewer_than_half_of_the_consumed_licenses_are_not_the_truth(case):
    customer = case("20-nobody-licensed")
    licensed(customer)
    later = ("--date", "2025-09-20", "--all-skus-from", "skus.json")
    line = customer.refused("graph-users", "few.json", *later)
    assert "--accept-drop" in line and "12" in line
    customer.feed("graph-users", "half.json", *later)
    assert customer.product().licenses.assigned == 6
    customer.feed("graph-users", "few.json", *later, "--accept-drop")
    assert customer.product().licenses.assigned == 5


# Licenses


def test_16_an_unknown_sku_is_told_in_every_answer(case):
    customer = case("16-unknown-sku")
    summary = customer.feed("graph-subscriptions", "subscriptions.json", "--since-creation", "--date", "2025-09-01", *OURS)
    assert summary["effects"]["uncatalogued_sku_ids"] == [UNKNOWN_SKU]
    assert summary["effects"]["uncatalogued_sku_count"] == 1
    customer.feed("graph-users", "users.json", "--date", "2025-09-01")
    for scope, sold in ((OWN, 25), (EVERYBODY, 30)):
        insights = customer.insights(scope=scope)
        assert [(row.sku_id, row.sold) for row in insights.uncatalogued_skus] == [(UNKNOWN_SKU, sold)]
        assert insights.uncatalogued_sku_count == 1
        assert customer.sold(scope=scope) == 7
        portfolio = customer.house["carol"].call(
            "GetPortfolioInsights", as_of=AS_OF.isoformat(), scope=scope
        ).insights
        assert (UNKNOWN_SKU, sold) in [(row.sku_id, row.sold) for row in portfolio.uncatalogued_skus]
    done = customer.imports.run(
        "graph-subscriptions", "subscriptions.json", "--since-creation", *OURS, "--customer", customer.customer, "--salt", "x"
    )
    assert UNKNOWN_SKU in done.stdout + done.stderr


def test_24_what_nobody_bought_is_in_no_figure(case, house):
    customer = case("24-free-skus")
    customer.imports("sku-table", "sku-table.csv", "--free-skus", "free.txt")
    customer.feed(
        "graph-subscriptions", "subscriptions.json", "--customer-tenant", tenant(24), "--since-creation", "--date",
        "2025-09-01", *OURS,
    )  # fmt: skip
    customer.feed("graph-users", "users.json", "--date", "2025-09-01", "--held-since", "2025-01-15")
    viral = next(user.user_id for user in customer.users() if user.display_name == "Viv")
    f = house.facts
    house["operator"].feed(
        [f.activity(customer.customer, viral, "CRM", "2025-09-20"), *f.coverage(customer.customer, AS_OF, ACTIVITY)]
    )
    office = customer.product().licenses
    assert (office.sold, office.assigned, office.assigned_unsold, office.trial) == (40, 33, 0, 0)
    assert office.deployment.percent == 82.5
    dynamics = customer.product(DYNAMICS)
    assert (dynamics.licenses.sold, dynamics.licenses.assigned, dynamics.licenses.assigned_unsold) == (0, 0, 0)
    assert customer.classes(DYNAMICS) == [0, 0, 0, 0, 0, 0, 1, 0]
    # Nobody's purchase is no reason to sell: what is said of Office 365 is that its own licenses are not used.
    assert customer.advice() == {(OFFICE, SHOW_THE_VALUE)}
    assert list(customer.insights().uncatalogued_skus) == []


def test_25_a_subscription_that_is_no_longer_listed_has_ended(case):
    customer = case("25-vanished-subscription")
    customer.feed("graph-subscriptions", "day-01.json", "--since-creation", "--date", "2025-09-01", *OURS)
    summary = customer.feed("graph-subscriptions", "day-20.json", "--date", "2025-09-20", *OURS)
    assert summary["effects"]["subscriptions_ended"] == 1
    assert [customer.sold(date(2025, 9, on)) for on in (1, 10, 19, 20, 24)] == [30, 30, 30, 8, 8]
    states = {row.quantity: (row.state, row.effective_date) for row in customer.subscriptions()}
    assert states[22] == (4, "2025-09-20") and states[8][0] == 1
    assert customer.product().licenses.uncounted == 22
    # Older files may come later: nothing changes.
    customer.feed("graph-subscriptions", "day-01.json", "--date", "2025-09-05", *OURS)
    assert [customer.sold(date(2025, 9, on)) for on in (10, 19, 20)] == [30, 30, 8]


def test_26_the_first_page_of_the_subscriptions_is_refused(case):
    customer = case("26-first-page-only")
    line = customer.refused("graph-subscriptions", "page-1.json", "--since-creation", *OURS)
    assert "page-1.json" in line and "page" in line.removeprefix("page-1.json")
    assert not customer.product().licenses.HasField("sold")
    customer.feed("graph-subscriptions", "page-1.json", "page-2.json", "--since-creation", "--date", "2025-09-01", *OURS)
    assert customer.sold() == 40


@pytest.mark.parametrize("mistake", [[], ["--partner-tenant", f"{OUR_TENANT}=B"]], ids=["forgotten", "wrong"])
def test_27_a_seller_is_corrected_for_every_day(case, mistake):
    customer = case("27-seller-corrected", "A", "B")
    options = ("--since-creation", "--date", "2025-09-01")
    customer.feed("graph-subscriptions", "subscriptions.json", *options, *mistake)
    assert customer.sold(scope=OWN) == 0 and customer.sold(scope=OWN, who="dave") == (15 if mistake else 0)
    summary = customer.feed("graph-subscriptions", "subscriptions.json", *options, *OURS)
    assert summary["effects"]["sellers_changed"] == 1
    for on in (date(2025, 1, 15), date(2025, 8, 31), AS_OF):
        assert customer.sold(on, scope=OWN) == 15 and customer.sold(on, scope=OWN, who="dave") == 0
    assert [row.quantity for row in customer.subscriptions()] == [15]


def test_28_an_upgrade_in_place(case):
    customer = case("28-upgrade-in-place")
    customer.feed("graph-subscriptions", "day-01.json", "--since-creation", "--date", "2025-09-01", *OURS)
    customer.feed("graph-subscriptions", "day-20.json", "--date", "2025-09-20", *OURS)

    def licenses(on):
        return {row.sku_id: (row.licenses.sold, row.licenses.uncounted) for row in customer.product(OFFICE, on).skus}

    assert licenses(date(2025, 9, 19)) == {BASIC: (16, 0)}
    for on in (date(2025, 9, 20), AS_OF, date(2025, 10, 16)):
        assert licenses(on) == {BASIC: (0, 16), PREMIUM: (16, 0)}, on
    # The 19th has left the window.
    assert licenses(date(2025, 10, 17)) == {PREMIUM: (16, 0)}
    (row,) = customer.subscriptions()
    assert (row.sku_id, row.quantity, row.effective_date) == (PREMIUM, 16, "2025-09-20")


@pytest.mark.parametrize("file", ["slash-dates.json", "date-objects.json", "pascal-case.json"])
def test_31_dates_as_powershell_writes_them(case, file):
    customer = case("31-powershell-dates")
    customer.feed("graph-subscriptions", file, "--since-creation", "--date", "2025-09-01", *OURS)
    (row,) = customer.subscriptions()
    assert (row.quantity, row.effective_date, row.term_end) == (10, "2025-01-15", "2026-01-15")
    assert customer.sold(date(2025, 1, 15), scope=OWN) == 10
    # The first day of the relationship, before there was a subscription.
    assert customer.sold(date(2025, 1, 14)) == 0


@pytest.mark.parametrize("file, text", [("by-locale.json", "1/15/202"), ("by-dutch-locale.json", "15-1-2025")])
def test_31_dates_by_locale_are_refused(case, file, text):
    line = case("31-powershell-dates").refused("graph-subscriptions", file, "--since-creation", *OURS)
    assert re.match(rf"{file}:\d+:\d+: ", line) and text in line


@pytest.mark.parametrize("first", ["partner-center", "graph"])
def test_34_both_sources_tell_one_state(case, first):
    customer = case("34-expired-in-grace")
    imports = {
        "partner-center": [
            "partner-subscriptions", "partner-center.json", "--customer-tenant", tenant(34), "--partner", "A", "--offer-map",
            "offers.csv", "--date", "2025-09-20",
        ],
        "graph": ["graph-subscriptions", "graph.json", "--date", "2025-09-20", *OURS],
    }  # fmt: skip
    for source in sorted(imports, key=lambda source: source != first):
        customer.feed(*imports[source])
        licenses = customer.product().licenses
        assert (licenses.sold, licenses.entitled) == (20, 20), source
        assert [row.state for row in customer.subscriptions()] == [2], source


def test_34_grace_ends_after_thirty_days(case):
    customer = case("34-expired-in-grace")
    customer.feed(
        "partner-subscriptions", "partner-center.json", "--customer-tenant", tenant(34), "--partner", "A", "--offer-map",
        "offers.csv", "--date", "2025-09-20",
    )  # fmt: skip
    end = date(2025, 9, 15)
    assert customer.sold(end + timedelta(30)) == 20
    assert customer.sold(end + timedelta(31)) == 0
    (row,) = customer.subscriptions()
    assert (row.term, row.term_end, row.auto_renew) == ("P1Y", "2025-09-15", False)


def test_35_sellers_of_the_indirect_model(case):
    customer = case("35-indirect-provider", "A", "B")
    common = ("--customer-tenant", tenant(35), "--date", "2025-09-20")
    mapped = ("--partner-mpn", "7111111=A", "--partner-mpn", "7222222=B")
    summary = customer.feed(
        "partner-subscriptions", "partner-center.json", "--partner", "A", "--offer-map", "offers.csv", *common, *mapped
    )
    assert any("7333333" in note for note in summary["notes"])

    def check():
        assert customer.sold(scope=EVERYBODY) == 45
        assert (customer.sold(scope=OWN), customer.sold(scope=OWN, who="dave")) == (12, 28)
        (row,) = customer.house["carol"].call(
            "CompareLicenses", customer_id=customer.customer, as_of=AS_OF.isoformat()
        ).comparisons
        assert (row.own.sold, row.other_partners_sold, row.unknown_sold, row.direct_sold) == (12, 28, 5, 0)

    check()
    # The provider is the owner of all of them, which says nothing of who sold.
    customer.feed("graph-subscriptions", "graph.json", *common, "--provider-tenant", PROVIDER)
    check()


@pytest.mark.parametrize("offers", ["offers.csv", "product-and-sku.csv"])
def test_37_lines_that_are_no_seats(case, offers):
    customer = case("37-lines-without-seats")
    summary = customer.feed(
        "partner-subscriptions", "subscriptions.json", "--customer-tenant", tenant(37), "--partner", "A", "--offer-map",
        offers, "--date", "2025-09-20",
    )  # fmt: skip
    assert customer.sold(scope=OWN) == 12
    assert sum(left_out(summary).values()) == 4


@pytest.mark.parametrize("file", ["fewer-than-counted.json", "next-link.json"])
def test_39_a_page_of_partner_center_is_refused(case, file):
    customer = case("39-partner-center-pages")
    options = (
        "--customer-tenant", tenant(39), "--partner", "A", "--offer-map", "offers.csv", "--date", "2025-09-20",
    )  # fmt: skip
    line = customer.refused("partner-subscriptions", file, *options)
    assert file in line and "page" in line
    customer.feed("partner-subscriptions", "whole.json", *options)
    assert customer.sold() == 16


# What no source reports


def test_50_what_the_report_has_no_column_for_is_absent(case):
    customer = case("50-dynamics-without-source")
    customer.feed("graph-subscriptions", "subscriptions.json", "--since-creation", "--date", "2025-09-01", *OURS)
    customer.feed("graph-users", "users.json", "--date", "2025-09-01", "--held-since", "2025-01-15")
    customer.feed("graph-active-users", "activity.csv")
    office, dynamics = customer.product(), customer.product(DYNAMICS)
    assert office.usage.usage.percent == 100
    assert (dynamics.licenses.sold, dynamics.licenses.assigned) == (8, 8)
    assert not dynamics.HasField("usage")
    workloads = {row.workload_code: row.HasField("usage") for product in (office, dynamics) for row in product.workloads}
    assert workloads.get("EXO") and not workloads.get("APPS") and not workloads.get("CRM")
    assert not any(product == DYNAMICS for product, _ in customer.advice())
    explanation = customer.house["carol"].call(
        "ExplainUsage", customer_id=customer.customer, as_of=AS_OF.isoformat(), product=DYNAMICS
    ).explanation
    assert not explanation.HasField("active_users") and list(explanation.classes) == []
    statuses = {row.workload_code: row.status for row in customer.insights().freshness.workloads}
    assert statuses == dict.fromkeys(["EXO", "SFB", "SPO", "TEAMS", "YAM"], 1) | dict.fromkeys(["APPS", "CRM"], 3)
    # A filter by usage does not take it for 0 %.
    listed = customer.house["carol"].call(
        "ListCustomerInsights", as_of=AS_OF.isoformat(), products=[DYNAMICS], filter="usage < 40", page_size=1000
    )
    assert customer.customer not in [row.customer_id for row in listed.insights]


def test_profiles_come_from_the_file_that_the_environment_names(house, case, tmp_path, monkeypatch):
    """`INSIGHTS_PROFILES` is the client's; `INSIGHTS_CONFIG` is the server's alone."""
    customer = case("17-powershell-json")
    files = house.certificates.operator
    profile = {
        "server": house.daemon.address, "ca": str(house.certificates.authority.certificate),
        "cert": str(files.certificate), "key": str(files.key),
    }  # fmt: skip
    settings = tmp_path / "profiles.json"
    settings.write_text(json.dumps({"profiles": {"op": profile}}))
    customer.imports.connection = ["--profile", "op"]
    monkeypatch.setenv("INSIGHTS_CONFIG", str(tmp_path / "none.json"))
    monkeypatch.setenv("INSIGHTS_PROFILES", str(settings))
    customer.feed("graph-users", "one-user.json", "--date", "2025-09-01")
    assert len(customer.users()) == 1
