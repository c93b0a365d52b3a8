"""Writes the fixed data set of the service benchmark as HTTP bodies: gRPC frames around what `protoc --encode` makes.

    dataset.py FOLDER LAST_DAY     (run in the repository's root; needs protoc)

One customer with eight SKUs of both products from five sellers, 200 users and 40 days of activity, among 100 small
customers. The seed is fixed; only the days move, because a server that prunes by age would otherwise forget them.
"""

import datetime
import random
import subprocess
import sys

PARTNERS = {"contoso": "Contoso", "fabrikam": "Fabrikam", "northwind": "Northwind Traders"}
CUSTOMER = "adventure-works"
OFFICE, DYNAMICS = "PRODUCT_OFFICE_365", "PRODUCT_DYNAMICS_365"
SKUS = [
    ("O365_BUSINESS_PREMIUM", "Microsoft 365 Business Standard", OFFICE, ["APPS", "EXO", "SPO", "TEAMS", "YAM"]),
    ("STANDARDPACK", "Office 365 E1", OFFICE, ["EXO", "SFB", "SPO", "TEAMS", "YAM"]),
    ("ENTERPRISEPACK", "Office 365 E3", OFFICE, ["APPS", "EXO", "SFB", "SPO", "TEAMS", "YAM"]),
    ("ENTERPRISEPREMIUM", "Office 365 E5", OFFICE, ["APPS", "EXO", "SFB", "SPO", "TEAMS", "YAM"]),
    ("EXCHANGESTANDARD", "Exchange Online (Plan 1)", OFFICE, ["EXO"]),
    ("DYN365_ENTERPRISE_SALES", "Dynamics 365 for Sales Enterprise Edition", DYNAMICS, ["CRM"]),
    ("DYN365_ENTERPRISE_CUSTOMER_SERVICE", "Dynamics 365 for Customer Service Enterprise", DYNAMICS, ["CRM"]),
    ("DYN365_ENTERPRISE_TEAM_MEMBERS", "Dynamics 365 Team Members", DYNAMICS, ["CRM"]),
]
SELLERS = [
    'seller_partner_id: "contoso"', 'seller_partner_id: "fabrikam"', 'seller_partner_id: "northwind"',
    "seller_kind: SELLER_KIND_DIRECT", "seller_kind: SELLER_KIND_UNKNOWN",
]
USERS = 200
DAYS = 40


def facts(last):
    """The facts in protobuf's text format."""
    rng = random.Random(28)
    start = last - datetime.timedelta(days=400)
    for partner, name in PARTNERS.items():
        yield f'partner {{ partner_id: "{partner}" name: "{name}" }}'
    for sku, name, product, workloads in SKUS:
        codes = " ".join(f'workload_codes: "{code}"' for code in workloads)
        yield f'sku {{ sku_id: "{sku}" name: "{name}" product: {product} {codes} }}'
    for customer in [CUSTOMER] + [f"customer-{index:03}" for index in range(100)]:
        yield f'customer {{ customer_id: "{customer}" name: "{customer.replace("-", " ").title()}" market: "NL" }}'
        yield f'relationship {{ partner_id: "contoso" customer_id: "{customer}" start_date: "{start}" }}'
        for source in ("SUBSCRIPTIONS", "ASSIGNMENTS", "ACTIVITY"):
            yield f'coverage {{ customer_id: "{customer}" source: SOURCE_{source} through: "{last}" }}'
        if customer != CUSTOMER:
            yield subscription(customer, SKUS[2][0], SELLERS[0], start, rng.randint(5, 50), 0)
    for index, (sku, *_) in enumerate(SKUS):
        for seller in rng.sample(range(len(SELLERS)), 3) + ([0] if index < 4 else []):
            yield subscription(CUSTOMER, sku, SELLERS[seller], start, rng.randint(5, 40), f"{index}-{seller}")
    yield subscription(CUSTOMER, SKUS[3][0], SELLERS[0], start, 25, "trial", trial=True)
    yield subscription(CUSTOMER, SKUS[1][0], SELLERS[1], start, 10, "grace", state="GRACE")
    for index in range(USERS):
        yield from person(rng, f"user-{index:03}", start, last)


def subscription(customer, sku, seller, start, quantity, number, trial=False, state="ACTIVE"):
    extra = " trial: true" if trial else ""
    return (
        f'subscription {{ subscription_id: "{customer}-{number}" customer_id: "{customer}" sku_id: "{sku}" {seller} '
        f'effective_date: "{start}" quantity: {quantity} state: SUBSCRIPTION_STATE_{state}{extra} }}'
    )


def person(rng, user, start, last):
    ids = f'customer_id: "{CUSTOMER}" user_id: "{user}"'
    yield f'user {{ {ids} display_name: "{user.title()}" }}'
    held = [SKUS[rng.randrange(5)]] + ([SKUS[5 + rng.randrange(3)]] if rng.random() < 0.4 else [])
    for sku, *_ in held:
        yield f'assignment {{ {ids} sku_id: "{sku}" start_date: "{start}" }}'
    for code in sorted({code for sku in held for code in sku[3]}):
        keenness = rng.random() * 0.6 - 0.15
        days = [last - datetime.timedelta(days=back) for back in range(DAYS) if rng.random() < keenness]
        if days:
            dates = " ".join(f'dates: "{day}"' for day in days)
            yield f'activity {{ {ids} workload_code: "{code}" {dates} }}'


def frame(message, text):
    """A gRPC frame (flag, length, message) around the text-format message."""
    command = [
        "protoc", "-I", "Protos", "-I", "Protos/upstream", f"--encode=partner.insights.v1.{message}",
        "partner/insights/v1/access_service.proto", "partner/insights/v1/ingest_service.proto",
        "partner/insights/v1/insights_service.proto",
    ]
    encoded = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return b"\0" + len(encoded).to_bytes(4, "big") + encoded


def main():
    folder, last = sys.argv[1], datetime.date.fromisoformat(sys.argv[2])
    bodies = {
        "create-partner": frame(
            "CreatePartnerRequest",
            'partner_id: "contoso" name: "Contoso" principal { principal_id: "sales" roles: ROLE_SALES_AGENT }'),
        "ingest": frame(
            "IngestRequest", 'batch_id: "benchmark"\n' + "\n".join(f"facts {{ {fact} }}" for fact in facts(last))),
        "GetCustomerInsights": frame("GetCustomerInsightsRequest", f'customer_id: "{CUSTOMER}" as_of: "{last}"'),
        "CompareLicenses": frame("CompareLicensesRequest", f'customer_id: "{CUSTOMER}" as_of: "{last}"'),
    }
    for name, body in bodies.items():
        with open(f"{folder}/{name}.request", "wb") as file:
            file.write(body)


main()
