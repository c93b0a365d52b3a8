"""A customer that is another partner's answers exactly like one that never existed."""

import pytest
from facts import day

# Everything that names a customer, for whoever holds every read permission between them.
READS = [
    ("alice", "GetCustomerInsights", {}),
    ("alice", "CompareLicenses", {}),
    ("alice", "GetTrend", {"start_date": day(-5).isoformat(), "end_date": day(-1).isoformat()}),
    ("alice", "ExplainUsage", {"product": 1}),
    ("alice", "ListRecommendations", {}),
    ("alice", "GetCustomer", {}),
    ("bob", "ListSubscriptions", {}),
    ("alice", "ListLicensedUsers", {}),
]
NEVER_EXISTED = "customer-zero"


@pytest.fixture(scope="module", autouse=True)
def customers(house):
    f = house.facts
    house["operator"].feed(
        [
            f.sku("E3", workloads=["SPO"]),
            f.relationship("B", "customer-of-B", day(-100)),
            f.relationship("A", "customer-gone", day(-100), day(-3)),
            f.relationship("A", "customer-soon", day(3)),
            f.relationship("A", "customer-withdrawn", day(-100), day(-100)),
            f.relationship("A", "customer-of-A", day(-3)),
            *(
                fact
                for customer in ("customer-of-B", "customer-gone", "customer-soon", "customer-of-A")
                for fact in (
                    f.customer(customer, "Fabrikam"),
                    f.subscription(f"s-{customer}", customer, "E3", "A", day(-50), 9),
                    *f.coverage(customer, day(-1)),
                )
            ),
        ]
    )


def comparable(refusal, customer):
    """Everything that arrives, but the length of nothing: ids of one length keep even the sizes alike."""
    trailers = tuple(item for item in refusal.trailers if item[0] not in ("date",))
    assert customer not in refusal.message
    return (refusal.code, refusal.message, refusal.details, trailers)


@pytest.mark.parametrize("hidden", ["customer-of-B", "customer-gone", "customer-soon", "customer-withdrawn"])
@pytest.mark.parametrize("who,method,fields", READS, ids=[method for _, method, _ in READS])
def test_hidden_is_like_never_existed(house, who, method, fields, hidden):
    refused = house[who].refused(method, customer_id=hidden, **fields)
    never = house[who].refused(method, customer_id=NEVER_EXISTED, **fields)
    assert (never.code, never.reason) == ("NOT_FOUND", "CUSTOMER_NOT_FOUND")
    assert comparable(refused, hidden) == comparable(never, NEVER_EXISTED)


def test_before_the_relationship_is_hidden_too(house):
    refused = house["alice"].refused("GetCustomerInsights", customer_id="customer-of-A", as_of=day(-4).isoformat())
    never = house["alice"].refused("GetCustomerInsights", customer_id=NEVER_EXISTED, as_of=day(-4).isoformat())
    assert comparable(refused, "customer-of-A") == comparable(never, NEVER_EXISTED)
    assert house["alice"].call("GetCustomerInsights", customer_id="customer-of-A", as_of=day(-3).isoformat())


def test_lists_and_sums_leave_the_hidden_out(house):
    alice = house["alice"]
    assert [row.customer_id for row in alice.call("ListCustomers").customers] == ["customer-of-A"]
    assert [row.customer_id for row in alice.call("ListCustomerInsights").insights] == ["customer-of-A"]
    portfolio = alice.call("GetPortfolioInsights").insights
    assert portfolio.customer_count == 1 and portfolio.products[0].licenses.sold == 9
    rows = [row.customer_id for reply in alice.call("ExportInsights") for row in reply.rows]
    assert set(rows) == {"customer-of-A"}


def test_no_field_or_header_chooses_the_partner(house):
    """Another partner's name in metadata changes nothing."""
    alice = house["alice"]
    call = alice.channel.unary_unary("/partner.insights.v1.CustomersService/ListCustomers")
    spoofed = [("partner", "B"), ("x-partner-id", "B"), ("partner-id", "B"), ("x-forwarded-client-cert", "B")]
    reply = house.api.ListCustomersResponse.FromString(call(b"", timeout=10, metadata=spoofed))
    assert [row.customer_id for row in reply.customers] == ["customer-of-A"]


def test_page_tokens_are_bound_to_partner_and_question(house):
    f = house.facts
    house["operator"].feed(
        [fact for n in range(3) for p in "AB" for fact in (f.relationship(p, f"page-{p}{n}", day(-9)), f.customer(f"page-{p}{n}"))]
    )
    token = house["alice"].call("ListCustomers", page_size=1).next_page_token
    assert token
    for who, fields in (
        ("dave", {"page_token": token}),
        ("alice", {"page_token": token, "filter": "market = NL"}),
        ("alice", {"page_token": token[:-1] + ("A" if token[-1] != "A" else "B")}),
        ("alice", {"page_token": "no token"}),
        ("alice", {"page_token": token * 100}),
    ):
        refusal = house[who].refused("ListCustomers", **fields)
        assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "page_token"), fields
    assert house["alice"].call("ListCustomers", page_size=7, page_token=token).customers
