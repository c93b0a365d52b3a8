"""The worked example of the definitions, through Ingest and every reader of figures."""

import pytest
from facts import ACTIVE, GRACE, day

AS_OF = day(-2)
FIRST = day(-32)  # 31 days with both ends, as March has.


@pytest.fixture(scope="module", autouse=True)
def worked_example(house):
    feed(house, "C", "A", "B")


def feed(house, customer, own, other):
    f = house.facts
    holders = [f"user{n:02}" for n in range(18)]
    leavers = ["leaver1", "leaver2"]
    facts = [
        f.sku("E3", workloads=["EXO", "SPO", "TEAMS", "YAM"], name="Office 365 E3"),
        f.customer(customer, "Contoso", "NL"),
        f.relationship(own, customer, FIRST),
        f.relationship(other, customer, FIRST),
        f.subscription("own", customer, "E3", own, FIRST, 10),
        f.subscription("theirs", customer, "E3", other, FIRST, 5),
        f.subscription("old", customer, "E3", own, FIRST, 4, GRACE),
        f.subscription("trial", customer, "E3", own, FIRST, 3, ACTIVE, trial=True),
        *(f.assignment(customer, user, "E3", FIRST) for user in holders),
        *(f.assignment(customer, user, "E3", FIRST, day(-13)) for user in leavers),
        *(f.activity(customer, user, "SPO", day(-20), day(-14)) for user in [*holders[:17], *leavers, "stranger"]),
        *f.coverage(customer, AS_OF),
    ]
    house["operator"].feed(facts)


def check_usage(usage):
    assert (usage.active_users, usage.total_users, usage.entitlements) == (20, 15, 15)
    assert usage.usage.percent == usage.usage_per_entitlement.percent == 100 * 20 / 15
    assert (usage.usage.numerator, usage.usage.denominator) == (20, 15)
    assert (usage.window_start, usage.window_end) == (day(-29).isoformat(), AS_OF.isoformat())


def check_own(licenses, api):
    assert (licenses.sold, licenses.entitled, licenses.trial, licenses.uncounted) == (14, 10, 3, 4)
    assert (licenses.assigned, licenses.assigned_lower, licenses.assigned_upper) == (13, 13, 14)
    assert licenses.attribution == api.ATTRIBUTION_ESTIMATED
    assert licenses.deployment.percent == 100 * 13 / 14


def check_all(licenses, api):
    assert (licenses.sold, licenses.entitled, licenses.trial, licenses.uncounted) == (19, 15, 3, 4)
    assert (licenses.assigned, licenses.assigned_lower, licenses.assigned_upper) == (18, 18, 18)
    assert licenses.assigned_unsold == 0
    assert licenses.attribution == api.ATTRIBUTION_EXACT
    assert licenses.deployment.percent == 100 * 18 / 19


CHECKS = {"LICENSE_SCOPE_OWN": check_own, "LICENSE_SCOPE_ALL_PARTNERS": check_all}


@pytest.mark.parametrize("scope", CHECKS)
@pytest.mark.parametrize("method", ["GetCustomerInsights", "GetPortfolioInsights"])
def test_customer_and_portfolio(house, api, method, scope):
    of_customer = {"customer_id": "C"} if method == "GetCustomerInsights" else {}
    insights = house["carol"].call(method, scope=getattr(api, scope), **of_customer).insights
    assert insights.as_of == AS_OF.isoformat() and insights.scope == getattr(api, scope)
    assert list(insights.uncatalogued_skus) == [] and insights.uncatalogued_sku_count == 0
    (office,) = [product for product in insights.products if product.product == api.PRODUCT_OFFICE_365]
    CHECKS[scope](office.licenses, api)
    check_usage(office.usage)
    if of_customer:
        (sku,) = office.skus
        CHECKS[scope](sku.licenses, api)
        assert (sku.sku_id, sku.sku_name) == ("E3", "Office 365 E3")
        workloads = {row.workload_code: row.usage for row in office.workloads}
        check_usage(workloads["SPO"])
        assert [source.status for source in insights.freshness.sources] == [api.COVERAGE_STATUS_REPORTED] * 3
        assert [(row.workload_code, row.status, row.through) for row in insights.freshness.workloads] == [
            (code, api.COVERAGE_STATUS_REPORTED, AS_OF.isoformat())
            for code in ("APPS", "CRM", "EXO", "SFB", "SPO", "TEAMS", "YAM")
        ]


@pytest.mark.parametrize("customer", ["C", ""])
def test_comparison(house, api, customer):
    reply = house["carol"].call("CompareLicenses", customer_id=customer)
    (row,) = reply.comparisons
    for comparison in (row, reply.total):
        check_own(comparison.own, api)
        check_all(comparison.all_partners, api)
        assert (comparison.direct_sold, comparison.other_partners_sold, comparison.unknown_sold) == (0, 5, 0)
        assert comparison.own_share_percent == 100 * 14 / 19
    assert (row.sku_id, reply.total.sku_id, reply.total.product) == ("E3", "", api.PRODUCT_UNSPECIFIED)


def test_the_other_partner_owns_what_it_sold(house, api):
    (row,) = house["dave"].call("CompareLicenses", customer_id="C").comparisons
    assert (row.own.sold, row.own.entitled, row.own.trial, row.other_partners_sold) == (5, 5, 0, 14)
    # lower min(5, max(0, 18 - 14)) = 4, estimate floor(18 * 5 / 19) = 4, upper 5
    assert (row.own.assigned, row.own.assigned_lower, row.own.assigned_upper) == (4, 4, 5)


def test_explanation(house, api):
    for subject in ({"product": api.PRODUCT_OFFICE_365}, {"workload_code": "SPO"}):
        explanation = house["carol"].call("ExplainUsage", customer_id="C", **subject).explanation
        assert [row.users for row in explanation.classes] == [15, 2, 0, 0, 2, 1, 0, 0]
        assert (explanation.active_users, explanation.total_users, explanation.entitlements) == (20, 15, 15)
        assert explanation.text
    english, dutch = (
        house["carol"].call("ExplainUsage", customer_id="C", product=1, language_code=code).explanation.text
        for code in ("en", "nl-NL")
    )
    assert english != dutch


def test_trend_ends_with_the_same_figures(house, api):
    points = house["carol"].call(
        "GetTrend", customer_id="C", products=[1], start_date=day(-6).isoformat(), end_date=AS_OF.isoformat()
    ).points
    assert [point.date for point in points] == [day(n).isoformat() for n in range(-6, -1)]
    check_all(points[-1].licenses, api)
    check_usage(points[-1].usage)


def test_trend_by_week_and_month(house, api):
    start, end = day(-30), AS_OF
    for interval, last_of in ((api.TREND_INTERVAL_WEEK, week_end), (api.TREND_INTERVAL_MONTH, month_end)):
        points = house["carol"].call(
            "GetTrend", products=[1], start_date=start.isoformat(), end_date=end.isoformat(), interval=interval
        ).points
        wanted = sorted({min(last_of(day(n)), end) for n in range(-30, -1)})
        assert [point.date for point in points] == [value.isoformat() for value in wanted]


def week_end(value):
    return value.fromordinal(value.toordinal() + 7 - value.isoweekday())


def month_end(value):
    following = value.replace(day=28).toordinal() + 4
    first = value.fromordinal(following).replace(day=1)
    return first.fromordinal(first.toordinal() - 1)


def test_list_filter_and_order(house):
    carol = house["carol"]
    listed = carol.call("ListCustomerInsights", filter="usage > 130 AND sold >= 19", order_by="usage desc")
    assert [row.customer_id for row in listed.insights] == ["C"] and listed.total_size == 1
    assert carol.call("ListCustomerInsights", filter="usage < 130").total_size == 0
    assert carol.call("ListCustomerInsights", filter='customer_name : "CONTO"').total_size == 1


def test_advice_and_evidence(house, api):
    kinds = {row.kind: row for row in house["carol"].call("ListRecommendations", customer_id="C").recommendations}
    assert api.RECOMMENDATION_KIND_LICENSE_THE_USERS in kinds
    assert api.RECOMMENDATION_KIND_RESOLVE_SUBSCRIPTION in kinds
    assert api.RECOMMENDATION_KIND_SHOW_THE_VALUE not in kinds
    for advice in kinds.values():
        assert advice.problem and advice.consider and advice.try_this and advice.evidence


def test_export_rows(house):
    rows = [row for reply in house["carol"].call("ExportInsights") for row in reply.rows]
    (row,) = rows
    assert (row.own_sold, row.own_entitled, row.all_sold, row.all_entitled) == (14, 10, 19, 15)
    assert (row.trial, row.uncounted, row.assigned, row.assigned_unsold) == (3, 4, 18, 0)
    assert (row.active_users, row.total_users, row.entitlements) == (20, 15, 15)
    assert row.deployment_percent == 100 * 18 / 19 and row.usage_percent == 100 * 20 / 15


def test_export_csv(house, api):
    chunks = house["carol"].call("ExportInsights", format=api.EXPORT_FORMAT_CSV)
    header, row, end = b"".join(chunk.csv_chunk for chunk in chunks).decode().replace("\r\n", "\n").split("\n")
    assert header == (
        "date,customer_id,customer_name,market,product,own_sold,own_entitled,all_sold,all_entitled,trial,uncounted,"
        "assigned,assigned_unsold,deployment_percent,active_users,total_users,entitlements,usage_percent,"
        "usage_per_entitlement_percent,subscriptions_through,assignments_through,activity_through"
    )
    fields = dict(zip(header.split(","), row.split(",")))
    assert end == "" and fields["own_sold"] == "14" and fields["all_sold"] == "19" and fields["active_users"] == "20"
    assert float(fields["usage_percent"]) == 100 * 20 / 15


def test_named_users_and_own_subscriptions(house, api):
    users = house["bob"].call("ListLicensedUsers", customer_id="C")
    assert users.total_size == 18
    assert [user.user_id for user in users.users] == [f"user{n:02}" for n in range(18)]
    inactive = house["bob"].call("ListLicensedUsers", customer_id="C", activity=api.ACTIVITY_FILTER_INACTIVE)
    assert [user.user_id for user in inactive.users] == ["user17"]
    own = house["carol"].call("ListSubscriptions", customer_id="C").subscriptions
    assert [row.subscription_id for row in own] == ["old", "own", "trial"]
    theirs = house["dave"].call("WhoAmI")
    assert theirs.principal.partner_id == "B"


def test_figures_survive_a_restart(house, api):
    before = house["carol"].call("GetCustomerInsights", customer_id="C")
    assert house.daemon.stop() == 0
    house.restart()
    assert house["carol"].call("GetCustomerInsights", customer_id="C") == before
