"""The dashboard (`--web pages`) over TLS: who may see what, that its figures are gRPC's, and that its HTML is sound."""

import math
import re
from urllib.parse import quote

import pytest
from callers import ROLE_SETS, Callers, principal
from connect import Web
from facts import day
from pages import LANGUAGES, SHOWN_HOSTILE, Page, rich

SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin", "strict-transport-security": "max-age=31536000",
}  # fmt: skip
HTML = "text/html,application/xhtml+xml"
# Page → the roles that may see it.
ALL, READERS = "UAS", {
    "/": "UAS", "/customers": "UAS", "/customers/C": "UAS", "/compare": "UAS", "/compare?customer=C": "UAS",
    "/trend": "UAS", "/trend?customer=C&metric=sold&interval=week&workload=SPO&workload=all": "UAS", "/explain": "UAS",
    "/explain?customer=C&workload=YAM": "UAS", "/advice": "UAS", "/advice?customer=adatum&kind=offer_training": "UAS",
    "/export": "UAS", "/customers/C/subscriptions": "AS", "/customers/C/users": "UA", "/access": "U", "/audit": "UA",
}  # fmt: skip
ROLE_NAMES = {"U": "user management admin", "A": "admin agent", "S": "sales agent"}
MENU = {
    "/": ALL, "/customers": ALL, "/compare": ALL, "/trend": ALL, "/explain": ALL, "/advice": ALL, "/export": ALL,
    "/access": "U", "/audit": "UA",
}  # fmt: skip


class World(Callers):
    def __init__(self, api, certificates, folder):
        super().__init__(api, certificates, folder, "--web", "api,pages")
        self.house["operator"].feed(list(rich(self.house.facts)))
        self.webs = {}
        for column in ROLE_SETS:
            self.webs[column] = Web(self.house, certificates.authority.principal("A", principal(column)))
        for who in ("dave", "operator", "disabled", "expired", "unknown"):
            self.webs[who] = Web(self.house, getattr(certificates, who))
        self.webs["anonymous"] = Web(self.house)

    def get(self, who, path, verb="GET", accept=HTML, **headers):
        return self.webs[who].http(verb, path, accept=accept, **headers)

    def page(self, path, who="UA", language="en"):
        response = self.get(who, path, accept_language=language)
        assert response.status == 200, (path, response.status, response.content[:2_000])
        return Page(response.content)


@pytest.fixture(scope="module")
def world(api, certificates, tmp_path_factory):
    world = World(api, certificates, tmp_path_factory.mktemp("pages"))
    yield world
    world.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_for_every_role(world, language):
    for path, roles in READERS.items():
        for column, numbers in ROLE_SETS.items():
            response = world.get(column, path, accept_language=language)
            may = any(role in column for role in roles) and numbers
            assert response.status == (200 if may else 403), (path, column)
            page = Page(response.content)
            assert page.language == language
            assert {n: response.headers[n] for n in SECURITY} == SECURITY
            assert response.headers["content-type"] == "text/html; charset=utf-8"
            if may:
                expected = [place for place, who in MENU.items() if any(role in column for role in who)]
                assert page.menu() == expected, (path, column)
            elif language == "en":
                names = " or ".join(ROLE_NAMES[role] for role in roles)
                assert f"A role that allows this: {names}." in page.text, (path, column)


def test_who_is_nobody_is_asked_to_sign_in(world):
    for who in ("anonymous", "disabled", "unknown", "expired"):
        for path in ("/", "/customers/C?as_of=2026-01-01&x=%20", "/me"):
            response = world.get(who, path)
            if who == "anonymous":
                assert response.status == 303 and response.content == b"", (who, path)
                assert response.headers["location"] == "/login?to=" + quote(path, safe="")
            else:
                # Beside a certificate nothing else would count.
                assert response.status == 401 and "certificate" in Page(response.content).text, (who, path)
            assert {n: response.headers[n] for n in SECURITY} == SECURITY
            other = world.get(who, path, accept="*/*")
            assert other.status == 401 and len(other.content) < 500
            assert other.headers["content-type"] == "application/json"
    # Nobody signs in at an issuer here.
    login = world.get("anonymous", "/login?to=/me")
    assert login.status == 401 and "client certificate" in Page(login.content).text


def test_the_operator_and_somebody_without_roles(world):
    assert world.get("operator", "/").status == 403
    assert "operator" in Page(world.get("operator", "/me").content).text
    assert "no role" in Page(world.get("none", "/me").content).text
    for who in ("operator", "anonymous", "none"):
        response = world.get(who, "/about")
        assert response.status == 200 and "Usage per entitlement" in Page(response.content).text


def test_hidden_customers_are_none(world):
    """The same bytes, headers included, but for the length of time."""
    forms = [
        "/customers/{}", "/customers/{}/subscriptions", "/customers/{}/users", "/compare?customer={}",
        "/trend?customer={}", "/explain?customer={}", "/advice?customer={}",
    ]  # fmt: skip
    for form in forms:
        for language in LANGUAGES:
            answers = [world.get("UAS", form.format(c), accept_language=language) for c in ("hidden", "nobody", "hidde")]
            assert {a.status for a in answers} == {404}
            assert len({a.content for a in answers}) == 1 and len({tuple(sorted(a.headers.items())) for a in answers}) == 1
            Page(answers[0].content)
    assert "Hidden" not in world.page("/customers").text


def test_what_is_not_there_and_what_is_wrong(world):
    for path in ("/nothing", "/customers/C/nothing", "/assets/app.css", "/%2e%2e/etc", "/customers//users"):
        response = world.get("UA", path)
        assert response.status == 404 and {n: response.headers[n] for n in SECURITY} == SECURITY, path
        Page(response.content)
    for path in (
        "/?as_of=tomorrow", "/customers?usage_below=x", "/customers?order=x", "/customers?page=x", "/customers?scope=x",
        "/trend?start=2020-01-01", "/trend?metric=x", "/explain?workload=x+y", "/advice?kind=x", "/compare?product=x",
        "/customers/C/users?activity=x",
    ):  # fmt: skip
        response = world.get("UA", path)
        assert response.status == 400, path
        assert Page(response.content).root.find("p", class_="message"), path
    refused = world.get("UA", "/customers", verb="POST")
    assert refused.status == 405 and refused.headers["allow"] == "GET"
    # What nobody knows is passed over.
    assert world.page("/customers?utm_source=x&x[]=%zz&=&&").text


def test_the_language_is_kept(world):
    response = world.get("UA", "/about?lang=nl", accept_language="en")
    assert response.headers["set-cookie"] == "lang=nl; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"
    assert Page(response.content).language == "nl"
    assert Page(world.get("UA", "/", accept_language="en", cookie="a=b; lang=nl").content).language == "nl"
    assert "set-cookie" not in world.get("UA", "/?lang=xx").headers


def test_assets(world):
    page = world.page("/")
    names = [e.attributes.get("href") or e.attributes.get("src") for e in page.root.find("link") + page.root.find("script")]
    assert len(names) == 3 and all(re.fullmatch(r"/assets/\w+\.[0-9a-f]{16}\.(css|js|svg)", name) for name in names)
    size = 0
    for name in names:
        response = world.get("anonymous", name)
        assert response.status == 200 and "immutable" in response.headers["cache-control"]
        assert response.headers["x-content-type-options"] == "nosniff"
        size += len(response.content)
        assert not name.endswith(".js") or len(response.content) <= 10_240
    assert size <= 61_440


# Figures


def count(value):
    return f"{value:,}"


def percent(value):
    """Halves go up, as people round."""
    return f"{math.floor(value * 10 + 0.5) / 10:,.1f} %"


def told(message, name, form=count):
    return form(getattr(message, name)) if message.HasField(name) else "not reported"


def ratio(message, name, mark=""):
    if not message.HasField(name):
        return "not reported"
    value = getattr(message, name)
    text = percent(value.percent) if value.HasField("percent") else "–"
    between = "/" if value.numerator > value.denominator else "of"
    return f"{mark}{text} {count(value.numerator)} {between} {count(value.denominator)}"


def assigned(figures, api):
    text = told(figures, "assigned")
    if figures.attribution == api.ATTRIBUTION_ESTIMATED and figures.HasField("assigned"):
        return f"≈ {text} {count(figures.assigned_lower)}–{count(figures.assigned_upper)}"
    return text


def deployment(figures, api):
    if figures.attribution != api.ATTRIBUTION_ESTIMATED or not figures.HasField("deployment"):
        return ratio(figures, "deployment")
    of = figures.deployment.denominator
    low, high = (100 * bound / of for bound in (figures.assigned_lower, figures.assigned_upper))
    # Bounds that round to one percentage are told as counts.
    ends = f"{percent(low)} – {percent(high)}"
    if percent(low) == percent(high):
        ends = f"{count(figures.assigned_lower)} – {count(figures.assigned_upper)}"
    return f"{ratio(figures, 'deployment', '≈ ')} {ends}"


PRODUCTS = {1: "Office 365", 2: "Dynamics 365"}


def check_products(page, own, every, api):
    shown = 0
    for mine, all_ in zip(own.products, every.products, strict=True):
        title = PRODUCTS[all_.product]
        if f"{title}: Licenses" not in [c.text for c in page.root.find("caption")]:
            assert all_.licenses.sold == 0 and all_.usage.active_users == 0
            continue
        shown += 1
        rows = page.table(f"{title}: Licenses")
        for name, field in [("Sold", "sold"), ("Entitled", "entitled"), ("Trial", "trial"), ("Uncounted", "uncounted")]:
            assert rows[name] == [told(mine.licenses, field), told(all_.licenses, field)], (title, name)
        assert rows["Assigned"] == [assigned(mine.licenses, api), assigned(all_.licenses, api)]
        assert rows["Assigned, not sold"] == [told(f.licenses, "assigned_unsold") for f in (mine, all_)]
        assert rows["Deployment"] == [deployment(mine.licenses, api), deployment(all_.licenses, api)]
        usage = page.table(f"{title}: Usage")
        expected = {"Whole product": all_.usage if all_.HasField("usage") else None}
        expected |= {w.workload_name or w.workload_code: w.usage if w.HasField("usage") else None for w in all_.workloads}
        assert set(usage) == set(expected)
        for name, figures in expected.items():
            if figures is None:
                assert usage[name] == ["not reported", "not reported"], name
            elif not figures.HasField("usage"):
                assert usage[name][0] == f"not reported {count(figures.active_users)} users active"
            else:
                assert usage[name] == [ratio(figures, "usage"), ratio(figures, "usage_per_entitlement")], name
    return shown


@pytest.mark.parametrize("customer", ["C", "adatum", "lag", "silent", "evil", "crm"])
def test_the_figures_of_a_customer_are_those_of_grpc(world, customer):
    client, api = world["UA"], world.house.api
    page = world.page(f"/customers/{customer}")
    every = client.call("GetCustomerInsights", customer_id=customer, scope=api.LICENSE_SCOPE_ALL_PARTNERS).insights
    own = client.call("GetCustomerInsights", customer_id=customer, scope=api.LICENSE_SCOPE_OWN).insights
    assert check_products(page, own, every, api) == 1
    # The comparison.
    reply = client.call("CompareLicenses", customer_id=customer, as_of=every.as_of)
    title = "Own licenses beside all sellers"
    columns, rows = page.columns(title), page.table(title)
    for row in [*reply.comparisons, reply.total]:
        name = f"{row.sku_name} {PRODUCTS[row.product]}" if row.product else "Total"
        cells = dict(zip(columns[1:], rows[name], strict=True))
        expected = {
            "Own": told(row.own, "sold"), "All sellers": told(row.all_partners, "sold"),
            "Own share": percent(row.own_share_percent) if row.HasField("own_share_percent") else "–",
            "Own deployment": deployment(row.own, api),
            "Deployment, all sellers": deployment(row.all_partners, api),
        }  # fmt: skip
        for column, field in [("Direct", "direct_sold"), ("Other partners", "other_partners_sold"), ("Unknown seller", "unknown_sold")]:
            if column in cells:
                expected[column] = told(row, field)
            else:
                assert getattr(row, field) == 0
        assert {name: cells[name] for name in expected} == expected
    check_trend(page, client, customer, every.as_of)
    check_explanations(page, client, customer, every)


def check_trend(page, client, customer, as_of):
    last = day(0)
    while str(last) != as_of:
        last = last.fromordinal(last.toordinal() - 1)
    start = last.fromordinal(last.toordinal() - 89)
    points = client.call("GetTrend", customer_id=customer, start_date=str(start), end_date=as_of, scope=2).points
    rows = page.table("The last 90 days")
    assert len(rows) == 90
    names = page.columns("The last 90 days")[1:]
    by_day = {}
    for point in points:
        by_day.setdefault(point.date, {})[PRODUCTS[point.product]] = point
    for cells, date in zip(rows.values(), sorted(by_day), strict=True):
        for name, cell in zip(names, cells, strict=True):
            product, metric = name.split(" · ")
            point = by_day[date][product]
            if metric == "usage":
                expected = ratio(point.usage, "usage") if point.HasField("usage") else "not reported"
            else:
                expected = ratio(point.licenses, "deployment")
            assert cell.replace("(", "").replace(")", "") == expected, (date, name)


def check_explanations(page, client, customer, every):
    for product in every.products:
        said = client.call("ExplainUsage", customer_id=customer, as_of=every.as_of, product=product.product).explanation
        caption = f"{count(said.active_users)} active users by why they are active"
        if not product.licenses.sold and not product.usage.active_users:
            continue
        assert said.text in page.text
        if said.classes:
            rows = page.table(caption)
            users = [cells[0] for name, cells in rows.items() if name != "Active users"]
            assert users[: len(said.classes)] == [count(row.users) for row in said.classes]
            assert rows["Active users"][0] == count(said.active_users)


def test_the_figures_of_the_portfolio_are_those_of_grpc(world):
    client, api = world["UA"], world.house.api
    page = world.page("/")
    every = client.call("GetPortfolioInsights", scope=api.LICENSE_SCOPE_ALL_PARTNERS).insights
    own = client.call("GetPortfolioInsights", scope=api.LICENSE_SCOPE_OWN).insights
    assert check_products(page, own, every, api) == 2
    check_trend(page, client, "", every.as_of)
    lowest = client.call("ListCustomerInsights", filter="usage >= 0", order_by="usage", page_size=10).insights
    names = [name for name in page.table("Lowest usage")]
    assert names == [row.customer_name.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd") for row in lowest]


def test_lists_have_every_row(world):
    client = world["UA"]
    rows = world.page("/customers").table("Customers")
    assert len(rows) == 6 and SHOWN_HOSTILE in rows
    assert rows["Woodgrove Bank"] == ["100", *["not reported"] * 5]
    assert rows["A. Datum & Söhne"][0] == "1,500"
    assert list(world.page("/customers?usage_below=60&order=usage").table("Customers")) == [
        row.customer_name.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd")
        for row in client.call("ListCustomerInsights", filter="usage < 60", order_by="usage").insights
    ]
    users = world.page("/customers/evil/users").table("Users")
    assert len(users) == 7 and f"{SHOWN_HOSTILE} evil@example.com" in users
    held = world.page("/customers/C/subscriptions", "AS").table("Subscriptions")
    # Own ones alone: three of the customer's six, one of them a trial.
    assert len(world.page("/customers/C/subscriptions", "AS").root.find("tbody")[0].find("tr")) == 3 and held
    assert len(world.page("/access", "U").table("Access")) == len(client_principals(world))


def test_an_estimate_is_told_as_one_everywhere(world):
    """Own licenses that are assigned are an estimate where others sold too: with its bounds, in lists and over time."""
    client, api = world["UA"], world.house.api
    own = client.call("GetCustomerInsights", customer_id="C", scope=api.LICENSE_SCOPE_OWN).insights.products[0].licenses
    assert own.attribution == api.ATTRIBUTION_ESTIMATED
    page = world.page("/customers?scope=own")
    cells = page.table("Customers")["Coho Vineyard"]
    assert cells[1:3] == [assigned(own, api), deployment(own, api)] and "licenses that you sold" in page.text
    assert "≈ is an estimate" in page.text
    everyone = world.page("/customers")
    assert "≈" not in everyone.text and "licenses of all sellers" in everyone.text
    for metric, expected in ("deployment", deployment(own, api)), ("assigned", assigned(own, api)):
        page = world.page(f"/trend?customer=C&scope=own&metric={metric}")
        (table,) = [t for t in page.root.find("table") if "numbers" in t.attributes.get("class", "")]
        last = [cell.text for cell in table.find("tbody")[0].find("tr")[-1].children][1]
        plain = re.sub(r"[(),]", "", last).replace(" – ", "–")
        assert plain == expected.replace(" – ", "–"), metric
        assert page.root.find("path", class_="band s1") and "≈ is an estimate" in page.text
    # Usage is of all sellers, whatever is asked.
    assert "that you sold" not in world.page("/trend?customer=C&scope=own").text
    assert not world.page("/trend?customer=C&metric=deployment").root.find("path", class_="band s1")


def test_deployment_says_of_how_many_it_is(world):
    """What is sold to customers whose assignments are not reported is in *sold*, and not in the percentage."""
    figures = world["UA"].call("GetPortfolioInsights", scope=2).insights.products[0].licenses
    assert figures.deployment.denominator == figures.sold - 100
    words = f"Deployment covers {count(figures.sold - 100)} of the {count(figures.sold)} licenses sold"
    assert words in world.page("/").text
    assert "Deployment covers" in world.page("/compare").text
    assert "Deployment covers" not in world.page("/customers/C").text


def test_an_empty_list_of_what_is_not_reported_says_so(world):
    held = world.page("/customers/C/subscriptions", "AS").root.find("td", data_label="Term")
    assert {cell.text for cell in held} == {"1 year", "not reported"}
    page = world.page("/customers/silent/users")
    assert "Assignments: not reported." in page.text and "0 people" not in page.text
    assert "There is no advice yet. Assignments: not reported." in world.page("/advice?customer=silent").text
    assert "no advice yet" not in world.page("/advice?customer=C").text
    found = world.page("/customers/C/users?activity=inactive")
    assert "0 people found" in found.text and "Nobody matches the filters." in found.text
    chart = world.page("/customers/silent")
    assert not chart.root.find("svg", class_="lines") and "Nothing is reported on these days." in chart.text


def test_titles_and_leads_tell_pages_apart(world):
    forms = ("/customers/{}", "/trend?customer={}", "/compare?customer={}", "/explain?customer={}", "/advice?customer={}",
             "/customers/{}/users")  # fmt: skip
    titles = [world.page(form.format(c)).root.find("title")[0].text for form in forms for c in ("C", "silent")]
    assert len(set(titles)) == len(titles), titles
    assert all(title.startswith(("Coho Vineyard · ", "Woodgrove Bank · ")) for title in titles)
    assert "Klantinzichten" in world.page("/customers/C", language="nl").text
    as_of = world["UA"].call("GetCustomerInsights", customer_id="C").insights.as_of
    for path in (*[form.format("C") for form in forms if "trend" not in form], "/advice", "/customers/C/subscriptions"):
        page = world.page(path, "UAS")
        assert "Figures of" in page.text, path
        assert [e for e in page.root.find("input", id="f-as_of") if e.attributes["value"] == as_of], path
    # Who sold what is of a day, not of 28.
    assert "activity of" not in world.page("/compare").text


def test_evidence_says_of_which_workload_it_is(world):
    pieces = [[li.text for li in ul.find("li")] for ul in world.page("/advice?customer=C").root.find("ul", class_="evidence")]
    assert ["Exchange: without a license 5", "SharePoint: without a license 4", "Teams: without a license 4"] in pieces


def test_a_figure_leads_to_what_is_behind_it(world):
    page = world.page("/customers/C?as_of=" + str(day(-2)))
    links = [a.attributes["href"] for a in page.root.find("a", class_="behind")]
    asked = f"customer=C&as_of={day(-2)}"
    assert f"/compare?product=office_365&{asked}" in links and f"/explain?product=office_365&{asked}" in links
    assert f"/explain?product=office_365&workload=EXO&{asked}" in links
    for link in links:
        world.page(link)


def test_a_look_at_named_users_is_on_record_once(world):
    def trail():
        return [[cell.text for cell in row.children] for row in world.page("/audit").root.find("tbody")[0].find("tr")]

    before = int(trail()[0][6])
    world.page("/customers/C/users")
    (newest, *_) = trail()
    assert newest[1:5] == ["has-UA", "ListLicensedUsers", "allowed", "OK"] and newest[5] != "no customer"
    assert int(newest[6]) == before + 1
    assert world.get("UA", "/customers/hidden/users").status == 404
    (newest, *_) = trail()
    assert int(newest[6]) == before + 2 and newest[4] == "NOT_FOUND"


def client_principals(world):
    return world["U"].call("ListPrincipals", page_size=1000).principals


def test_a_trend_as_a_file(world):
    response = world.get("UA", "/trend?customer=C&format=csv&lang=nl")
    assert response.status == 200 and response.headers["content-type"] == "text/csv; charset=utf-8"
    lines = response.content.decode().split("\r\n")
    assert lines[0].startswith('"Dag";"Office 365"') and len(lines) == 92 and lines[-1] == ""
    assert {n: response.headers[n] for n in SECURITY} == SECURITY
