"""What was told of one customer, fact by fact in the order of arrival, and who is who by it. No figure is made here.

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
        # Empty when nobody told one, or it is somebody else's by now; and the number of the fact that told it.
        self.principal = ""
        self.principal_told = 0
        self.merged_into = None

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
        self.parts = {}  # (sku, day) → number → (how many parts, ids)
        self.activity = []  # (person, workload, days) as they came
        self.coverage = {}  # source → day, of activity that of the best workload
        self.workloads = {}  # workload → day
        self.support = {}  # (day, category) → count
        self.facts_told = 0
        # What was worked out of the facts so far.
        self.memo = {}

    def tell(self, fact):
        self.memo.clear()
        self.facts_told += 1
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

    def person(self, name):
        return self.owners.setdefault(name, Person(name)).root

    def _user(self, fact):
        person = self.person(fact.user_id)
        for name in filter(None, (fact.principal_name, *fact.aliases)):
            other = self.owners.get(name, person).root
            if other is not person:
                self.take(name, other, person)
            self.owners[name] = person
        person.name = fact.display_name
        # One that is not told says nothing.
        if fact.principal_name:
            person.principal, person.principal_told = fact.principal_name, self.facts_told

    @staticmethod
    def take(name, other, person):
        """A main id makes the two one, an alias moves."""
        if other.main == name:
            other.merged_into = person
            if other.principal_told > person.principal_told:
                person.principal, person.principal_told = other.principal, other.principal_told
        elif other.principal == name:
            other.principal = ""

    def ids(self, person):
        return {name for name, owner in self.owners.items() if owner.root is person}

    def erase(self, name):
        """False: there is nobody. An id that only a concealed person has means that one."""
        if name not in self.owners:
            if name not in self.concealed:
                return False
            # Still a concealed one, whom no id means any more.
            self.concealed[object()] = self.concealed.pop(name)
            return True
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
        names = fact.user_ids
        if fact.parts:
            parts = self.parts.setdefault(place, {})
            parts[fact.part] = fact.parts, list(names)
            numbers = range(1, fact.parts + 1)
            if any(parts.get(number, (0,))[0] != fact.parts for number in numbers):
                # It counts nothing, and nobody is known by it.
                return
            names = [name for number in numbers for name in parts[number][1]]
        self.snapshots[place] = [self.person(name) for name in names]
        # What is not complete goes when something complete is there.
        self.parts.pop(place, None)

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
