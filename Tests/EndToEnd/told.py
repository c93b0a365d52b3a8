"""What was told of one customer, fact by fact in the order of arrival, and who is who. Nothing is worked out here but that.

Reads the messages that go to the server. Days are `datetime.date`, the end of an open assignment None.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from facts import ACTIVITY, DEPROVISIONED, DIRECT, UNKNOWN

WORKLOADS = ("APPS", "CRM", "EXO", "SFB", "SPO", "TEAMS", "YAM")


def parsed(text):
    return date.fromisoformat(text) if text else None


def workload(code):
    return "SPO" if code == "ODB" else code


class Entry(NamedTuple):
    """What a subscription is from its day on."""

    sku: str
    quantity: int
    state: int
    trial: bool
    term_end: date | None
    auto_renew: bool
    term: str

    @property
    def ended(self):
        return self._replace(state=DEPROVISIONED)


@dataclass
class Subscription:
    # Day → entry; of two for one day the later ingested.
    entries: dict = field(default_factory=dict)
    # A partner id, DIRECT or UNKNOWN.
    seller: str = UNKNOWN


class Person:
    """Somebody under a main id; whoever turned out to be another points to that one."""

    def __init__(self, main):
        # None: erased.
        self.main = main
        self.name = ""
        self.principal = ""
        self.merged_into = None
        # Whether a fact other than a part of a snapshot was about the person.
        self.is_known = False

    @property
    def root(self):
        person = self
        while person.merged_into:
            person = person.merged_into
        return person


class Customer:
    def __init__(self):
        self.name = self.market = ""
        self.relationships = {}  # (partner, start) → end or None
        self.subscriptions = defaultdict(Subscription)  # id → Subscription
        self.subscription_snapshots = {}  # (day, seller or "") → ids
        self.owners = {}  # every id of a named person → Person
        self.concealed = {}  # id → Person
        self.assignments = []  # (person, sku, start, end) as they came
        self.snapshots = {}  # (sku, day) → people
        self.parts = {}  # (sku, day) → number → (how many parts, people)
        self.activity = []  # (person, workload, days) as they came
        self.coverage = {}  # source → day, of activity that of the best workload
        self.workloads = {}  # workload → day
        self.support = {}  # (day, category) → count
        # What was worked out of the facts so far.
        self.memo = {}

    def tell(self, fact):
        self.memo.clear()
        kind = fact.WhichOneof("fact")
        getattr(self, f"_{kind}")(getattr(fact, kind))

    def _customer(self, fact):
        self.name, self.market = fact.name, fact.market

    def _relationship(self, fact):
        self.relationships[fact.partner_id, parsed(fact.start_date)] = parsed(fact.end_date)

    # Subscriptions

    def _subscription(self, fact):
        subscription = self.subscriptions[fact.subscription_id]
        subscription.entries[parsed(fact.effective_date)] = Entry(
            fact.sku_id, fact.quantity, fact.state, fact.trial, parsed(fact.term_end), fact.auto_renew, fact.term
        )
        seller = fact.seller_partner_id or (DIRECT if fact.seller_kind == 1 else UNKNOWN)
        if seller != UNKNOWN:
            subscription.seller = seller

    def _subscription_snapshot(self, fact):
        self.subscription_snapshots[parsed(fact.date), fact.seller_partner_id] = set(fact.subscription_ids)

    # People

    def person(self, name, is_known=True):
        person = self.owners.setdefault(name, Person(name)).root
        person.is_known |= is_known
        return person

    def _user(self, fact):
        person = self.person(fact.user_id)
        for name in filter(None, (fact.principal_name, *fact.aliases)):
            other = self.owners.get(name, person).root
            if other is not person and other.main == name:
                other.merged_into = person
            self.owners[name] = person
        person.name, person.principal = fact.display_name, fact.principal_name

    def ids(self, person):
        return {name for name, owner in self.owners.items() if owner.root is person}

    def principal_name(self, person):
        """Empty when the name belongs to somebody else by now."""
        return person.principal if person.principal in self.ids(person) else ""

    def erase(self, name):
        """False: there is nobody."""
        if name not in self.owners:
            return False
        self.memo.clear()
        person = self.owners[name].root
        for known in self.ids(person):
            del self.owners[known]
        person.main, person.name, person.principal = None, "", ""
        return True

    # Licenses and activity

    def _assignment(self, fact):
        days = parsed(fact.start_date), parsed(fact.end_date)
        self.assignments.append((self.person(fact.user_id), fact.sku_id, *days))

    def _assignment_snapshot(self, fact):
        place = fact.sku_id, parsed(fact.date)
        people = [self.person(name, is_known=not fact.parts) for name in fact.user_ids]
        if not fact.parts:
            self.snapshots[place] = people
            # The incomplete one goes.
            self.parts.pop(place, None)
            return
        parts = self.parts.setdefault(place, {})
        parts[fact.part] = fact.parts, people
        numbers = range(1, fact.parts + 1)
        if all(parts.get(number, (0,))[0] == fact.parts for number in numbers):
            self.snapshots[place] = [person for number in numbers for person in parts[number][1]]
            for person in self.snapshots[place]:
                person.root.is_known = True

    def _activity(self, fact):
        if fact.concealed:
            person = self.concealed.setdefault(fact.user_id, Person(None))
        else:
            person = self.person(fact.user_id)
        self.activity.append((person, workload(fact.workload_code), set(map(parsed, fact.dates))))

    # The rest

    def _support_request(self, fact):
        self.support[parsed(fact.date), fact.category] = fact.count

    def _coverage(self, fact):
        through = parsed(fact.through)
        if fact.source == ACTIVITY:
            self.workloads.update(dict.fromkeys(map(workload, fact.workload_codes or WORKLOADS), through))
            through = max(self.workloads.values())
        self.coverage[fact.source] = through
