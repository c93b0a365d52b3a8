"""What the README tells people to do works as it stands there."""

import os
import re
import shutil
import subprocess
import sys

import grpc
import pytest
from daemon import ROOT, run_insightsd
from facts import day

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def folder(house, tmp_path_factory):
    """A folder that looks like a checkout after `DEMO_KEEP=1 DEMO_LISTEN=… make demo`."""
    f = house.facts
    house["operator"].feed(
        [
            f.sku("E3", workloads=["SPO"]), f.relationship("A", "coho-vineyard", day(-40)),
            f.subscription("s", "coho-vineyard", "E3", "A", day(-39), 14), f.assignment("coho-vineyard", "u", "E3", day(-39)),
            f.activity("coho-vineyard", "u", "SPO", day(-3)), *f.coverage("coho-vineyard", day(-1)),
        ]
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("checkout")
    out = folder / "Certs/out"
    out.mkdir(parents=True)
    carol = house.certificates.carol
    for name, source in (("ca.pem", house.certificates.authority.certificate), ("carol.pem", carol.certificate), ("carol.key", carol.key)):
        shutil.copy(source, out / name)
    (folder / "Protos").symlink_to(ROOT / "Protos")
    return folder


def shell(command, folder, house):
    command = command.replace("localhost:8443", house.daemon.address)
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", command], cwd=folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        env=os.environ | {"PATH": path},
    )  # fmt: skip


def test_the_first_call_from_python(house, folder):
    (generate,) = re.findall(r"^venv/bin/(python -m grpc_tools.*)$", README, re.M)
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


def test_every_option_of_serve_is_told():
    options = set(re.findall(r"^  (--[a-z-]+)", run_insightsd("serve", "--help").stdout, re.M))
    assert len(options) > 20
    missing = {option for option in options if option not in README} - {"--loops"}
    assert not missing


def test_every_method_and_reason_that_is_named_is_real(api):
    assert set(re.findall(r"\b(?:[A-Z][a-z]+)+Service[./]([A-Z]\w+)", README)) <= set(api.methods)
    source = "".join(path.read_text() for path in (ROOT / "Sources").rglob("*.swift"))
    mistakes = README.split("## Mistakes", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", mistakes)) - {code.name for code in grpc.StatusCode}
    assert len(named) > 8
    assert {reason for reason in named if reason not in source} == set()
