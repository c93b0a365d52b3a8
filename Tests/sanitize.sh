#!/usr/bin/env bash
# The tests under a sanitizer: a build of its own, which takes minutes.
#
#   Tests/sanitize.sh thread|address [FILTER]    the Swift tests whose names match, such as RPCEngineTests; default all
#   Tests/sanitize.sh thread|address end-to-end [ARGUMENTS OF PYTEST]    the server and the client under the end-to-end tests
#
# AddressSanitizer brings LeakSanitizer. `TidyTests` reads files and knows no memory: it is left out.
# Reports of servers and clients go to .build-KIND/reports, one file a process.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
reasons=$PWD/Tests/sanitizer-suppressions
reports=$PWD/.build-$kind/reports
case "$kind" in
    thread) export TSAN_OPTIONS="exitcode=66 suppressions=$reasons/thread.txt ${TSAN_OPTIONS:-}" ;;
    address)
        export ASAN_OPTIONS="detect_leaks=1 ${ASAN_OPTIONS:-}"
        export LSAN_OPTIONS="suppressions=$reasons/leaks.txt ${LSAN_OPTIONS:-}"
        ;;
    *)
        sed -n '2,9p' "$0" >&2
        exit 2
        ;;
esac
options=(--sanitize="$kind" --scratch-path ".build-$kind")
products=(InteropServer StoreCrashWriter partner-insightsPackageTests)
[ "${2:-}" = end-to-end ] && products=(insightsd insights)
for product in "${products[@]}"; do
    swift build "${options[@]}" --product "$product"
done
preload=()
if [ "$kind" = thread ]; then
    clang -O1 -shared -fPIC -o ".build-$kind/mutex.so" "$reasons/mutex.c" -ldl
    preload=(env LD_PRELOAD="$PWD/.build-$kind/mutex.so")
fi
export PATH=$PWD/.venv/bin:$PATH
if [ "${2:-}" = end-to-end ]; then
    shift 2
    rm -rf "$reports" && mkdir -p "$reports"
    export INSIGHTSD=$PWD/.build-$kind/debug/insightsd
    export TSAN_OPTIONS="log_path=$reports/thread ${TSAN_OPTIONS:-}"
    export ASAN_OPTIONS="log_path=$reports/address ${ASAN_OPTIONS:-}"
    "${preload[@]}" python -m pytest -q Tests/EndToEnd "$@" || true
    echo "reports: $(find "$reports" -type f | wc -l)"
    exit
fi
"${preload[@]}" swift test "${options[@]}" --skip-build --disable-xctest --no-parallel --filter "${2:-.}" --skip TidyTests
