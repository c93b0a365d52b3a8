#!/usr/bin/env bash
# The Swift tests, and the server that their scripts attack, under a sanitizer: a build of its own, which takes minutes.
#
#   Tests/sanitize.sh thread|address [FILTER]    the tests whose names match, such as RPCEngineTests; default all
#
# AddressSanitizer brings LeakSanitizer. `TidyTests` reads files and knows no memory: it is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
reasons=$PWD/Tests/sanitizer-suppressions
case "$kind" in
    thread) export TSAN_OPTIONS="exitcode=66 suppressions=$reasons/thread.txt ${TSAN_OPTIONS:-}" ;;
    address)
        export ASAN_OPTIONS="detect_leaks=1 ${ASAN_OPTIONS:-}"
        export LSAN_OPTIONS="suppressions=$reasons/leaks.txt ${LSAN_OPTIONS:-}"
        ;;
    *)
        sed -n '2,6p' "$0" >&2
        exit 2
        ;;
esac
options=(--sanitize="$kind" --scratch-path ".build-$kind")
for product in InteropServer StoreCrashWriter partner-insightsPackageTests; do
    swift build "${options[@]}" --product "$product"
done
export PATH=$PWD/.venv/bin:$PATH
swift test "${options[@]}" --skip-build --disable-xctest --no-parallel --filter "${2:-.}" --skip TidyTests
