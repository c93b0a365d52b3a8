"""HTTP/1.1 on the same port (`--web api`): the same answers as over HTTP/2, and nothing but exact requests."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import threading
import time
from urllib.parse import urlencode

import pytest
import requests
from connect import Web
from facts import day
from frames import connect, tls_context
from http1 import CHUNKED, MALFORMED, Peer, head, post
from test_connect import CALLERS, PROTECTION, READS, stable
from token_signer import AUDIENCE, ISSUER, TENANT, Signer

INSIGHTS = "/partner.insights.v1.InsightsService"
WHO_AM_I = "/partner.insights.v1.AccessService/WhoAmI"
CUSTOMERS = "/partner.insights.v1.CustomersService/ListCustomers"


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys"), "first")


@pytest.fixture(scope="module")
def house(api, certificates, tmp_path_factory, signer):
    from conftest import House

    folder = tmp_path_factory.mktemp("http1")
    (folder / "keys.json").write_text(json.dumps({"keys": [signer.jwk()]}))
    issuer = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys.json", "partners": {TENANT: "A"}}
    (folder / "issuer.json").write_text(json.dumps(issuer))
    house = House(
        api, certificates, folder / "house", "--web", "api", "--token-issuer", folder / "issuer.json",
        "--headers-timeout", "2", "--request-timeout", "3", "--idle-timeout", "4",
    ).start().register()  # fmt: skip
    house["alice"].call("UpdatePrincipal", principal=dict(principal_id="alice", roles=[1, 2]), update_mask={"paths": ["roles"]})
    f = house.facts
    house["operator"].feed([
        f.sku("E3", workloads=["EXO", "SPO"]), f.relationship("A", "C", day(-90)), f.customer("C", "Contoso & Söhne"),
        f.relationship("B", "hidden", day(-90)), f.customer("hidden", "Hidden"),
        f.subscription("s", "C", "E3", "A", day(-50), 5), *f.coverage("C", day(-1)),
        *(f.user("C", f"u{number}", f"User {number} with a long name") for number in range(1_500)),
        *(f.assignment("C", f"u{number}", "E3", day(-40)) for number in range(1_500)),
        *(f.activity("C", f"u{number}", "EXO", day(-3)) for number in range(9)),
    ])  # fmt: skip
    yield house
    house.close()


@pytest.fixture(scope="module")
def web(house):
    """The same caller over HTTP/2."""
    return Web(house, house.certificates.alice)


@pytest.fixture
def session(house):
    with requests.Session() as session:
        # Certificates and proxies of the environment come before what is set here.
        session.trust_env = False
        session.verify = str(house.certificates.authority.certificate)
        session.cert = (str(house.certificates.alice.certificate), str(house.certificates.alice.key))
        yield session


def is_up(house):
    with Peer(house) as peer:
        return peer.ask(post(WHO_AM_I)).status == 200


def comparable(headers):
    """Of a response of either version; connection and date are HTTP/1.1's own."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in ("date", "connection")}


# Same answers


@pytest.mark.parametrize("use_get", [False, True])
@pytest.mark.parametrize("codec", ["json", "proto"])
def test_every_read_answers_as_over_http2(house, web, session, codec, use_get):
    plain = {"accept-encoding": "identity"}
    for name, fields in READS:
        method = house.api.methods[name]
        message = method.request(**fields).SerializeToString()
        query = urlencode({"connect": "v1", "encoding": "proto", "base64": "1", "message": b64(message)})
        if use_get:
            url, kind, verb, body = f"{method.path}?{query}", {}, "GET", b""
        else:
            body = message if codec == "proto" else to_json(method, fields)
            url, kind, verb = method.path, {"content-type": f"application/{codec}"}, "POST"
        answer = session.request(verb, f"https://{house.daemon.address}{url}", data=body, headers=kind | plain)
        assert answer.status_code == 200 and answer.raw.version == 11, (name, answer.content)
        other = web.client.execute(verb, web.address + url, headers=kind | plain, content=body)
        by_http2 = comparable({**other.headers})
        assert comparable(answer.headers) == by_http2, name
        if "next" not in str(other.content):
            assert read(method, answer.content, codec, use_get) == read(method, bytes(other.content), codec, use_get)


def b64(data):
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_json(method, fields):
    from google.protobuf import json_format

    return json_format.MessageToJson(method.request(**fields)).encode()


def read(method, content, codec, use_get):
    from google.protobuf import json_format

    if codec == "proto" or use_get:
        return stable(method.response.FromString(content))
    return stable(json_format.Parse(content, method.response()))


def test_refusals_are_the_same(house, web):
    path = f"{INSIGHTS}/GetCustomerInsights"
    cases = [
        (path, b'{"customerId": "none"}', "application/json", 404), (path, b"{", "application/json", 400),
        (path, b'{"a": 1}', "application/json", 400), (path, b"{}", "text/plain", 415),
        (f"{INSIGHTS}/Nothing", b"{}", "application/json", 501),
        (f"{INSIGHTS}/ExportInsights", b"{}", "application/json", 415),
        ("/", b"", "text/html", 415),
    ]  # fmt: skip
    with Peer(house) as peer:
        for target, body, kind, status in cases:
            answer = peer.ask(post(target, body, content_type=kind))
            other = web.http("POST", target, body, content_type=kind)
            assert (answer.status, other.status) == (status, status), target
            expected = comparable({**other.headers})
            assert comparable(answer.headers) == {"content-length": "0"} | expected
            assert answer.body == bytes(other.content) and not answer.closes


def test_every_caller_is_judged(house):
    for who in CALLERS:
        if who in ("expired", "other_ca"):
            continue
        status = Web(house, getattr(house.certificates, who) if who else None).post("ListCustomers").status
        with Peer(house, who) as peer:
            assert peer.ask(post(CUSTOMERS)).status == status, who


def test_another_partners_customer_looks_like_none(house):
    with Peer(house) as peer:
        seen = set()
        for customer in ("hidden", "nobody"):
            answer = peer.ask(post(f"{INSIGHTS}/GetCustomerInsights", json.dumps({"customerId": customer}).encode()))
            assert answer.status == 404
            seen.add((tuple(sorted(comparable(answer.headers).items())), answer.body))
        assert len(seen) == 1


def test_a_token_is_enough(house, signer):
    url = f"https://{house.daemon.address}{WHO_AM_I}"
    authority = str(house.certificates.authority.certificate)
    token = {"authorization": f"Bearer {signer.token()}"}
    assert requests.post(url, json={}, headers=token, verify=authority).json()["principal"]["principalId"] == "user-7"
    refused = requests.post(url, json={}, verify=authority)
    assert refused.status_code == 401 and refused.json()["code"] == "unauthenticated"
    assert PROTECTION.items() <= dict(refused.headers).items()


def test_large_answers_are_whole(house):
    """More than what the windows between the two sessions hold."""
    path = house.api.methods["ListLicensedUsers"].path
    body = b'{"customerId": "C", "pageSize": 1000}'
    plain = dict(content_type="application/json", accept_encoding="identity")
    expected = Web(house, house.certificates.bob).http("POST", path, body, **plain)
    assert expected.status == 200 and len(expected.content) > 75_000
    with Peer(house, "bob") as peer:
        for _ in range(20):
            assert json.loads(peer.ask(post(path, body)).body)["users"] == json.loads(expected.content)["users"]


def test_downloads_come_in_chunks(house, web):
    for path in ("/v1/export.csv", "/v1/export.jsonl", "/v1/customers", "/v1/portfolio"):
        expected = web.client.execute("GET", web.address + path, headers={"accept-encoding": "identity"})
        with Peer(house) as peer:
            for _ in range(3):
                answer = peer.ask(head(f"GET {path} HTTP/1.1"), verb="GET")
                assert answer.status == expected.status == 200 and answer.body == bytes(expected.content), path
                assert ("transfer-encoding" in answer.headers) == ("export" in path) and not answer.closes


# Stock clients


def test_http_client(house):
    context = tls_context(house.certificates.authority, house.certificates.alice, protocols=("http/1.1",))
    host, port = house.daemon.address.split(":")
    connection = http.client.HTTPSConnection(host, int(port), context=context)
    before = None
    for number in range(100):
        connection.request("POST", WHO_AM_I, json.dumps({}), {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200 and json.load(response)["principal"]["principalId"] == "alice"
        assert before in (None, connection.sock)
        before = connection.sock
    # In chunks, which the library makes of what has no length.
    pieces = (piece.encode() for piece in ('{"page', 'Size"', ": 1}"))
    connection.request("POST", CUSTOMERS, pieces, {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def curl(house, *words, body=None):
    people = house.certificates
    command = [
        "curl", "-sS", "--http1.1", "--cacert", people.authority.certificate, "--cert", people.alice.certificate,
        "--key", people.alice.key, "-i", *words,
    ]  # fmt: skip
    return subprocess.run(command, input=body, capture_output=True, check=True, timeout=60).stdout


def test_curl(house):
    address = f"https://{house.daemon.address}"
    said = curl(house, "--json", "{}", address + WHO_AM_I, address + WHO_AM_I)
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 2 and said.count(b'"principalId":"alice"') == 2
    query = urlencode({"connect": "v1", "encoding": "json", "message": "{}"})
    assert b"HTTP/1.1 200 OK" in curl(house, f"{address}{CUSTOMERS}?{query}")
    # It asks before it sends a body that is long.
    said = curl(house, "-H", "expect: 100-continue", "--json", "{}", address + WHO_AM_I)
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    said = curl(house, "-H", "transfer-encoding: chunked", "-H", "content-type: application/json", "--data-binary", "@-",
                address + WHO_AM_I, body=b"{}")  # fmt: skip
    assert b"HTTP/1.1 200 OK" in said
    head = curl(house, "--head", address + WHO_AM_I)
    assert head.startswith(b"HTTP/1.1 405 ") and head.endswith(b"\r\n\r\n")
    # By ALPN, where both can be spoken.
    said = curl(house, "--http2", "--json", "{}", address + WHO_AM_I)
    assert said.startswith(b"HTTP/2 200")


def test_powershell(house, signer):
    """Invoke-RestMethod of Windows PowerShell 5.1, which offers no ALPN and asks before it sends a body, and that of
    PowerShell 7."""
    host = house.daemon.address
    token = signer.token()
    old = (
        f"POST {WHO_AM_I} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"
        "User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; nl-NL) WindowsPowerShell/5.1.19041.4522\r\n"
        f"Content-Type: application/json\r\nHost: {host}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        "Connection: Keep-Alive\r\n\r\n"
    )
    for protocols in ((), ("http/1.1",)):
        with Peer(house, None, protocols) as peer:
            first = peer.ask(old, verb="HEAD")
            assert first.status == 100 and not first.headers
            answer = peer.ask(b"{}")
            assert answer.status == 200 and json.loads(answer.body)["principal"]["principalId"] == "user-7"
            # Later ones come without the question.
            answer = peer.ask(old.replace("Expect: 100-continue\r\n", "").replace("Connection: Keep-Alive\r\n", "") + "{}")
            assert answer.status == 200 and not answer.closes
    query = urlencode({"connect": "v1", "encoding": "json", "message": "{}"})
    new = (
        f"GET {CUSTOMERS}?{query} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Microsoft "
        f"Windows 10.0.22631; nl-NL) PowerShell/7.4.6\r\nAuthorization: Bearer {token}\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n\r\n"
    )
    with Peer(house, None) as peer:
        assert peer.ask(new).status == 200


def test_power_query(house, signer):
    """`Web.Contents` of Excel and Power BI: without ALPN, first without a credential, and with what its options say."""
    host, told = house.daemon.address, "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)"

    def get(path, *more):
        lines = [f"GET {path} HTTP/1.1", *more, "Accept-Encoding: gzip, deflate", f"User-Agent: {told}", f"Host: {host}"]
        return "\r\n".join([*lines, "Connection: Keep-Alive"]) + "\r\n\r\n"

    with Peer(house, None, ()) as peer:
        first = peer.ask(get("/v1/customers"), verb="GET")
        assert first.status == 401 and not first.closes and first.headers["www-authenticate"] == "Bearer"
        token = f"Authorization: Bearer {signer.token()}"
        answer = peer.ask(get("/v1/customers?pageSize=1&filter=customer_id%3AC", token, "Accept: */*"), verb="GET")
        assert answer.status == 200 and json.loads(answer.body)["customers"][0]["name"] == "Contoso & Söhne"
        answer = peer.ask(get("/v1/export.csv", token), verb="GET")
        rows = answer.body.decode().splitlines()
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/csv") and len(rows) > 1


# The protocol


def test_pipelined_requests_are_answered_in_order(house):
    with Peer(house) as peer:
        customers = json.dumps({"pageSize": 1}).encode()
        for _ in range(3):
            peer.send(b"".join(post(WHO_AM_I) + post(CUSTOMERS, customers) for _ in range(40)))
            for _ in range(40):
                assert b"principalId" in peer.read().body
                assert b"customers" in peer.read().body
        # The last one said so.
        peer.send(post(WHO_AM_I) + post(WHO_AM_I, b"{}", "connection: keep-alive, Close") + post(WHO_AM_I))
        assert not peer.read().closes
        assert peer.read().closes and peer.is_closed


def test_many_pipelined_requests_wait_in_the_socket(house):
    """More than the server reads ahead: it stops reading, and goes on."""
    one = post(WHO_AM_I, b"{}" + b" " * 5_000)
    count = 400
    with Peer(house) as peer:
        sender = threading.Thread(target=peer.send, args=(one * count,))
        sender.start()
        for _ in range(count):
            assert peer.read().status == 200
        sender.join()


def test_requests_byte_by_byte(house):
    whole = "\r\n" + CHUNKED.replace("/a", WHO_AM_I).replace("\r\n\r\n", "\r\ncontent-type: application/json\r\n\r\n")
    whole += "1;a=b\r\n{\r\n1\r\n}\r\n0\r\ntrailer: x\r\n\r\n"
    with Peer(house) as peer:
        for _ in range(2):
            for byte in whole:
                peer.send(byte)
            answer = peer.read()
            assert answer.status == 200 and not answer.closes
            whole = whole.removeprefix("\r\n")


def test_hosts(house):
    port = house.daemon.address.split(":")[1]
    with Peer(house) as peer:
        for host in ("localhost", "LocalHost", "127.0.0.1", f"localhost:{port}", "localhost:", "localhost:1"):
            assert peer.ask(post(WHO_AM_I, host=host)).status == 200, host
        for target in ("https://localhost", f"HTTPS://127.0.0.1:{port}"):
            assert peer.ask(post(target + WHO_AM_I)).status == 200
        # Of a host alone: its root.
        assert peer.ask(head("GET https://localhost HTTP/1.1")).status == 405
        refused = peer.ask(post(WHO_AM_I, host="insights.example.org"))
        assert refused.status == 421 and PROTECTION.items() <= refused.headers.items()
        assert peer.is_closed


def test_what_expects_is_told_at_once_or_refused(house):
    waits = post(WHO_AM_I, b"{}", "Expect: 100-Continue")
    with Peer(house) as peer:
        assert peer.ask(waits[:-2], verb="HEAD").status == 100
        assert peer.ask(b"{}").status == 200
        # The body is there already: nothing to wait for.
        assert peer.ask(waits).status == 200
        # Nothing comes: nobody is asked to send it.
        assert peer.ask(post(WHO_AM_I, b"", "Expect: 100-continue")).status == 200
    for who, target, status in ((None, WHO_AM_I, 401), ("nobody", CUSTOMERS, 403)):
        with Peer(house, who) as peer:
            answer = peer.ask(post(target, b"{}", "Expect: 100-continue")[:-2])
            assert answer.status == status and answer.closes and peer.is_closed


def test_head_and_other_methods(house):
    with Peer(house) as peer:
        for verb in ("HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"):
            answer = peer.ask(head(f"{verb} {WHO_AM_I} HTTP/1.1"), verb=verb)
            assert answer.status == 405 and answer.headers["allow"] == "POST", verb
            assert not answer.closes
        assert peer.ask(post(WHO_AM_I)).status == 200


def test_nothing_is_switched(house):
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c, websocket", "HTTP2-Settings: AAMAAABkAAQAAP__")
    with Peer(house) as peer:
        answer = peer.ask(post(WHO_AM_I, b"{}", *upgrade, "TE: trailers"))
        assert answer.status == 200 and "upgrade" not in answer.headers


def test_grpc_needs_http2(house):
    for kind in ("application/grpc", "application/grpc+proto", "Application/gRPC; a=b", "application/grpc-web"):
        with Peer(house) as peer:
            answer = peer.ask(post(WHO_AM_I, b"\0\0\0\0\0", "te: trailers", content_type=kind))
            assert answer.status == 415 and b"gRPC needs HTTP/2" in answer.body and answer.closes and peer.is_closed


@pytest.mark.parametrize("name, request_bytes, status", MALFORMED, ids=[name for name, *_ in MALFORMED])
def test_what_is_malformed_is_refused(house, name, request_bytes, status):
    with Peer(house) as peer:
        answer = peer.ask(request_bytes)
        assert answer.status == status, answer.raw
        assert answer.closes and PROTECTION.items() <= answer.headers.items()
        assert json.loads(answer.body)["message"] and answer.headers["content-type"] == "application/json"
        assert peer.is_closed
    # Behind a request that is in order, that one is answered.
    with Peer(house) as peer:
        peer.send(post(WHO_AM_I), request_bytes)
        assert peer.read().status == 200
        if not name.endswith(" first"):
            assert peer.read().status == status and peer.is_closed


def test_the_server_lives_on(house):
    assert len({name for name, *_ in MALFORMED}) == len(MALFORMED) >= 60
    assert house.daemon.is_running and is_up(house)
    assert house["alice"].call("WhoAmI").principal.principal_id == "alice"


def test_what_is_smuggled_is_never_run(house):
    """A second request in the body of the first is its body."""
    inner = post(f"{INSIGHTS}/GetPortfolioInsights")
    with Peer(house) as peer:
        answer = peer.ask(post(WHO_AM_I, inner))
        assert answer.status == 400 and not answer.closes
        assert b"principalId" in peer.ask(post(WHO_AM_I)).body


def test_large_requests(house):
    path = house.api.methods["GetTrend"].path
    with Peer(house) as peer:
        assert peer.ask(post(WHO_AM_I, b"{}" + b" " * 200_000)).status == 200
        answer = peer.ask(post(path, b"{}" + b" " * 300_000))
        assert answer.status == 413 and json.loads(answer.body)["code"] == "resource_exhausted"
    # Whoever sends on is heard no more.
    with Peer(house) as peer:
        peer.send(head(f"POST {path} HTTP/1.1", "content-type: application/json", "content-length: 900000000000"))
        while peer.send(b" " * 65_536):
            pass
    with Peer(house) as peer:
        assert peer.ask(post(WHO_AM_I, b"{}", *(f"x-{n}: {'a' * 3_000}" for n in range(5)))).status == 200
    assert is_up(house)


# Time


def test_slow_heads(house):
    for start in ("P", "POST / HTTP/1.1\r\n", head("GET / HTTP/1.1")[:-2], "\r"):
        with Peer(house) as peer:
            began = time.monotonic()
            peer.send(start)
            answer = peer.read()
            assert answer.status == 408 and answer.closes and peer.is_closed
            assert 1.5 < time.monotonic() - began < 8
    # A byte now and then does not help.
    with Peer(house) as peer:
        began = time.monotonic()
        peer.send("POST / HTTP/1.1\r\nx: ")
        peer.socket.settimeout(0.2)
        while True:
            try:
                peer.send("a")
                assert peer.read().status == 408
                break
            except TimeoutError:
                assert time.monotonic() - began < 8


def test_slow_bodies(house):
    for request in (post(WHO_AM_I, b"{}")[:-1], CHUNKED.replace("/a", WHO_AM_I).replace(
            "\r\n\r\n", "\r\ncontent-type: application/json\r\n\r\n") + "1\r\n{"):  # fmt: skip
        with Peer(house) as peer:
            answer = peer.ask(request)
            assert answer.status == 504 and answer.closes and peer.is_closed


def test_idle_connections_end(house):
    silent, used = Peer(house), Peer(house)
    assert used.ask(post(WHO_AM_I)).status == 200
    began = time.monotonic()
    assert silent.is_closed and used.is_closed
    assert 2.5 < time.monotonic() - began < 12


def test_whoever_leaves_is_let_go(house):
    for request in (post(CUSTOMERS), post(CUSTOMERS)[:-1], "GET", b""):
        for _ in range(20):
            with Peer(house) as peer:
                peer.send(request)
    assert is_up(house)


def test_an_old_connection_is_told_so_with_an_answer(new_house):
    house = new_house("--web", "api", "--max-connection-age", "2", "--connection-age-grace", "5").start().register()
    with Peer(house) as peer:
        began = time.monotonic()
        while not (answer := peer.ask(post(WHO_AM_I))).closes:
            assert answer.status == 200 and time.monotonic() - began < 10
            time.sleep(0.01)
        assert peer.is_closed


def test_shutdown_ends_what_runs_and_closes_what_is_idle(new_house):
    house = new_house("--web", "api", "--revision-wait", "5", "--shutdown-grace", "20").start().register()
    revision = house["operator"].call("GetIngestStatus").revision
    body = json.dumps({"minRevision": str(revision + 1)}).encode()
    with Peer(house) as idle, Peer(house) as busy, Peer(house) as begun:
        assert idle.ask(post(WHO_AM_I)).status == 200
        begun.send("POST / HTTP/1.1\r\nHost")
        busy.send(post(CUSTOMERS, body))
        time.sleep(1)
        began = time.monotonic()
        os.kill(house.daemon.pid, signal.SIGTERM)
        assert idle.is_closed and begun.is_closed and time.monotonic() - began < 3
        answer = busy.read()
        assert answer.status == 503 and answer.closes and busy.is_closed
        assert json.loads(answer.body)["code"] == "unavailable"
    assert house.daemon.wait() == 0


def test_a_reader_that_does_not_read(house):
    """What it is sent stays in the handler's hands; others go on."""
    path = house.api.methods["ListLicensedUsers"].path
    peers = [Peer(house, "bob") for _ in range(10)]
    one = post(path, b'{"customerId": "C", "pageSize": 1000}')
    for peer in peers:
        peer.socket.settimeout(0.5)
        peer.send(one * 200)
    assert is_up(house)
    for peer in peers:
        peer.close()


# Without it


def test_without_web_there_is_no_http1(new_house):
    house = new_house().start().register()
    for protocols in (("http/1.1",), ()):
        with pytest.raises(ssl.SSLError) as refused:
            Peer(house, protocols=protocols)
        assert "NO_APPLICATION_PROTOCOL" in str(refused.value).upper().replace(" ", "_")
    context = tls_context(house.certificates.authority, house.certificates.alice, protocols=("http/1.1", "h2"))
    with connect(house.daemon.address, context) as socket:
        assert socket.selected_alpn_protocol() == "h2"
    assert house["alice"].call("WhoAmI").principal.principal_id == "alice"


def test_what_alpn_chooses(house):
    for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("http/1.1",), "http/1.1"), ((), None)):
        context = tls_context(house.certificates.authority, house.certificates.alice, protocols=offered)
        with connect(house.daemon.address, context) as socket:
            assert socket.selected_alpn_protocol() == chosen
    for offered in (("http/1.0",), ("h2c",), ("spdy/3",)):
        with pytest.raises(ssl.SSLError):
            Peer(house, protocols=offered)
