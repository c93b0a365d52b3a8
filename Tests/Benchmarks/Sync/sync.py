"""What synchronizing a portfolio costs: `insights sync` of many customers from the simulator of Graph into a real server,
a first run and a second one on the same day, beside curl, which only fetches as many answers of the same size.

    sync.py FOLDER INSIGHTS INSIGHTSD [CUSTOMERS [USERS]]

FOLDER takes certificates, stores and logs; the executables are release builds. Prints a Markdown table. The simulator
is Python on the same cores: the time by the clock is mostly its own, the CPU of each process is not.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[2] / "EndToEnd"
PARALLEL = "16"


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(words):
    """Seconds by the clock, seconds of CPU and the greatest resident memory in MiB of a command."""
    began, before = time.monotonic(), children()
    process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{words[0]} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, children() - before


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    folder, insights, insightsd = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    customers, users = (int(word) for word in (sys.argv[4:6] + ["2000", "200"][len(sys.argv) - 4 :])[:2])
    os.environ["INSIGHTSD"] = str(insightsd)
    sys.path.insert(0, str(TESTS))
    from certificates import Authority
    from daemon import Daemon

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    authority = Authority(folder / "authority")
    operator = authority.operator()
    daemon = Daemon(folder / "server", authority.server(), authority).start()
    simulator = subprocess.Popen(
        [sys.executable, TESTS / "graph_simulator.py", "--folder", folder / "graph", "--customers", str(customers),
         "--users", str(users)],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        words = dict(word.split("=", 1) for word in simulator.stdout.readline().split()[1:])
        sync = [
            insights, "sync", words["config"], "--parallel", PARALLEL, "--server", daemon.address,
            "--ca", authority.certificate, "--cert", operator.certificate, "--key", operator.key, "--output", "json",
        ]  # fmt: skip
        print(f"{customers:,} customers of {users} users, --parallel {PARALLEL}\n")
        print("| run | customers a minute | CPU ms a customer | of the server | of the simulator | peak MiB |")
        print("|---|---|---|---|---|---|")
        for name in ("first run", "second run of the day"):
            before = cpu_of(daemon.pid), cpu_of(simulator.pid)
            seconds, cpu, memory, _ = run(sync)
            after = cpu_of(daemon.pid), cpu_of(simulator.pid)
            server, simulated = ((new - old) * 1000 / customers for new, old in zip(after, before))
            print(f"| {name} | {customers * 60 / seconds:,.0f} | {cpu * 1000 / customers:.1f} | {server:.1f} "
                  f"| {simulated:.1f} | {memory:.0f} |", flush=True)  # fmt: skip
        print(f"| curl, {fetch(folder, words)} |", flush=True)
    finally:
        simulator.terminate()
        simulator.wait()
        daemon.stop()


def fetch(folder, words):
    """curl with as many requests as a customer takes in a first run, for a tenth of the customers: every one answered
    by the simulator's refusal, because curl has no token. What is compared is a request over a kept connection."""
    count = 5_000
    config = folder / "curl"
    lines = [f'url = "{words["api"]}/v1.0/users?$top={number}"\noutput = "/dev/null"\n' for number in range(count)]
    config.write_text("".join(lines))
    seconds, cpu, memory, _ = run(["curl", "-s", "-k", "--parallel", "--parallel-max", PARALLEL, "-K", config])
    return f"{count:,} requests alone | | {cpu * 1000 / count:.2f} a request | | | {memory:.0f}"


if __name__ == "__main__":
    main()
