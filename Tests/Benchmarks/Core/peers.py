"""The same questions put to DuckDB and SQLite, on the facts that core-bench wrote; prints the comparison.

    peers.py FOLDER      (needs the `duckdb` package; SQLite is Python's own)

The engines get only what a question needs: active users of one partner's customers, with integer ids and days, sorted
or indexed for the question. They know no licenses beyond who holds one, no relationships, no reporting status. The core
answers with all of them. Every answer must be the same as the core's.

"Islands" is exact and quick for SQL: +1 at each active day, -1 at the 28th day after it or at the user's next active
day, whichever is first, and a running sum. "Rollup" is the sum of those steps per customer and day, made beforehand: a
batch job over all facts, which these engines cannot keep up to date fact by fact, since a late fact changes the steps
of its neighbors.
"""

import json
import os
import sqlite3
import statistics
import sys
import time

import duckdb

CODES = ["APPS", "CRM", "EXO", "SFB", "SPO", "TEAMS", "YAM"]
CRM = 1
# Rollup rows of users active in any Office 365 workload: a person counts once.
OFFICE = 100


def cpu(body, repetitions):
    """Answer and median CPU time (all threads, user + system) in nanoseconds."""
    samples = []
    for _ in range(repetitions):
        start = time.process_time_ns()
        answer = body()
        samples.append(time.process_time_ns() - start)
    return answer, statistics.median(samples)


ISLANDS = """
    SELECT {columns}, day AS edge, count(*) AS step FROM {source} GROUP BY {columns}, day
    UNION ALL
    SELECT {columns}, {least}(day + 28, coalesce(next, day + 28)) AS edge, -count(*) FROM {source}
    GROUP BY {columns}, edge"""
NEXT = """
    SELECT customer, workload, day,
        lead(day) OVER (PARTITION BY workload, customer, user ORDER BY day) AS next
    FROM activity {where}"""
NEXT_OFFICE = f"""
    SELECT customer, {OFFICE} AS workload, day,
        lead(day) OVER (PARTITION BY customer, user ORDER BY day) AS next
    FROM (SELECT DISTINCT customer, user, day FROM activity WHERE workload <> {CRM})"""
RUNNING = """
    SELECT workload, edge, sum(sum(step)) OVER (PARTITION BY workload ORDER BY edge)
    FROM {source} GROUP BY workload, edge ORDER BY workload, edge"""


def queries(least, last, customer):
    """Question and engine's way -> SQL."""
    def trend(where):
        steps = ISLANDS.format(columns="workload", source="spans", least=least)
        return f"WITH spans AS ({NEXT.format(where=where)}), steps AS ({steps}) " + RUNNING.format(source="steps")

    active = f"""
        SELECT customer, count(DISTINCT user) AS active FROM activity
        WHERE day BETWEEN {last - 27} AND {last} AND workload <> {CRM} GROUP BY customer"""
    rolled = f"""
        SELECT customer, sum(step) AS active FROM rollup
        WHERE workload = {OFFICE} AND edge <= {last} GROUP BY customer"""
    top = """
        SELECT totals.customer, coalesce(active, 0), total
        FROM (SELECT customer, count(*) AS total FROM licenses GROUP BY customer) AS totals
        LEFT JOIN ({active}) AS users ON users.customer = totals.customer
        ORDER BY 1.0 * coalesce(active, 0) / total, CAST(totals.customer AS TEXT) LIMIT 50"""
    rollup = f"(SELECT * FROM rollup WHERE workload <> {OFFICE}"
    return {
        ("portfolio trend", "islands"): trend(""),
        ("portfolio trend", "rollup"): RUNNING.format(source=rollup + ") AS steps"),
        ("customer trend", "islands"): trend(f"WHERE customer = {customer}"),
        ("customer trend", "rollup"): RUNNING.format(source=f"{rollup} AND customer = {customer}) AS steps"),
        ("portfolio as of", "islands"): f"""
            SELECT workload, count(DISTINCT user) FROM activity
            WHERE day BETWEEN {last - 27} AND {last} GROUP BY workload""",
        ("portfolio as of", "rollup"): f"""
            SELECT workload, sum(step) FROM rollup WHERE edge <= {last} AND workload <> {OFFICE} GROUP BY workload""",
        ("top 50", "islands"): top.format(active=active),
        ("top 50", "rollup"): top.format(active=rolled),
    }


def make_rollup(least):
    spans = f"{NEXT.format(where='')} UNION ALL {NEXT_OFFICE}"
    steps = ISLANDS.format(columns="customer, workload", source="spans", least=least)
    return f"""
        WITH spans AS ({spans}), steps AS ({steps})
        SELECT customer, workload, edge, sum(step) AS step FROM steps
        GROUP BY customer, workload, edge HAVING sum(step) <> 0 ORDER BY customer, workload, edge"""


class DuckDB:
    name = f"DuckDB {duckdb.__version__}"
    least = "least"

    def __init__(self, folder):
        path = f"{folder}/facts.duckdb"
        remove(path)
        self.connection = duckdb.connect(path, config={"threads": 2})
        self.folder = folder

    def load(self):
        columns = "{'customer': 'INTEGER', 'user': 'INTEGER', 'workload': 'UTINYINT', 'day': 'INTEGER'}"
        # Narrow whole numbers would wrap in day + 28; days stay 32 bits wide.
        self.connection.execute(f"""
            CREATE TABLE activity AS SELECT * FROM read_csv('{self.folder}/activity.csv', header = false,
                columns = {columns}) ORDER BY workload, customer, user, day""")
        self.connection.execute(f"""
            CREATE TABLE licenses AS SELECT * FROM read_csv('{self.folder}/licenses.csv', header = false,
                columns = {{'customer': 'INTEGER', 'user': 'INTEGER'}})""")

    def roll_up(self):
        self.connection.execute(f"CREATE TABLE rollup AS {make_rollup(self.least)}")

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()


class SQLite:
    name = f"SQLite {sqlite3.sqlite_version}"
    least = "min"

    def __init__(self, folder):
        path = f"{folder}/facts.sqlite"
        remove(path)
        self.connection = sqlite3.connect(path)
        self.folder = folder
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY",
                       "mmap_size = 4000000000"):
            self.connection.execute(f"PRAGMA {pragma}")

    def load(self):
        self.connection.executescript("""
            CREATE TABLE activity (workload INTEGER, customer INTEGER, user INTEGER, day INTEGER,
                PRIMARY KEY (workload, customer, user, day)) WITHOUT ROWID;
            CREATE TABLE licenses (customer INTEGER, user INTEGER, PRIMARY KEY (customer, user)) WITHOUT ROWID;""")
        self.fill("INSERT INTO activity (customer, user, workload, day) VALUES (?, ?, ?, ?)", "activity.csv")
        self.fill("INSERT INTO licenses VALUES (?, ?)", "licenses.csv")
        self.connection.executescript("""
            CREATE INDEX by_day ON activity (day, workload, customer, user);
            CREATE INDEX by_customer ON activity (customer, workload, user, day);
            ANALYZE""")

    def fill(self, sql, file):
        with open(f"{self.folder}/{file}") as lines:
            self.connection.executemany(sql, (line.rstrip().split(",") for line in lines))
        self.connection.commit()

    def roll_up(self):
        self.connection.executescript(f"""
            CREATE TABLE rollup (customer INTEGER, workload INTEGER, edge INTEGER, step INTEGER,
                PRIMARY KEY (customer, workload, edge)) WITHOUT ROWID;
            INSERT INTO rollup {make_rollup(self.least)}""")

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()


def remove(path):
    for suffix in ("", ".wal", "-journal"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)


def answer(question, rows, report):
    """An engine's rows in the form of the core's answer."""
    if question.endswith("trend"):
        result = {}
        points = {(workload, edge): value for workload, edge, value in rows}
        for workload, code in enumerate(CODES):
            value, line = 0, []
            for day in range(report["firstDay"], report["firstDay"] + report["days"]):
                value = points.get((workload, day), value)
                line.append(int(value))
            result[code] = line
        return result
    if question == "portfolio as of":
        counts = {CODES[workload]: int(active) for workload, active in rows}
        return {code: count for code, count in counts.items() if count}
    return [[str(customer), str(int(active)), str(total)] for customer, active, total in rows]


EXPECTED = {
    "portfolio trend": "portfolioTrend", "customer trend": "customerTrend", "portfolio as of": "portfolio",
    "top 50": "lowestUsage",
}
TITLES = {
    "portfolio trend": "portfolio, 400-day trend of all workloads",
    "customer trend": "largest customer, 400-day trend of all workloads",
    "portfolio as of": "portfolio as of one day, all workloads",
    "top 50": "50 customers with the lowest usage, asked again",
}
# The core keeps what lists are ordered by; the engines do the same work each time.
SAME_QUESTION = {
    "top 50, changed": ("top 50", "… after one customer changed"),
    "top 50, first": ("top 50", "… for the first time on a day"),
}
ALONE = {
    "explanation": "why Office 365 is used as it is, whole portfolio",
    "advice": "page of 50 pieces of advice, whole portfolio",
}


def milliseconds(nanoseconds):
    value = nanoseconds / 1e6
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times_as_much(ratio):
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.2f}×"


def main():
    folder = sys.argv[1]
    with open(f"{folder}/core.json") as file:
        report = json.load(file)
    last = report["firstDay"] + report["days"] - 1
    times, preparation = {}, {}
    engines = [DuckDB, SQLite]
    for kind in engines:
        engine = kind(folder)
        load = cpu(engine.load, 1)[1]
        preparation[kind.name] = (load, cpu(engine.roll_up, 1)[1])
        for (question, way), sql in queries(kind.least, last, report["largestCustomer"]).items():
            slow = question == "portfolio trend" and way == "islands"
            rows, time_spent = cpu(lambda: engine.ask(sql), 3 if slow else 7)
            if answer(question, rows, report) != report[EXPECTED[question]]:
                sys.exit(f"{kind.name} answers '{question}' ({way}) differently from the core")
            times[question, kind.name, way] = time_spent
    show(report, times, preparation, [kind.name for kind in engines])


def show(report, times, preparation, names):
    print(f"{report['customers']:,} customers, {report['users']:,} users, {report['days']} days, "
          f"{report['events']:,} active days of {report['pairs']:,} users and workloads; median CPU ms "
          "(times as much as the core)\n")
    ways = [(name, way) for name in names for way in ("islands", "rollup")]
    print("| question | core | " + " | ".join(f"{name}, {way}" for name, way in ways) + " |")
    print("| --- | --- |" + " --- |" * len(ways))
    rows = [(question, question, title) for question, title in TITLES.items()]
    rows += [(kept, question, title) for kept, (question, title) in SAME_QUESTION.items()]
    for kept, question, title in rows:
        core = report["nanoseconds"][kept]
        cells = [f"{milliseconds(times[question, name, way])} ({times_as_much(times[question, name, way] / core)})"
                 for name, way in ways]
        print(f"| {title} | {milliseconds(core)} | " + " | ".join(cells) + " |")
    core = report["ingestNanoseconds"]
    cells = []
    for name in names:
        load, rollup = preparation[name]
        cells += [f"{load / 1e9:.1f} s", f"{rollup / 1e9:.1f} s more"]
    print(f"| all facts in | {core / 1e9:.2f} s ({report['events'] / core * 1e3:.1f} M active days/s) | "
          + " | ".join(cells) + " |")
    print("\n| the core alone, ms | again | after one customer changed | for the first time on a day |")
    print("| --- | --- | --- | --- |")
    for question, title in ALONE.items():
        cells = [milliseconds(report["nanoseconds"][question + when]) for when in ("", ", changed", ", first")]
        print(f"| {title} | " + " | ".join(cells) + " |")
    print("\nEvery answer was compared with the core's and is the same.")


main()
