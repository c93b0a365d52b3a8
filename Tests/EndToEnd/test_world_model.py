"""The naive model says what the definitions work out by hand, and the random worlds meet every edge of it. No server."""

import random
from collections import Counter
from datetime import date

import pytest
from facts import ACTIVE, GRACE, Facts
from random_worlds import AS_OF, catalog, random_customer
from told import WORKLOADS
from world import CLASSES, PRODUCTS, World
from world_lists import advice, licensed_users

SEEDS = range(60)


@pytest.fixture
def f(api):
    return Facts(api)


@pytest.fixture
def world(f):
    world = World()
    world.tell(catalog(f))
    return world


def on(day, month=3):
    return date(2026, month, day)


def counted(usage):
    return {name: users for name, users in zip(CLASSES, usage["classes"]) if users}


def test_the_worked_example(world, f):
    holders = [f"user{n}" for n in range(18)]
    people = [*holders[:17], "leaver1", "leaver2", "stranger"]
    world.tell(
        [
            f.subscription("own", "C", "E3", "P", on(1), 10), f.subscription("theirs", "C", "E3", "Q", on(1), 5),
            f.subscription("old", "C", "E3", "P", on(1), 4, GRACE),
            f.subscription("trial", "C", "E3", "P", on(1), 3, ACTIVE, trial=True),
            *(f.assignment("C", user, "E3", on(1)) for user in holders),
            *(f.assignment("C", user, "E3", on(1), on(20)) for user in ("leaver1", "leaver2")),
            *(f.activity("C", user, "SPO", on(10)) for user in people),
        ]
    )  # fmt: skip
    own, all_partners = (world.licenses("C", "E3", seller, on(31)) for seller in ("P", None))
    assert (own["sold"], own["entitled"], own["trial"], own["uncounted"]) == (14, 10, 3, 4)
    assert (own["assigned"], own["assigned_lower"], own["assigned_upper"]) == (13, 13, 14)
    assert (all_partners["sold"], all_partners["entitled"], all_partners["assigned"]) == (19, 15, 18)
    usage = world.usage("C", 1, on(31))
    assert (usage["active_users"], usage["total_users"], usage["entitlements"]) == (20, 15, 15)
    assert counted(usage) == {"ENTITLED": 15, "UNCOUNTED_SUBSCRIPTION": 2, "TURNOVER": 2, "UNLICENSED": 1}


def test_an_upgrade_in_place_and_the_end_of_what_is_not_listed(world, f):
    world.tell([f.subscription("s", "C", "E1", "P", on(1, 1), 12), f.subscription("s", "C", "E3", "P", on(20), 12)])
    for day in (on(20), on(15, 4)):
        assert world.licenses("C", "E1", None, day)["uncounted"] == 12
    assert world.licenses("C", "E1", None, on(19))["uncounted"] == world.licenses("C", "E1", None, on(16, 4))["uncounted"] == 0
    assert [world.licenses("C", "E3", None, on(day))["sold"] for day in (19, 20)] == [0, 12]
    world.tell([f.subscription("t", "C", "E3", "Q", on(1), 25), f.subscription_snapshot("C", on(25), ["s"])])
    assert [world.licenses("C", "E3", None, on(day))["sold"] for day in (19, 24, 25)] == [25, 37, 12]
    # What begins on the very day is there, though the list does not have it yet.
    world.tell([f.subscription("u", "C", "E3", "P", on(25), 3)])
    assert world.licenses("C", "E3", None, on(25))["sold"] == 15
    # Of another seller: `s` and `u` are none of theirs.
    world.tell([f.subscription_snapshot("C", on(26), [], "Q")])
    assert world.licenses("C", "E3", None, on(26))["sold"] == 15


def test_a_renamed_person_is_one_and_a_name_moves_on(world, f):
    world.tell(
        [
            f.subscription("s", "C", "E3", "P", on(1), 1), f.user("C", "object", "Ann", "ann.old"),
            f.assignment("C", "object", "E3", on(1)), f.activity("C", "ann.old", "EXO", on(10)),
            f.activity("C", "ann.new", "EXO", on(12)), f.user("C", "object", "Ann", "ann.new"),
            f.snapshot("C", "E3", on(20), ["ann.new"]),
        ]
    )  # fmt: skip
    assert counted(world.usage("C", 1, on(21))) == {"ENTITLED": 1}
    world.tell([f.user("C", "other", "Bea", "ann.old"), f.activity("C", "ann.old", "EXO", on(14))])
    assert counted(world.usage("C", 1, on(21))) == {"ENTITLED": 1, "UNLICENSED": 1}
    assert licensed_users(world, "C", on(21)) == [("object", "ann.new", "Ann", ["E3"], {"EXO": "2026-03-12"}, True)]
    assert world.customers["C"].erase("ann.new") and not world.customers["C"].erase("object")
    assert licensed_users(world, "C", on(21)) == []
    assert counted(world.usage("C", 1, on(21))) == {"ENTITLED": 1, "UNLICENSED": 1}


def test_concealed_people_beyond_the_named_ones(world, f):
    world.tell([f.subscription("s", "C", "E3", "P", on(1), 9), *(f.assignment("C", f"u{n}", "E3", on(1)) for n in range(5))])
    world.tell([f.activity("C", f"D{n}", "EXO", on(10), concealed=True) for n in range(5)])
    assert counted(world.usage("C", 1, on(21))) == {"UNIDENTIFIED": 5}
    world.tell([f.activity("C", f"u{n}", "EXO", on(11)) for n in range(3)])
    assert counted(world.usage("C", 1, on(21))) == {"ENTITLED": 3, "UNIDENTIFIED": 2}
    assert world.usage("C", 1, on(21))["active_users"] == 5


def test_random_worlds_meet_every_edge(f):
    """Each at least once."""
    seen = Counter()
    world = World()
    world.tell(catalog(f))
    for seed in SEEDS:
        dice, name = random.Random(seed), f"c{seed}"
        groups = random_customer(dice, name, f)
        dice.shuffle(groups)
        for group in groups:
            parts = [fact for fact in group if fact.assignment_snapshot.parts]
            seen["snapshot in parts, whole"] += bool(parts) and len(parts) == parts[0].assignment_snapshot.parts
            seen["snapshot in parts, not whole"] += bool(parts) and len(parts) < parts[0].assignment_snapshot.parts
            world.tell(group)
        look(world, name, seen)
    wanted = {*CLASSES, "ended", "upgraded", "merged", "moved", "uncatalogued", "partly reported", "concealed"}
    wanted |= {"snapshot in parts, whole", "snapshot in parts, not whole", *((0, 2), *((1, kind) for kind in (1, 3, 4, 5, 6)))}
    assert {edge for edge in wanted if not seen[edge]} == set()


def look(world, name, seen):
    data = world.customers[name]
    for subject in (*PRODUCTS, *WORKLOADS):
        seen.update(counted(world.usage(name, subject, AS_OF)).keys())
    for id, told in data.subscriptions.items():
        value = world.value(name, id, AS_OF)
        seen["ended"] += value is not None and value not in told.entries.values()
        seen["upgraded"] += len({entry.sku for entry in told.entries.values()}) > 1
    seen["moved"] += sum(not owner.principal and owner.principal_told > 0 for owner in data.owners.values())
    seen["merged"] += len(data.owners) - len({owner.root for owner in data.owners.values()})
    seen["uncatalogued"] += bool(world.uncatalogued([name], None, AS_OF))
    seen["partly reported"] += 0 < len(data.workloads) < len(WORKLOADS)
    named, concealed = world.active(name, set(WORKLOADS), AS_OF)
    seen["concealed"] += len(concealed)
    seen.update(advice(world, name, "A", "A", AS_OF).keys())
