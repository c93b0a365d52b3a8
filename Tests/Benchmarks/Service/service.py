"""CPU per call of insightsd, of C++ gRPC and of a static file server, in one run with rotated rounds.

    service.py FOLDER INSIGHTSD     ROUNDS (default 6) and REQUESTS a round (default 20000) come from the environment
"""

import os
import statistics
import sys

import servers


def measure(folder, server, method, requests):
    """CPU microseconds a call, calls a second, and the latencies' median and 99th percentile in microseconds."""
    more = ["--requests", requests, "--warmup", max(requests // 10, 500), "--pid", server.process.pid,
            "--expect", folder / f"{method}.reply"]
    if server.is_grpc:
        count, seconds, cpu, median, high = folder.load(server.port, method, *more)
    else:
        count, seconds, cpu, median, high = folder.load(server.port, f"/{method}", *more, "--get", body="")
    return cpu / 1000 / count, count / seconds, median, high


def main():
    folder = servers.Folder(sys.argv[1], sys.argv[2])
    rounds, requests = int(os.environ.get("ROUNDS", "6")), int(os.environ.get("REQUESTS", "20000"))
    folder.prepare()
    results = {}
    with servers.Servers(folder) as running:
        everybody = [running.ours(), running.peer("callback"), running.peer("async"), running.static_files()]
        for number in range(rounds):
            for method in servers.METHODS:
                for index in range(len(everybody)):
                    server = everybody[(index + number) % len(everybody)]
                    results.setdefault((method, server.name), []).append(measure(folder, server, method, requests))
    for method in servers.METHODS:
        print(table(folder, method, [server.name for server in everybody], results, rounds, requests))


def table(folder, method, names, results, rounds, requests):
    def cpu(name):
        return [sample[0] for sample in results[method, name]]

    def ratios(name, peer):
        """Ratio of the best and of the median rounds."""
        return f"{min(cpu(name)) / min(cpu(peer)):.2f} / " \
            f"{statistics.median(cpu(name)) / statistics.median(cpu(peer)):.2f}"

    peers = names[1:3]
    size = os.path.getsize(folder / f"{method}.reply") - 5
    lines = [
        f"`{method}`, reply of {size:,} bytes; {rounds} rotated rounds of {requests:,} calls, "
        f"{servers.CONNECTIONS} connections × {servers.STREAMS} streams, best / median",
        "",
        "| server | CPU µs a call | against callback | against async | calls/s, best | p50 / p99 ms, best |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in names:
        samples = results[method, name]
        lines.append(
            f"| {name} | {min(cpu(name)):.1f} / {statistics.median(cpu(name)):.1f} | {ratios(name, peers[0])} "
            f"| {ratios(name, peers[1])} | {max(sample[1] for sample in samples):,.0f} "
            f"| {min(sample[2] for sample in samples) / 1000:.2f} "
            f"/ {min(sample[3] for sample in samples) / 1000:.2f} |")
    return "\n".join(lines) + "\n"


main()
