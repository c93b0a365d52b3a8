"""Who may change who may do what: nobody raises himself, nobody locks a partner out, nobody sees another partner."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from wire import Refusal

ADMIN, AGENT, SALES = 1, 2, 3


@pytest.fixture
def alice(house):
    return house["alice"]


@pytest.fixture
def people(house):
    """The principals of partner A as they are, and at the end of the test as they were."""

    def listed():
        return list(house["alice"].call("ListPrincipals", page_size=1000).principals)

    before = listed()
    yield listed
    assert listed() == before


def admins_of(house, partner, *names):
    """Registers a partner whose principals are all user management admins; their clients, by name."""
    operator, authority = house["operator"], house.certificates.authority
    operator.call("CreatePartner", partner_id=partner, principal=dict(principal_id=names[0]))
    clients = {name: house.client(authority.principal(partner, name, name=f"{partner}-{name}")) for name in names}
    for name in names[1:]:
        clients[names[0]].call("CreatePrincipal", principal=dict(principal_id=name, roles=[ADMIN]))
    return clients


# MARK: Who may


def test_paging_over_principals(house, alice, people):
    names = [f"page-{number:02}" for number in range(23)]
    for name in names:
        alice.call("CreatePrincipal", principal=dict(principal_id=name, display_name=name.upper(), roles=[SALES]))
    everybody = [principal.principal_id for principal in people()]
    assert everybody == sorted(everybody) and set(names) < set(everybody)
    for size in (1, 7, 1000):
        seen, token = [], ""
        while True:
            page = alice.call("ListPrincipals", page_size=size, page_token=token)
            assert page.total_size == len(everybody) and len(page.principals) <= size
            seen += [principal.principal_id for principal in page.principals]
            token = page.next_page_token
            if not token:
                break
        assert seen == everybody
    token = alice.call("ListPrincipals", page_size=5).next_page_token
    for who, bad in (("dave", token), ("alice", token[:-1] + ("A" if token[-1] != "A" else "B")), ("alice", "x")):
        refusal = house[who].refused("ListPrincipals", page_token=bad)
        assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "page_token")
    # A token goes on where it was, though somebody behind and before it comes and goes.
    rest = alice.call("ListPrincipals", page_size=1000, page_token=token).principals
    alice.call("DeletePrincipal", principal_id=everybody[1] if everybody[1] in names else names[0])
    alice.call("CreatePrincipal", principal=dict(principal_id="zzz"))
    later = alice.call("ListPrincipals", page_size=1000, page_token=token).principals
    gone = {principal.principal_id for principal in rest} - {principal.principal_id for principal in later}
    assert gone <= set(names[:1]) and later[-1].principal_id == "zzz"
    for name in [*names[1:], "zzz"]:
        alice.call("DeletePrincipal", principal_id=name)


@pytest.mark.parametrize("who", ["bob", "carol", "nobody", "operator"])
def test_nobody_without_the_permission_raises_anybody(house, people, who):
    for name in ("bob", "carol", "nobody", "ghost"):
        wanted = dict(principal_id=name, roles=[ADMIN, AGENT, SALES])
        for method, fields in (
            ("UpdatePrincipal", dict(principal=wanted)), ("CreatePrincipal", dict(principal=wanted)),
            ("DeletePrincipal", dict(principal_id=name)), ("ListPrincipals", {}),
            ("ExplainAccess", dict(principal_id=name, method="partner.insights.v1.AccessService/WhoAmI")),
        ):  # fmt: skip
            refusal = house[who].refused(method, **fields)
            assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "ROLE_LACKS_PERMISSION"), (method, name)
    people()


def test_an_admin_makes_nobody_an_operator(house, alice, people):
    for roles in ([4], [0], [99], [-1], [ADMIN, 4]):
        for method in ("UpdatePrincipal", "CreatePrincipal"):
            refusal = alice.refused(method, principal=dict(principal_id="alice", roles=roles))
            assert refusal.code == "INVALID_ARGUMENT" and refusal.field_name.startswith("principal.roles"), (method, roles)
    for partner in ("B", "operator", "Z"):
        refusal = alice.refused("CreatePrincipal", principal=dict(principal_id="spy", partner_id=partner, roles=[ADMIN]))
        assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "principal.partner_id")
    # A principal called as the operator is, with every role there is, is a principal.
    alice.call("CreatePrincipal", principal=dict(principal_id="feeder", roles=[ADMIN, AGENT, SALES]))
    with house.client(house.certificates.authority.principal("A", "feeder", name="A-feeder")) as feeder:
        assert not feeder.call("WhoAmI").is_operator
        for method in ("CreatePartner", "GetIngestStatus", "EraseUser", "Ingest"):
            assert feeder.refused(method).reason == "ROLE_LACKS_PERMISSION", method
    alice.call("DeletePrincipal", principal_id="feeder")
    assert house["operator"].call("WhoAmI").is_operator


def test_an_update_mask_changes_what_it_names(house, alice, people):
    alice.call("CreatePrincipal", principal=dict(principal_id="mask", display_name="Mask", roles=[SALES]))

    def update(*paths, **fields):
        mask = {"update_mask": {"paths": list(paths)}} if paths else {}
        changed = alice.call("UpdatePrincipal", principal=dict(principal_id="mask") | fields, **mask).principal
        return changed.display_name, list(changed.roles), changed.disabled

    everything = dict(display_name="Other", roles=[AGENT], disabled=True)
    assert update("roles", **everything) == ("Mask", [AGENT], False)
    assert update("disabled", **everything) == ("Mask", [AGENT], True)
    assert update("display_name", **everything) == ("Other", [AGENT], True)
    assert update(roles=[SALES]) == ("Other", [SALES], False), "no mask means roles and disabled"
    assert update("roles", "roles", "disabled") == ("Other", [], False)
    for path in ("*", "principal_id", "partner_id", "Roles", "roles.0", "", "principal.roles"):
        refusal = alice.refused(
            "UpdatePrincipal", principal=dict(principal_id="mask") | everything, update_mask={"paths": ["roles", path]}
        )
        assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "update_mask"), path
    assert update("display_name", display_name="Last") == ("Last", [], False)
    alice.call("DeletePrincipal", principal_id="mask")


@pytest.mark.parametrize("paths", [["roles"], ["disabled"], ["roles", "disabled"], ["disabled", "roles", "display_name"]])
def test_the_last_admin_stays_through_any_mask(alice, people, paths):
    wanted = dict(principal_id="alice", display_name="Alice", roles=[AGENT, SALES], disabled=True)
    refusal = alice.refused("UpdatePrincipal", principal=wanted, update_mask={"paths": paths})
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "LAST_USER_MANAGEMENT_ADMIN")


def test_another_partners_principal_is_like_one_that_never_existed(house, alice, people):
    before = house["dave"].call("ListPrincipals")
    method = "partner.insights.v1.AccessService/WhoAmI"
    for name, fields in (
        ("UpdatePrincipal", lambda who: dict(principal=dict(principal_id=who, roles=[ADMIN]))),
        ("UpdatePrincipal", lambda who: dict(principal=dict(principal_id=who), update_mask={"paths": ["disabled"]})),
        ("DeletePrincipal", lambda who: dict(principal_id=who)),
        ("ExplainAccess", lambda who: dict(principal_id=who, method=method)),
    ):
        other, never = (alice.refused(name, **fields(who)) for who in ("dave", "zero"))
        assert never.code == "NOT_FOUND"
        assert (other, other.trailers) == (never, never.trailers), name
    # And the id that another partner has taken is free here.
    alice.call("CreatePrincipal", principal=dict(principal_id="dave", roles=[SALES]))
    with house.client(house.certificates.authority.principal("A", "dave", name="A-dave")) as namesake:
        assert namesake.call("WhoAmI").principal.partner_id == "A"
        assert list(house["dave"].call("WhoAmI").principal.roles) == [ADMIN]
    alice.call("DeletePrincipal", principal_id="dave")
    assert house["dave"].call("ListPrincipals") == before


# MARK: At the same moment

REMOVALS = {
    "delete": lambda who: ("DeletePrincipal", dict(principal_id=who)),
    "disable": lambda who: ("UpdatePrincipal", dict(principal=dict(principal_id=who, roles=[ADMIN], disabled=True))),
    "strip": lambda who: ("UpdatePrincipal", dict(principal=dict(principal_id=who), update_mask={"paths": ["roles"]})),
}


def removed(client, name, fields, barrier):
    barrier.wait(10)
    answer = client.raw(name, client.api.methods[name].request(**fields).SerializeToString())
    return "removed" if not isinstance(answer, Refusal) else answer.code


def restore(by, name):
    if name not in [principal.principal_id for principal in by.call("ListPrincipals").principals]:
        by.call("CreatePrincipal", principal=dict(principal_id=name))
    by.call("UpdatePrincipal", principal=dict(principal_id=name, roles=[ADMIN]))


def test_of_two_admins_who_remove_each_other_one_stays(house):
    clients = admins_of(house, "pair", "x", "y")
    outcomes = []
    with ThreadPoolExecutor(2) as pool:
        for number in range(45):
            kinds = list(REMOVALS)
            ways = REMOVALS[kinds[number % 3]], REMOVALS[kinds[number // 3 % 3]]
            barrier = threading.Barrier(2)
            jobs = [
                pool.submit(removed, clients[by], *way(victim), barrier) for by, victim, way in zip("xy", "yx", ways)
            ]
            answers = [job.result(30) for job in jobs]
            outcomes.append(sorted(answers))
            assert answers.count("removed") == 1, (number, answers)
            assert set(answers) <= {"removed", "FAILED_PRECONDITION", "UNAUTHENTICATED", "PERMISSION_DENIED"}
            winner, loser = ("x", "y") if answers[0] == "removed" else ("y", "x")
            admins = [p.principal_id for p in clients[winner].call("ListPrincipals").principals if ADMIN in p.roles and not p.disabled]
            assert admins == [winner]
            restore(clients[winner], loser)
    print("\nboth at once:", {str(kind): outcomes.count(kind) for kind in outcomes})


def test_whoever_is_removed_removes_nobody_any_more(house):
    """With a third admin, neither is the last; the changes still come one after the other."""
    clients = admins_of(house, "triple", "x", "y", "z")
    with ThreadPoolExecutor(2) as pool:
        for number in range(45):
            way = REMOVALS[list(REMOVALS)[number % 3]]
            barrier = threading.Barrier(2)
            jobs = [pool.submit(removed, clients[by], *way(victim), barrier) for by, victim in ("xy", "yx")]
            answers = [job.result(30) for job in jobs]
            assert answers.count("removed") == 1, (number, answers)
            restore(clients["z"], "x")
            restore(clients["z"], "y")


# MARK: Restarts


def test_access_survives_a_kill_and_a_restart(new_house):
    house = new_house().start().register()
    authority = house.certificates.authority
    with house.client(authority.principal("A", "gone", name="A-gone")) as gone:
        house["alice"].call("CreatePrincipal", principal=dict(principal_id="gone", roles=[ADMIN]))
        house["alice"].call("CreatePrincipal", principal=dict(principal_id="kim", display_name="Kim Ø", roles=[AGENT, SALES]))
        assert gone.call("ListPrincipals")
        house["alice"].call("DeletePrincipal", principal_id="gone")
        # The very last answer before the power goes.
        house["alice"].call("UpdatePrincipal", principal=dict(principal_id="carol", roles=[AGENT], disabled=True))
        before = {who: house[who].call("ListPrincipals") for who in ("alice", "dave")}
        house.daemon.kill()
        house.restart()
        for _ in range(2):
            assert {who: house[who].call("ListPrincipals") for who in ("alice", "dave")} == before
            for who in ("carol", "disabled", "unknown"):
                assert house[who].refused("WhoAmI").reason == "CREDENTIAL_INVALID", who
            with house.client(authority.principal("A", "gone", name="A-gone-2")) as again:
                assert again.refused("WhoAmI").reason == "CREDENTIAL_INVALID"
            assert house["alice"].refused("DeletePrincipal", principal_id="alice").code == "FAILED_PRECONDITION"
            assert house["operator"].refused("CreatePartner", partner_id="A", principal=dict(principal_id="m")).code == "ALREADY_EXISTS"
            # Once more, in order.
            house.forget_clients()
            assert house.daemon.stop() == 0
            house.start()
