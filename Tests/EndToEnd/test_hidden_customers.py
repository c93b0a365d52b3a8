"""A customer that is another partner's answers exactly like one that never existed."""

import pytest
from facts import day
from frames import Frames, framed, tls_context
from samples import altered

# Everything that names a customer and is not the operator's, for whoever may call it.
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
    """Everything that the stock client shows."""
    assert customer not in refusal.message
    return (refusal.code, refusal.message, refusal.details, refusal.trailers)


def test_every_method_that_names_a_customer_is_looked_at(api):
    named = {name for name, method in api.methods.items() if "customer_id" in method.request.DESCRIPTOR.fields_by_name}
    operators = {name for name in named if api.methods[name].permission == "PERMISSION_INGEST"}
    assert {method for _, method, _ in READS} == named - operators


@pytest.mark.parametrize("hidden", ["customer-of-B", "customer-gone", "customer-soon", "customer-withdrawn"])
@pytest.mark.parametrize("who,method,fields", READS, ids=[method for _, method, _ in READS])
def test_hidden_is_like_never_existed(house, who, method, fields, hidden):
    refused = house[who].refused(method, customer_id=hidden, **fields)
    never = house[who].refused(method, customer_id=NEVER_EXISTED, **fields)
    assert (never.code, never.reason) == ("NOT_FOUND", "CUSTOMER_NOT_FOUND")
    assert comparable(refused, hidden) == comparable(never, NEVER_EXISTED)


@pytest.mark.parametrize("who,method,fields", READS, ids=[method for _, method, _ in READS])
def test_the_wire_tells_them_not_apart(house, who, method, fields):
    """The stream's frames byte by byte: headers, trailers, their order, their compression and their sizes. Nothing is
    excepted: no header and no trailer varies from call to call."""
    context = tls_context(house.certificates.authority, getattr(house.certificates, who))
    described = house.api.methods[method]

    def answers(customer):
        """Two on one connection, so that the second goes by what the first left in the compression tables."""
        request = framed(described.request(customer_id=customer, **fields).SerializeToString())
        with Frames(house.daemon.address, context) as frames:
            return [frames.request(described.path, request) for _ in range(2)]

    hidden, never = answers("customer-of-B"), answers(NEVER_EXISTED)
    assert [answer.grpc_status for answer in never] == [5, 5]
    assert [answer.blocks for answer in hidden] == [answer.blocks for answer in never]
    assert [answer.wire for answer in hidden] == [answer.wire for answer in never]
    assert never[0].wire and never[0].blocks[0] == never[1].blocks[0]


@pytest.mark.parametrize("method", ["ListCustomers", "ListCustomerInsights"])
def test_filters_tell_them_not_apart(house, method):
    """Lists that are asked for one customer by name."""
    asked = [house["alice"].call(method, filter=f'customer_id = "{customer}"') for customer in ("customer-of-B", NEVER_EXISTED)]
    assert asked[0] == asked[1] and asked[0].total_size == 0


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
    reply = house.api.ListCustomersResponse.FromString(call(b"", timeout=60, metadata=spoofed))
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
        ("alice", {"page_token": altered(token)}),
        ("alice", {"page_token": "no token"}),
        ("alice", {"page_token": token * 100}),
    ):
        refusal = house[who].refused("ListCustomers", **fields)
        assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "page_token"), fields
    assert house["alice"].call("ListCustomers", page_size=7, page_token=token).customers
