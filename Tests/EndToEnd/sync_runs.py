"""Runs of `insights sync` against the simulator of Graph, and what the naive model makes of the same rows.

    sync = Sync(house, identity, authority, folder, tenant, …)
    run = sync.run("--only", "users", code=3)   -> the table; no secret is anywhere, nothing forbidden was done
    sync.tell(tenant)                           -> the model is told what the rows of the tenant say
    sync.check(tenant)                          -> figures, freshness and people of the server are those of the model
"""

import json
import os
import subprocess
from datetime import date, timedelta

from facts import (
    ACTIVE, ACTIVITY, ASSIGNMENTS, DEPROVISIONED, DIRECT, DYNAMICS, GRACE, OFFICE, SUBSCRIPTIONS, SUSPENDED, today,
)  # fmt: skip
from graph_simulator import CLIENT_ID, Simulator
from graph_tokens import Application, Tokens
from graph_world import E3, FLOW_FREE, OTHER_PARTNER_TENANT, PARTNER_TENANT, PREMIUM, REPORTED, SALES, SPE_E3, digest
from imports import CLIENT
from test_canaries import forms
from test_worlds import check_customer, check_status
from world import World
from world_lists import licensed_users

SOURCES = ("subscriptions", "users", "activity")
SELLERS = {PARTNER_TENANT: "A", OTHER_PARTNER_TENANT: "B"}
STATES = {"Enabled": ACTIVE, "Warning": GRACE, "Suspended": SUSPENDED, "LockedOut": DEPROVISIONED}
CODES = dict(zip(REPORTED, ("EXO", "ODB", "SPO", "SFB", "YAM", "TEAMS")))
# Days that a run reads at most, today among them.
WINDOW = 28
SUITE = ["EXO", "SPO", "TEAMS", "YAM", "APPS"]
# How the secrets of the simulator begin.
MARKS = [Tokens.MARK, "kanarie-secret-", "kanarie-signature-"]
# Seconds; a run that waits for nothing takes a few.
PATIENCE = 180


class Run:
    """What a run said."""

    def __init__(self, code, stdout, stderr):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def rows(self):
        """The table by customer id."""
        return {row["customer_id"]: row for row in json.loads(self.stdout)}

    def of(self, tenant):
        return self.rows[tenant.tenant_id]

    @property
    def line(self):
        """The one line about why nothing could be done."""
        return self.stderr.splitlines()[-1].removeprefix("insights: ")


class Sync:
    """A partner's customers in a simulator of their own, and the configuration that reads them as partner A."""

    def __init__(self, house, identity, authority, folder, *tenants, registered=None, **changes):
        """`registered` is the certificate of the application, in place of a secret; `changes` are members of the
        configuration."""
        self.house = house
        self.folder = folder
        application = Application(CLIENT_ID, certificate=registered.certificate) if registered else None
        self.simulator = Simulator(identity, tenants, application=application)
        changes = {"partner_tenants": {OTHER_PARTNER_TENANT: "B"}} | changes
        self.config = self.simulator.write_config(
            folder, authority.certificate, identity=registered, partner_id="A", **changes
        )
        self.facts = house.facts
        self.world = World()
        self.world.tell(catalog(self.facts))

    def words(self, *arguments):
        files, house = self.house.certificates.operator, self.house
        words = [
            CLIENT, "sync", self.config, *arguments, "--server", house.daemon.address,
            "--ca", house.certificates.authority.certificate, "--cert", files.certificate, "--key", files.key,
        ]  # fmt: skip
        return list(map(str, words))

    def run(self, *arguments, code=0, violations=()):
        """A run that must end with the exit code."""
        done = subprocess.run(
            self.words(*arguments, "--output", "json"), capture_output=True, text=True, timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, (done.stdout, done.stderr)
        assert self.simulator.violations == list(violations)
        self.check_secrets(done.stdout, done.stderr)
        return Run(done.returncode, done.stdout, done.stderr)

    def check_secrets(self, *texts):
        """Nothing secret is in the texts, nor in any file of the folder but the secret itself."""
        data = [text.encode() for text in texts]
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in ("secret", "key.pem")]
        data += [path.read_bytes() for path in files]
        words = [form for mark in MARKS for form in forms(mark)]
        words += [word.encode() for word in self.simulator.secrets()]
        found = [word for word in words if any(word in one for one in data)]
        assert not found, found

    # The model

    def tell(self, tenant, sources=SOURCES, since_creation=True, days=None, concealed=False):
        """What a run makes of the rows as they are now; `days` are the reports read, when not all."""
        facts, name = self.facts, tenant.tenant_id
        if "subscriptions" in sources:
            self.world.tell(subscriptions(facts, tenant, since_creation))
        if "users" in sources:
            self.world.tell(people(facts, tenant))
        if "activity" in sources:
            days = reported_days(tenant) if days is None else days
            for on in days:
                self.world.tell(activity(facts, name, tenant.reports[on], concealed))
            codes = sorted(set(CODES.values()) - {"ODB"})
            self.world.tell(facts.coverage(name, days[-1], ACTIVITY, workloads=codes))

    # The server

    def coverage(self, tenant):
        """Source → day, of what the server has of the customer."""
        rows = self.house["operator"].call("GetIngestStatus", page_size=10_000).customers
        (row,) = [row for row in rows if row.customer_id == tenant.tenant_id] or [None]
        return {source.source: source.through for source in row.sources if source.through} if row else {}

    def check(self, *tenants, on=None):
        """Of customers of whom something is told; figures also of another day than today."""
        for tenant in tenants:
            name = tenant.tenant_id
            check_customer(self.house["carol"], self.world, name, on or today())
            check_status(self.house["operator"], self.world, name)
            reply = self.house["bob"].call(
                "ListLicensedUsers", customer_id=name, as_of=today().isoformat(), page_size=1_000
            )
            rows = [
                (
                    row.user_id, row.principal_name, row.display_name, list(row.sku_ids),
                    {last.workload_code: last.last_active_date for last in row.last_activity},
                )
                for row in reply.users
            ]  # fmt: skip
            assert rows == [row[:-1] for row in licensed_users(self.world, name, today())]

    def check_nothing_of(self, tenant, *sources):
        """That the server has never heard of these sources of a customer."""
        assert not set(self.coverage(tenant)) & set(sources)

    @property
    def revision(self):
        return self.house["operator"].call("GetIngestStatus").revision


def has_core_dumps_off(pid):
    """Whether a process leaves no core when it crashes: what it remembers is secret."""
    with open(f"/proc/{pid}/limits") as limits:
        (line,) = [line for line in limits if line.startswith("Max core file size")]
    # The soft limit.
    return line.split()[4] == "0"


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def mode(path):
    return os.stat(path).st_mode & 0o777


# Facts of rows


def catalog(f):
    """The SKUs of the sample tenants, as their plans entitle."""
    return [
        f.sku(E3, OFFICE, [*SUITE, "SFB"]), f.sku(SPE_E3, OFFICE, [*SUITE, "SFB"]), f.sku(PREMIUM, OFFICE, SUITE),
        f.sku(SALES, DYNAMICS, ["CRM"]), f.sku(FLOW_FREE, None, free=True),
    ]  # fmt: skip


def subscriptions(f, tenant, since_creation):
    name, ids = tenant.tenant_id, []
    for row in tenant.subscriptions:
        owner, id = row["ownerTenantId"], row["commerceSubscriptionId"]
        ids.append(id)
        yield f.subscription(
            id, name, row["skuId"], DIRECT if owner == name else SELLERS[owner],
            row["createdDateTime"][:10] if since_creation else today(), row["totalLicenses"], STATES[row["status"]],
            row["isTrial"], row["nextLifecycleDateTime"][:10],
        )  # fmt: skip
    yield f.subscription_snapshot(name, today(), ids)
    yield from f.coverage(name, today(), SUBSCRIPTIONS)


def people(f, tenant, rows=None):
    """Everybody who is listed, once, with every license that any row of theirs has."""
    name, holders = tenant.tenant_id, {row["skuId"]: set() for row in tenant.skus}
    known = set()
    for row in tenant.users if rows is None else rows:
        if row["id"] not in known:
            yield f.user(name, row["id"], row["displayName"] or "", row["userPrincipalName"].lower())
        known.add(row["id"])
        for held in row["assignedLicenses"]:
            holders.setdefault(held["skuId"], set()).add(row["id"])
    for sku, ids in sorted(holders.items()):
        yield f.snapshot(name, sku, today(), sorted(ids))
    yield from f.coverage(name, today(), ASSIGNMENTS)


def activity(f, customer, rows, concealed):
    for row in rows:
        name = row["User Principal Name"]
        # Of the name alone, so that every day has the same.
        user = (digest(name + "U") if concealed else name).lower()
        if not concealed:
            yield f.user(customer, user, row["Display Name"])
        for workload, code in CODES.items():
            if last := row[f"{workload} Last Activity Date"]:
                yield f.activity(customer, user, code, date.fromisoformat(last), concealed=concealed)


def reported_days(tenant, back=WINDOW):
    """Days of the last so many that have a report."""
    days = [today() - timedelta(number) for number in reversed(range(back))]
    return [on for on in days if on in tenant.reports]
