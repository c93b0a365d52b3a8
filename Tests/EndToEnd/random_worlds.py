"""Customers out of dice: every fact there is, days about the edges of the window, names that move and people that merge."""

from datetime import timedelta

from facts import ACTIVITY, ASSIGNMENTS, DIRECT, SUBSCRIPTIONS, UNKNOWN, day
from told import WORKLOADS

AS_OF = day(-4)
# Product (None: of no covered family), workloads, whether it is free.
SKUS = {
    "E1": (1, ["EXO", "SPO"], False),
    "E3": (1, ["EXO", "SPO", "TEAMS", "YAM", "APPS"], False),
    "F1": (1, ["TEAMS"], False),
    "NONE": (1, [], False),
    "D365": (2, ["CRM"], False),
    "D365X": (2, ["CRM", "ODB"], False),
    "EMS": (None, ["EXO"], False),
    # Free ones before and behind the others in the order of their ids.
    "A-FREE": (1, ["TEAMS", "SPO"], True),
    "VIRAL": (2, ["CRM"], True),
}
# No fact ever names them.
UNCATALOGUED = ["GHOST", "Ghost-2"]
# The more often, the likelier a customer has it.
SKU_IDS = [*SKUS, "E1", "E1", "E3", "E3", "F1", "D365X", *UNCATALOGUED]
SELLERS = ["A", "A", "A", "B", DIRECT, UNKNOWN]
TERMS = ["", "P1M", "P1M", "P1Y", "P3Y"]
DIGESTS = [f"{number:032X}" for number in range(4)]


def catalog(f):
    return [f.sku(sku, product or 0, workloads, f"Name of {sku}", free) for sku, (product, workloads, free) in SKUS.items()]


def near(dice):
    """A day about the window, its edges more often than others."""
    return AS_OF - timedelta(dice.choice([-2, -1, 0, 1, 26, 27, 28, 29, dice.randrange(60)]))


def before(dice):
    """A day on which something began, mostly before the window or in it."""
    return AS_OF - timedelta(dice.choice([-1, 0, 1, 10, 26, 27, 28, 29, 40, 50, 59]))


def some(dice, values):
    return dice.sample(values, dice.randrange(0, len(values) + 1))


def random_customer(dice, name, f):
    """Groups of facts: within a group the order matters, the groups may come in any."""
    ids = [f"o{n}" for n in range(dice.randrange(1, 6))]
    # Sign-in names, of which some never belong to an object id.
    ids += [f"p{n}@x" for n in range(dice.randrange(1, 6))]
    skus = dice.sample(SKU_IDS, dice.randrange(2, 6))
    return [
        [f.customer(name, f"Customer {name}", dice.choice(["NL", "BE", ""]))],
        [f.relationship("A", name, day(-200))],
        *subscriptions(dice, name, f, skus),
        *people(dice, name, f, ids),
        *licenses(dice, name, f, ids, skus),
        *activity(dice, name, f, ids, skus),
        *rest(dice, name, f),
    ]


def subscriptions(dice, name, f, skus):
    count = dice.randrange(0, 8)
    for n in range(count):
        sku, seller, trial = dice.choice(skus), dice.choice(SELLERS), dice.random() < 0.35
        for _ in range(dice.randrange(1, 4)):
            # Upgrades in place and corrected sellers.
            sku = dice.choice(skus) if dice.random() < 0.3 else sku
            seller = dice.choice(SELLERS) if dice.random() < 0.2 else seller
            term_end = AS_OF + timedelta(dice.choice([-1, 0, 7, 8, 30, 31])) if dice.random() < 0.5 else None
            yield [
                f.subscription(
                    f"s{n}", name, sku, seller, before(dice), dice.randrange(0, 8), dice.choice([1, 1, 1, 2, 3, 4]),
                    trial != (dice.random() < 0.1), term_end, dice.random() < 0.5, dice.choice(TERMS),
                )
            ]  # fmt: skip
    for _ in range(dice.choice([0, 0, 1, 2])):
        # Also such as no entry ever tells of.
        named = some(dice, [*(f"s{n}" for n in range(count)), "s-unheard"])
        yield [f.subscription_snapshot(name, near(dice), named, dice.choice(["", "", "A", "B"]))]


def people(dice, name, f, ids):
    for n in range(dice.choice([0, 1, 2, 4, 6])):
        principal = dice.choice([*ids, ""])
        aliases = dice.sample(ids, min(len(ids), dice.choice([0, 0, 1, 2])))
        yield [f.user(name, dice.choice(ids), dice.choice([f"Name {n}", ""]), principal, aliases)]


def licenses(dice, name, f, ids, skus):
    for _ in range(dice.randrange(0, 20)):
        start = before(dice)
        end = start + timedelta(dice.randrange(0, 40)) if dice.random() < 0.3 else None
        yield [f.assignment(name, dice.choice(ids), dice.choice(skus), start, end)]
    for _ in range(dice.choice([0, 0, 1, 2])):
        yield [f.snapshot(name, dice.choice(skus), near(dice), some(dice, ids))]
    if dice.random() < 0.4:
        # One set of parts, whole or not: nobody's names move between them.
        sku, on, parts = dice.choice(skus), near(dice), dice.randrange(1, 4)
        group = [f.snapshot(name, sku, on, some(dice, ids), part + 1, parts) for part in range(parts)]
        dice.shuffle(group)
        yield group if dice.random() < 0.7 else group[1:]


def activity(dice, name, f, ids, skus):
    # Mostly what somebody may have a license for.
    codes = [code for sku in skus if sku in SKUS for code in SKUS[sku][1]] * 3 + [*WORKLOADS, "ODB"]
    for _ in range(dice.randrange(0, 24)):
        days = [near(dice) for _ in range(dice.randrange(1, 4))]
        # The guest holds nothing; what is concealed is somebody else, also under a name that is known.
        concealed = dice.random() < 0.2
        user = dice.choice([*DIGESTS, ids[0]] if concealed else [*ids, "guest"])
        yield [f.activity(name, user, dice.choice(codes), *days, concealed=concealed)]


def rest(dice, name, f):
    for source in (SUBSCRIPTIONS, ASSIGNMENTS):
        if dice.random() < 0.9:
            yield f.coverage(name, AS_OF - timedelta(dice.choice([0, 0, 0, 5])), source)
    if dice.random() < 0.5:
        yield f.coverage(name, AS_OF - timedelta(dice.choice([0, 0, 0, 5])), ACTIVITY)
    for _ in range(dice.choice([0, 1, 1, 2])):
        codes = dice.sample([*WORKLOADS, "ODB"], dice.randrange(1, 6))
        yield f.coverage(name, AS_OF - timedelta(dice.choice([0, 0, 1, 5])), ACTIVITY, workloads=codes)
    for _ in range(dice.choice([0, 0, 1, 2])):
        yield [f.support(name, near(dice), dice.choice([1, 4, 9]), how_to=dice.random() < 0.8)]
