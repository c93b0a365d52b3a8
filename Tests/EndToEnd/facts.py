"""Short makers of facts. Days are `datetime.date` or text."""

from datetime import date, timedelta, timezone, datetime

OFFICE, DYNAMICS = 1, 2
ACTIVE, GRACE, SUSPENDED, DEPROVISIONED = 1, 2, 3, 4
DIRECT, UNKNOWN = "DIRECT", "UNKNOWN"
SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY = 1, 2, 3


def today():
    return datetime.now(timezone.utc).date()


def day(offset):
    """The day that many days from today."""
    return today() + timedelta(offset)


def days(first, last):
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def text(value):
    return value.isoformat() if isinstance(value, date) else value or ""


class Facts:
    def __init__(self, api):
        self.api = api

    def partner(self, partner, name=""):
        return self.api.Fact(partner=dict(partner_id=partner, name=name))

    def customer(self, customer, name="", market=""):
        return self.api.Fact(customer=dict(customer_id=customer, name=name, market=market))

    def relationship(self, partner, customer, start, end=None):
        return self.api.Fact(
            relationship=dict(partner_id=partner, customer_id=customer, start_date=text(start), end_date=text(end))
        )

    def sku(self, sku, product=OFFICE, workloads=(), name="", free=False):
        return self.api.Fact(sku=dict(sku_id=sku, name=name, product=product, workload_codes=workloads, free=free))

    def subscription(
        self, subscription, customer, sku, seller, effective, quantity, state=ACTIVE, trial=False, term_end=None,
        auto_renew=False, term="",
    ):  # fmt: skip
        fields = dict(
            subscription_id=subscription, customer_id=customer, sku_id=sku, effective_date=text(effective),
            quantity=quantity, state=state, trial=trial, term_end=text(term_end), auto_renew=auto_renew,
            term=term,
        )  # fmt: skip
        if seller == DIRECT:
            fields["seller_kind"] = self.api.SELLER_KIND_DIRECT
        elif seller != UNKNOWN:
            fields["seller_partner_id"] = seller
        return self.api.Fact(subscription=fields)

    def subscription_snapshot(self, customer, on, subscriptions, seller=""):
        return self.api.Fact(
            subscription_snapshot=dict(
                customer_id=customer, date=text(on), subscription_ids=subscriptions, seller_partner_id=seller
            )
        )

    def user(self, customer, user, name="", principal="", aliases=()):
        return self.api.Fact(
            user=dict(
                customer_id=customer, user_id=user, display_name=name, principal_name=principal, aliases=aliases
            )
        )

    def assignment(self, customer, user, sku, start, end=None):
        return self.api.Fact(
            assignment=dict(
                customer_id=customer, user_id=user, sku_id=sku, start_date=text(start), end_date=text(end)
            )
        )

    def snapshot(self, customer, sku, on, users, part=0, parts=0):
        return self.api.Fact(
            assignment_snapshot=dict(
                customer_id=customer, sku_id=sku, date=text(on), user_ids=users, part=part, parts=parts
            )
        )

    def activity(self, customer, user, workload, *dates, concealed=False):
        return self.api.Fact(
            activity=dict(
                customer_id=customer, user_id=user, workload_code=workload, dates=list(map(text, dates)),
                concealed=concealed,
            )
        )  # fmt: skip

    def support(self, customer, on, count, how_to=True):
        return self.api.Fact(
            support_request=dict(customer_id=customer, date=text(on), category=1 if how_to else 2, count=count)
        )

    def coverage(self, customer, through, *sources, workloads=()):
        """Of activity alone: `workloads` are the reported ones; none means all."""
        return [
            self.api.Fact(
                coverage=dict(customer_id=customer, source=source, through=text(through), workload_codes=workloads)
            )
            for source in sources or (SUBSCRIPTIONS, ASSIGNMENTS, ACTIVITY)
        ]
