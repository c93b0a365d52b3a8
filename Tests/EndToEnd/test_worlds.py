"""Random worlds through the wire against the naive model of world.py."""

import random
from datetime import timedelta

import pytest
from facts import ACTIVITY, ASSIGNMENTS, DIRECT, SUBSCRIPTIONS, UNKNOWN, day
from world import World

WORLDS = 30
AS_OF = day(-4)
WORKLOADS = ["EXO", "SPO", "TEAMS", "YAM", "CRM", "APPS", "SFB"]
SKUS = {
    "E1": (1, ["EXO", "SPO"]),
    "E3": (1, ["EXO", "SPO", "TEAMS", "YAM", "APPS"]),
    "F1": (1, ["TEAMS"]),
    "NONE": (1, []),
    "D365": (2, ["CRM"]),
    "D365X": (2, ["CRM", "SPO"]),
    "EMS": (None, ["EXO"]),
}


@pytest.fixture(scope="module")
def told(house):
    """The model, and what the server was told of it so far."""
    world = World()
    world.skus = {sku: (product, set(workloads)) for sku, (product, workloads) in SKUS.items()}
    house["operator"].feed([house.facts.sku(sku, product or 0, workloads) for sku, (product, workloads) in SKUS.items()])
    return world


def near(dice):
    """A day about the window, its edges more often than others."""
    return AS_OF - timedelta(dice.choice([-2, -1, 0, 1, 26, 27, 28, 29, dice.randrange(60)]))


def random_customer(dice, name, world, f):
    """Fills the model and yields the same as facts."""
    customer = world.customers[name]
    yield f.customer(name, name)
    yield f.relationship("A", name, day(-200))
    users = [f"u{n}" for n in range(dice.randrange(1, 9))]
    for n in range(dice.randrange(0, 8)):
        sku, seller = dice.choice(list(SKUS)), dice.choice(["A", "A", "B", DIRECT, UNKNOWN])
        entries = []
        for _ in range(dice.randrange(1, 4)):
            entry = (near(dice), dice.randrange(0, 6), dice.randrange(1, 5), dice.random() < 0.2)
            entries.append(entry)
            yield f.subscription(f"s{n}", name, sku, seller, *entry)
        customer.subscriptions[f"s{n}"] = (sku, seller, entries)
    for _ in range(dice.randrange(0, 14)):
        user, sku, start = dice.choice(users), dice.choice(list(SKUS)), near(dice)
        end = start + timedelta(dice.randrange(0, 40)) if dice.random() < 0.4 else None
        customer.assignments[user, sku, start] = end
        yield f.assignment(name, user, sku, start, end)
    for _ in range(dice.choice([0, 0, 1, 2])):
        sku, on = dice.choice(list(SKUS)), near(dice)
        named = set(dice.sample(users, dice.randrange(0, len(users) + 1)))
        customer.snapshots[sku, on] = named
        yield f.snapshot(name, sku, on, sorted(named))
    for _ in range(dice.randrange(0, 16)):
        user, workload = dice.choice([*users, "guest"]), dice.choice([*WORKLOADS, "ODB"])
        days = [near(dice) for _ in range(dice.randrange(1, 4))]
        customer.activity[user, "SPO" if workload == "ODB" else workload].update(days)
        yield f.activity(name, user, workload, *days)
    for source in (SUBSCRIPTIONS, ASSIGNMENTS):
        if dice.random() < 0.9:
            customer.coverage[source] = AS_OF - timedelta(dice.choice([0, 0, 0, 5]))
            yield from f.coverage(name, customer.coverage[source], source)
    if dice.random() < 0.9:
        # None is all of them.
        codes = dice.choice([[], ["EXO", "ODB", "TEAMS", "SFB", "YAM"], dice.sample(WORKLOADS, 2), ["CRM"]])
        customer.reported_workloads = {"SPO" if code == "ODB" else code for code in codes or WORKLOADS}
        yield from f.coverage(name, AS_OF - timedelta(dice.choice([0, 0, 0, 5])), ACTIVITY, workloads=codes)


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


def check_products(products, world, customers, own):
    found = {product.product: product for product in products}
    for number in (1, 2):
        licenses = world.product_licenses(customers, number, own, AS_OF)
        assert (shown(found[number].licenses, LICENSES) if number in found else {}) == wanted(licenses, LICENSES)
        usage = world.usage_sum(customers, number, AS_OF)
        assert (usage_of(found[number].usage) if number in found else {}) == wanted(usage, USAGE)
        if number not in found:
            continue
        if len(customers) == 1:
            assert found[number].HasField("usage") == world.reports_activity(customers[0], number)
        check_ratios(found[number], licenses, usage)
        workloads = {row.workload_code: row.usage for row in found[number].workloads}
        for row in found[number].workloads if len(customers) == 1 else ():
            assert row.HasField("usage") == world.reports_activity(customers[0], row.workload_code), row.workload_code
        for code in world.covering(number)[1]:
            expected = wanted(world.usage_sum(customers, code, AS_OF), USAGE)
            assert (usage_of(workloads[code]) if code in workloads else {}) == expected, code
        for row in found[number].skus:
            if len(customers) == 1:
                expected = world.licenses(customers[0], row.sku_id, own, AS_OF)
                assert set(shown(row.licenses, LICENSES).items()) <= set(expected.items()), row.sku_id


def check_explanations(client, world, customers, name):
    for subject in (1, 2, *WORKLOADS):
        field = {"product": subject} if isinstance(subject, int) else {"workload_code": subject}
        explanation = client.call("ExplainUsage", customer_id=name, as_of=AS_OF.isoformat(), **field).explanation
        expected = world.usage_sum(customers, subject, AS_OF)
        assert (explanation.active_users if explanation.HasField("active_users") else 0) == expected["active_users"]
        classes = [row.users for row in explanation.classes] or [0] * 6
        assert classes == expected["classes"], subject
        assert explanation.unclassified_users == expected["unclassified_users"], subject
        assert sum(classes) + explanation.unclassified_users == explanation.active_users, subject


@pytest.mark.parametrize("seed", range(WORLDS))
def test_world(house, told, seed):
    dice = random.Random(seed)
    carol, as_of = house["carol"], AS_OF.isoformat()
    for n in range(dice.randrange(1, 4)):
        name = f"w{seed}-{n}"
        facts = list(random_customer(dice, name, told, house.facts))
        house["operator"].feed(facts)
        for scope, own in ((1, "A"), (2, None)):
            insights = carol.call("GetCustomerInsights", customer_id=name, as_of=as_of, scope=scope).insights
            check_products(insights.products, told, [name], own)
        check_explanations(carol, told, [name], name)
    everybody = list(told.customers)
    for scope, own in ((1, "A"), (2, None)):
        insights = carol.call("GetPortfolioInsights", as_of=as_of, scope=scope).insights
        assert insights.customer_count == len(everybody)
        check_products(insights.products, told, everybody, own)


def test_the_portfolio_is_explained(house, told):
    check_explanations(house["carol"], told, list(told.customers), "")


def test_a_restart_changes_nothing(house, told):
    """Read back from the store, the same figures come out as were kept up to date fact by fact."""
    assert house.daemon.stop() == 0
    house.restart()
    for scope, own in ((1, "A"), (2, None)):
        insights = house["carol"].call("GetPortfolioInsights", as_of=AS_OF.isoformat(), scope=scope).insights
        check_products(insights.products, told, list(told.customers), own)


def test_shuffled_facts_give_the_same_world(house, told):
    """All facts of a world in another order: figures do not depend on arrival (one entry a day and subscription)."""
    dice = random.Random(77)
    world = World()
    world.skus = told.skus
    facts = [fact for fact in random_customer(dice, "ordered", world, house.facts)]
    days = [(sub, entry[0]) for sub, (_, _, entries) in world.customers["ordered"].subscriptions.items() for entry in entries]
    assert len(days) == len(set(days)), "take another seed"
    house["operator"].feed(facts)
    copies = []
    for n in range(3):
        dice.shuffle(facts)
        for fact in facts:
            part = getattr(fact, fact.WhichOneof("fact"))
            part.customer_id = f"shuffled{n}"
            if fact.HasField("subscription"):
                fact.subscription.subscription_id += f"-{n}"
        house["operator"].feed(facts)
        copies.append(f"shuffled{n}")
    figures = [
        house["carol"].call("GetCustomerInsights", customer_id=name, as_of=AS_OF.isoformat(), scope=1).insights.products
        for name in ("ordered", *copies)
    ]
    assert all(products == figures[0] for products in figures)
    check_products(figures[0], world, ["ordered"], "A")


def test_who_holds_several_is_charged_to_the_strongest(house, told):
    """`E1` has the smaller id; each time the other SKU is the stronger one."""
    f, world = house.facts, World()
    world.skus = told.skus
    cases = {
        "uncounted-over-trial": [("E1", 2, True, 1), ("E3", 2, False, 3)],
        "entitled-over-uncounted": [("E1", 2, False, 3), ("E3", 2, False, 1)],
        "entitled-over-trial": [("E1", 2, True, 1), ("E3", 2, False, 1)],
        "trial-over-nothing": [("E1", 2, False, 4), ("E3", 2, True, 1)],
        "smallest-of-equals": [("E1", 1, False, 1), ("E3", 1, True, 1)],
    }
    classes = {}
    for name, subscriptions in cases.items():
        customer = world.customers[name]
        customer.coverage = dict.fromkeys((SUBSCRIPTIONS, ASSIGNMENTS), AS_OF)
        customer.reported_workloads = set(WORKLOADS)
        facts = [f.customer(name), f.relationship("A", name, day(-90)), *f.coverage(name, AS_OF)]
        for sku, quantity, trial, state in subscriptions:
            customer.subscriptions[sku] = (sku, "A", [(day(-40), quantity, state, trial)])
            facts.append(f.subscription(sku, name, sku, "A", day(-40), quantity, state, trial))
        for user in ("u1", "u2"):
            customer.activity[user, "EXO"].add(AS_OF)
            facts.append(f.activity(name, user, "EXO", AS_OF))
            for sku in ("E1", "E3"):
                customer.assignments[user, sku, day(-40)] = None
                facts.append(f.assignment(name, user, sku, day(-40)))
        house["operator"].feed(facts)
        check_explanations(house["carol"], world, [name], name)
        classes[name] = world.usage(name, "EXO", AS_OF)["classes"]
    assert classes["uncounted-over-trial"] == [0, 2, 0, 0, 0, 0]
    assert classes["entitled-over-uncounted"] == classes["entitled-over-trial"] == [2, 0, 0, 0, 0, 0]
    assert classes["trial-over-nothing"] == [0, 0, 2, 0, 0, 0]
    assert classes["smallest-of-equals"] == [1, 0, 0, 1, 0, 0]
