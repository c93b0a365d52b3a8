"""Every kind of caller there is, for the tests that go through all of them.

Roles are written by their initials: U user management admin, A admin agent, S sales agent.
"""

import json

from conftest import House
from test_tokens import AUDIENCE, ISSUER, TENANT, Signer

ROLE_SETS = {"none": [], "U": [1], "A": [2], "S": [3], "UA": [1, 2], "US": [1, 3], "AS": [2, 3], "UAS": [1, 2, 3]}

# Roles of other kinds, as a directory's tokens have them, alone and beside one of ours.
TOKEN_ROLES = {
    "foreign": ["HelpdeskAgent", "GlobalAdmin", "salesagent", "Operator"],
    "S+foreign": ["SalesAgent", "HelpdeskAgent"],
}

# Callers with a certificate that does not do, or that needs no role.
OTHERS = {
    "operator": "operator", "disabled": "disabled", "anonymous": None, "other CA": "other_ca", "expired": "expired",
    "two names": "two_names", "unknown": "unknown",
}  # fmt: skip

COLUMNS = [*ROLE_SETS, *TOKEN_ROLES, *OTHERS]


def principal(column):
    return f"has-{column}"


class Callers:
    """A server with an issuer of tokens and, in partner A, a principal for every set of roles."""

    def __init__(self, api, certificates, folder, *options):
        self.signer = signer = Signer(folder, "callers")
        (folder / "keys.json").write_text(json.dumps({"keys": [signer.jwk()]}))
        issuer = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys.json", "partners": {TENANT: "A"}}
        (folder / "issuer.json").write_text(json.dumps(issuer))
        self.house = House(
            api, certificates, folder / "house", "--token-issuer", folder / "issuer.json", *options
        )
        self.house.start().register()
        self.house["operator"].call("CreatePartner", partner_id="switched", principal=dict(principal_id="first"))
        self._clients = {}
        for column, roles in ROLE_SETS.items():
            self.house["alice"].call(
                "CreatePrincipal", principal=dict(principal_id=principal(column), roles=roles)
            )
            identity = certificates.authority.principal("A", principal(column))
            self._clients[column] = self.house.client(identity)
        for column, roles in TOKEN_ROLES.items():
            self._clients[column] = self.house.client(None, token=signer.token(roles=roles))
        for column, name in OTHERS.items():
            self._clients[column] = self.house[name]

    def __getitem__(self, column):
        return self._clients[column]

    def close(self):
        for client in self._clients.values():
            client.close()
        self.house.close()
