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
    "no start": ({"nbf": None}, "CREDENTIAL_INVALID"),
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
        "token-issuer": {"iss": "https://elsewhere.test/"}, "token-roles": {"roles": 7},
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
    assert all(set(line["metadata"]) == {"cause", "remote", "request_id"} for line in lines)


def test_nothing_of_a_token_is_in_the_log(house, signer):
    token = signer.token(sub="canary-subject-4711")
    ask(house, token)
    ask(house, token + "x")
    log = house.daemon.log.read_text()
    assert token.split(".")[2] not in log and token.split(".")[1] not in log
