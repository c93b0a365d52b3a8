"""What the lists show, from the naive figures of world.py: subscriptions, people, keys of filters, advice."""

from datetime import timedelta

from facts import ASSIGNMENTS, SUBSCRIPTIONS
from told import WORKLOADS
from world import CLASSES, IN_SERVICE, PRODUCTS

HOW_TO = 1
# Of RecommendationKind.
SHOW_THE_VALUE, OFFER_TRAINING, CONVERT_TRIAL, RECLAIM_LICENSES, LICENSE_THE_USERS, RESOLVE_SUBSCRIPTION = range(1, 7)


def subscriptions(world, customer, own, day):
    """Own subscriptions by id: id, first day of what is shown, and the entry."""
    rows = []
    for name, told in sorted(world.customers[customer].subscriptions.items()):
        value = world.value(customer, name, day)
        if told.seller != own or value is None:
            continue
        since = day
        while world.value(customer, name, since - timedelta(1)) == value:
            since -= timedelta(1)
        rows.append((name, since, value))
    return rows


def licensed_users(world, customer, day, workload=None):
    """People by id: id, sign-in name, display name, SKUs, last active day by workload, whether active in the window."""
    covered = {code for sku in world.skus.values() if sku.product for code in sku.workloads}
    watched = {workload} if workload else covered
    rows = []
    for person in {person for person, _ in world.holdings(customer)}:
        held = sorted(sku for who, sku in world.holdings(customer) if who is person and world.holds(customer, person, sku, day))
        wanted = set(world.covering(workload)[0]) if workload else set(held)
        if person.main is None or not wanted & set(held):
            continue
        last = {}
        for code in WORKLOADS:
            days = [on for on in world.days_active(customer).get((person, code), ()) if on <= day]
            if days:
                last[code] = max(days).isoformat()
        is_active = person in world.active(customer, watched, day)[0]
        rows.append((person.main, person.principal, person.name, held, last, is_active))
    return sorted(rows, key=lambda row: row[0])


def percent(part, whole):
    return 100 * part / whole if whole else None


def keys(world, customer, products, own, day):
    """What lists of customers are filtered and ordered by: sums over the products that have the figure."""
    licenses = {product: world.product_licenses([customer], product, own, day) for product in products}
    active = [product for product in products if world.tells_activity(customer, product)]
    usage = {product: world.usage(customer, product, day) for product in active}
    sold = sum(row["sold"] for row in licenses.values())
    assigned = sum(row["assigned"] for row in licenses.values())
    both = world.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS)
    active_users = sum(row["active_users"] for row in usage.values()) if active else None
    total_users = sum(row["total_users"] for row in usage.values())
    return {
        "sold": sold if world.reported(customer, SUBSCRIPTIONS) else None,
        "assigned": assigned if both else None,
        "active_users": active_users,
        "deployment": percent(assigned, sold) if both else None,
        "usage": percent(active_users, total_users) if both and active else None,
    }


def advice(world, customer, own, scope_own, day):
    """(product or 0, kind) → evidence, as far as it is told apart: rows of (name, value).

    `own` is the caller's partner, `scope_own` the seller of the asked scope.
    """
    data = world.customers[customer]
    found = {}
    trained = [product for product in PRODUCTS if world.tells_usage(customer, product)]
    users = sum(world.usage(customer, product, day)["total_users"] for product in trained)
    requests = sum(data.support.get((day - timedelta(back), HOW_TO), 0) for back in range(28))
    if users > 0 and requests >= 5 and 100 * requests >= 10 * users:
        found[0, OFFER_TRAINING] = [("how_to_requests", str(requests)), ("total_users", str(users))]
    for product in PRODUCTS:
        if shows_the_value(world, customer, product, scope_own, day):
            found[product, SHOW_THE_VALUE] = []
        skus, workloads = world.covering(product)
        for kind, name in (
            (CONVERT_TRIAL, "TRIAL"), (LICENSE_THE_USERS, "UNLICENSED"), (RESOLVE_SUBSCRIPTION, "UNCOUNTED_SUBSCRIPTION")
        ):  # fmt: skip
            codes = [
                code for code in sorted(workloads)
                if world.tells_usage(customer, code) and world.usage(customer, code, day)["classes"][CLASSES.index(name)]
            ]  # fmt: skip
            if codes:
                found[product, kind] = [("workload_code", code) for code in codes]
        if world.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS):
            rows = [row for sku in sorted(skus) for row in reclaimable(world, customer, sku, own, day)]
            if rows:
                found[product, RECLAIM_LICENSES] = rows
    return found


def shows_the_value(world, customer, product, own, day):
    if world.tells_usage(customer, product):
        usage = world.usage(customer, product, day)
        if usage["total_users"] >= 5 and 100 * usage["active_users"] < 40 * usage["total_users"]:
            return True
    licenses = world.product_licenses([customer], product, own, day)
    reported = world.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS)
    return reported and licenses["sold"] >= 5 and 100 * licenses["assigned"] < 60 * licenses["sold"]


def reclaimable(world, customer, sku, own, day):
    """Of own subscriptions that end or renew soon, where own licenses of the SKU are unassigned."""
    figures = world.licenses(customer, sku, own, day)
    if figures["sold"] - figures["assigned"] <= 0:
        return []
    rows = []
    for name, told in sorted(world.customers[customer].subscriptions.items()):
        value = world.value(customer, name, day)
        if told.seller != own or not value or value.sku != sku or value.trial or value.state not in IN_SERVICE:
            continue
        days = 7 if value.term == "P1M" and value.auto_renew else 30
        if value.term_end and day <= value.term_end <= day + timedelta(days):
            rows += [("subscription_id", name), ("term_end", value.term_end.isoformat()), ("term", value.term)]
            rows.append(("auto_renew", "true" if value.auto_renew else "false"))
    return [("sku_id", sku), *rows] if rows else []
