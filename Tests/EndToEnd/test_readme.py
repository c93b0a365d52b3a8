"""What README and the documents tell people to do works as it stands there, and what they name is real."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import nullcontext

import grpc
import pytest
from certificates import Authority, principal_uri
from daemon import BINARY, ROOT, environment, run_insightsd
from documents import DOCS, EVERYTHING, README, section
from facts import day
from graph_simulator import Simulator
from graph_world import sample_tenant
from postgres import Postgres

CLIENT = BINARY.parent / "insights"


def portfolio(f, partner):
    return [
        f.sku("E3", workloads=["SPO"]), f.relationship(partner, "coho-vineyard", day(-40)),
        f.subscription("s", "coho-vineyard", "E3", partner, day(-39), 14),
        f.assignment("coho-vineyard", "u", "E3", day(-39)),
        f.activity("coho-vineyard", "u", "SPO", day(-3)), *f.coverage("coho-vineyard", day(-1)),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folder(house, tmp_path_factory):
    """A folder that looks like a checkout after `DEMO_KEEP=1 DEMO_LISTEN=… make demo`."""
    house["operator"].feed(portfolio(house.facts, "A"))
    folder = tmp_path_factory.mktemp("checkout")
    out = folder / "Certs/out"
    out.mkdir(parents=True)
    carol = house.certificates.carol
    for name, source in (("ca.pem", house.certificates.authority.certificate), ("carol.pem", carol.certificate), ("carol.key", carol.key)):
        shutil.copy(source, out / name)
    (folder / "Protos").symlink_to(ROOT / "Protos")
    return folder


def shell(command, folder, house, **variables):
    command = command.replace("localhost:8443", house.daemon.address)
    path = f"{BINARY.parent}:{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", command], cwd=folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        env=environment(PATH=path, **variables),
    )  # fmt: skip


def test_the_first_call_from_python(house, folder):
    (generate,) = re.findall(r"^venv/bin/(python -m grpc_tools(?:.*\\\n)*.*)$", README, re.M)
    done = shell(generate.replace("python", sys.executable, 1), folder, house)
    assert done.returncode == 0, done.stderr
    code = README.split("<!-- first call -->", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]
    (folder / "first.py").write_text(code.replace("localhost:8443", house.daemon.address))
    done = shell(f"{sys.executable} first.py", folder, house)
    assert done.stdout.splitlines()[0] == "PRODUCT_OFFICE_365 14 100.0", done.stderr


@pytest.mark.parametrize("tool", ["buf curl", "grpcurl"])
def test_the_first_call_from_tools(house, folder, tool):
    if not shutil.which(tool.split()[0], path=f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"):
        pytest.skip(f"{tool} is not installed")
    (command,) = re.findall(rf"^{tool} .*\\\n.*CompareLicenses$", README, re.M)
    done = shell(command, folder, house)
    assert '"14"' in done.stdout, done.stderr


def test_the_first_call_with_curl(new_house, house, folder):
    (command,) = re.findall(r"^curl (?:.*\\\n)+.*CompareLicenses$", README, re.M)
    web = new_house("--web", "api").start().register()
    web["operator"].feed(portfolio(web.facts, "A"))
    done = shell(command, folder, web)
    assert '"14"' in done.stdout, done.stderr
    (command,) = re.findall(r"^curl (?:.*\\\n)+.*/v1/.*$", README, re.M)
    done = shell(command, folder, web)
    assert '"sold":"14"' in done.stdout, done.stderr


# MARK: Commands


def blocks(text):
    """Fenced blocks without a language: what is typed."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [block for language, block in fenced if not language]


def commands(text):
    """Every command of the product in the blocks: its words, who gives it (after `# as`), and the line."""
    for block in blocks(text):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match("insightsd? ", line):
                who = re.search(r"# as (?:the )?(\w+)", line)
                yield shlex.split(line, comments=True), who and who[1], line


class Place:
    """A server in the place that the documents name, its certificates, and everybody who gives commands."""

    def __init__(self, new_house, tmp_path):
        self.house = new_house().start()
        self.folder = tmp_path / "typed"
        issue = self.house.certificates.authority
        people = {"operator": self.house.certificates.operator}
        for name in ("alice", "carol"):
            people[name] = issue.client(f"reseller-{name}", principal_uri("contoso-reseller", name))
        self.people = people
        out = self.folder / "Certs/out"
        out.mkdir(parents=True)
        server = self.house.certificates.server
        for name, identity in {**people, "server": server}.items():
            shutil.copy(identity.certificate, out / f"{name}.pem")
            shutil.copy(identity.key, out / f"{name}.key")
        shutil.copy(issue.certificate, out / "ca.pem")
        for name in ("server.pem", "server.key", "ca.pem"):
            shutil.copy(out / name, self.folder / name)
        # Of PostgreSQL: `postgres` fills it.
        self.services = self.folder / "pg_service.conf"
        self.backups = self.folder / "backups"
        (self.backups / "audit").mkdir(parents=True)

    def run(self, line, who=None):
        line = line.replace("/var/lib/insights", str(self.house.daemon.data)).replace("/var/backups/insights", str(self.backups))
        who = self.people[who or "alice"]
        return shell(
            line, self.folder, self.house, INSIGHTS_SERVER=self.house.daemon.address, INSIGHTS_CERT=str(who.certificate),
            INSIGHTS_KEY=str(who.key), INSIGHTS_CA=str(self.folder / "ca.pem"), PGSERVICEFILE=str(self.services),
        )  # fmt: skip

    def join(self):
        """The partner and its people, with a customer."""
        for line, who in (("insights partners create contoso-reseller --principal alice", "operator"), ("insights principals create carol --role sales-agent", "alice")):
            done = self.run(line, who)
            assert done.returncode == 0, done.stderr
        self.house["operator"].feed(portfolio(self.house.facts, "contoso-reseller"))

    def postgres(self):
        """A database without a store, by the names of services that the documents have."""
        postgres = Postgres.shared()
        if postgres is None:
            pytest.skip("there is no PostgreSQL: Tests/install.sh test")
        postgres.store(run_insightsd)
        database = postgres.database()
        names = {"insights-owner": postgres.name(database, "postgres"), "insights": postgres.name(database)}
        self.services.write_text("".join(f"[{name}]\n{words.replace(' ', chr(10))}\n" for name, words in names.items()))

    def simulator(self):
        """The vendor's APIs with a customer, and the configuration `sync.json` that reads them."""
        authority = Authority(self.folder / "graph", "simulator of Graph")
        simulator = Simulator(authority.server(), [sample_tenant(0)])
        simulator.write_config(self.folder, authority.certificate)
        return simulator


CREATE = ("partners create", "principals create")


@pytest.mark.parametrize("name", ["README", *DOCS])
def test_every_command_that_is_shown_works(new_house, tmp_path, name):
    found = list(commands({"README": README, **DOCS}[name]))
    if not found:
        pytest.skip("shows no command")
    if not CLIENT.exists():
        pytest.skip("the client is not built")
    place = Place(new_house, tmp_path)
    place.join()
    made = subprocess.run([sys.executable, ROOT / "Tests/SamplePortfolio/make.py", place.folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    if any("service=" in line for _, _, line in found):
        place.postgres()
    with place.simulator() if any(words[1] == "sync" for words, _, _ in found) else nullcontext():
        run_all(place, found)


def run_all(place, found):
    for words, who, line in found:
        if any(text in line for text in CREATE):
            continue  # These came first, for the others need them.
        if words[:2] == ["insightsd", "serve"]:
            line = line.replace("insightsd serve", "insightsd check-config")
        if "#" in line:
            line = line[: line.index("#")]
        if words[1] == "copy-store" and place.house.daemon.is_running:
            assert place.house.daemon.stop() == 0
        done = place.run(line, who)
        assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_what_creates_partners_and_people_is_what_the_test_does():
    shown = {" ".join(words) for text in (README, *DOCS.values()) for words, _, line in commands(text) if any(word in line for word in CREATE)}
    assert shown == {"insights partners create contoso-reseller --principal alice", "insights principals create carol --role sales-agent"}


def test_a_store_is_restored_as_it_is_told(new_house, tmp_path):
    place = Place(new_house, tmp_path)
    operations = DOCS["operations"]
    backup = next(line for words, _, line in commands(operations) if words[:2] == ["insightsd", "backup"])
    place.house["operator"].feed([place.house.facts.customer("one", "One")])
    assert place.run(backup).returncode == 0
    assert place.house.daemon.stop() == 0
    place.house.forget_clients()
    restore = operations.split("<!-- restore -->\n```\n", 1)[1].split("```", 1)[0]
    done = place.run(restore)
    assert done.returncode == 0, done.stderr
    place.house.start()
    place.house["operator"].feed([place.house.facts.customer("two", "Two")])
    assert place.house.daemon.stop() == 0
    place.house.forget_clients()
    assert place.run(restore).returncode == 0
    code, told = place.house.daemon.start_refused()
    assert code == 1 and "--accept-older-store" in told
    place.house.daemon.options.append("--accept-older-store")
    place.house.start()
    assert place.house.daemon.stop() == 0


TYPED = re.compile(r"^(?:\w+=\S+ )*(make|Tests/\S+|Protos/\S+|Certs/\S+|\.venv/bin/\S+|swift)\b ?([a-z-]*)", re.M)


def test_targets_and_scripts_that_are_named_exist():
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    rows = [row for text in (README, contributing, *DOCS.values()) for block in blocks(text) for row in TYPED.findall(block)]
    assert len(rows) > 5
    for program, target in rows:
        if program == "make":
            assert re.search(rf"^{target}:", makefile, re.M), target
        elif "/" in program and not program.startswith(".venv"):
            assert os.access(ROOT / program, os.X_OK), program


# MARK: Names


def test_every_option_of_serve_is_told():
    options = set(re.findall(r"^  (--[a-z-]+)", run_insightsd("serve", "--help").stdout, re.M))
    assert len(options) > 20
    told = DOCS["operations"] + DOCS["limits"]
    # In a table, so that nobody has to look for it.
    rows = "".join(line for line in told.splitlines() if line.startswith("| "))
    missing = {option for option in options if not re.search(rf"`{option}[` ]", rows)}
    assert not missing


def test_every_metric_is_told(house):
    names = set(re.findall(r"^# TYPE (\S+)", house.daemon.admin_get("/metrics")[1], re.M))
    assert len(names) > 15
    rows = "".join(line for line in section(DOCS["operations"], "Health and metrics").splitlines() if line.startswith("| "))
    assert set(re.findall(r"`((?:insights|grpc)_\w+)`", rows)) == names


def test_every_option_of_sync_is_told():
    done = subprocess.run([CLIENT, "sync", "--help"], capture_output=True, text=True)
    options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", done.stdout, re.M)) - {"--help", "--version"}
    assert len(options) > 15
    missing = {option for option in options if not re.search(rf"`{option}[` ]", section(DOCS["sync"], "Options"))}
    assert not missing


def test_every_name_of_sync_is_told():
    """Keys of the configuration, permissions, reasons and metrics, as the sources have them."""
    sources = {path.stem: path.read_text() for path in (ROOT / "Sources/GraphSync").glob("*.swift")}
    told = DOCS["sync"]
    rows = "".join(line for line in told.splitlines() if line.startswith("| "))
    keys = set(re.findall(r'"(\w+)"', "".join(re.findall(r"\.allow\(\[(.*)\]\)", sources["SyncConfiguration"]))))
    assert len(keys) > 15
    outer = {"partner", "application", "endpoints"}
    assert {key for key in keys - outer if not re.search(rf"`(\w+\.)?{key}`", rows)} == set()
    permissions = set(re.findall(r'"(\w+\.Read\.All)"', sources["GraphSource"]))
    assert set(re.findall(r"^\| `(\w+\.Read\.All)`", told, re.M)) == permissions and len(permissions) == 7
    cases = re.findall(r'^        case (\w+)(?: = "(\w+)")?$', sources["SyncFailure"], re.M)
    table = section(told, "When a customer fails")
    named = {name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == {value or name for name, value in cases} and len(named) > 10
    metrics = set(re.findall(r'"(insights_sync_\w+)"', sources["SyncMetrics"]))
    assert set(re.findall(r"insights_sync_\w+", rows)) == metrics and set(re.findall(r"insights_sync_\w+", told)) == metrics


def test_headings_that_messages_point_to_are_there():
    texts = "".join(path.read_text() for path in (ROOT / "Sources").rglob("*.swift"))
    places = re.findall(r"\(docs/(\w+)\.md, ([A-Z][\w ]+)\)", texts)
    assert {name for name, _ in places} >= {"sync"}
    assert [one for one in places if f"\n## {one[1]}\n" not in DOCS[one[0]]] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("once", [False, True], ids=["every", "timer"])
def test_units_of_systemd_are_good(tmp_path, once):
    """With the client in its place, without the drop-in of the timer and with it."""
    shutil.copytree(ROOT / "docs/systemd", tmp_path, dirs_exist_ok=True)
    if not once:
        shutil.rmtree(tmp_path / "insights-sync.service.d")
    help_text = subprocess.run([CLIENT, "sync", "--help"], capture_output=True, text=True).stdout
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        text = path.read_text()
        assert set(re.findall(r" (--[a-z-]+)", "".join(re.findall(r"^ExecStart=.*$", text, re.M)))) <= set(help_text.split())
        path.write_text(text.replace("/usr/local/bin/insights", str(CLIENT)))
    units = [tmp_path / "insights-sync.service", *([tmp_path / "insights-sync.timer"] if once else [])]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_every_command_of_the_server_is_told():
    names = set(re.findall(r"^  ([a-z-]+)  +\S", run_insightsd("--help").stdout.split("SUBCOMMANDS:")[1], re.M))
    assert len(names) > 5
    told = section(DOCS["operations"], "Options")
    assert {name for name in names if f"`insightsd {name}" not in told} == {"serve"}


def test_every_method_and_reason_that_is_named_is_real(api):
    assert set(re.findall(r"\b(?:[A-Z][a-z]+)+Service[./]([A-Z]\w+)", EVERYTHING)) <= set(api.methods)
    source = "".join(path.read_text() for path in (ROOT / "Sources").rglob("*.swift"))
    mistakes = section(DOCS["errors"], "Mistakes and what they answer")
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", mistakes)) - {code.name for code in grpc.StatusCode}
    assert len(named) > 8
    assert {reason for reason in named if reason not in source} == set()
