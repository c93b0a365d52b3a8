#!/usr/bin/env bash
# Runs h2spec, a conformance test of HTTP/2 servers, against a fresh test server over TLS. It is installed nowhere: give
# a binary of it.
#
#   H2SPEC=PATH Tests/h2spec.sh [case…]     such as http2/5.1; default: all
#
# Exit code 1 when a case fails that applies. What does not apply stands below with its reason; h2spec asks by
# `GET /path` without a content type, which a gRPC server refuses.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x "${H2SPEC:-}" ] || {
    echo "h2spec: H2SPEC must name the program" >&2
    exit 2
}
swift build --product InteropServer >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash Tests/RPCEngineTests/Scripts/certificates.sh "$work"
program=$(swift build --show-bin-path)/InteropServer
coproc SERVER { exec "$program" --cert "$work/server.pem" --key "$work/server.key"; }
read -r word port <&"${SERVER[0]}"
[ "$word" = ready ] || exit 2

# Its exit code counts cases that do not apply; the report tells which failed.
"$H2SPEC" -t -k -p "$port" -P /probe.Probe/Echo -j "$work/report.xml" "$@" >"$work/output" 2>&1 || true
eval "exec ${SERVER[1]}>&-"

python3 - "$work/report.xml" <<'PYTHON' || { cat "$work/output"; exit 1; }
import sys
import xml.etree.ElementTree as ElementTree

NOT_APPLICABLE = {
    "generic/2/2": "wants DATA in answer to a GET",
    "generic/2/3": "wants DATA in answer to a GET",
    "http2/5.1.2/1": "opens streams by GET, which are answered before the limit is reached",
}
failed, passed, skipped, excused = [], 0, 0, 0
for suite in ElementTree.parse(sys.argv[1]).iter("testsuite"):
    for number, case in enumerate(suite.iter("testcase"), 1):
        name = f"{suite.get('package')}/{number}"
        if case.find("error") is None and case.find("failure") is None:
            if case.find("skipped") is None:
                passed += 1
            else:
                skipped += 1
        elif name in NOT_APPLICABLE:
            excused += 1
        else:
            failed.append(f"{name}: {case.get('classname')}")
print(f"h2spec: {passed} passed, {skipped} skipped by h2spec (they want DATA), {excused} do not apply,",
      f"{len(failed)} failed")
for line in failed:
    print(f"FAILED  {line}")
sys.exit(1 if failed or passed == 0 else 0)
PYTHON
