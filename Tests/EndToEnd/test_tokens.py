"""Bearer tokens of a configured issuer, signed by openssl with RSA keys."""

import json
import time

import pytest
from test_transport import eventually
from token_signer import AUDIENCE, ISSUER, TENANT, Signer, b64


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("issuer"), "first")


@pytest.fixture(scope="module")
def house(api, certificates, signer, tmp_path_factory):
    from conftest import House

    folder = signer.key.parent
    (folder / "keys.json").write_text(json.dumps({"keys": [signer.jwk()]}))
    issuer = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys.json", "partners": {TENANT: "A"}}
    (folder / "issuer.json").write_text(json.dumps(issuer))
    house = House(api, certificates, tmp_path_factory.mktemp("house"), "--token-issuer", folder / "issuer.json")
    house.start().register()
    yield house
    house.close()


def ask(house, token, method="ListCustomers", identity=None):
    with house.client(identity, token=token) as client:
        return client.raw(method, b"")


def test_a_token_is_enough(house, signer, api):
    answer = api.WhoAmIResponse.FromString(ask(house, signer.token(), "WhoAmI"))
    assert answer.principal.partner_id == "A" and list(answer.principal.roles) == [api.ROLE_SALES_AGENT]
    assert 0 < answer.credential_expires_at.seconds - time.time() <= 600
    assert isinstance(ask(house, signer.token()), bytes)
    assert ask(house, signer.token(), "ListPrincipals").reason == "ROLE_LACKS_PERMISSION"
    assert isinstance(ask(house, signer.token(roles=["UserManagementAdmin"]), "ListPrincipals"), bytes)


@pytest.mark.parametrize("roles", [[], ["HelpdeskAgent"], ["salesagent"], None])
def test_roles_of_other_kinds_give_nothing(house, signer, roles):
    token = signer.token(roles=roles)
    assert getattr(ask(house, token), "code", "answered") in ("PERMISSION_DENIED", "UNAUTHENTICATED")


NOW = int(time.time())
BAD = {
    "other issuer": ({"iss": "https://other.example"}, "CREDENTIAL_INVALID"),
    "no issuer": ({"iss": None}, "CREDENTIAL_INVALID"),
    "other audience": ({"aud": "api://else"}, "CREDENTIAL_INVALID"),
    "no audience": ({"aud": None}, "CREDENTIAL_INVALID"),
    "unknown tenant": ({"tid": "elsewhere"}, "CREDENTIAL_INVALID"),
    "no tenant": ({"tid": None}, "CREDENTIAL_INVALID"),
    "expired": ({"exp": NOW - 3600, "nbf": NOW - 7200, "iat": NOW - 7200}, "CREDENTIAL_EXPIRED"),
    "no end": ({"exp": None}, "CREDENTIAL_INVALID"),
    "not yet": ({"nbf": NOW + 86_400}, "CREDENTIAL_INVALID"),
    "end as text": ({"exp": "tomorrow"}, "CREDENTIAL_INVALID"),
}


@pytest.mark.parametrize("claims,reason", BAD.values(), ids=BAD)
def test_bad_claims(house, signer, claims, reason):
    refusal = ask(house, signer.token(**claims))
    assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", reason)


def test_forged_signatures(house, signer, tmp_path):
    good = signer.token()
    head, payload, _ = good.split(".")
    forged = {
        "none": signer.token(header={"alg": "none"}, sign=""),
        "nOnE": signer.token(header={"alg": "nOnE"}, sign=""),
        "no signature": f"{head}.{payload}.",
        "two parts": f"{head}.{payload}",
        "HS256": signer.token(header={"alg": "HS256"}),
        "another key under this id": Signer(tmp_path, "first").token(),
        "unknown key": Signer(tmp_path, "second").token(),
        "own key in the header": signer.token(header={"jwk": signer.jwk(), "kid": "mine"}),
        "changed payload": ".".join([head, b64(json.dumps({"roles": ["UserManagementAdmin"]}).encode()), good.split(".")[2]]),
        "not a token": "hello",
        "long": "x" * 15_000,
    }
    for name, token in forged.items():
        refusal = ask(house, token)
        assert getattr(refusal, "reason", "answered") == "CREDENTIAL_INVALID", name
    assert isinstance(ask(house, good), bytes)


def test_a_junk_token_does_not_decide_for_a_key_without_algorithm(house, signer):
    for algorithm in ("PS512", "RS512", "ES256"):
        assert ask(house, signer.token(header={"alg": algorithm}, sign=b64(b"junk"))).reason == "CREDENTIAL_INVALID"
        assert isinstance(ask(house, signer.token()), bytes)


def test_a_token_beside_a_certificate(house, signer):
    people = house.certificates
    assert isinstance(ask(house, signer.token(), identity=people.carol), bytes)
    assert ask(house, "junk", "WhoAmI", people.carol).reason == "CREDENTIAL_INVALID"
    assert ask(house, signer.token(), "WhoAmI", people.dave).code in ("UNAUTHENTICATED", "PERMISSION_DENIED")
    # What each of the two may do alone, and nothing else.
    admin = signer.token(roles=["UserManagementAdmin"])
    assert isinstance(ask(house, admin, "ListPrincipals", people.carol), bytes)
    assert isinstance(ask(house, signer.token(), "ListPrincipals", people.alice), bytes)
    assert ask(house, signer.token(), "ListPrincipals", people.carol).reason == "ROLE_LACKS_PERMISSION"


def test_without_an_issuer_every_token_is_refused(new_house, signer):
    house = new_house().start().register()
    assert ask(house, signer.token()).reason == "CREDENTIAL_INVALID"
    assert ask(house, signer.token(), "WhoAmI", house.certificates.alice).reason == "CREDENTIAL_INVALID"


def test_the_log_says_why_a_token_is_refused(house, signer):
    causes = {
        "token-expired": {"exp": NOW - 3600, "nbf": NOW - 7200, "iat": NOW - 7200}, "token-audience": {"aud": "else"},
        "token-issuer": {"iss": "https://elsewhere.test/"}, "token-roles": {"roles": 7}, "token-tenant": {"tid": "elsewhere"},
        "token-tenant-missing": {"tid": None}, "token-not-yet-valid": {"nbf": NOW + 86_400, "exp": NOW + 172_800},
        "token-kind": {"typ": "ID"}, "token-times": {"exp": None},
    }  # fmt: skip
    begin = len(house.daemon.log_lines())
    for claims in causes.values():
        assert ask(house, signer.token(**claims)).code == "UNAUTHENTICATED"

    def told():
        return [line for line in house.daemon.log_lines()[begin:] if line["message"] == "credential refused"]

    eventually(lambda: len(told()) == len(causes))
    lines = told()
    assert [line["metadata"]["cause"] for line in lines] == list(causes)
    assert {line["level"] for line in lines} == {"info"}
    # Of the issuer what its file says, of a time the distance, and nothing of the token itself.
    for line in lines:
        told_of = set(line["metadata"]) - {"cause", "remote", "request_id"}
        cause = line["metadata"]["cause"]
        timed = {"seconds"} if cause in ("token-expired", "token-not-yet-valid") else set()
        assert told_of == timed | (set() if cause == "token-issuer" else {"issuer"})
        assert line["metadata"].get("issuer", ISSUER) == ISSUER
    assert int(lines[0]["metadata"]["seconds"]) >= 3_600


def test_a_token_need_not_begin(house, signer):
    assert isinstance(ask(house, signer.token(nbf=None)), bytes)
    assert isinstance(ask(house, signer.token(nbf=None, iat=None)), bytes)


def test_the_case_of_a_tenant_says_nothing(house, signer):
    assert isinstance(ask(house, signer.token(tid=TENANT.upper())), bytes)


def test_the_log_says_that_a_token_gives_no_role(house, signer):
    begin = len(house.daemon.log_lines())
    for roles in (None, ["Reader"]):
        assert ask(house, signer.token(roles=roles)).reason == "ROLE_LACKS_PERMISSION"
    eventually(lambda: len([line for line in house.daemon.log_lines()[begin:] if line["message"] == "token gives no role"]) == 2)


@pytest.fixture(scope="module")
def shapes(api, certificates, signer, tmp_path_factory):
    """A server that believes issuers as Entra ID, Auth0 and Keycloak are, all of one key."""
    from conftest import House

    folder = tmp_path_factory.mktemp("shapes")
    (folder / "keys.json").write_text(json.dumps({"keys": [signer.jwk()]}))
    files = {
        "entra2": {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "audience": "client", "partners": {TENANT.upper(): "A"}},
        "entra1": {"issuer": "https://sts.windows.net/{tenantid}/", "audience": ["other", AUDIENCE], "partners": {TENANT: "B"}},
        "auth0": {
            "issuer": "https://a.auth0.com/", "audience": AUDIENCE, "tenant_claim": "org_id",
            "roles_claim": "https://insights.example/roles", "partners": {"org_1": "A"},
        },
        "keycloak": {
            "issuer": "https://sso.example/realms/a", "audience": "insights", "tenant_claim": "iss",
            "roles_claim": "realm_access.roles", "partners": {"https://sso.example/realms/a": "A"},
        },
    }  # fmt: skip
    options = []
    for name, issuer in files.items():
        (folder / f"{name}.json").write_text(json.dumps(issuer | {"jwks": "keys.json"}))
        options += ["--token-issuer", folder / f"{name}.json"]
    house = House(api, certificates, tmp_path_factory.mktemp("house"), *options)
    house.start().register()
    yield house
    house.close()


def test_tokens_as_issuers_make_them(shapes, signer, api):
    bare = dict(tid=None, oid=None, roles=None, nbf=None)
    good = {
        "entra2": dict(iss=f"https://login.microsoftonline.com/{TENANT}/v2.0", aud="client", ver="2.0"),
        "entra1": dict(iss=f"https://sts.windows.net/{TENANT}/", appid="x", ver="1.0"),
        "auth0": bare
        | {"iss": "https://a.auth0.com/", "aud": [AUDIENCE, "https://a.auth0.com/userinfo"], "org_id": "org_1",
           "https://insights.example/roles": ["SalesAgent"]},
        "keycloak": bare
        | dict(iss="https://sso.example/realms/a", aud=["insights", "account"], typ="Bearer", nonce="n",
               realm_access={"roles": ["SalesAgent", "offline_access"]}),
    }  # fmt: skip
    for name, claims in good.items():
        answer = ask(shapes, signer.token(**claims), "WhoAmI")
        assert isinstance(answer, bytes), name
        who = api.WhoAmIResponse.FromString(answer).principal
        assert (who.partner_id, list(who.roles)) == ("B" if name == "entra1" else "A", [api.ROLE_SALES_AGENT]), name
        # None of one issuer's passes for another's.
        for other in good.values():
            if other is not claims:
                assert ask(shapes, signer.token(**claims | {"iss": other["iss"]}), "WhoAmI").code == "UNAUTHENTICATED"
    stranger = "0d0c7d4e-1111-4222-8333-944445555666"
    for tenants in ((TENANT, stranger), (stranger, TENANT), (stranger, stranger)):
        for pattern in ("https://login.microsoftonline.com/{}/v2.0", "https://sts.windows.net/{}/"):
            token = signer.token(iss=pattern.format(tenants[0]), tid=tenants[1], aud="client")
            assert ask(shapes, token, "WhoAmI").reason == "CREDENTIAL_INVALID"


def test_deleting_does_not_end_a_token_and_says_so(house, signer, api):
    alice = house["alice"]
    token = signer.token(oid="tilda", roles=["SalesAgent"])
    alice.call("CreatePrincipal", principal=dict(principal_id="tilda", roles=[3]))
    answer = alice.call("DeletePrincipal", principal_id="tilda")
    assert "token" in answer.note and "disabling" in answer.note
    assert isinstance(ask(house, token), bytes)
    alice.call("CreatePrincipal", principal=dict(principal_id="tilda", roles=[3]))
    alice.call("UpdatePrincipal", principal=dict(principal_id="tilda", disabled=True), update_mask={"paths": ["disabled"]})
    assert ask(house, token).reason == "CREDENTIAL_INVALID"


def test_nothing_of_a_token_is_in_the_log(house, signer):
    token = signer.token(sub="canary-subject-4711")
    ask(house, token)
    ask(house, token + "x")
    log = house.daemon.log.read_text()
    assert token.split(".")[2] not in log and token.split(".")[1] not in log
