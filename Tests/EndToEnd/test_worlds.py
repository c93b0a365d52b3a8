"""Random worlds through the wire against the naive model of world.py.

    INSIGHTS_WORLDS=N    worlds of the long run (1,000)

Every revision of a world is compared; then a batch is sent again, all facts once more in another order, people are erased,
and now and then the server starts anew.
"""

import os
import random
from collections import Counter, deque
from datetime import timedelta

import pytest
from facts import ACTIVITY, ASSIGNMENTS, SUBSCRIPTIONS, day
from random_worlds import AS_OF, catalog, random_customer
from told import WORKLOADS
from world import PRODUCTS, ROWS_SHOWN, World
from world_lists import advice, keys, licensed_users, subscriptions

WORLDS = 30
MANY_WORLDS = int(os.environ.get("INSIGHTS_WORLDS", "1000"))
# Worlds whose customers are visible at once: a portfolio of some forty.
VISIBLE_WORLDS = 20
WORLDS_PER_START = 100
OWN = "A"
SCOPES = ((1, OWN), (2, None))


class Told:
    """The model, and the server that is told the same."""

    def __init__(self, house):
        self.house = house
        self.world = World()
        self.worlds = deque()
        self.tell(catalog(house.facts))

    @property
    def customers(self):
        return sorted(name for names in self.worlds for name in names)

    def tell(self, facts, batch_id=None):
        self.world.tell(facts)
        return self.house["operator"].feed(facts, batch_id)

    def show(self, names):
        """Lets the oldest world go: a relationship that ends where it starts is taken back."""
        self.worlds.append(names)
        if len(self.worlds) > VISIBLE_WORLDS:
            for name in self.worlds.popleft():
                self.tell([self.house.facts.relationship(OWN, name, day(-200), day(-200))])

    def erase(self, customer, name):
        operator = self.house["operator"]
        if self.world.customers[customer].erase(name):
            operator.call("EraseUser", customer_id=customer, user_id=name)
        else:
            refusal = operator.refused("EraseUser", customer_id=customer, user_id=name)
            assert (refusal.code, refusal.reason) == ("NOT_FOUND", "USER_NOT_FOUND")


@pytest.fixture(scope="module")
def told(house):
    return Told(house)


LICENSES = ("sold", "entitled", "trial", "uncounted", "assigned", "assigned_unsold", "assigned_lower", "assigned_upper")
USAGE = ("active_users", "total_users", "entitlements")


def shown(message, names):
    """Fields that are present, zeros left out: rows of nothing but zeros may be missing."""
    present = {name: getattr(message, name) for name in names if message.HasField(name)}
    return {name: value for name, value in present.items() if value}


def wanted(figures, names):
    return {name: figures[name] for name in names if figures[name]}


def usage_of(usage):
    found = {name: getattr(usage, name) for name in USAGE if name == "active_users" or usage.HasField(name)}
    return {name: value for name, value in found.items() if value}


def check_ratio(ratio, numerator, denominator):
    """Of a portfolio both counts are over the customers that report both."""
    assert (ratio.numerator, ratio.denominator) == (numerator, denominator)
    assert ratio.HasField("percent") == (denominator != 0)
    assert denominator == 0 or ratio.percent == 100 * numerator / denominator


def check_ratios(product, licenses, usage):
    if product.licenses.HasField("deployment"):
        check_ratio(product.licenses.deployment, licenses["assigned"], licenses["deployment_sold"])
    if product.usage.HasField("usage"):
        check_ratio(product.usage.usage, usage["ratio_active"], usage["total_users"])
        check_ratio(product.usage.usage_per_entitlement, usage["ratio_active"], usage["entitlements"])


def check_presence(product, world, customer):
    """What is not reported is absent, of the product and of every row."""
    both = world.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS)
    for licenses in (product.licenses, *(row.licenses for row in product.skus)):
        for name in LICENSES:
            needed = both if name.startswith("assigned") else world.reported(customer, SUBSCRIPTIONS)
            assert licenses.HasField(name) == needed, name
        assert licenses.HasField("deployment") == both
    rows = [(product.product, product)] + [(row.workload_code, row) for row in product.workloads]
    for subject, row in rows:
        assert row.HasField("usage") == world.tells_activity(customer, subject), subject
        if row.HasField("usage"):
            assert row.usage.HasField("total_users") == row.usage.HasField("entitlements") == both, subject


def check_products(products, world, customers, own, on=AS_OF):
    found = {product.product: product for product in products}
    for number in PRODUCTS:
        licenses = world.product_licenses(customers, number, own, on)
        assert (shown(found[number].licenses, LICENSES) if number in found else {}) == wanted(licenses, LICENSES)
        usage = world.usage_sum(customers, number, on)
        assert (usage_of(found[number].usage) if number in found else {}) == wanted(usage, USAGE)
        if number not in found:
            continue
        check_ratios(found[number], licenses, usage)
        workloads = {row.workload_code: row.usage for row in found[number].workloads}
        assert set(workloads) <= world.covering(number)[1]
        for code in world.covering(number)[1]:
            expected = wanted(world.usage_sum(customers, code, on), USAGE)
            assert (usage_of(workloads[code]) if code in workloads else {}) == expected, code
        if len(customers) == 1:
            check_presence(found[number], world, customers[0])
            check_skus(found[number], world, customers[0], own, on)


def check_skus(product, world, customer, own, on):
    rows = {row.sku_id: row.licenses for row in product.skus}
    skus = world.covering(product.product)[0]
    assert list(rows) == sorted(rows) and set(rows) <= set(skus)
    for sku in skus:
        expected = wanted(world.licenses(customer, sku, own, on), LICENSES)
        if not world.reported(customer, SUBSCRIPTIONS):
            expected = {}
        elif not world.reported(customer, ASSIGNMENTS):
            expected = {name: value for name, value in expected.items() if not name.startswith("assigned")}
        assert (shown(rows[sku], LICENSES) if sku in rows else {}) == expected, sku


def check_uncatalogued(insights, world, customers, own, on=AS_OF):
    expected = list(world.uncatalogued(customers, own, on).items())
    assert [(row.sku_id, row.sold) for row in insights.uncatalogued_skus] == expected[:ROWS_SHOWN]
    assert insights.uncatalogued_sku_count == len(expected)


def check_freshness(rows, workloads, world, customer, on):
    found = [
        [(row.source, row.status, row.through) for row in rows],
        [(row.workload_code, row.status, row.through) for row in workloads],
    ]
    assert found == world.freshness(customer, on)


def check_customer(client, world, name, on=AS_OF):
    for scope, own in SCOPES:
        insights = client.call("GetCustomerInsights", customer_id=name, as_of=on.isoformat(), scope=scope).insights
        check_products(insights.products, world, [name], own, on)
        check_uncatalogued(insights, world, [name], own, on)
        check_freshness(insights.freshness.sources, insights.freshness.workloads, world, name, on)


def check_explanations(client, world, customers, name):
    for subject in (*PRODUCTS, *WORKLOADS):
        field = {"product": subject} if isinstance(subject, int) else {"workload_code": subject}
        explanation = client.call("ExplainUsage", customer_id=name, as_of=AS_OF.isoformat(), **field).explanation
        expected = world.usage_sum(customers, subject, AS_OF)
        assert (explanation.active_users if explanation.HasField("active_users") else 0) == expected["active_users"]
        assert [row.usage_class for row in explanation.classes] in ([], list(range(1, 9)))
        classes = [row.users for row in explanation.classes] or [0] * 8
        assert classes == expected["classes"], subject
        assert explanation.unclassified_users == expected["unclassified_users"], subject
        assert sum(classes) + explanation.unclassified_users == explanation.active_users, subject
        if name:
            assert explanation.HasField("active_users") == world.tells_activity(name, subject), subject
            assert bool(explanation.classes) == world.tells_usage(name, subject), subject
            assert explanation.HasField("total_users") == world.tells_usage(name, subject), subject


def check_trend(client, world, name):
    start = AS_OF - timedelta(2)
    for code in (None, "SPO"):
        points = client.call(
            "GetTrend", customer_id=name, start_date=start.isoformat(), end_date=AS_OF.isoformat(), scope=1,
            **({"workload_code": code} if code else {}),
        ).points  # fmt: skip
        found = {(point.date, point.product): point for point in points}
        for back in range(3):
            on = AS_OF - timedelta(back)
            for product in PRODUCTS:
                point = found.get((on.isoformat(), product))
                if point is None:
                    # A point of nothing but zeros; with a workload, a product that does not include it.
                    assert code and code not in world.covering(product)[1]
                    continue
                licenses = wanted(world.product_licenses([name], product, OWN, on), LICENSES)
                assert shown(point.licenses, LICENSES) == licenses, (on, product)
                subject = code or product
                assert usage_of(point.usage) == wanted(world.usage_sum([name], subject, on), USAGE), (on, subject)
                assert point.HasField("usage") == world.tells_activity(name, subject), (on, subject)


def check_comparison(client, world, name):
    reply = client.call("CompareLicenses", customer_id=name, as_of=AS_OF.isoformat())
    if not world.reported(name, SUBSCRIPTIONS):
        return
    data = world.customers[name]
    total = Counter()
    rows = {row.sku_id: row for row in reply.comparisons}
    assert all(world.skus[sku].product == row.product for sku, row in rows.items())
    for sku in (sku for product in PRODUCTS for sku in world.covering(product)[0]):
        sellers = {told.seller for told in data.subscriptions.values()}
        sold = Counter()
        for seller in sellers:
            kind = {OWN: "own", "DIRECT": "direct", "UNKNOWN": "unknown"}.get(seller, "other")
            sold[kind] += world.licenses(name, sku, seller, AS_OF)["sold"]
        total += sold
        if sku in rows:
            assert comparison(rows[sku]) == +sold, sku
        else:
            assert not +sold, sku
    assert comparison(reply.total) == +total


def comparison(row):
    return +Counter(own=row.own.sold, direct=row.direct_sold, other=row.other_partners_sold, unknown=row.unknown_sold)


def check_subscriptions(client, world, name):
    found = client.call("ListSubscriptions", customer_id=name, as_of=AS_OF.isoformat(), page_size=1000).subscriptions
    expected = [
        (
            id, value.sku, world.skus[value.sku].name if value.sku in world.skus else "", value.state, value.quantity,
            value.trial, value.term_end.isoformat() if value.term_end else "", value.auto_renew, value.term,
            since.isoformat(),
        )
        for id, since, value in subscriptions(world, name, OWN, AS_OF)
    ]  # fmt: skip
    assert [
        (
            row.subscription_id, row.sku_id, row.sku_name, row.state, row.quantity, row.trial, row.term_end,
            row.auto_renew, row.term, row.effective_date,
        )
        for row in found
    ] == expected  # fmt: skip


def check_users(client, world, name):
    for workload in ("", "SPO"):
        expected = licensed_users(world, name, AS_OF, workload)
        for activity, kept in ((1, (True, False)), (2, (True,)), (3, (False,))):
            found = client.call(
                "ListLicensedUsers", customer_id=name, as_of=AS_OF.isoformat(), activity=activity, workload_code=workload,
                page_size=1000,
            ).users  # fmt: skip
            rows = [
                (
                    row.user_id, row.principal_name, row.display_name, list(row.sku_ids),
                    {last.workload_code: last.last_active_date for last in row.last_activity},
                )
                for row in found
            ]  # fmt: skip
            assert rows == [row[:-1] for row in expected if row[-1] in kept], (workload, activity)


# Evidence that the model tells, of those kinds of advice.
NAMES = {
    2: ("how_to_requests", "total_users"), 3: ("workload_code",), 5: ("workload_code",), 6: ("workload_code",),
    4: ("sku_id", "subscription_id", "term_end", "term", "auto_renew"),
}  # fmt: skip


def check_advice(client, world, name):
    for scope, own in SCOPES:
        reply = client.call("ListRecommendations", customer_id=name, as_of=AS_OF.isoformat(), scope=scope, page_size=1000)
        found = {(row.product, row.kind): row for row in reply.recommendations}
        assert list(found) == sorted(found) and len(found) == len(reply.recommendations)
        expected = advice(world, name, OWN, own, AS_OF)
        assert set(found) == set(expected)
        for key, row in found.items():
            names = NAMES.get(key[1], ())
            # A term that is not known may be left out.
            evidence = [(item.name, item.value) for item in row.evidence if item.name in names and item.value]
            assert evidence == [(name, value) for name, value in expected[key] if value], key


def check_status(client, world, name):
    (row,) = client.call("GetIngestStatus", customer_id=name).customers
    # Seen from today, on which nothing is after what was reported.
    check_freshness(row.sources, row.workloads, world, name, day(0))


def check_default_day(client, world, name):
    through = world.customers[name].coverage.get(ACTIVITY)
    as_of = client.call("GetCustomerInsights", customer_id=name).insights.as_of
    assert as_of == (through or day(-1)).isoformat()


def check_all(told, name):
    world, carol = told.world, told.house["carol"]
    check_customer(carol, world, name)
    check_explanations(carol, world, [name], name)
    check_trend(carol, world, name)
    check_comparison(carol, world, name)
    check_subscriptions(carol, world, name)
    check_users(told.house["bob"], world, name)
    check_advice(carol, world, name)
    check_status(told.house["operator"], world, name)
    check_default_day(carol, world, name)


def check_portfolio(told):
    world, customers = told.world, told.customers
    coverage = [world.status(world.customers[name].coverage.get(ACTIVITY), AS_OF) for name in customers]
    for scope, own in SCOPES:
        insights = told.house["carol"].call("GetPortfolioInsights", as_of=AS_OF.isoformat(), scope=scope).insights
        assert insights.customer_count == len(customers)
        counts = insights.reported_customers, insights.lagging_customers, insights.unreported_customers
        assert counts == tuple(coverage.count(status) for status in (1, 2, 3))
        check_products(insights.products, world, customers, own)
        check_uncatalogued(insights, world, customers, own)


def check_list(told, dice):
    """Filters and orders by sums over the asked products."""
    scope, own = dice.choice(SCOPES)
    products = dice.choice([[], [1], [2], [1, 2]])
    found = {name: keys(told.world, name, products or PRODUCTS, own, AS_OF) for name in told.customers}
    key = dice.choice(["sold", "assigned", "active_users", "deployment", "usage"])
    present = {name: row[key] for name, row in found.items() if row[key] is not None}
    bound = int(dice.choice([*present.values(), 0]))
    asked = {"as_of": AS_OF.isoformat(), "scope": scope, "products": products, "page_size": 1000}
    listed = told.house["carol"].call("ListCustomerInsights", **asked, filter=f"{key} > {bound}")
    assert [row.customer_id for row in listed.insights] == sorted(name for name, value in present.items() if value > bound)
    descending = dice.random() < 0.5
    ordered = told.house["carol"].call("ListCustomerInsights", **asked, order_by=key + " desc" * descending)
    expected = sorted(present, key=lambda name: (-present[name] if descending else present[name], name))
    assert [row.customer_id for row in ordered.insights] == [*expected, *sorted(set(found) - set(present))]


def live(told, seed):
    """One world from its first fact to its last."""
    dice = random.Random(seed)
    names = [f"w{seed}-{n}" for n in range(dice.randrange(1, 3))]
    groups = [group for name in names for group in random_customer(dice, name, told.house.facts)]
    dice.shuffle(groups)
    told.show(names)
    facts = flat(groups)
    cuts = sorted({0, *(dice.randrange(len(facts)) for _ in range(dice.choice([0, 1, 2, 3])))})
    batches = [facts[start:end] for start, end in zip(cuts, [*cuts[1:], len(facts)])]
    for number, batch in enumerate(batches):
        told.tell(batch, f"w{seed}-{number}")
        for name in names:
            if visible(told, name):
                check_customer(told.house["carol"], told.world, name)
    for name in names:
        check_all(told, name)
        check_customer(told.house["carol"], told.world, name, AS_OF - timedelta(dice.choice([1, 5, 20])))
    if dice.random() < 0.5:
        repeat(told, dice, groups, names, told.house.api.IngestRequest(batch_id=f"w{seed}-0", facts=batches[0]))
    if dice.random() < 0.5:
        erase(told, dice.choice(names))
    check_portfolio(told)
    check_list(told, dice)


def flat(groups):
    return [fact for group in groups for fact in group]


def visible(told, name):
    return (OWN, day(-200)) in told.world.customers[name].relationships


def repeat(told, dice, groups, names, batch):
    """A batch twice is once; its facts under another id, in another order, are told once more."""
    (receipt,) = told.house["operator"].ingest([batch])
    assert receipt.duplicate
    for name in names:
        check_customer(told.house["carol"], told.world, name)
    dice.shuffle(groups)
    told.tell(flat(groups))
    for name in names:
        check_all(told, name)


def erase(told, name):
    """Every figure stays; nobody is listed; a later fact under an old id starts somebody new."""
    known = sorted(told.world.customers[name].owners)
    if not known:
        return
    before = figures(told, name)
    told.erase(name, known[0])
    assert figures(told, name) == before
    check_users(told.house["bob"], told.world, name)
    told.erase(name, known[0])
    told.tell([told.house.facts.user(name, known[0], "Somebody new"), told.house.facts.assignment(name, known[0], "E3", AS_OF)])
    check_all(told, name)


def figures(told, name):
    return [
        told.house["carol"].call("GetCustomerInsights", customer_id=name, as_of=AS_OF.isoformat(), scope=scope).insights
        for scope, _ in SCOPES
    ]


def restart(told):
    assert told.house.daemon.stop() == 0
    told.house.restart()
    for name in told.customers:
        check_all(told, name)
    check_portfolio(told)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_world(told, seed):
    live(told, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(MANY_WORLDS))
def test_many_worlds(told, seed):
    if seed % WORLDS_PER_START == WORLDS_PER_START - 1:
        restart(told)
    live(told, seed)


def test_the_portfolio_is_explained(house, told):
    check_explanations(house["carol"], told.world, told.customers, "")


EXPORTED = {
    "trial": "trial", "uncounted": "uncounted", "assigned": "assigned", "assigned_unsold": "assigned_unsold",
    "all_sold": "sold", "all_entitled": "entitled",
}  # fmt: skip


def test_the_export_tells_the_same(house, told):
    """Row by row the figures of the model; what is not reported is an empty field."""
    world = told.world
    rows = [row for reply in house["carol"].call("ExportInsights", as_of=AS_OF.isoformat()) for row in reply.rows]
    found = {(row.customer_id, row.product): row for row in rows}
    assert len(found) == len(rows)
    for name in told.customers:
        for product in PRODUCTS:
            row = found.get((name, product), house.api.ExportRow())
            everybody = world.product_licenses([name], product, None, AS_OF)
            own = world.product_licenses([name], product, OWN, AS_OF)
            assert shown(row, EXPORTED) == {field: everybody[key] for field, key in EXPORTED.items() if everybody[key]}
            assert shown(row, ("own_sold", "own_entitled")) == {
                f"own_{key}": own[key] for key in ("sold", "entitled") if own[key]
            }
            assert shown(row, USAGE) == wanted(world.usage_sum([name], product, AS_OF), USAGE)
            if (name, product) in found:
                assert row.HasField("active_users") == world.tells_activity(name, product)
                assert row.HasField("usage_percent") == bool(row.total_users)
                through = world.customers[name].coverage.get(ACTIVITY)
                assert row.activity_through == (through.isoformat() if through else "")


def test_a_restart_changes_nothing(told):
    """Read back from the store, the same figures come out as were kept up to date fact by fact."""
    restart(told)


def in_order(fact):
    """What two facts in either order do not say the same about."""
    kind = fact.WhichOneof("fact")
    part = getattr(fact, kind)
    if kind == "subscription":
        return kind, part.subscription_id, part.effective_date
    if kind == "assignment":
        # The object id of whoever has the sign-in name.
        return kind, part.user_id.replace("p", "o").removesuffix("@x"), part.sku_id, part.start_date
    if kind == "subscription_snapshot":
        return kind, part.date, part.seller_partner_id
    if kind == "assignment_snapshot":
        return kind, part.sku_id, part.date
    return kind, fact.SerializeToString()


def free_of_order(dice, name, f):
    """A customer of whom no two facts contradict each other, so that figures do not depend on arrival."""
    # Everybody under an object id and a sign-in name: whichever comes first, they are one.
    facts = [f.user(name, f"o{n}", f"Name {n}", f"p{n}@x") for n in range(5)]
    facts += f.coverage(name, AS_OF)
    facts += [f.snapshot(name, "F1", AS_OF - timedelta(3), [f"o{n}", f"p{n + 1}@x"], n + 1, 3) for n in range(3)]
    seen, sellers = set(map(in_order, facts)), {}
    for fact in flat(random_customer(dice, name, f)):
        kind = fact.WhichOneof("fact")
        if kind in ("user", "coverage", "support_request") or in_order(fact) in seen:
            continue
        if kind == "assignment_snapshot" and fact.assignment_snapshot.parts:
            continue
        if kind == "subscription":
            told = fact.subscription.seller_partner_id or fact.subscription.seller_kind
            if sellers.setdefault(fact.subscription.subscription_id, told) != told:
                continue
        seen.add(in_order(fact))
        facts.append(fact)
    return facts


@pytest.mark.parametrize("seed", range(70, 74))
def test_shuffled_facts_give_the_same_world(house, told, seed):
    """All facts of a world in another order, batch by batch: figures do not depend on arrival."""
    dice = random.Random(seed)
    name = f"ordered{seed}"
    facts = free_of_order(dice, name, house.facts)
    told.tell(facts)
    copies = []
    for n in range(3):
        dice.shuffle(facts)
        for fact in facts:
            getattr(fact, fact.WhichOneof("fact")).customer_id = f"shuffled{seed}-{n}"
        half = len(facts) // 2
        told.tell(facts[:half])
        told.tell(facts[half:])
        copies.append(f"shuffled{seed}-{n}")
    told.show([name, *copies])
    products = [
        house["carol"].call("GetCustomerInsights", customer_id=name, as_of=AS_OF.isoformat(), scope=1).insights.products
        for name in (name, *copies)
    ]
    assert all(figures == products[0] for figures in products)
    for name in (name, *copies):
        check_all(told, name)


def test_who_holds_several_is_charged_to_the_strongest(house, told):
    """`E1` has the smaller id; each time the other SKU is the stronger one."""
    f = house.facts
    cases = {
        "uncounted-over-trial": [("E1", 2, True, 1), ("E3", 2, False, 3)],
        "entitled-over-uncounted": [("E1", 2, False, 3), ("E3", 2, False, 1)],
        "entitled-over-trial": [("E1", 2, True, 1), ("E3", 2, False, 1)],
        "trial-over-nothing": [("E1", 2, False, 4), ("E3", 2, True, 1)],
        "smallest-of-equals": [("E1", 1, False, 1), ("E3", 1, True, 1)],
        "nothing-over-free": [("A-FREE", 5, False, 1), ("E3", 1, False, 4)],
        "free-alone": [("A-FREE", 5, False, 1), ("A-FREE", 5, True, 1)],
    }
    classes = {}
    for name, rows in cases.items():
        facts = [f.customer(name), f.relationship(OWN, name, day(-200)), *f.coverage(name, AS_OF)]
        for number, (sku, quantity, trial, state) in enumerate(rows):
            facts.append(f.subscription(f"s{number}", name, sku, OWN, day(-40), quantity, state, trial))
        for user in ("u1", "u2"):
            facts.append(f.activity(name, user, "SPO", AS_OF))
            facts += [f.assignment(name, user, sku, day(-40)) for sku in {row[0] for row in rows}]
        told.tell(facts)
        check_explanations(house["carol"], told.world, [name], name)
        classes[name] = told.world.usage(name, "SPO", AS_OF)["classes"]
    told.show(list(cases))
    assert classes["uncounted-over-trial"] == [0, 2, 0, 0, 0, 0, 0, 0]
    assert classes["entitled-over-uncounted"] == classes["entitled-over-trial"] == [2, 0, 0, 0, 0, 0, 0, 0]
    assert classes["trial-over-nothing"] == [0, 0, 2, 0, 0, 0, 0, 0]
    assert classes["smallest-of-equals"] == [1, 0, 0, 1, 0, 0, 0, 0]
    assert classes["nothing-over-free"] == [0, 0, 0, 2, 0, 0, 0, 0]
    assert classes["free-alone"] == [0, 0, 0, 0, 0, 0, 2, 0]
