"""In an incident the operator lets nobody of a partner in any more, at once, and in again when it is over."""

import pytest
from conftest import House
from test_credentials_streams import PROMISE, OpenExport, feed_export, wait_for_all
from token_signer import AUDIENCE, ISSUER, TENANT, Signer
from wire import Refusal


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("partners")
    signer = Signer(folder, "key")
    (folder / "keys.json").write_text(f'{{"keys": [{signer.jwk()}]}}'.replace("'", '"'))
    (folder / "issuer.json").write_text(
        f'{{"issuer": "{ISSUER}", "audience": "{AUDIENCE}", "jwks": "keys.json", "partners": {{"{TENANT}": "A"}}}}'
    )
    house = House(api, certificates, folder / "house", "--token-issuer", folder / "issuer.json").start().register()
    house["alice"].call("CreatePrincipal", principal=dict(principal_id="bearer", roles=[3]))
    house.token = signer.token(oid="bearer")
    feed_export(house)
    yield house
    house.close()


def asked(house):
    """What everybody is told on a new connection and on the one that is open."""
    answers = {}
    with house.client(house.certificates.bob) as late, house.client(None, token=house.token) as bearer:
        for name, client in {"open": house["carol"], "late": late, "token": bearer, "other": house["dave"]}.items():
            answer = client.raw("WhoAmI", b"")
            answers[name] = "answered" if isinstance(answer, bytes) else answer.reason
    return answers


def switch(house, disabled):
    answer = house["operator"].call("UpdatePartner", partner_id="A", disabled=disabled)
    assert (answer.partner_id, answer.disabled) == ("A", disabled)


EVERYBODY = dict.fromkeys(("open", "late", "token", "other"), "answered")
ONLY_OTHERS = dict.fromkeys(("open", "late", "token"), "CREDENTIAL_INVALID") | {"other": "answered"}


def portfolio(house):
    """Without the revision at the end: what is fed for others counts too."""
    return house["alice"].raw("GetPortfolioInsights", b"")[:-9]


def test_a_disabled_partner_is_refused_at_once_and_its_streams_end(house):
    assert asked(house) == EVERYBODY
    figures = portfolio(house)
    streams = {"certificate": OpenExport(house, house.certificates.bob), "token": OpenExport(house, token=house.token)}
    for stream in streams.values():
        stream.wait_until_full()
    switch(house, True)
    assert asked(house) == ONLY_OTHERS
    print("\nseconds to the end of streams:", wait_for_all(streams, PROMISE))
    # The operator still feeds and may still register people's partners; the disabled one changes nothing.
    house["operator"].feed([house.facts.customer("C1", "Contoso Renamed")])
    assert house["alice"].refused("CreatePrincipal", principal=dict(principal_id="x")).code == "UNAUTHENTICATED"
    switch(house, True)
    assert house.daemon.stop() == 0
    house.daemon.start()
    house.forget_clients()
    assert asked(house) == ONLY_OTHERS, "a restart lets nobody in"
    switch(house, False)
    assert asked(house) == EVERYBODY
    assert portfolio(house) == figures
    assert house["disabled"].raw("WhoAmI", b"").reason == "CREDENTIAL_INVALID", "principals disabled by themselves stay so"
    methods = [event.method for event in house["alice"].call("ListAuditEvents", page_size=100).events]
    assert sum(method.endswith("UpdatePartner") for method in methods) == 3, "its people see who let them in and out"


def test_only_the_operator_may_and_says_what(house):
    for name in ("alice", "bob", "dave"):
        assert house[name].refused("UpdatePartner", partner_id="B", disabled=True).code == "PERMISSION_DENIED"
    operator = house["operator"]
    refusal = operator.refused("UpdatePartner", partner_id="A")
    assert (refusal.code, refusal.field_name) == ("INVALID_ARGUMENT", "disabled"), "nobody is let in by leaving it out"
    assert operator.refused("UpdatePartner", partner_id="nobody", disabled=True).reason == "PARTNER_NOT_FOUND"
    assert operator.refused("UpdatePartner", disabled=True).field_name == "partner_id"
    assert not isinstance(house["dave"].raw("WhoAmI", b""), Refusal)
