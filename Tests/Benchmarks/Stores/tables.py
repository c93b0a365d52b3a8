"""Tables in Markdown, printed as soon as they are known."""

import math
import statistics


def table(title, columns, rows):
    print(f"{title}\n")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def whole(value):
    return f"{value:,.0f}"


def milliseconds(seconds):
    value = seconds * 1000
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def ratio(value, other):
    return f"{value / other:.2f}" if other else "–"


def median(values):
    return statistics.median(values)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def spread(values):
    """Median and 99th percentile in milliseconds."""
    return f"{milliseconds(percentile(values, 0.5))} / {milliseconds(percentile(values, 0.99))}"
