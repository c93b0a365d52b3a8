"""Time and memory of reading import files: a file of each kind with 10,000, 100,000 and 1,000,000 rows, made on the
fly, through `insights import --check`, which reads the whole of it and checks every fact as the server would.

    imports.py FOLDER INSIGHTS [ROWS...]

FOLDER takes the files, one at a time; INSIGHTS is a release build of the command. Prints a Markdown table.
"""

import json
import os
import pathlib
import sys
import time

SKU = "6fd2c87f-b296-42f0-b197-1e91e994b900"
SERVICES = ["Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams"]
DAYS = ["2026-01-20", "2026-01-21", "", "", "", "2026-01-23"]


def report_csv(rows):
    yield ",".join(["Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Deleted Date"]
                   + [f"Has {name} License" for name in SERVICES]
                   + [f"{name} Last Activity Date" for name in SERVICES] + ["Assigned Products"]) + "\r\n"
    rest = ",".join(["False", ""] + ["True"] * len(SERVICES) + DAYS + ["OFFICE 365 E3"])
    for row in range(rows):
        yield f"2026-01-24,user{row}@fabrikam.example,User {row},{rest}\r\n"


def json_list(rows, item, before='{"value": [', after="]}"):
    yield before
    for row in range(rows):
        yield (",\n" if row else "\n") + json.dumps(item(row))
    yield after


def report_json(rows):
    return json_list(rows, lambda row: {
        "reportRefreshDate": "2026-01-24", "userPrincipalName": f"user{row}@fabrikam.example",
        "displayName": f"User {row}", "isDeleted": False,
        **{name[:1].lower() + name[1:].replace(" ", "") + "LastActivityDate": day or None
           for name, day in zip(SERVICES, DAYS)}})


def users(rows):
    return json_list(rows, lambda row: {
        "id": f"{row:08x}-0000-4000-8000-000000000000", "userPrincipalName": f"user{row}@fabrikam.example",
        "displayName": f"User {row}", "assignedLicenses": [{"disabledPlans": [], "skuId": SKU}]})


def subscriptions(rows):
    return json_list(rows, lambda row: {
        "Id": f"{row:08x}-0000-4000-8000-000000000000", "CreatedDateTime": "/Date(1768035600000)/", "IsTrial": False,
        "CommerceSubscriptionId": f"{row:08x}-0000-4000-8000-000000000001", "SkuId": SKU, "Status": "Enabled",
        "OwnerTenantId": "51515151-0000-4000-8000-000000000001", "TotalLicenses": 10}, "[", "]")


def own_subscriptions(rows):
    return json_list(rows, lambda row: {
        "id": f"{row:08x}-0000-4000-8000-000000000000", "offerId": "O1", "productId": SKU, "quantity": 10,
        "creationDate": "2026-01-10T09:00:00Z", "status": "active", "billingType": "license"},
        f'{{"totalCount": {rows}, "items": [')


def facts(rows):
    for row in range(rows):
        yield json.dumps({"user": {"customerId": "fabrikam", "userId": f"user{row}@fabrikam.example",
                                   "displayName": f"User {row}"}}) + "\n"


FILES = [
    ("graph-active-users, CSV", "graph-active-users", report_csv),
    ("graph-active-users, JSON", "graph-active-users", report_json),
    ("graph-users", "graph-users", users),
    ("graph-subscriptions", "graph-subscriptions", subscriptions),
    ("partner-subscriptions", "partner-subscriptions", own_subscriptions),
    ("facts", "facts", facts),
]


def measure(insights, kind, path):
    """Seconds of CPU and of wall time, and the peak of resident memory in MiB."""
    command = [insights, "import", kind, str(path), "--check"]
    if kind != "facts":
        command += ["--customer", "fabrikam", "--date", "2026-01-24"]
    if kind == "partner-subscriptions":
        command += ["--partner", "contoso-reseller"]
    start = time.monotonic()
    child = os.posix_spawn(insights, command, dict(os.environ),
                           file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024


def main():
    folder, insights = pathlib.Path(sys.argv[1]), os.path.abspath(sys.argv[2])
    sizes = [int(text) for text in sys.argv[3:]] or [10_000, 100_000, 1_000_000]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "import-file"
    print("| file | rows | MiB | CPU s | rows per second of CPU | wall s | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, kind, make in FILES:
        for rows in sizes:
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(make(rows))
            cpu, wall, peak = measure(insights, kind, path)
            size = path.stat().st_size / (1 << 20)
            print(f"| {name} | {rows:,} | {size:,.1f} | {cpu:.2f} | {rows / cpu:,.0f} | {wall:.2f} | {peak:,.0f} |",
                  flush=True)
    path.unlink()


main()
