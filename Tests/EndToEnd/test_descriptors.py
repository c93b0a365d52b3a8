"""No client takes the descriptors that store, audit trail and admin port need, and no lack of them ends the server."""

import json
import re
import resource
import socket
import subprocess
import time

import pytest
from daemon import BINARY
from frames import Frames, framed, tls_context
from test_limits import WHO_AM_I
from test_lifecycle import complaints, customer


def target(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def bare(address, count):
    """Connections that never say a byte."""
    return [socket.create_connection(target(address), timeout=10) for _ in range(count)]


def get_in(house, who):
    """A connection that shows a certificate, also while many others ask for their first moment; tried again then."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return Frames(house.daemon.address, tls_context(house.certificates.authority, getattr(house.certificates, who)))
        except OSError:
            assert time.monotonic() < deadline, "a certificate does not get in"
            time.sleep(0.1)


def changed(house, number):
    house["alice"].call("UpdatePrincipal", principal=dict(principal_id="carol", roles=[1 + number % 3]))


def eventually(found, seconds=30):
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def log_of(house, message):
    lines = [json.loads(line) for line in house.daemon.log.read_text().splitlines() if line.startswith("{")]
    return [line["metadata"] for line in lines if line["message"] == message]


@pytest.mark.parametrize("files", [160, 256])
def test_bare_connections_stop_neither_reads_nor_changes_nor_the_server(new_house, files):
    house = new_house()
    house.daemon.open_files = (files, files)
    house.start().register()
    house["operator"].feed(customer(house))
    (lowered,) = log_of(house, "--max-connections is lowered to what the limit of open files and the memory budget carry")
    assert lowered["wanted"] == "10000" and lowered["open_files"] == str(files)
    assert 24 <= int(lowered["connections"]) < files - 64
    with Frames(house.daemon.address, tls_context(house.certificates.authority, house.certificates.bob)) as open_one:
        strangers = bare(house.daemon.address, files + 100)
        anchor = house.daemon.folder / "data/audit.anchor"
        for number in range(3):
            before = anchor.stat().st_ino
            for path in ("/metrics", "/healthz", "/readyz"):
                assert house.daemon.admin_get(path)[0] == 200
            assert open_one.request(WHO_AM_I, framed(b"")).grpc_status == 0
            changed(house, number)
            house["operator"].feed(customer(house, f"D{number}"))
            # The anchor is a new file each time.
            eventually(lambda: anchor.stat().st_ino != before)
            strangers += bare(house.daemon.address, 50)
        with get_in(house, "carol") as late:
            assert late.request(WHO_AM_I, framed(b"")).grpc_status == 0
        [stranger.close() for stranger in strangers]
    assert "Too many open files" not in house.daemon.log.read_text()
    assert house.daemon.stop() == 0


def test_a_limit_lowered_while_serving_ends_nothing(new_house):
    house = new_house().start().register()
    house["operator"].feed(customer(house))
    before = resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE)
    # Nothing more can be opened: neither a file nor a connection.
    resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE, (26, before[1]))
    waiting = bare(house.daemon.address, 5) + bare(house.daemon.admin, 5)
    for number in range(3):
        changed(house, number)
        house["operator"].feed(customer(house, f"D{number}"))
        time.sleep(1.1)
    assert house["alice"].call("WhoAmI").principal.principal_id == "alice"
    house.daemon.wait_for_log("accepting paused")
    house.daemon.wait_for_log("admin port: accepting paused")
    resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE, before)
    [connection.close() for connection in waiting]
    assert house.daemon.admin_get("/readyz")[0] == 200
    with Frames(house.daemon.address, tls_context(house.certificates.authority, house.certificates.bob)) as late:
        assert late.request(WHO_AM_I, framed(b"")).grpc_status == 0
    assert len(log_of(house, "accepting paused")) <= 4, "not twice a second"
    assert "audit failure" not in house.daemon.log.read_text()
    assert house.daemon.stop() == 0


def limits_of(*open_files, arguments=()):
    command = ["prlimit", "--nofile=%d:%d" % open_files, str(BINARY), "check-config", *arguments]
    command += ["--tls-cert", "/dev/null", "--tls-key", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = dict(line.split(None, 1) for line in done.stdout.splitlines())["connections-in-force"]
    return list(map(int, re.fullmatch(r"(\d+) connections of (\d+) open files, (\d+) kept in reserve", text).groups()))


def test_the_soft_limit_is_raised_and_check_config_tells_the_number_in_force():
    connections, files, reserve = limits_of(100, 2_000)
    assert files == 2_000 and connections == files - reserve and reserve >= 64
    connections, files, reserve = limits_of(2_000, 2_000, arguments=["--max-connections", "500"])
    assert (connections, files) == (500, 2_000)


def test_the_soft_limit_is_raised_at_start(new_house):
    house = new_house()
    house.daemon.open_files = (128, 4_000)
    house.start()
    assert resource.prlimit(house.daemon.pid, resource.RLIMIT_NOFILE) == (4_000, 4_000)


def test_too_few_open_files_are_one_line(new_house):
    house = new_house()
    house.daemon.open_files = (64, 64)
    code, error = house.daemon.start_refused()
    assert code == 1 and len(complaints(error)) == 1, error
    assert complaints(error)[0].startswith("insightsd: --max-connections: the limit of 64 open files ")
