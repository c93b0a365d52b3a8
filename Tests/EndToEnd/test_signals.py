"""Signals, exit codes and the last lines of the log, whoever reads them and however slowly."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from daemon import Daemon
from frames import framed
from test_lifecycle import complaints, customer
from test_limits import EXPORT, WHO_AM_I, Peer
from test_transport import certificate_serial, eventually


def log_lines(house):
    return [json.loads(line) for line in house.daemon.log.read_text().splitlines()]


def messages(house):
    return [line["message"] for line in log_lines(house)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_changes_nothing(new_house, number):
    house = new_house("--shutdown-grace", "3").start().register()
    # A call whose request never comes uses up the grace.
    peer = Peer(house)
    peer.open(EXPORT)
    peer.request(WHO_AM_I, framed(b""))
    os.kill(house.daemon.pid, number)
    house.daemon.wait_for_log('"draining"')
    for _ in range(3):
        os.kill(house.daemon.pid, number)
        time.sleep(0.1)
    assert house.daemon.is_running, "running calls keep their grace"
    assert house.daemon.stop() == 0
    assert messages(house)[-1] == "stopped" and messages(house).count("draining") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_starting_ends_with_0(new_house, number):
    """At many moments of the start; after it, the store opens as ever."""
    house = new_house().start().register()
    house["operator"].feed(customer(house))
    figures = house["alice"].call("GetCustomerInsights", customer_id="C")
    house.daemon.stop()
    for step in range(12):
        process = subprocess.Popen(
            house.daemon._words(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        # From its first line on the server hears signals.
        first = process.stderr.readline()
        time.sleep(step * 0.01)
        process.send_signal(number)
        output, error = process.communicate(timeout=40)
        assert process.returncode == 0, error
        lines = [json.loads(line) for line in (first + error).decode().splitlines()]
        assert lines[0]["message"] == "starting" and any(line["message"] == "signal" for line in lines), error
    house.restart()
    assert house["alice"].call("GetCustomerInsights", customer_id="C") == figures


def test_sighup_has_the_tls_files_read_again(new_house):
    house = new_house().start().register()
    for _ in range(3):
        os.kill(house.daemon.pid, signal.SIGHUP)
        house["alice"].call("WhoAmI")
    eventually(lambda: messages(house).count("TLS files read again") >= 1)
    assert certificate_serial(house) and house.daemon.is_running
    assert house.daemon.stop() == 0


class Pipe:
    """A standard error that is read when the test says so."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.reader, self.writer = os.pipe()

    def start(self):
        self.process = subprocess.Popen(
            self.daemon._words(), stdout=subprocess.PIPE, stderr=self.writer, stdin=subprocess.DEVNULL
        )
        os.close(self.writer)
        self.daemon._process = self.process
        self.daemon.address, self.daemon.admin = (
            word.split("=")[1] for word in self.process.stdout.readline().decode().split()[1:]
        )

    def read_all(self):
        data = b""
        while part := os.read(self.reader, 1 << 16):
            data += part
            time.sleep(0.001)
        os.close(self.reader)
        return [json.loads(line) for line in data.decode().splitlines()]


def test_a_log_that_nobody_reads_holds_nobody_up(new_house):
    house = new_house("--log-level", "debug")
    pipe = Pipe(house.daemon)
    pipe.start()
    house.register()
    # A pipe holds 64 KiB: far more is logged meanwhile.
    for _ in range(1_500):
        house["alice"].raw("WhoAmI", b"")
    ids = []
    reader = threading.Thread(target=lambda: ids.extend(pipe.read_all()))
    house.daemon._process.send_signal(signal.SIGTERM)
    reader.start()
    assert house.daemon._process.wait(40) == 0
    reader.join(20)
    calls = [line["metadata"]["request_id"] for line in ids if line["message"] == "call"]
    assert len(calls) == len(set(calls)) and len(calls) > 1_500, "read late, and nothing lost"
    assert ids[-1]["message"] == "stopped"


def test_lost_lines_are_counted_and_told(new_house):
    house = new_house("--log-level", "debug", "--partner-rate", "1000000", "--partner-burst", "1000000")
    pipe = Pipe(house.daemon)
    pipe.start()
    house.register()
    method = house.api.methods["WhoAmI"]
    call = house["alice"]._callable(method, method.request.SerializeToString, lambda data: data)

    def lost():
        text = house.daemon.admin_get("/metrics")[1]
        return int(next(line for line in text.splitlines() if line.startswith("insights_log_lines_lost_total ")).split()[1])

    sent = 0
    while not lost():
        futures = [call.future(method.request(), timeout=60) for _ in range(1_000)]
        [future.result() for future in futures]
        sent += 1_000
        assert sent < 100_000, "nothing is ever lost"
    found = []
    reader = threading.Thread(target=lambda: found.extend(pipe.read_all()))
    reader.start()
    house["alice"].call("WhoAmI")
    deadline = time.monotonic() + 20
    while not any(line["message"] == "log lines lost" for line in found) and time.monotonic() < deadline:
        if not house.daemon.is_running:
            break
        time.sleep(0.5)
        house.daemon._process.send_signal(signal.SIGTERM)
    assert house.daemon._process.wait(40) == 0
    reader.join(20)
    told = sum(int(line["metadata"]["lines"]) for line in found if line["message"] == "log lines lost")
    calls = sum(line["message"] == "call" and line["metadata"]["principal"] == "alice" for line in found)
    assert told > 0 and calls < sent and calls + told >= sent


def test_nobody_reads_and_it_still_ends(new_house):
    house = new_house("--log-level", "debug")
    pipe = Pipe(house.daemon)
    pipe.start()
    house.register()
    for _ in range(600):
        house["alice"].raw("WhoAmI", b"")
    house.daemon._process.send_signal(signal.SIGTERM)
    assert house.daemon._process.wait(40) == 0
    os.close(pipe.reader)


def test_why_it_does_not_start_is_the_last_line(new_house, certificates):
    house = new_house().start().register()
    second = Daemon(house.daemon.folder, certificates.server, certificates.authority)
    code, error = second.start_refused()
    assert code == 1 and error.splitlines()[-1] == complaints(error)[0]
    # The same with the port taken, which shows late in the start.
    other = new_house(name="other")
    other.daemon._command[other.daemon._command.index("--listen") + 1] = house.daemon.admin
    code, error = other.daemon.start_refused()
    assert code == 1 and error.splitlines()[-1] == complaints(error)[0] and "listen" in error, error
