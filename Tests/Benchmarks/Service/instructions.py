"""Instructions a call, counted by callgrind: steady from run to run, so a change of them is a change of the code.

    instructions.py FOLDER INSIGHTSD      TOP (default 25) functions are listed, from the environment

Each server runs under callgrind and answers 1,000 and then 3,000 calls on new connections; the difference is 2,000
calls without any handshake. User space only. Under callgrind the load generator is far ahead of the server, so that
batches of frames are as large as they get, for every server alike.
"""

import collections
import glob
import os
import re
import subprocess
import sys

import servers

FEW, MANY = 1_000, 3_000
# The key of all instructions, besides those of the functions.
TOTAL = ("", "total")


# Libraries, and functions of the standard library that the compiler copied into the executable, that only work for
# their caller: what is spent in them is charged to the function that called them.
RUNTIME_LIBRARIES = (
    "libswift", "libFoundation", "lib_Foundation", "libc.so", "libm.so", "ld-linux", "libstdc++", "libgcc")
RUNTIME_FUNCTIONS = (
    "$sSa6append10contentsOf", "$sSa15replaceSubrange", "$ss22_ContiguousArrayBuffer", "$ss22__RawDictionaryStorage")


def is_runtime(place):
    library, name = place
    return library.startswith(RUNTIME_LIBRARIES) or name.startswith(RUNTIME_FUNCTIONS)


def costs(file):
    """Cost by (library, function) of one callgrind dump: its own and what it spends in the runtime."""
    tables = {"ob": {}, "fn": {}}
    result, library, callee_library, place, callee = collections.Counter(), "", None, None, None
    with open(file) as lines:
        for line in lines:
            if line.startswith(("fn=", "cfn=", "ob=", "cob=")):
                key, _, text = line.rstrip("\n").partition("=")
                number, _, full = text.partition(" ")
                # A name stands in full once, later as its number alone; callers and callees share the numbers.
                names = tables[key[-2:]]
                if full:
                    names[number] = full
                if key == "ob":
                    library = os.path.basename(names[number])
                elif key == "cob":
                    callee_library = os.path.basename(names[number])
                elif key == "fn":
                    place = (library, names[number])
                else:
                    callee, callee_library = (callee_library or library, names[number]), None
            elif line[0] in "0123456789+-*":
                # After a call: everything below it. What the runtime calls is in there already.
                if not is_runtime(place) and (callee is None or is_runtime(callee)):
                    result[place] += int(line.split()[1])
                callee = None
    return result


def total(file):
    """All instructions of one dump."""
    with open(file) as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("totals:"))


def dump(server, folder, label):
    """Makes callgrind write its counters since the last dump; the program goes on."""
    pattern = folder / f"callgrind.{label}.out*"
    before = set(glob.glob(pattern))
    subprocess.run(["callgrind_control", "--dump", str(server.process.pid)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    made = sorted(set(glob.glob(pattern)) - before)
    if not made:
        sys.exit("callgrind wrote no counters")
    result = collections.Counter()
    for file in made:
        result.update(costs(file))
        result[TOTAL] += total(file)
    return result


def count(folder, start, label):
    """Instructions a call by function, for each method."""
    for old in glob.glob(folder / f"callgrind.{label}.out*"):
        os.remove(old)
    wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / f'callgrind.{label}.out'}", "-q"]
    result = {}
    with servers.Servers(folder) as running:
        server = start(running, wrapper)
        for method in servers.METHODS:
            expect = ["--expect", folder / f"{method}.reply"]
            folder.load(server.port, method, "--requests", FEW, *expect)
            dump(server, folder, label)
            folder.load(server.port, method, "--requests", FEW, *expect)
            few = dump(server, folder, label)
            folder.load(server.port, method, "--requests", MANY, *expect)
            many = dump(server, folder, label)
            result[method] = {
                name: (many[name] - few[name]) / (MANY - FEW) for name in many if many[name] != few[name]}
    return result


def readable(places):
    """Swift names as they stand in the source; functions without a symbol by their library."""
    plain = [f"{library}, no symbol" if name.startswith("0x") else re.sub(r"'\d+$", "", name)
             for library, name in places]
    answer = subprocess.run(
        ["swift", "demangle", "--simplified", "--compact"], input="\n".join(plain), stdout=subprocess.PIPE, text=True,
        check=True).stdout.splitlines()
    return dict(zip(places, answer))


def profile(method, counts, top):
    counts = dict(counts)
    everything = counts.pop(TOTAL)
    names, functions = readable(list(counts)), collections.Counter()
    for place, value in counts.items():
        functions[names[place]] += value
    print(f"\n`{method}`: the {top} dearest functions of insightsd and what they spend in the Swift runtime and libc, "
          f"of {everything:,.0f}\n")
    print("| instructions | share | function |\n| --- | --- | --- |")
    for name, value in functions.most_common(top):
        print(f"| {value:,.0f} | {100 * value / everything:.1f} % | `{name[:110]}` |")


def main():
    folder = servers.Folder(sys.argv[1], sys.argv[2])
    top = int(os.environ.get("TOP", "25"))
    folder.prepare()
    # valgrind cannot read the debug sections of Swift executables; the symbols stay.
    stripped = folder / "insightsd-stripped"
    subprocess.run(["objcopy", "--strip-debug", folder.insightsd, stripped], check=True)
    os.environ["SWIFT_DETERMINISTIC_HASHING"] = "1"
    os.environ["LD_PRELOAD"] = folder / "sigsuspend.so"
    ours = count(folder, lambda running, wrapper: running.ours(wrapper, stripped, "insightsd-callgrind"), "insightsd")
    peers = {mode: count(folder, lambda running, wrapper: running.peer(mode, wrapper), f"peer-{mode}")
             for mode in ("callback", "async")}
    del os.environ["LD_PRELOAD"]

    print("Instructions a call (callgrind, user space)\n")
    print("| method | insightsd | C++ gRPC, callback | C++ gRPC, async | ratio |\n| --- | --- | --- | --- | --- |")
    for method in servers.METHODS:
        own = ours[method][TOTAL]
        others = [peers[mode][method][TOTAL] for mode in ("callback", "async")]
        print(f"| `{method}` | {own:,.0f} | {others[0]:,.0f} | {others[1]:,.0f} "
              f"| {own / others[0]:.2f} / {own / others[1]:.2f} |")
    for method in servers.METHODS:
        profile(method, ours[method], top)


if __name__ == "__main__":
    main()
