"""Principals and partners: every change counts on the next call, nobody locks a partner out."""

import pytest


@pytest.fixture
def alice(house):
    return house["alice"]


def test_who_am_i(house, api):
    carol = house["carol"].call("WhoAmI")
    assert (carol.principal.partner_id, carol.principal.principal_id) == ("A", "carol")
    assert list(carol.principal.roles) == [api.ROLE_SALES_AGENT] and not carol.is_operator
    names = {api.enums["Permission"][number].removeprefix("PERMISSION_") for number in carol.permissions}
    assert names == {"READ_SELF", "READ_INSIGHTS", "EXPORT_INSIGHTS", "READ_CUSTOMERS", "READ_SUBSCRIPTIONS"}
    assert carol.credential_expires_at.seconds > 0
    nobody = house["nobody"].call("WhoAmI")
    assert list(nobody.permissions) == [api.PERMISSION_READ_SELF]
    feeder = house["operator"].call("WhoAmI")
    assert feeder.is_operator and (feeder.principal.principal_id, feeder.principal.partner_id) == ("feeder", "")


def test_every_change_counts_on_the_next_call(house, api, alice):
    identity = house.certificates.authority.principal("A", "erin")
    with house.client(identity) as erin:
        assert erin.refused("WhoAmI").reason == "CREDENTIAL_INVALID"
        alice.call("CreatePrincipal", principal=dict(principal_id="erin", display_name="Erin"))
        assert erin.call("WhoAmI").principal.display_name == "Erin"
        assert erin.refused("ListCustomers").reason == "ROLE_LACKS_PERMISSION"
        alice.call("UpdatePrincipal", principal=dict(principal_id="erin", roles=[api.ROLE_SALES_AGENT]))
        assert erin.call("ListCustomers") is not None
        assert erin.refused("ListPrincipals").code == "PERMISSION_DENIED"
        alice.call("UpdatePrincipal", principal=dict(principal_id="erin", roles=[2, 3]))
        assert erin.call("ListAuditEvents") is not None
        alice.call("UpdatePrincipal", principal=dict(principal_id="erin", roles=[2, 3], disabled=True))
        assert erin.refused("WhoAmI").reason == "CREDENTIAL_INVALID"
        alice.call("UpdatePrincipal", principal=dict(principal_id="erin"), update_mask={"paths": ["disabled"]})
        assert erin.call("ListAuditEvents") is not None, "a mask of disabled leaves the roles"
        alice.call("DeletePrincipal", principal_id="erin")
        assert erin.refused("WhoAmI").reason == "CREDENTIAL_INVALID"


def test_the_last_admin_stays(house, api, alice):
    me = dict(principal_id="alice", roles=[api.ROLE_USER_MANAGEMENT_ADMIN])
    attempts = [
        ("DeletePrincipal", dict(principal_id="alice")),
        ("UpdatePrincipal", dict(principal=me | dict(disabled=True))),
        ("UpdatePrincipal", dict(principal=me | dict(roles=[2]))),
        ("UpdatePrincipal", dict(principal=dict(principal_id="alice"))),
    ]
    # `disabled` has the role too, but a disabled admin is no admin.
    for method, fields in attempts:
        refusal = alice.refused(method, **fields)
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "LAST_USER_MANAGEMENT_ADMIN"), method
    alice.call("CreatePrincipal", principal=dict(principal_id="second", roles=[1]))
    alice.call("UpdatePrincipal", principal=me | dict(roles=[1, 3]))
    alice.call("DeletePrincipal", principal_id="second")
    alice.call("UpdatePrincipal", principal=me)


def test_taken_and_unknown_ids(house, alice):
    assert alice.refused("CreatePrincipal", principal=dict(principal_id="bob")).code == "ALREADY_EXISTS"
    assert alice.refused("UpdatePrincipal", principal=dict(principal_id="ghost")).code == "NOT_FOUND"
    assert alice.refused("DeletePrincipal", principal_id="ghost").code == "NOT_FOUND"
    again = house["operator"].refused("CreatePartner", partner_id="A", principal=dict(principal_id="mallory"))
    assert again.code == "ALREADY_EXISTS"


def test_a_partner_manages_only_itself(house, alice):
    """The same principal id in another partner is another person; a foreign partner id in a message is refused or
    ignored, and never obeyed."""
    before = house["dave"].call("ListPrincipals")
    assert alice.refused("DeletePrincipal", principal_id="dave").code == "NOT_FOUND"
    try:
        alice.call("CreatePrincipal", principal=dict(principal_id="spy", partner_id="B", roles=[1]))
        alice.call("DeletePrincipal", principal_id="spy")
    except Exception as error:
        assert error.code().name == "INVALID_ARGUMENT"
    assert house["dave"].call("ListPrincipals") == before


def test_explain_access(house, api, alice):
    method = "partner.insights.v1.CustomersService/ListLicensedUsers"
    for who, decision in (("alice", 1), ("bob", 1), ("carol", 2), ("nobody", 2), ("disabled", 2)):
        reply = alice.call("ExplainAccess", principal_id=who, method=method)
        assert reply.decision == decision, who
        assert reply.permission == api.PERMISSION_READ_USERS and reply.rule
    assert alice.call("ExplainAccess", roles=[api.ROLE_SALES_AGENT], method="/" + method).decision == 2
    assert alice.refused("ExplainAccess", principal_id="bob", method="No/Method").code in ("INVALID_ARGUMENT", "NOT_FOUND")
    assert alice.refused("ExplainAccess", principal_id="bob", roles=[1], method=method).code == "INVALID_ARGUMENT"


def test_the_audit_trail_is_the_partners_own(house, alice):
    house["dave"].call("WhoAmI")
    house["dave"].call("ListPrincipals")
    alice.call("ListPrincipals")
    assert {event.partner_id for event in alice.call("ListAuditEvents", page_size=1000).events} == {"A"}
    first = alice.call("ListAuditEvents", page_size=3)
    numbers = [event.sequence for event in first.events]
    assert len(numbers) == 3 and numbers == sorted(numbers, reverse=True)
    second = alice.call("ListAuditEvents", page_size=3, page_token=first.next_page_token)
    assert max(event.sequence for event in second.events) < min(numbers)


def test_the_rate_of_a_partner_is_limited_and_others_go_on(new_house):
    house = new_house("--partner-rate", "1", "--partner-burst", "10").start().register()
    answers = [house["carol"].raw("WhoAmI", b"") for _ in range(40)]
    refused = [answer for answer in answers if not isinstance(answer, bytes)]
    assert refused and {answer.code for answer in refused} == {"RESOURCE_EXHAUSTED"}
    assert all(answer.retry_seconds > 0 for answer in refused)
    assert house["dave"].call("WhoAmI")
    with house.client(house.certificates.bob) as other_connection:
        answers = [other_connection.raw("WhoAmI", b"") for _ in range(5)]
        assert any(not isinstance(answer, bytes) for answer in answers), "the limit is the partner's, not the connection's"
