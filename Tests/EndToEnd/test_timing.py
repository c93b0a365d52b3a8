"""Time does not tell a customer of another partner from one that never existed.

Two kinds of call on one connection, one at a time, in random order; 20,000 of each and more. No time is asserted, but
that the two samples cannot be told apart: Welch's t of the means, and Cliff's delta of the ranks, which outliers do not
move.
"""

import math
import statistics
from bisect import bisect_left, bisect_right

import pytest
from facts import day
from load import NOT_FOUND, LoadGenerator

pytestmark = pytest.mark.long

CALLS = 40_000
MOST_T, MOST_DELTA = 4.5, 0.05
# Of one length, so that not even sizes differ.
OTHER, NEVER = "customer-of-B", "customer-zero"


def welch_t(left, right):
    error = math.sqrt(statistics.variance(left) / len(left) + statistics.variance(right) / len(right))
    return (statistics.fmean(left) - statistics.fmean(right)) / error


def cliffs_delta(left, right):
    """Share of pairs in which the left is larger, less the share in which it is smaller."""
    ordered = sorted(right)
    above = sum(bisect_left(ordered, value) for value in left)
    below = sum(len(ordered) - bisect_right(ordered, value) for value in left)
    return (above - below) / (len(left) * len(right))


def test_the_statistics_see_a_difference():
    """A microsecond in forty is found; none is not."""
    import random

    noise = random.Random(5)
    left = [noise.lognormvariate(3.7, 0.2) for _ in range(20_000)]
    right = [noise.lognormvariate(3.7, 0.2) for _ in range(20_000)]
    assert abs(welch_t(left, right)) < MOST_T and abs(cliffs_delta(left, right)) < MOST_DELTA
    later = [value + 1 for value in right]
    assert abs(welch_t(left, later)) > MOST_T and abs(cliffs_delta(left, later)) > MOST_DELTA


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    from conftest import House

    house = House(
        api, certificates, tmp_path_factory.mktemp("house"), "--log-level", "warning", "--partner-rate", "1000000",
        "--partner-burst", "1000000",
    ).start().register()  # fmt: skip
    f = house.facts
    facts = [f.sku("E3", workloads=["EXO"])]
    for index in range(2_000):
        partner = "AB"[index % 2]
        customer = OTHER if index == 1 else f"customer-{index:04}"
        facts += [
            f.customer(customer, f"Fabrikam {index}"), f.relationship(partner, customer, day(-100)),
            f.subscription(f"s-{index}", customer, "E3", partner, day(-50), 9), *f.coverage(customer, day(-1)),
            f.assignment(customer, "u", "E3", day(-50)), f.activity(customer, "u", "EXO", day(-3)),
        ]  # fmt: skip
    house["operator"].feed(facts)
    yield house
    house.close()


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return LoadGenerator(tmp_path_factory.mktemp("load"))


@pytest.mark.parametrize("method", ["GetCustomerInsights", "GetCustomer"])
def test_time_tells_nothing(house, generator, method):
    described = house.api.methods[method]
    messages = [described.request(customer_id=customer).SerializeToString() for customer in (OTHER, NEVER)]
    assert len(messages[0]) == len(messages[1])
    results = []
    # Something else on the machine may fall on one kind more than on the other: then once more, all anew.
    for _ in range(3):
        samples = generator.run(
            house, house.certificates.alice, described.path, messages, "--connections", 1, "--streams", 1, "--warmup",
            2_000, requests=CALLS + 1_000,
        )  # fmt: skip
        assert {sample.status for sample in samples} == {NOT_FOUND}
        other, never = ([sample.micros for sample in samples if sample.body == body] for body in (0, 1))
        assert min(len(other), len(never)) >= 20_000
        results.append((abs(welch_t(other, never)), abs(cliffs_delta(other, never))))
        medians = [round(statistics.median(kind), 1) for kind in (other, never)]
        print(f"\n{method}: |t| {results[-1][0]:.2f}, |delta| {results[-1][1]:.4f}, medians {medians} µs, n {len(other)}, {len(never)}")
        if results[-1][0] < MOST_T and results[-1][1] < MOST_DELTA:
            return
    raise AssertionError(f"{method} tells the two apart (|t|, |delta|): {results}")
