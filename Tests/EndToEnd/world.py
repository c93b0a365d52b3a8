"""The definitions once more, in the most naive way: plain sets, no increments. A witness, not an optimization.

Everything is computed for one day from what was told, customer by customer and person by person. What a figure of one
customer was, is kept until the customer is told of again.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps

from facts import ACTIVE, ACTIVITY, ASSIGNMENTS, GRACE, SUBSCRIPTIONS, SUSPENDED
from told import WORKLOADS, Customer, workload

IN_SERVICE = (ACTIVE, GRACE, SUSPENDED)
# In the order of the enum.
CLASSES = (
    "ENTITLED", "UNCOUNTED_SUBSCRIPTION", "TRIAL", "OVER_ASSIGNED", "TURNOVER", "UNLICENSED", "FREE", "UNIDENTIFIED",
)  # fmt: skip
PRODUCTS = (1, 2)
# Of the uncatalogued SKUs.
ROWS_SHOWN = 100


@dataclass
class Sku:
    product: int | None
    workloads: set
    free: bool
    name: str


def kept(method):
    """Keeps what the method says of a customer until something is told."""

    @wraps(method)
    def answer(self, customer, *arguments):
        memo = self.customers[customer].memo
        key = (method.__name__, self.catalog_version, *arguments)
        if key not in memo:
            memo[key] = method(self, customer, *arguments)
        return memo[key]

    return answer


class World:
    def __init__(self):
        self.skus = {}  # id → Sku
        self.customers = defaultdict(Customer)
        self.catalog_version = 0

    def tell(self, facts):
        for fact in facts:
            kind = fact.WhichOneof("fact")
            if kind == "sku":
                sku = fact.sku
                self.skus[sku.sku_id] = Sku(sku.product or None, set(map(workload, sku.workload_codes)), sku.free, sku.name)
                self.catalog_version += 1
            elif kind != "partner":
                self.customers[getattr(fact, kind).customer_id].tell(fact)

    # Licenses

    def value(self, customer, subscription, day):
        """The entry that holds on the day, as snapshots leave it; None before the first."""
        data = self.customers[customer]
        told = data.subscriptions[subscription]
        first = max((since for since in told.entries if since <= day), default=None)
        if first is None:
            return None
        for (on, seller), named in data.subscription_snapshots.items():
            covers = seller in ("", told.seller)
            if covers and subscription not in named and first < on <= day:
                return told.entries[first].ended
        return told.entries[first]

    @kept
    def licenses(self, customer, sku, own, day):
        """The figures of one SKU, catalogued or not. `own` is a seller, or None for all."""
        data = self.customers[customer]
        free = sku in self.skus and self.skus[sku].free
        today = {name: self.value(customer, name, day) for name in data.subscriptions}
        today = {name: value for name, value in today.items() if value and value.sku == sku and not free}
        active_sibling = any(value.state == ACTIVE and not value.trial for value in today.values())

        def entitled(value):
            return not value.trial and (value.state == ACTIVE or (value.state == GRACE and not active_sibling))

        def sold(value):
            return not value.trial and value.state in IN_SERVICE

        def total(seller, condition):
            return sum(
                value.quantity for name, value in today.items()
                if (seller is None or data.subscriptions[name].seller == seller) and condition(value)
            )  # fmt: skip

        uncounted = 0
        for name in data.subscriptions if not free else ():
            if name in today and entitled(today[name]):
                continue
            for back in range(28):
                past = self.value(customer, name, day - timedelta(back))
                if past and past.sku == sku and sold(past):
                    uncounted += past.quantity
                    break
        all_sold, own_sold = total(None, sold), total(own, sold)
        holders = len({person for person, of in self.holdings(customer) if of == sku and self.holds(customer, person, sku, day)})
        n = holders if all_sold > 0 else 0
        if own is None:
            lower = upper = estimate = n
        elif all_sold == 0:
            lower = upper = estimate = 0
        else:
            lower = min(own_sold, max(0, n - (all_sold - own_sold)))
            upper = min(own_sold, n)
            estimate = max(lower, min(upper, n * own_sold // all_sold))
        return {
            "sold": own_sold,
            "entitled": total(own, entitled),
            "trial": total(own, lambda value: value.trial and value.state in (ACTIVE, GRACE)),
            "uncounted": uncounted,
            "assigned": estimate,
            "assigned_unsold": 0 if all_sold > 0 or free else holders,
            "assigned_lower": lower,
            "assigned_upper": upper,
        }

    def uncatalogued(self, customers, own, day):
        """SKU → sold, of SKUs that no fact names; of customers that report subscriptions."""
        total = defaultdict(int)
        for customer in customers:
            if not self.reported(customer, SUBSCRIPTIONS):
                continue
            named = {entry.sku for told in self.customers[customer].subscriptions.values() for entry in told.entries.values()}
            for sku in named - set(self.skus):
                total[sku] += self.licenses(customer, sku, own, day)["sold"]
        return {sku: sold for sku, sold in sorted(total.items()) if sold}

    # People

    @kept
    def holdings(self, customer):
        """(person, SKU) → half-open days, as the snapshots cut and open them."""
        data = self.customers[customer]
        snapshots = defaultdict(list)  # SKU → (day, people) by day
        for (sku, on), people in sorted(data.snapshots.items(), key=lambda item: item[0]):
            snapshots[sku].append((on, {person.root for person in people}))
        told = defaultdict(dict)  # (person, SKU) → start → end; the later told wins
        for person, sku, start, end in data.assignments:
            told[person.root, sku][start] = end
        pairs = set(told) | {(person, sku) for sku, listed in snapshots.items() for _, people in listed for person in people}
        found = {}
        for person, sku in pairs:

            def cut(start):
                return next((on for on, people in snapshots[sku] if on >= start and person not in people), None)

            spans = [(start, end or cut(start)) for start, end in told[person, sku].items()]
            for on, people in snapshots[sku]:
                if person in people and not any(start <= on and (end is None or on < end) for start, end in spans):
                    spans.append((on, cut(on)))
            found[person, sku] = spans
        return found

    def holds(self, customer, person, sku, day):
        spans = self.holdings(customer).get((person, sku), ())
        return any(start <= day and (end is None or day < end) for start, end in spans)

    @kept
    def days_active(self, customer):
        """(person, workload) → days."""
        days = defaultdict(set)
        for person, code, told in self.customers[customer].activity:
            days[person.root, code] |= told
        return days

    def active(self, customer, workloads, day):
        """Who was active in the window: the named people and the concealed."""
        window = {day - timedelta(back) for back in range(28)}
        people = {person for (person, code), days in self.days_active(customer).items() if code in workloads and days & window}
        concealed = people & set(self.customers[customer].concealed.values())
        return people - concealed, concealed

    # Usage

    def covering(self, subject):
        """SKUs and workloads of a product (a number) or a workload (a code)."""
        if isinstance(subject, int):
            skus = [id for id, sku in self.skus.items() if sku.product == subject]
            return skus, {code for id in skus for code in self.skus[id].workloads}
        return [id for id, sku in self.skus.items() if sku.product and subject in sku.workloads], {subject}

    def charged_to(self, held, figures):
        """The one of the SKUs that a person holds to which the person is charged."""
        for kind in ("entitled", "uncounted", "trial"):
            for sku in sorted(held):
                if figures[sku][kind] > 0:
                    return sku
        return min(held, key=lambda sku: (self.skus[sku].free, sku))

    @kept
    def usage(self, customer, subject, day):
        skus, workloads = self.covering(subject)
        window = [day - timedelta(back) for back in range(28)]
        named, concealed = self.active(customer, workloads, day)
        figures = {sku: self.licenses(customer, sku, None, day) for sku in skus}
        charged = defaultdict(set)
        for person in {person for person, sku in self.holdings(customer) if sku in skus}:
            held = [sku for sku in skus if self.holds(customer, person, sku, day)]
            if held:
                charged[self.charged_to(held, figures)].add(person)
        classes = dict.fromkeys(CLASSES, 0)
        for sku, people in charged.items():
            left = len(people & named)
            if self.skus[sku].free:
                classes["FREE"] += left
                continue
            for name, kind in zip(CLASSES, ("entitled", "uncounted", "trial")):
                part = min(left, figures[sku][kind])
                classes[name] += part
                left -= part
            classes["OVER_ASSIGNED"] += left
        for person in named - set().union(*charged.values()):
            held = any(self.holds(customer, person, sku, past) for sku in skus for past in window)
            classes["TURNOVER" if held else "UNLICENSED"] += 1
        active = max(len(named), len(concealed))
        classes["UNIDENTIFIED"] = active - len(named)
        return {
            "active_users": active,
            "total_users": sum(min(len(people), figures[sku]["entitled"]) for sku, people in charged.items()),
            "entitlements": sum(figure["entitled"] for figure in figures.values()),
            "classes": [classes[name] for name in CLASSES],
        }

    # What is reported

    def reported(self, customer, *sources):
        return all(source in self.customers[customer].coverage for source in sources)

    def tells_activity(self, customer, subject):
        """Whether activity is reported for the workload, or for any of the product."""
        return bool(self.covering(subject)[1] & set(self.customers[customer].workloads))

    def tells_usage(self, customer, subject):
        """Whether whatever total users and classes need is reported."""
        return self.tells_activity(customer, subject) and self.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS)

    @staticmethod
    def status(through, day):
        return 3 if through is None else 1 if through >= day else 2

    def freshness(self, customer, day):
        """(source, status, through) and (workload, status, through)."""
        data = self.customers[customer]
        sources = [(source, data.coverage.get(source)) for source in (SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY)]
        workloads = [(code, data.workloads.get(code)) for code in WORKLOADS] if data.workloads else []
        return [
            [(name, self.status(through, day), through.isoformat() if through else "") for name, through in rows]
            for rows in (sources, workloads)
        ]

    # Sums over customers

    def product_licenses(self, customers, product, own, day):
        """Sums over customers and the product's SKUs; a figure of an unreported source is left out."""
        total = defaultdict(int)
        for customer in customers:
            for sku in self.covering(product)[0]:
                for name, value in self.licenses(customer, sku, own, day).items():
                    needs = {SUBSCRIPTIONS} | ({ASSIGNMENTS} if name.startswith("assigned") else set())
                    if self.reported(customer, *needs):
                        total[name] += value
                    if name == "sold" and self.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS):
                        # Deployment looks at customers that report both of its sides.
                        total["deployment_sold"] += value
        return total

    def usage_sum(self, customers, subject, day):
        """Of the customers that report the subject."""
        total = dict.fromkeys(("active_users", "total_users", "entitlements", "ratio_active", "unclassified_users"), 0)
        total["classes"] = [0] * len(CLASSES)
        for customer in customers:
            if not self.tells_activity(customer, subject):
                continue
            usage = self.usage(customer, subject, day)
            total["active_users"] += usage["active_users"]
            if self.tells_usage(customer, subject):
                total["total_users"] += usage["total_users"]
                total["entitlements"] += usage["entitlements"]
                total["ratio_active"] += usage["active_users"]
                total["classes"] = [a + b for a, b in zip(total["classes"], usage["classes"])]
            else:
                total["unclassified_users"] += usage["active_users"]
        return total
