"""The demo, as the README tells people to run it, on what is built already."""

import os
import re
import socket
import subprocess

import pytest
import requests
from daemon import BINARY, ROOT

pytestmark = pytest.mark.skipif(
    not (BINARY.parent / "insights").exists(), reason="the client is not built"
)


def demo(**environment):
    return subprocess.run(
        [ROOT / "Tests/Demo/demo.sh"], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        env=os.environ | {"BIN": str(BINARY.parent)} | environment,
    )  # fmt: skip


def running(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip() == "insightsd"
    except FileNotFoundError:
        return False


def follow_the_link(said):
    """A newcomer's browser, to the portfolio; and nobody after that."""
    (link,) = re.findall(r"^https://localhost:\d+/start/\S+$", said, re.M)
    with requests.Session() as browser:
        browser.trust_env, browser.verify = False, str(ROOT / "Certs/out/ca.pem")
        browser.headers["accept"] = "text/html"
        page = browser.get(link, timeout=60)
        home = re.search(r"^== In the browser: (\S+)$", said, re.M)[1]
        assert page.status_code == 200 and page.url == home + "/" and "newcomer" in page.text
        assert browser.get(home + "/access", timeout=60).status_code == 200
        assert requests.get(link, verify=browser.verify, timeout=60).status_code == 404, "it works once"


def test_the_demo_runs_through_and_stops_what_it_started():
    done = demo(DEMO_KEEP="1")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    pid = int((ROOT / ".demo/insightsd.pid").read_text())
    assert running(pid), "DEMO_KEEP leaves the server running"
    follow_the_link(done.stdout)
    again = demo()
    assert again.returncode == 0, again.stdout[-1000:] + again.stderr[-1000:]
    assert not running(pid), "the next run stops it"
    assert not (ROOT / ".demo/insightsd.pid").exists()
    # Of customers that were synchronized there is something to see, and the second time nothing to send.
    first, second = re.findall(r"^c0ffee00-\S+000 .* Fourth Coffee .* ([\d,]+)  ok$", again.stdout, re.M)
    assert int(first.replace(",", "")) > 1000 and second == "0"
    assert re.search(r"^c0ffee00-\S+000 +Fourth Coffee .* 100\.0 % ", again.stdout, re.M)
    for run in (done, again):
        (port,) = set(re.findall(r"^simulator at 127\.0\.0\.1:(\d+)$", run.stdout, re.M))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), timeout=5)
    # The worked example of the definitions, as a customer of the sample.
    assert "133.3 %" in again.stdout and "~13 (13–14)" in again.stdout
    for reason in ("ROLE_LACKS_PERMISSION", "CUSTOMER_NOT_FOUND", "CREDENTIAL_INVALID", "CREDENTIAL_MISSING"):
        assert reason in again.stdout
    # What a newcomer's browser needs.
    assert re.search(r"^== In the browser: https://localhost:\d+$", again.stdout, re.M)
    words = ["openssl", "pkcs12", "-in", ROOT / ".demo/carol.p12", "-passin", "pass:demo", "-nokeys"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "BEGIN CERTIFICATE" in shown and '"customerId": "coho-vineyard"' in again.stdout
