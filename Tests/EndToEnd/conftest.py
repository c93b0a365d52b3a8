"""Fixtures: certificates and stubs once per session, a server with two partners once per module."""

import os

# The stock client's own log lines would drown the test report: refused handshakes are the subject here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import pytest  # noqa: E402
from certificates import Authority, principal_uri  # noqa: E402
from daemon import BINARY, Daemon  # noqa: E402
from facts import Facts  # noqa: E402
from postgres import Postgres  # noqa: E402
from wire import Api, Client  # noqa: E402


def pytest_configure():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: swift build --product insightsd", 2)


@pytest.fixture(scope="session")
def api(tmp_path_factory):
    return Api(tmp_path_factory.mktemp("stubs"))


class Certificates:
    """Everybody who ever calls. `alice` … `carol` are partner A's people in each of the three roles."""

    def __init__(self, folder):
        self.authority = Authority(folder / "authority")
        self.other_authority = Authority(folder / "other", "somebody else")
        issue = self.authority
        self.server = issue.server()
        self.operator = issue.operator()
        self.alice = issue.principal("A", "alice")
        self.bob = issue.principal("A", "bob")
        self.carol = issue.principal("A", "carol")
        self.nobody = issue.principal("A", "nobody")
        self.disabled = issue.principal("A", "disabled")
        self.unknown = issue.principal("A", "unknown")
        self.dave = issue.principal("B", "dave")
        self.expired = issue.principal("A", "alice", name="expired", expired=True)
        self.two_names = issue.client("two-names", principal_uri("A", "alice"), principal_uri("A", "bob"))
        self.other_ca = self.other_authority.principal("A", "alice")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


class House:
    """A running server with the partners A and B and their people registered."""

    ROLES = {"bob": [2], "carol": [3], "nobody": [], "disabled": [1]}

    def __init__(self, api, certificates, folder, *options):
        self.api = api
        self.certificates = certificates
        self.facts = Facts(api)
        self.daemon = Daemon(folder, certificates.server, certificates.authority, *options)
        self._clients = {}

    def start(self):
        self.daemon.start()
        return self

    def register(self):
        for partner, first in (("A", "alice"), ("B", "dave")):
            self["operator"].call(
                "CreatePartner", partner_id=partner, name=f"Partner {partner}",
                principal=dict(principal_id=first, display_name=first.title()),
            )  # fmt: skip
        for name, roles in self.ROLES.items():
            self["alice"].call("CreatePrincipal", principal=dict(principal_id=name, roles=roles))
        self["alice"].call("UpdatePrincipal", principal=dict(principal_id="disabled", roles=[1], disabled=True))
        return self

    def client(self, identity, **options):
        return Client(self.api, self.daemon.address, self.certificates.authority, identity, **options)

    def __getitem__(self, name):
        """The long-lived client of a named caller; `None` shows no certificate."""
        if name not in self._clients:
            self._clients[name] = self.client(getattr(self.certificates, name) if name else None)
        return self._clients[name]

    def forget_clients(self):
        for client in self._clients.values():
            client.close()
        self._clients = {}

    def restart(self):
        self.forget_clients()
        return self.start()

    def close(self):
        self.forget_clients()
        if self.daemon.is_running:
            assert self.daemon.stop() == 0


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    house = House(api, certificates, tmp_path_factory.mktemp("house")).start().register()
    yield house
    house.close()


@pytest.fixture
def new_house(api, certificates, tmp_path):
    """Makes servers that a test may kill; not started yet."""
    made = []

    def make(*options, name="house"):
        made.append(House(api, certificates, tmp_path / name, *options))
        return made[-1]

    yield make
    for house in made:
        house.forget_clients()
        if house.daemon.is_running:
            house.daemon.kill()


@pytest.fixture(scope="session")
def shared_postgres():
    """The one of all tests, which is not to be broken."""
    postgres = Postgres.shared()
    if postgres is None:
        pytest.skip("there is no PostgreSQL: Tests/install.sh test")
    return postgres


@pytest.fixture
def facts(house):
    return house.facts
