"""The directories that the simulator of Graph serves: rows as Graph has them, and reports as CSV. Standard library
only.

`sample_tenant` makes one that is the same for the same arguments; everything in it may be changed between two requests.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

PARTNER_TENANT = "06c81bb0-9af4-5cb1-9ded-dd8e6d87c007"
OTHER_PARTNER_TENANT = "673c3bdc-2b51-538b-8364-063972b52b87"

E3 = "6fd2c87f-b296-42f0-b197-1e91e994b900"
SPE_E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
PREMIUM = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
SALES = "1e1a282c-9c54-43a2-9310-98ef728faace"
FLOW_FREE = "f30db892-07e9-47e9-837c-80727f46fd3d"

PART_NUMBERS = {
    E3: "ENTERPRISEPACK", SPE_E3: "SPE_E3", PREMIUM: "SPB", SALES: "DYN365_ENTERPRISE_SALES", FLOW_FREE: "FLOW_FREE",
}  # fmt: skip
# What the report prints under “Assigned Products”.
PRODUCT_NAMES = {
    E3: "OFFICE 365 E3", SPE_E3: "MICROSOFT 365 E3", PREMIUM: "MICROSOFT 365 BUSINESS PREMIUM",
    SALES: "DYNAMICS 365 SALES ENTERPRISE EDITION", FLOW_FREE: "MICROSOFT POWER AUTOMATE FREE",
}  # fmt: skip
PLANS = {
    "EXCHANGE_S_ENTERPRISE": "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "EXCHANGE_S_STANDARD": "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "EXCHANGE_S_FOUNDATION": "113feb6c-3fe4-4440-bddc-54d774bf0318",
    "SHAREPOINTENTERPRISE": "5dbe027f-2339-4123-9542-606e4d348a72",
    "SHAREPOINTSTANDARD": "c7699d2e-19aa-44de-8edf-1736da088ca1",
    "SHAREPOINTWAC": "e95bec33-7c88-4a70-8e19-b10bd9d0c014",
    "TEAMS1": "57ff2da0-773e-42df-b2af-ffb7a2317929",
    "YAMMER_ENTERPRISE": "7547a3fe-08ee-4ccb-b430-5077c5041653",
    "OFFICESUBSCRIPTION": "43de0ff5-c92c-492b-9116-175376d08c38",
    "OFFICE_BUSINESS": "094e7854-93fc-4d55-b2c0-3ab5369ebdc1",
    "MCOSTANDARD": "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",
    "INTUNE_A": "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",
    "AAD_PREMIUM": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "DYN365_ENTERPRISE_SALES": "2da8e897-7791-486b-b08f-cc63c8129df7",
    "FLOW_P2_VIRAL": "50e68c76-46c6-4674-81f9-75456511b170",
}
OFFICE_PLANS = (
    "EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE", "SHAREPOINTWAC", "TEAMS1", "YAMMER_ENTERPRISE",
    "OFFICESUBSCRIPTION", "MCOSTANDARD",
)  # fmt: skip
SKU_PLANS = {
    E3: OFFICE_PLANS,
    SPE_E3: (*OFFICE_PLANS, "INTUNE_A", "AAD_PREMIUM"),
    PREMIUM: (
        "EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "SHAREPOINTWAC", "TEAMS1", "YAMMER_ENTERPRISE", "OFFICE_BUSINESS",
    ),
    SALES: ("DYN365_ENTERPRISE_SALES", "EXCHANGE_S_FOUNDATION"),
    FLOW_FREE: ("FLOW_P2_VIRAL", "EXCHANGE_S_FOUNDATION"),
}  # fmt: skip

# Workloads of the report, in the order of its columns.
REPORTED = ("Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams")
COLUMNS = (
    "Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Deleted Date",
    *(f"Has {name} License" for name in REPORTED), *(f"{name} Last Activity Date" for name in REPORTED),
    *(f"{name} License Assign Date" for name in REPORTED), "Assigned Products",
)  # fmt: skip
# Stands for the domain in reports that tenants of one kind share; in no name.
NO_DOMAIN = "@\x7f"

FIRST = ("Anna", "Bram", "Chloé", "Daan", "Eva", "Fatima", "Günther", "Hanna", "Ivo", "Jasmijn", "Kees")
LAST = ("Vos", "Smit", "Dupont", "de Boer", "Bakker", "El Amrani", "Müller")
NAMES = (
    "Fourth Coffee", "Wide World Importers", "Tailwind Traders", "Proseware", "Lucerne Publishing", "Wingtip Toys",
    "Graphic Design Institute", "Alpine Ski House", "Blue Yonder Airlines", "Consolidated Messenger",
)  # fmt: skip


@dataclass
class Tenant:
    """A directory. `consented`: True, False (nobody ever admitted the application), or the names of the permissions
    that an administrator consented to."""

    tenant_id: str
    name: str
    market: str = ""
    domain: str = ""
    skus: list = field(default_factory=list)
    subscriptions: list = field(default_factory=list)
    users: list = field(default_factory=list)
    # Day → rows; a row has texts by the names of COLUMNS.
    reports: Mapping = field(default_factory=dict)
    concealed: bool = False
    consented: object = True

    def report(self, day, concealed=False):
        """The report of a day as CSV; None when there is none."""
        concealed = concealed or self.concealed
        if isinstance(self.reports, SampleReports) and not concealed:
            return self.reports.text(day)
        rows = self.reports.get(day)
        return None if rows is None else rendered(rows, concealed)


@dataclass
class Partner:
    """The partner's own directory, and the customers that it lists."""

    tenant: Tenant
    contracts: list = field(default_factory=list)
    delegated_admin_customers: list = field(default_factory=list)

    def take_on(self, tenant):
        number = len(self.contracts) + 1
        self.contracts.append(
            {
                "id": f"5f000000-0000-4000-8000-{number:012x}", "contractType": "BreadthPartner",
                "customerId": tenant.tenant_id, "defaultDomainName": tenant.domain, "displayName": tenant.name,
            }
        )  # fmt: skip
        self.delegated_admin_customers.append(
            {"id": tenant.tenant_id, "tenantId": tenant.tenant_id, "displayName": tenant.name}
        )


# Reports


def digest(name):
    """What a report prints for a name that the organization conceals."""
    return hashlib.md5(name.lower().encode()).hexdigest().upper()


def report_row(day, name, display="", last=None, products=(), assigned=None):
    """`last` has the last day of activity by the names of REPORTED."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {"Report Refresh Date": day.isoformat(), "User Principal Name": name, "Display Name": display}
    row["Is Deleted"] = "False"
    row["Assigned Products"] = "+".join(PRODUCT_NAMES[sku] for sku in products)
    office = any(sku in (E3, SPE_E3, PREMIUM) for sku in products)
    for workload in REPORTED:
        row[f"Has {workload} License"] = str(office)
        if office and assigned:
            row[f"{workload} License Assign Date"] = assigned.isoformat()
        if last and last.get(workload):
            row[f"{workload} Last Activity Date"] = last[workload].isoformat()
    return row


def rendered(rows, concealed=False):
    """CSV as it is downloaded: with a byte order mark and line feeds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        if concealed:
            names = ("User Principal Name", "Display Name")
            row = row | {name: digest(row["User Principal Name"] + name[:1]) for name in names}
        writer.writerow([row.get(name, "") for name in COLUMNS])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


class SampleReports(Mapping):
    """The reports of a sample tenant, made when somebody asks. Tenants of one kind have the same but for the domain."""

    def __init__(self, kind, users, domain, days):
        self.kind = kind
        self.users = users
        self.domain = domain
        self.days = days

    def __getitem__(self, day):
        if day not in self.days:
            raise KeyError(day)
        return sample_rows(self.kind, self.users, "@" + self.domain, day)

    def __iter__(self):
        return iter(self.days)

    def __len__(self):
        return len(self.days)

    def text(self, day):
        if day not in self.days:
            return None
        return _template(self.kind, self.users, day).replace(NO_DOMAIN.encode(), b"@" + self.domain.encode())


@lru_cache(1000)
def _template(kind, users, day):
    return rendered(sample_rows(kind, users, NO_DOMAIN, day))


def sample_rows(kind, users, domain, day):
    rows = []
    for number in range(users):
        last = {workload: last_active(kind, number, place, day) for place, workload in enumerate(REPORTED)}
        name, display = sample_name(number)
        rows.append(report_row(day, name + domain, display, last, sample_licenses(number), date(2024, 5, 3)))
    return rows


def last_active(kind, number, place, day):
    """The last day on which a sample person did something in the workload at that place; every tenth never does, and
    nobody uses Skype for Business."""
    if number % 10 == 3 or REPORTED[place] == "Skype For Business":
        return None
    period = 1 + (number * (place + 3) + kind) % 11
    return day - timedelta((day.toordinal() - number) % period)


# Samples


@lru_cache(10_000)
def sample_name(number):
    first, last = FIRST[number % len(FIRST)], LAST[number % len(LAST)]
    plain = (first + "." + last).translate({ord("é"): "e", ord("ü"): "ue", ord(" "): None})
    # A comma in some names, so that the report quotes them.
    return f"{plain}{number}", f"{last}, {first}" if number % 7 == 4 else f"{first} {last}"


@lru_cache(10_000)
def sample_licenses(number):
    """Of ten people eight hold Office, one of them Dynamics as well, one is a guest of no license."""
    place = number % 10
    held = [] if place == 9 else [PREMIUM] if place in (7, 8) else [E3, SALES] if place == 6 else [E3]
    return (*held, FLOW_FREE) if number % 3 == 0 else tuple(held)


@lru_cache(100)
def _assigned(skus):
    return [{"disabledPlans": [PLANS["YAMMER_ENTERPRISE"]] if sku == PREMIUM else [], "skuId": sku} for sku in skus]


@lru_cache(100)
def _holders(users):
    return Counter(sku for number in range(users) for sku in sample_licenses(number))


def stamp(day, time="00:00:00"):
    return f"{day.isoformat()}T{time}Z"


def utc_today():
    return datetime.now(timezone.utc).date()


@lru_cache(100)
def plan_rows(sku):
    names = ("servicePlanId", "servicePlanName", "provisioningStatus", "appliesTo")
    return [dict(zip(names, (PLANS[plan], plan, "Success", "User"))) for plan in SKU_PLANS[sku]]


def subscription(number, index, sku, quantity, created, ends, owner, status="Enabled", trial=False):
    key = f"{index:04x}-{number:012x}"
    return {
        "commerceSubscriptionId": f"aaaa0000-0000-4000-{key}", "createdDateTime": stamp(created, "09:30:00"),
        "id": f"bbbb0000-0000-4000-{key}", "isTrial": trial, "nextLifecycleDateTime": stamp(ends),
        "ownerId": None, "ownerTenantId": owner, "ownerType": "PartnerTenant" if owner != _tenant_id(index) else "User",
        "skuId": sku, "skuPartNumber": PART_NUMBERS[sku], "status": status, "totalLicenses": quantity,
        "serviceStatus": plan_rows(sku),
    }  # fmt: skip


def _tenant_id(index):
    return f"c0ffee00-{index >> 16 & 0xFFFF:04x}-4000-8000-{index:012x}"


def _subscriptions(index, users, today):
    """Of this partner, of another, bought directly, a trial, one in grace and one long suspended."""
    holders, own = _holders(users), _tenant_id(index)
    rows = [
        (E3, holders[E3] + 2, -400, 330, PARTNER_TENANT), (E3, 3, -200, 165, OTHER_PARTNER_TENANT),
        (PREMIUM, holders[PREMIUM], -90, 275, own), (SPE_E3, 5, -20, 10, PARTNER_TENANT, "Enabled", True),
        (SALES, holders[SALES] + 1, -365, -3, PARTNER_TENANT, "Warning"),
        (PREMIUM, 2, -500, -60, PARTNER_TENANT, "Suspended"), (FLOW_FREE, 10_000, -300, 10_000, own),
    ]  # fmt: skip
    return [
        subscription(number, index, sku, quantity, today + timedelta(created), today + timedelta(ends), *rest)
        for number, (sku, quantity, created, ends, *rest) in enumerate(rows, 1)
    ]


def _skus(tenant_id, subscriptions, users):
    rows, holders = [], _holders(users)
    for sku in (E3, SPE_E3, PREMIUM, SALES, FLOW_FREE):
        units = Counter()
        for row in subscriptions:
            units[row["status"]] += row["totalLicenses"] if row["skuId"] == sku else 0
        rows.append(
            {
                "accountName": "contoso", "accountId": tenant_id, "appliesTo": "User",
                "capabilityStatus": "Enabled" if units["Enabled"] else "Warning", "consumedUnits": holders[sku],
                "id": f"{tenant_id}_{sku}", "skuId": sku, "skuPartNumber": PART_NUMBERS[sku],
                "subscriptionIds": [row["commerceSubscriptionId"] for row in subscriptions if row["skuId"] == sku],
                "prepaidUnits": {
                    "enabled": units["Enabled"], "suspended": units["Suspended"], "warning": units["Warning"],
                    "lockedOut": units["LockedOut"],
                },
                "servicePlans": plan_rows(sku),
            }
        )  # fmt: skip
    return rows


def _users(index, users, domain):
    rows = []
    for number in range(users):
        name, display = sample_name(number)
        rows.append(
            {
                "id": f"{index:08x}-0000-4000-a000-{number:012x}", "userPrincipalName": f"{name}@{domain}",
                "displayName": display, "assignedLicenses": _assigned(sample_licenses(number)),
            }
        )  # fmt: skip
    return rows


def sample_tenant(index, users=20, today=None, days=28, lag=2, **changes):
    """`days` reports, the last of which is that of `lag` days before today, as late as the vendor's reports are. Rows
    share the lists in them: replace those, and do not change them."""
    today = today or utc_today()
    tenant_id, domain = _tenant_id(index), f"customer{index:04}.example"
    name = NAMES[index % len(NAMES)] + (f" {index // len(NAMES)}" if index >= len(NAMES) else "")
    subscriptions = _subscriptions(index, users, today)
    reported = frozenset(today - timedelta(lag + back) for back in range(days))
    made = dict(
        market=("NL", "BE", "DE")[index % 3], domain=domain, skus=_skus(tenant_id, subscriptions, users),
        subscriptions=subscriptions, users=_users(index, users, domain),
        reports=SampleReports(index % 4, users, domain, reported),
    )  # fmt: skip
    return Tenant(tenant_id, name, **made | changes)


def sample_partner(*tenants, tenant_id=PARTNER_TENANT):
    partner = Partner(Tenant(tenant_id, "Contoso Reseller", "NL", "contoso-reseller.example"))
    for tenant in tenants:
        partner.take_on(tenant)
    return partner
