"""Pages of the dashboard as a program reads them: a strict reading of HTML, tables as texts, and a world to show.

    page = Page(response.content)        raises where elements, ids or labels are wrong
    page.table("Office 365: Licenses")   -> {"Sold": ["14", "19"], …}
"""

import re
from html.parser import HTMLParser

from facts import ACTIVITY, ASSIGNMENTS, DIRECT, GRACE, SUBSCRIPTIONS, UNKNOWN, day

VOID = {"br", "input", "link", "meta"}
# Elements of SVG that are closed at once.
INLINE = {"a", "abbr", "bdi", "code", "em", "small", "span", "strong", "label", "button", "input", "select", "br"}
LANGUAGES = ("en", "nl")
HOSTILE = "<script>alert(1)</script>\" onload=\"x' \u202eevil\u2066"
SHOWN_HOSTILE = HOSTILE.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd")


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.children = tag, attributes, parent, []

    def __iter__(self):
        """All elements in it, in order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child

    def find(self, tag, **attributes):
        return [
            e for e in self
            if e.tag == tag and all(e.attributes.get(k.rstrip("_").replace("_", "-")) == v for k, v in attributes.items())
        ]  # fmt: skip

    @property
    def text(self):
        """As it reads: parts of a cell with a space between."""
        parts = [c if isinstance(c, str) else c.text for c in self.children if isinstance(c, str) or c.tag != "svg"]
        return re.sub(r"\s+", " ", " ".join(parts)).strip()


class Page(HTMLParser):
    def __init__(self, content):
        super().__init__(convert_charrefs=True)
        self.source = content.decode("utf-8")
        self.root = self.open = Element("root", {}, None)
        assert self.source.startswith("<!doctype html>\n<html lang=")
        self.feed(self.source)
        self.close()
        assert self.open is self.root, f"<{self.open.tag}> is not closed"
        self._check()

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(set(names)) == len(names), f"<{tag}> has {names}"
        assert not any(name == "style" or name.startswith("on") for name in names), f"<{tag}> has {names}"
        assert tag not in ("style", "iframe", "object", "embed", "base"), tag
        element = Element(tag, dict(attributes), self.open)
        self.open.children.append(element)
        if tag not in VOID:
            self.open = element

    def handle_endtag(self, tag):
        assert self.open.tag == tag, f"</{tag}> ends <{self.open.tag}>"
        self.open = self.open.parent

    def handle_data(self, data):
        if data.strip():
            assert self.open is not self.root and self.open.tag != "script", data
            self.open.children.append(data)

    def _check(self):
        everything = list(self.root)
        ids = [e.attributes["id"] for e in everything if "id" in e.attributes]
        assert len(set(ids)) == len(ids), sorted(i for i in ids if ids.count(i) > 1)
        labels = {e.attributes["for"] for e in everything if e.tag == "label" and "for" in e.attributes}
        for e in everything:
            if e.tag in ("input", "select") and e.attributes.get("type") != "hidden":
                inside = any(up.tag == "label" for up in ancestors(e))
                assert inside or e.attributes.get("id") in labels, e.attributes
            for name in ("aria-labelledby", "aria-describedby"):
                assert set(e.attributes.get(name, "").split()) <= set(ids)
            if e.tag in ("td", "th") and not any(up.tag == "svg" for up in ancestors(e)):
                assert e.text or e.find("svg"), "an empty cell"
            if e.tag == "tr":
                assert {c.tag for c in e.children} <= {"td", "th"}
            if e.tag in ("ul", "ol"):
                assert {c.tag for c in e.children} <= {"li"}
            if e.tag in INLINE:
                assert not {c.tag for c in e if isinstance(c, Element)} & {"div", "p", "table", "ul", "section"}, e.tag
            for name in ("href", "src", "action"):
                if name in e.attributes:
                    assert re.match(r"/(?!/)|\?|#", e.attributes[name]), e.attributes
        assert len(self.root.find("h1")) == 1 and len(self.root.find("main")) == 1
        (self.language,) = [e.attributes["lang"] for e in self.root.find("html")]

    @property
    def text(self):
        return self.root.text

    def table(self, caption):
        """Texts of the cells by the text of the row's heading; the first column's where there is none."""
        (table,) = [t for t in self.root.find("table") if t.find("caption")[0].text == caption]
        rows = {}
        for row in (r for body in table.children if isinstance(body, Element) and body.tag != "thead" for r in body.find("tr")):
            cells = [c.text for c in row.children]
            rows[cells[0]] = cells[1:]
        return rows

    def columns(self, caption):
        (table,) = [t for t in self.root.find("table") if t.find("caption")[0].text == caption]
        return [cell.text for cell in table.find("thead")[0].find("th")]

    def menu(self):
        return [a.attributes["href"] for nav in self.root.find("nav", class_="menu") for a in nav.find("a")]


def ancestors(element):
    while element.parent is not None:
        element = element.parent
        yield element


def rich(f, hidden="hidden"):
    """Two partners and customers of every kind: far above 100 %, estimated, lagging, unreported, with a bad name."""
    yield from (
        f.sku("E3", workloads=["EXO", "SPO", "TEAMS", "YAM"], name="Office 365 E3"),
        f.sku("BASIC", workloads=["EXO", "SPO"], name="Business Basic"),
        f.sku("SALES", product=2, workloads=["CRM"], name="Dynamics 365 Sales"),
    )
    names = {
        "C": "Coho Vineyard", "adatum": "A. Datum & Söhne", "lag": "Northwind Traders", "silent": "Woodgrove Bank",
        "evil": HOSTILE, "crm": "Proseware",
    }  # fmt: skip
    for customer, name in names.items():
        yield f.relationship("A", customer, day(-400))
        yield f.customer(customer, name, "NL")
    yield f.relationship("B", hidden, day(-400))
    yield f.customer(hidden, "Hidden Ltd", "BE")
    yield from (
        f.subscription("s1", "C", "E3", "A", day(-200), 10, term_end=day(100), term="P1Y", auto_renew=True),
        f.subscription("s2", "C", "E3", "B", day(-200), 5),
        f.subscription("s3", "C", "E3", "A", day(-200), 4, state=GRACE),
        f.subscription("s4", "C", "E3", "A", day(-20), 3, trial=True, term_end=day(9)),
        f.subscription("s5", "C", "BASIC", DIRECT, day(-90), 2),
        f.subscription("s6", "C", "BASIC", UNKNOWN, day(-90), 1),
        f.subscription("a1", "adatum", "E3", "A", day(-200), 1_500, term_end=day(20), term="P1Y"),
        f.subscription("l1", "lag", "BASIC", "A", day(-200), 30), f.subscription("w1", "silent", "E3", "A", day(-90), 100),
        f.subscription("e1", "evil", "E3", "A", day(-90), 6), f.subscription("p1", "crm", "SALES", "A", day(-90), 12),
    )  # fmt: skip
    yield from people(f, "C", 18, "E3", 24)
    yield from people(f, "adatum", 40, "E3", 9)
    yield from people(f, "lag", 25, "BASIC", 20)
    yield from people(f, "evil", 6, "E3", 3)
    yield from people(f, "crm", 10, "SALES", 7, workloads=("CRM",))
    yield f.user("evil", "evil-user", HOSTILE, "evil@example.com")
    yield f.assignment("evil", "evil-user", "E3", day(-30))
    for number in range(6):
        yield f.support("adatum", day(-3 - number), 2)
    for customer in ("C", "adatum", "evil", "crm"):
        yield from f.coverage(customer, day(-1))
    yield from f.coverage("lag", day(-1), SUBSCRIPTIONS, ASSIGNMENTS)
    yield from f.coverage("lag", day(-9), ACTIVITY, workloads=["EXO", "SPO"])
    yield from f.coverage("silent", day(-1), SUBSCRIPTIONS)


def people(f, customer, holders, sku, active, workloads=("EXO", "SPO", "TEAMS")):
    first = ["Anna", "Bram", "Chris", "Daan", "Emma", "Femke", "Gijs", "Hanna", "Ivo", "Julia"]
    for number in range(max(holders, active)):
        user = f"u{number}"
        name = f"{first[number % 10]} {'BCDFGHKLM'[number % 9]}. {number}"
        yield f.user(customer, user, name, f"{user}@{customer}.example")
        if number < holders:
            yield f.assignment(customer, user, sku, day(-60 - number % 40))
        if number < active:
            for place, workload in enumerate(workloads):
                if (number + place) % 4:
                    yield f.activity(customer, user, workload, *(day(-1 - back) for back in range(number % 7, 120, 9)))


def many(f, count):
    """So many customers of partner A, small and alike, for the weight of a page."""
    for number in range(count):
        customer = f"many-{number:05}"
        yield f.relationship("A", customer, day(-300))
        yield f.customer(customer, f"Customer {number:05}", "NL")
        yield f.subscription(f"m{number}", customer, "E3", "A", day(-100), 5 + number % 20)
        for user in range(3 + number % 3):
            yield f.assignment(customer, f"u{user}", "E3", day(-50))
            if (user + number) % 3:
                yield f.activity(customer, f"u{user}", "EXO", day(-2), day(-31), day(-60))
        yield from f.coverage(customer, day(-1))
