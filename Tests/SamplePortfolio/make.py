#!/usr/bin/env python3
"""Writes the sample portfolio: small files in the formats that partners really have, for a given last day.

    make.py FOLDER [--end YYYY-MM-DD]

The same day gives the same bytes. Standard library only. README.md tells what each customer shows.
"""

import argparse
import csv
import datetime
import io
import json
import pathlib
import random
import uuid

NAMESPACE = uuid.UUID("6f5c2b0e-7a53-5e1c-9d65-1f2a8c0b4d7e")
FIRST = (
    "Anna Bram Chris Daan Emma Femke Gijs Hanna Ivo Julia Koen Lotte Mees Noor Olaf Pien Quinten Roos Sem Tess Umar "
    "Vera Wout Xandra Yara Zoe"
).split()
LAST = (
    "Vos Bakker Smit Mulder Visser Meyer Dekker Brouwer Kok Vermeer Peters Jansen Hendriks Willems Jacobs Evers Maas "
    "Kuiper Prins Post Schouten Blom Wolf Dijk"
).split()

# Product names and plans as the vendor's public table has them, a handful of its rows.
E3 = "6fd2c87f-b296-42f0-b197-1e91e994b900"
BUSINESS_BASIC = "3b555118-da6a-4418-894f-7df1e2096870"
BUSINESS_STANDARD = "f245ecc8-75af-4f8e-b61f-27d8114de5f3"
M365_E5 = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
EXCHANGE_1 = "4b9405b0-7788-4568-add1-99614e613b69"
DYNAMICS_SALES = "1e1a282c-9c54-43a2-9310-98ef728faace"
FLOW_FREE = "f30db892-07e9-47e9-837c-80727f46fd3d"
SUITE = ["EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE", "SHAREPOINTWAC", "TEAMS1", "YAMMER_ENTERPRISE",
         "OFFICESUBSCRIPTION"]
SMALL = ["EXCHANGE_S_STANDARD", "SHAREPOINTSTANDARD", "SHAREPOINTWAC", "TEAMS1", "YAMMER_ENTERPRISE"]
CATALOG = [
    ("Office 365 E3", "ENTERPRISEPACK", E3, SUITE),
    ("Microsoft 365 Business Basic", "O365_BUSINESS_ESSENTIALS", BUSINESS_BASIC, SMALL),
    ("Microsoft 365 Business Standard", "O365_BUSINESS_PREMIUM", BUSINESS_STANDARD, SMALL + ["OFFICE_BUSINESS"]),
    ("Microsoft 365 E5", "SPE_E5", M365_E5, SUITE + ["MCOEV", "AAD_PREMIUM_P2"]),
    ("Exchange Online (Plan 1)", "EXCHANGESTANDARD", EXCHANGE_1, ["EXCHANGE_S_STANDARD"]),
    ("Dynamics 365 for Sales, Enterprise Edition", "DYN365_ENTERPRISE_SALES", DYNAMICS_SALES,
     ["DYN365_ENTERPRISE_SALES", "EXCHANGE_S_FOUNDATION"]),
    ("Power Automate Free", "FLOW_FREE", FLOW_FREE, ["EXCHANGE_S_FOUNDATION", "FLOW_P2_VIRAL"]),
]
WORKLOADS = ["Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams"]


def guid(*parts):
    return str(uuid.uuid5(NAMESPACE, "/".join(map(str, parts))))


CONTOSO, FABRIKAM, FOREIGN = guid("tenant", "contoso"), guid("tenant", "fabrikam"), guid("tenant", "elsewhere")
OWN_TENANT = "own tenant"


class Portfolio:
    def __init__(self, folder, end):
        self.folder, self.end = folder, end
        self.random = random.Random(20200630)
        self.facts = []

    def day(self, back):
        return (self.end - datetime.timedelta(days=back)).isoformat()

    def fact(self, kind, **fields):
        self.facts.append({kind: fields})

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))

    def csv(self, rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue()

    # One customer ---------------------------------------------------------------------------------------------------

    def customer(self, customer, name, market, partners, since=400):
        self.fact("customer", customer_id=customer, name=name, market=market)
        for partner in partners:
            self.fact("relationship", partner_id=partner, customer_id=customer, start_date=self.day(since))
        return Customer(self, customer)

    def catalog(self):
        rows = [["Product_Display_Name", "String_Id", "GUID", "Service_Plan_Name", "Service_Plan_Id",
                 "Service_Plans_Included_Friendly_Names"]]
        for name, part, sku, plans in CATALOG:
            for plan in plans:
                rows.append([name, part, sku, plan, guid("plan", plan), plan.replace("_", " ").title()])
        self.write("catalog.csv", "\ufeff" + self.csv(rows))


class Customer:
    def __init__(self, portfolio, customer):
        self.portfolio, self.id = portfolio, customer
        self.tenant = guid("tenant", customer)
        self.people = []
        self.used = set()

    def hire(self, count, usage, held, start=200, stop=-1):
        """People with the probability of a working day in each workload, and the licenses they hold.

        `held` is a list of (SKU, first day back, last day back or -1); `start` and `stop` are days back of their work.
        """
        chance = self.portfolio.random
        people = []
        for _ in range(count):
            while True:
                first, last = chance.choice(FIRST), chance.choice(LAST)
                number = sum(1 for used in self.used if used.startswith(f"{first}.{last}".lower()))
                local = f"{first}.{last}{number + 1 if number else ''}".lower()
                if local not in self.used:
                    break
            self.used.add(local)
            days = {workload: set() for workload in WORKLOADS + ["CRM", "APPS"]}
            for back in range(start, max(stop, -1), -1):
                weekend = (self.portfolio.end - datetime.timedelta(days=back)).weekday() >= 5
                for workload, share in usage.items():
                    if chance.random() < share * (0.15 if weekend else 1):
                        days[workload].add(back)
            person = {"upn": f"{local}@{self.id}.example", "name": f"{first} {last}", "held": held, "days": days,
                      "gone": stop >= 0, "stop": stop, "start": start}
            people.append(person)
            self.people.append(person)
        return people

    def users(self, back):
        value = []
        for person in self.people:
            if person["start"] < back or (person["gone"] and person["stop"] > back):
                continue
            skus = [sku for sku, first, last in person["held"] if first >= back and (last < 0 or last < back)]
            value.append({
                "id": guid("user", person["upn"]), "userPrincipalName": person["upn"].title() if value else person["upn"],
                "displayName": person["name"],
                "assignedLicenses": [{"skuId": sku, "disabledPlans": []} for sku in skus],
            })
        self.json(f"users-{self.portfolio.day(back)}.json", {
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users", "value": value})

    def skus(self, skus):
        parts = {sku: (part, plans) for _, part, sku, plans in CATALOG}
        self.json("subscribed-skus.json", {"value": [{
            "id": f"{self.tenant}_{sku}", "skuId": sku, "skuPartNumber": parts[sku][0], "appliesTo": "User",
            "capabilityStatus": "Enabled", "consumedUnits": 0,
            "prepaidUnits": {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 0},
            "servicePlans": [{"servicePlanId": guid("plan", plan), "servicePlanName": plan,
                              "provisioningStatus": "Success", "appliesTo": "User"} for plan in parts[sku][1]],
        } for sku in skus]})

    def subscriptions(self, back, rows):
        """Rows of (number, SKU, owner, licenses, status, trial, created back, ends ahead or None)."""
        value = []
        for number, sku, owner, licenses, status, trial, created, ends in rows:
            if created < back:
                continue
            subscription = guid("subscription", self.id, number)
            row = {
                "id": guid("directory", subscription), "commerceSubscriptionId": subscription, "skuId": sku,
                "skuPartNumber": next(part for _, part, known, _ in CATALOG if known == sku), "status": status,
                "isTrial": trial, "totalLicenses": licenses,
                "createdDateTime": self.portfolio.day(created) + "T09:30:00Z",
                "nextLifecycleDateTime": None if ends is None else self.portfolio.day(-ends) + "T00:00:00Z",
                "serviceStatus": [],
            }
            if owner is not None:
                row["ownerTenantId"] = self.tenant if owner == OWN_TENANT else owner
            value.append(row)
        self.json(f"subscriptions-{self.portfolio.day(back)}.json", {
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#directory/subscriptions", "value": value})

    def activity(self, first=119, last=0, step=7):
        """One report a week; the older ones put together in one file, the last four as they were downloaded."""
        backs = sorted(set(range(first, last, -step)) | {last}, reverse=True)
        older = "".join(self.report(back) for back in backs[:-4])
        self.write("activity-history.csv", "\ufeff" + older)
        for back in backs[-4:]:
            self.write(f"activity-{self.portfolio.day(back)}.csv", "\ufeff" + self.report(back))
        self.unreported(last)

    def report(self, back):
        rows = [["Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Deleted Date"]
                + [f"Has {w} License" for w in WORKLOADS] + [f"{w} Last Activity Date" for w in WORKLOADS]
                + [f"{w} License Assign Date" for w in WORKLOADS] + ["Assigned Products"]]
        for person in self.people:
            if person["start"] < back:
                continue
            deleted = person["gone"] and person["stop"] >= back
            last = []
            for workload in WORKLOADS:
                seen = [day for day in person["days"][workload] if day >= back]
                last.append(self.portfolio.day(min(seen)) if seen else "")
            products = "MICROSOFT 365 BUSINESS BASIC+ENTERPRISE MOBILITY + SECURITY E5" if person["held"] else ""
            rows.append([self.portfolio.day(back), person["upn"], person["name"], deleted,
                         self.portfolio.day(person["stop"]) if deleted else ""]
                        + [bool(person["held"])] * len(WORKLOADS) + last + [""] * len(WORKLOADS) + [products])
        return self.portfolio.csv(rows)

    def unreported(self, last):
        """What the weekly report has no column for comes as facts: Dynamics 365 and the Office apps."""
        for person in self.people:
            for workload in ("CRM", "APPS"):
                days = sorted(person["days"][workload], reverse=True)
                dates = [self.portfolio.day(back) for back in days if last <= back <= 119]
                if dates:
                    self.portfolio.fact("activity", customer_id=self.id, user_id=person["upn"],
                                        workload_code=workload, dates=dates)

    def write(self, name, text):
        self.portfolio.write(f"{self.id}/{name}", text)

    def json(self, name, value):
        self.write(name, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


OFFICE = {"Exchange": 0.7, "OneDrive": 0.3, "SharePoint": 0.35, "Teams": 0.6, "Yammer": 0.05, "APPS": 0.5}
QUIET = {"Exchange": 0.012, "Teams": 0.004}


def adatum(portfolio):
    """Turnover: a full house, and five licenses that moved to somebody else in the window."""
    customer = portfolio.customer("adatum", "A. Datum Corporation", "NL", ["contoso-reseller"])
    customer.hire(45, OFFICE, [(E3, 200, -1)])
    customer.hire(5, OFFICE, [(E3, 200, 13)], stop=14)
    customer.hire(5, OFFICE, [(E3, 13, -1)], start=13)
    rows = [(1, E3, CONTOSO, 50, "Enabled", False, 390, 120)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 12, 0):
        customer.users(back)
    customer.skus([E3])
    customer.activity()


def coho(portfolio):
    """Two partners, an older subscription in grace beside an active one, a trial, two leavers and a stranger."""
    customer = portfolio.customer("coho-vineyard", "Coho Vineyard", "BE", ["contoso-reseller", "fabrikam-cloud"])
    customer.hire(17, OFFICE, [(E3, 200, -1)])
    customer.hire(1, {}, [(E3, 200, -1)])
    customer.hire(2, OFFICE, [(E3, 200, 11)], stop=12)
    customer.hire(1, {"SharePoint": 0.4}, [])
    def rows(grace):
        return [
            (1, E3, CONTOSO, 10, "Enabled", False, 380, 200), (2, E3, FABRIKAM, 5, "Enabled", False, 300, 60),
            (3, E3, CONTOSO, 4, grace, False, 395, None), (4, E3, CONTOSO, 3, "Enabled", True, 20, 10)]
    customer.subscriptions(119, rows("Enabled"))
    customer.subscriptions(20, rows("Warning"))
    customer.subscriptions(0, rows("Warning"))
    for back in (119, 11, 0):
        customer.users(back)
    customer.skus([E3])
    customer.activity()


def fourth_coffee(portfolio):
    """Two further subscriptions stopped: one disabled, one deprovisioned. People work on as before."""
    customer = portfolio.customer("fourth-coffee", "Fourth Coffee", "NL", ["contoso-reseller"])
    customer.hire(32, OFFICE, [(BUSINESS_STANDARD, 200, -1)])
    def rows(second, third):
        return [
            (1, BUSINESS_STANDARD, CONTOSO, 20, "Enabled", False, 350, 240),
            (2, BUSINESS_STANDARD, CONTOSO, 8, second, False, 345, None),
            (3, BUSINESS_STANDARD, CONTOSO, 6, third, False, 340, None)]
    customer.subscriptions(119, rows("Enabled", "Enabled"))
    customer.subscriptions(12, rows("Suspended", "LockedOut"))
    customer.subscriptions(0, rows("Suspended", "LockedOut"))
    for back in (119, 0):
        customer.users(back)
    customer.skus([BUSINESS_STANDARD])
    customer.activity()


def graphic_design(portfolio):
    """A trial at full speed beside a handful of licenses."""
    customer = portfolio.customer("graphic-design", "Graphic Design Institute", "DE", ["contoso-reseller"])
    customer.hire(6, dict(OFFICE, APPS=0), [(BUSINESS_BASIC, 200, -1)])
    customer.hire(22, OFFICE, [(M365_E5, 24, -1)], start=24)
    rows = [(1, BUSINESS_BASIC, CONTOSO, 8, "Enabled", False, 300, 80),
            (2, M365_E5, CONTOSO, 25, "Enabled", True, 24, 6)]
    customer.subscriptions(119, rows[:1])
    customer.subscriptions(24, rows)
    customer.subscriptions(0, rows)
    for back in (119, 24, 0):
        customer.users(back)
    customer.skus([BUSINESS_BASIC, M365_E5])
    customer.activity()


def litware(portfolio):
    """Yammer far beyond its licenses: everybody reads it, few hold a license that includes it."""
    customer = portfolio.customer("litware", "Litware, Inc.", "NL", ["contoso-reseller"])
    customer.hire(10, dict(OFFICE, Yammer=0.5, APPS=0), [(BUSINESS_BASIC, 200, -1)])
    customer.hire(30, {"Exchange": 0.7, "Yammer": 0.4}, [(EXCHANGE_1, 200, -1)])
    rows = [(1, BUSINESS_BASIC, CONTOSO, 12, "Enabled", False, 360, 150),
            (2, EXCHANGE_1, CONTOSO, 30, "Enabled", False, 360, 150)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 0):
        customer.users(back)
    customer.skus([BUSINESS_BASIC, EXCHANGE_1])
    customer.activity()


def margies(portfolio):
    """Low adoption, many how-to questions, unused licenses that end soon; half is bought directly."""
    customer = portfolio.customer("margies-travel", "Margie's Travel", "NL", ["contoso-reseller"])
    customer.hire(6, OFFICE, [(BUSINESS_STANDARD, 200, -1)])
    customer.hire(14, QUIET, [(BUSINESS_STANDARD, 200, -1)])
    rows = [(1, BUSINESS_STANDARD, CONTOSO, 30, "Enabled", False, 345, 20),
            (2, BUSINESS_STANDARD, OWN_TENANT, 20, "Enabled", False, 200, 160)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 0):
        customer.users(back)
    customer.skus([BUSINESS_STANDARD])
    customer.activity()
    for back in range(26, 0, -4):
        portfolio.fact("support_request", customer_id=customer.id, date=portfolio.day(back),
                       category="SUPPORT_CATEGORY_HOW_TO", count=1 + back % 3)
        portfolio.fact("support_request", customer_id=customer.id, date=portfolio.day(back),
                       category="SUPPORT_CATEGORY_OTHER", count=1)
    offer = "CFQ7TTC0LDPB:0001:CFQ7TTC0KTXK"
    item = {
        "id": guid("subscription", customer.id, 1).upper(), "offerId": offer, "productId": "CFQ7TTC0LDPB",
        "offerName": "Microsoft 365 Business Standard", "friendlyName": "Microsoft 365 Business Standard",
        "quantity": 30, "unitType": "Licenses", "creationDate": portfolio.day(345) + "T09: 30: 00Z",
        "effectiveStartDate": portfolio.day(345) + "T00: 00: 00Z",
        "commitmentEndDate": portfolio.day(-20) + "T00: 00: 00Z", "status": "active", "autoRenewEnabled": True,
        "isTrial": False, "billingType": "license", "termDuration": "P1Y", "contractType": "subscription",
        "links": {"self": {"uri": f"/customers/{customer.tenant}/subscriptions/1", "method": "GET"}}}
    usage = dict(item, id=guid("azure", customer.id), offerId="MS-AZR-0145P", offerName="Microsoft Azure",
                 friendlyName="Microsoft Azure", quantity=1, unitType="Usage-based", billingType="usage",
                 commitmentEndDate="9999-12-10T00:00:00Z")
    customer.json("partner-center-subscriptions.json", {"totalCount": 2, "items": [item, usage],
                                                        "attributes": {"objectType": "Collection"}})
    customer.write("offers.csv", portfolio.csv([["offer_id", "sku_id"], [offer, BUSINESS_STANDARD]]))


def proseware(portfolio):
    """Dynamics 365 beside Office. The vendor has no report of named users for Dynamics: its activity comes as facts."""
    customer = portfolio.customer("proseware", "Proseware", "GB", ["contoso-reseller"])
    customer.hire(12, dict(OFFICE, CRM=0.6), [(BUSINESS_STANDARD, 200, -1), (DYNAMICS_SALES, 200, -1)])
    customer.hire(4, dict(OFFICE, CRM=0.01), [(BUSINESS_STANDARD, 200, -1), (DYNAMICS_SALES, 200, -1)])
    customer.hire(10, OFFICE, [(BUSINESS_STANDARD, 200, -1), (FLOW_FREE, 200, -1)])
    rows = [(1, BUSINESS_STANDARD, CONTOSO, 28, "Enabled", False, 330, 100),
            (2, DYNAMICS_SALES, CONTOSO, 15, "Enabled", False, 330, 100),
            (3, DYNAMICS_SALES, OWN_TENANT, 5, "Enabled", False, 100, 265),
            (4, FLOW_FREE, None, 10000, "Enabled", False, 300, None)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 0):
        customer.users(back)
    customer.skus([BUSINESS_STANDARD, DYNAMICS_SALES, FLOW_FREE])
    customer.activity()


def tailspin(portfolio):
    """Mostly bought elsewhere: another partner, the vendor, and a seller whom the source does not name."""
    customer = portfolio.customer("tailspin-toys", "Tailspin Toys", "FR", ["contoso-reseller", "fabrikam-cloud"])
    customer.hire(58, dict(OFFICE, Exchange=0.5, Teams=0.3), [(E3, 200, -1)])
    rows = [(1, E3, FABRIKAM, 30, "Enabled", False, 370, 40), (2, E3, FOREIGN, 12, "Enabled", False, 310, 90),
            (3, E3, OWN_TENANT, 10, "Enabled", False, 250, 110), (4, E3, CONTOSO, 12, "Enabled", False, 180, 180),
            (5, E3, None, 4, "Enabled", False, 170, None)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 0):
        customer.users(back)
    customer.skus([E3])
    customer.activity()


def northwind(portfolio):
    """The reports of this customer lag a week behind, and a rollout is under way: usage rises through the months."""
    customer = portfolio.customer("northwind", "Northwind Traders", "NL", ["contoso-reseller"])
    for wave in range(8):
        start = 118 - wave * 14
        customer.hire(6, OFFICE, [(E3, start, -1)], start=start)
    rows = [(1, E3, CONTOSO, 60, "Enabled", False, 130, 235)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 105, 91, 77, 63, 49, 35, 20, 7):
        customer.users(back)
    customer.skus([E3])
    customer.activity(last=7)


def wingtip(portfolio):
    """A customer of the other partner alone."""
    customer = portfolio.customer("wingtip", "Wingtip Toys", "US", ["fabrikam-cloud"])
    customer.hire(24, OFFICE, [(E3, 200, -1)])
    rows = [(1, E3, FABRIKAM, 25, "Enabled", False, 320, 45)]
    customer.subscriptions(119, rows)
    customer.subscriptions(0, rows)
    for back in (119, 0):
        customer.users(back)
    customer.skus([E3])
    customer.activity()


def woodgrove(portfolio):
    """New: subscriptions are known, nobody has reported who holds or uses them."""
    customer = portfolio.customer("woodgrove", "Woodgrove Bank", "LU", ["contoso-reseller"], since=10)
    rows = [(1, E3, CONTOSO, 100, "Enabled", False, 9, 356)]
    customer.subscriptions(0, rows)
    customer.skus([E3])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    yesterday = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    parser.add_argument("--end", type=datetime.date.fromisoformat, default=yesterday, help="last day, default yesterday")
    arguments = parser.parse_args()
    portfolio = Portfolio(arguments.folder, arguments.end)
    portfolio.fact("partner", partner_id="contoso-reseller", name="Contoso Reseller")
    portfolio.fact("partner", partner_id="fabrikam-cloud", name="Fabrikam Cloud")
    portfolio.catalog()
    for make in (adatum, coho, fourth_coffee, graphic_design, litware, margies, northwind, proseware, tailspin, wingtip,
                 woodgrove):
        make(portfolio)
    portfolio.write("facts.jsonl", "".join(json.dumps(fact) + "\n" for fact in portfolio.facts))
    portfolio.write("tenants", "".join(f"{name} {guid('tenant', name)}\n" for name in (
        "contoso fabrikam adatum coho-vineyard fourth-coffee graphic-design litware margies-travel northwind proseware "
        "tailspin-toys wingtip woodgrove").split()))


if __name__ == "__main__":
    main()
