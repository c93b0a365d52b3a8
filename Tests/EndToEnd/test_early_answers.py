"""Answers that come before the end of a request: over HTTP/2 whoever still sends a short body gets them all the same."""

import subprocess

import pytest
from frames import Frames, tls_context


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory):
    from conftest import House

    house = House(api, certificates, tmp_path_factory.mktemp("early"), "--web", "api", "--headers-timeout", "1").start().register()
    yield house
    house.close()


METHOD = "/partner.insights.v1.CustomersService/ListCustomers"
JSON = ["-H", "content-type: application/json"]
# Caller, path, further words of curl, status.
REFUSED = [
    (None, METHOD, JSON, 401), ("nobody", METHOD, JSON, 403), ("alice", METHOD + "s", JSON, 501), ("alice", METHOD, [], 415),
    ("alice", "/v1/me", JSON, 405), ("alice", "/v1/nothing", JSON, 404), ("alice", "/grpc.health.v1.Health/Check", JSON, 415),
]  # fmt: skip


@pytest.mark.parametrize("who, path, words, status", REFUSED)
def test_curl_sees_every_refusal(house, who, path, words, status):
    """Debian's curl takes a reset before its body was sent for the loss of the answer."""
    files = getattr(house.certificates, who) if who else None
    identity = ["--cert", files.certificate, "--key", files.key] if files else []
    command = ["curl", "-sS", "--http2", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
               house.certificates.authority.certificate, *identity, *words, "-d", "{}",
               f"https://{house.daemon.address}{path}"]  # fmt: skip
    for _ in range(10):
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (str(status), "")


def refused(frames, body, ends=True):
    """The answer to a POST whose body comes after it."""
    stream = frames.h2.get_next_available_stream_id()
    frames.h2.send_headers(stream, [
        (":method", "POST"), (":scheme", "https"), (":path", METHOD), (":authority", "localhost"), ("content-type", "application/json"),
    ])  # fmt: skip
    frames._send()
    answer = frames.read(stream)
    for start in range(0, len(body), 16_384):
        frames.h2.send_data(stream, body[start : start + 16_384], end_stream=ends and start + 16_384 >= len(body))
    frames._send()
    return stream, answer


def test_a_short_body_may_follow(house):
    context = tls_context(house.certificates.authority)
    with Frames(house.daemon.address, context) as frames:
        for _ in range(300):
            stream, answer = refused(frames, b"{}")
            assert (answer.headers[":status"], answer.ended) == ("401", "stream"), answer.error
        assert frames.request("/v1/me", method="GET", content_type=None, te=None).headers[":status"] == "401"


@pytest.mark.parametrize("body, ends", [(b" " * 100_000, False), (b"", False)])
def test_a_long_one_or_none_is_not_waited_for(house, body, ends):
    """Reset without an error: for its length, or for the time that it takes."""
    with Frames(house.daemon.address, tls_context(house.certificates.authority)) as frames:
        stream, answer = refused(frames, body, ends)
        assert (answer.headers[":status"], answer.ended) == ("401", "stream")
        rest = frames.read(stream)
        assert (rest.ended, rest.error) == ("reset", 0)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/nothing", "/openapi.json"])
def test_head_has_no_body(house, path):
    """Clients take DATA for a fault of the protocol, and never show the status."""
    with Frames(house.daemon.address, tls_context(house.certificates.authority, house.certificates.alice)) as frames:
        answer = frames.request(path, method="HEAD", content_type=None, te=None)
        assert answer.ended == "stream" and not answer.body and int(answer.headers["content-length"]) > 50
        assert answer.headers[":status"] in ("405", "404")
        assert frames.request("/v1/me", method="GET", content_type=None, te=None).headers[":status"] == "200"
