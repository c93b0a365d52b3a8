"""The definitions once more, in the most naive way: plain sets, no increments, no caches. A witness, not an optimization.

Everything is computed for one day from lists of facts, customer by customer and person by person.
"""

from collections import defaultdict
from datetime import timedelta

from facts import ACTIVE, ASSIGNMENTS, GRACE, SUBSCRIPTIONS, SUSPENDED

IN_SERVICE = (ACTIVE, GRACE, SUSPENDED)
CLASSES = ("ENTITLED", "UNCOUNTED_SUBSCRIPTION", "TRIAL", "OVER_ASSIGNED", "TURNOVER", "UNLICENSED")


class Customer:
    def __init__(self):
        self.subscriptions = {}  # id -> (sku, seller, [(day, quantity, state, trial)] as ingested)
        self.assignments = {}  # (user, sku, start) -> end or None
        self.snapshots = {}  # (sku, day) -> users
        self.activity = defaultdict(set)  # (user, workload) -> days
        self.coverage = {}  # source -> day, of subscriptions and assignments
        self.reported_workloads = set()  # those in which activity is reported


class World:
    def __init__(self):
        self.skus = {}  # id -> (product or None, workloads)
        self.customers = defaultdict(Customer)

    # Licenses

    @staticmethod
    def entry(subscription, day):
        """Quantity, state, trial on the day; None before the first entry."""
        _, _, entries = subscription
        best = None
        for entry in entries:
            if entry[0] <= day and (best is None or entry[0] >= best[0]):
                best = entry
        return best and best[1:]

    def licenses(self, customer, sku, own, day):
        """The figures of one SKU. `own` is a seller, or None for all."""
        data = self.customers[customer]
        of_sku = [subscription for subscription in data.subscriptions.values() if subscription[0] == sku]
        today = [(subscription, self.entry(subscription, day)) for subscription in of_sku]
        today = [(subscription, entry) for subscription, entry in today if entry]
        active_sibling = any(state == ACTIVE and not trial for _, (_, state, trial) in today)

        def entitled(entry):
            _, state, trial = entry
            return not trial and (state == ACTIVE or (state == GRACE and not active_sibling))

        def total(sellers, condition):
            return sum(
                entry[0] for (_, seller, _), entry in today if (sellers is None or seller == sellers) and condition(entry)
            )

        def sold(entry):
            return not entry[2] and entry[1] in IN_SERVICE

        uncounted = 0
        for subscription in of_sku:
            entry = self.entry(subscription, day)
            if entry and entitled(entry):
                continue
            for back in range(28):
                past = self.entry(subscription, day - timedelta(back))
                if past and sold(past):
                    uncounted += past[0]
                    break
        all_sold, own_sold = total(None, sold), total(own, sold)
        holders = len({user for user in self.people(customer) if self.holds(customer, user, sku, day)})
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
            "sold": own_sold if own else all_sold,
            "entitled": total(own, entitled),
            "trial": total(own, lambda entry: entry[2] and entry[1] in (ACTIVE, GRACE)),
            "uncounted": uncounted,
            "assigned": estimate,
            "assigned_unsold": 0 if all_sold > 0 else holders,
            "assigned_lower": lower,
            "assigned_upper": upper,
        }

    # People

    def people(self, customer):
        data = self.customers[customer]
        return (
            {user for user, _, _ in data.assignments}
            | {user for users in data.snapshots.values() for user in users}
            | {user for user, _ in data.activity}
        )

    def intervals(self, customer, user, sku):
        """Half-open days in which the user holds the SKU, as the snapshots cut and open them."""
        data = self.customers[customer]
        snapshots = sorted((day, users) for (of, day), users in data.snapshots.items() if of == sku)

        def cut(start):
            return next((day for day, users in snapshots if day >= start and user not in users), None)

        found = [
            (start, end or cut(start)) for (who, of, start), end in data.assignments.items() if (who, of) == (user, sku)
        ]
        for day, users in snapshots:
            if user in users and not any(start <= day and (end is None or day < end) for start, end in found):
                found.append((day, cut(day)))
        return found

    def holds(self, customer, user, sku, day):
        return any(start <= day and (end is None or day < end) for start, end in self.intervals(customer, user, sku))

    # Usage

    def covering(self, subject):
        """SKUs and workloads of a product (a number) or a workload (a code)."""
        if isinstance(subject, int):
            skus = [sku for sku, (product, _) in self.skus.items() if product == subject]
            return skus, {workload for sku in skus for workload in self.skus[sku][1]}
        skus = [sku for sku, (product, workloads) in self.skus.items() if product and subject in workloads]
        return skus, {subject}

    def usage(self, customer, subject, day):
        data = self.customers[customer]
        skus, workloads = self.covering(subject)
        window = {day - timedelta(back) for back in range(28)}
        active = {user for (user, workload), days in data.activity.items() if workload in workloads and days & window}
        figures = {sku: self.licenses(customer, sku, None, day) for sku in skus}
        charged = defaultdict(set)
        for user in self.people(customer):
            held = sorted(sku for sku in skus if self.holds(customer, user, sku, day))
            if held:
                first = next((sku for kind in ("entitled", "uncounted", "trial") for sku in held if figures[sku][kind] > 0), held[0])
                charged[first].add(user)
        classes = dict.fromkeys(CLASSES, 0)
        for sku, users in charged.items():
            left = len(users & active)
            for name, kind in zip(CLASSES, ("entitled", "uncounted", "trial")):
                part = min(left, figures[sku][kind])
                classes[name] += part
                left -= part
            classes["OVER_ASSIGNED"] += left
        for user in active - set().union(*charged.values()):
            held = any(self.holds(customer, user, sku, past) for sku in skus for past in window)
            classes["TURNOVER" if held else "UNLICENSED"] += 1
        return {
            "active_users": len(active),
            "total_users": sum(min(len(users), figures[sku]["entitled"]) for sku, users in charged.items()),
            "entitlements": sum(figure["entitled"] for figure in figures.values()),
            "classes": [classes[name] for name in CLASSES],
        }

    # Answers

    def reported(self, customer, *sources):
        return all(source in self.customers[customer].coverage for source in sources)

    def reports_activity(self, customer, subject):
        """Of a product: in any workload of its SKUs."""
        return bool(self.covering(subject)[1] & self.customers[customer].reported_workloads)

    def product_licenses(self, customers, product, own, day):
        """Sums over customers and the product's SKUs; a figure of an unreported source is left out."""
        total = defaultdict(int)
        for customer in customers:
            for sku, (of, _) in self.skus.items():
                if of != product:
                    continue
                for name, value in self.licenses(customer, sku, own, day).items():
                    needs = {SUBSCRIPTIONS} | ({ASSIGNMENTS} if name.startswith("assigned") else set())
                    if self.reported(customer, *needs):
                        total[name] += value
                    if name == "sold" and self.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS):
                        # Deployment looks at customers that report both of its sides.
                        total["deployment_sold"] += value
        return total

    def usage_sum(self, customers, subject, day):
        total = dict.fromkeys(("active_users", "total_users", "entitlements", "ratio_active", "unclassified_users"), 0)
        total["classes"] = [0] * len(CLASSES)
        for customer in customers:
            if not self.reports_activity(customer, subject):
                continue
            usage = self.usage(customer, subject, day)
            total["active_users"] += usage["active_users"]
            total["unclassified_users"] += usage["active_users"]
            if self.reported(customer, SUBSCRIPTIONS, ASSIGNMENTS):
                total["total_users"] += usage["total_users"]
                total["entitlements"] += usage["entitlements"]
                total["ratio_active"] += usage["active_users"]
                total["unclassified_users"] -= usage["active_users"]
                total["classes"] = [a + b for a, b in zip(total["classes"], usage["classes"])]
        return total
