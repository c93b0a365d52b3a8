#!/usr/bin/env bash
# What each dependency of the executables costs in a first build, in seconds of CPU: a table in Markdown.
#
#   Tests/Benchmarks/build-times.sh [FOLDER]        builds there from nothing; default .build-times
#
# Built one after the other with the options of `make build`, each with what it needs and nobody built before it: shared
# dependencies count for the first that needs them.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=${1:-.build-times}
rm -rf "$scratch"
flags=(--scratch-path "$scratch" --disable-index-store -debug-info-format none)

echo "| built | CPU s |"
echo "|---|---|"
cpu() { # NAME ARGUMENTS…
    local name=$1 before
    shift
    children
    before=$spent
    swift build "${flags[@]}" "$@" >"$scratch.log" 2>&1 || { tail -n 20 "$scratch.log" >&2; exit 1; }
    children
    printf '| %s | %s |\n' "$name" "$(awk "BEGIN { printf \"%.0f\", $spent - $before }")"
}
# User and system time of all children that have ended, in `spent`. A subshell would tell of its own.
children() {
    times >"$scratch.times"
    spent=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "m"); s += t[1] * 60 + t[2] } print s }' "$scratch.times")
}

swift package --scratch-path "$scratch" resolve >"$scratch.log" 2>&1
cpu "the packages' manifests" --target Tenancy
for pair in swift-protobuf:SwiftProtobuf swift-log:Logging swift-collections:DequeModule \
    swift-collections:HashTreeCollections swift-collections:HeapModule swift-argument-parser:ArgumentParser \
    swift-system:SystemPackage swift-configuration:Configuration swift-service-lifecycle:ServiceLifecycle \
    GRDB.swift:GRDB grpc-swift-2:GRPCCore grpc-swift-protobuf:GRPCProtobuf; do
    cpu "${pair%%:*} (\`${pair#*:}\`)" --target "${pair#*:}"
done
cpu "ours and what is left: \`insightsd\`" --product insightsd
cpu "ours and what is left: \`insights\`" --product insights
rm -f "$scratch.log" "$scratch.times"
