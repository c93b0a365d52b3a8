#!/usr/bin/env bash
# Builds the two executables, and with `tests` everything that the tests need. Options for swift: SWIFT_FLAGS.
#
# Executables alone are built without index and debug information, which takes less time; DEBUG_INFO=1 brings them.
# Tests are found by the index. Who has built with it once goes on with it: other options make everything anew.
#
# Product by product: a plain `swift build` or `swift test` also compiles what the build plug-ins of dependencies would
# run, the C++ compiler of protos among it, twice, which takes longer than all the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra flags <<<"${SWIFT_FLAGS:-}"

products=(insightsd insights)
indexed=.build/indexed
if [ "${1:-}" = tests ] || [ -n "${DEBUG_INFO:-}" ]; then mkdir -p .build && touch "$indexed"; fi
[ -e "$indexed" ] || flags+=(--disable-index-store -debug-info-format none)
if [ "${1:-}" = tests ]; then
    products+=(InteropServer StoreCrashWriter partner-insightsPackageTests)
fi
for product in "${products[@]}"; do
    swift build ${flags[@]+"${flags[@]}"} --product "$product"
done
