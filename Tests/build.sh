#!/usr/bin/env bash
# Builds the two executables, and with `tests` everything that the tests need. Options: swift-options.sh.
#
# Product by product: a plain `swift build` or `swift test` also compiles what the build plug-ins of dependencies would
# run, the C++ compiler of protos among it, twice, which takes longer than all the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
. Tests/swift-options.sh

products=(insightsd insights)
if [ "${1:-}" = tests ]; then
    products+=(InteropServer StoreCrashWriter partner-insightsPackageTests)
fi
for product in "${products[@]}"; do
    swift build ${options[@]+"${options[@]}"} --product "$product"
done
