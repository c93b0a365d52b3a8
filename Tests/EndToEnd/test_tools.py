"""Tools that know nothing of this server find their way by reflection: buf curl and, where installed, grpcurl."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from daemon import ROOT
from facts import day

BUF = shutil.which("buf") or next((str(path) for path in [ROOT / ".venv/bin/buf"] if path.exists()), None)
GRPCURL = shutil.which("grpcurl")


@pytest.fixture(scope="module", autouse=True)
def customer(house):
    f = house.facts
    house["operator"].feed(
        [
            f.sku("E3", workloads=["SPO"]), f.customer("C", "Contoso", "NL"), f.relationship("A", "C", day(-9)),
            f.subscription("s", "C", "E3", "A", day(-9), 7), *f.coverage("C", day(-1)),
        ]
    )  # fmt: skip


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def buf_curl(house, who, method, data, *options):
    files = getattr(house.certificates, who)
    return run(
        BUF, "curl", "--protocol", "grpc", "--cacert", house.certificates.authority.certificate, "--cert",
        files.certificate, "--key", files.key, "-d", json.dumps(data), *options,
        f"https://{house.daemon.address}/partner.insights.v1.{method}",
    )  # fmt: skip


@pytest.mark.skipif(BUF is None, reason="buf is not installed")
@pytest.mark.parametrize("schema", [(), ("--schema", ROOT / "Protos")], ids=["reflection", "protos"])
def test_buf_curl(house, schema):
    done = buf_curl(house, "carol", "InsightsService/GetCustomerInsights", {"customerId": "C"}, *schema)
    assert done.returncode == 0, done.stderr
    insights = json.loads(done.stdout)["insights"]
    assert insights["customerName"] == "Contoso" and insights["products"][0]["licenses"]["sold"] == "7"


@pytest.mark.skipif(BUF is None, reason="buf is not installed")
def test_buf_curl_shows_the_refusal(house):
    done = buf_curl(house, "carol", "CustomersService/ListLicensedUsers", {"customerId": "C"})
    assert done.returncode != 0
    refusal = json.loads(done.stderr)
    assert refusal["code"] == "permission_denied" and "AdminAgent" in refusal["message"]
    (info,) = [detail for detail in refusal["details"] if detail["type"] == "google.rpc.ErrorInfo"]
    assert b"ROLE_LACKS_PERMISSION" in base64.b64decode(info["value"] + "==")


@pytest.mark.skipif(GRPCURL is None, reason="grpcurl is not installed")
def test_grpcurl(house):
    files = house.certificates.carol
    secrets = ["-cacert", house.certificates.authority.certificate, "-cert", files.certificate, "-key", files.key]
    listed = run(GRPCURL, *secrets, house.daemon.address, "list")
    assert "partner.insights.v1.InsightsService" in listed.stdout, listed.stderr
    done = run(
        GRPCURL, *secrets, "-d", '{"customer_id": "C"}', house.daemon.address,
        "partner.insights.v1.InsightsService/GetCustomerInsights",
    )  # fmt: skip
    assert json.loads(done.stdout)["insights"]["customerName"] == "Contoso", done.stderr


@pytest.mark.skipif(BUF is None, reason="buf is not installed")
def test_the_protos_are_clean(tmp_path):
    done = run(BUF, "lint", ROOT / "Protos")
    assert done.returncode == 0, done.stdout
    assert Path(ROOT / "Protos/buf.yaml").exists()
