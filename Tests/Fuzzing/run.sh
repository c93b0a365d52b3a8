#!/usr/bin/env bash
# Fuzzing by libFuzzer with AddressSanitizer and LeakSanitizer: `make fuzz`.
#
#   Tests/Fuzzing/run.sh                          the canary, then every target for 60 s
#   Tests/Fuzzing/run.sh smoke                    the canary, then 20,000 inputs of every target from a fixed seed
#   Tests/Fuzzing/run.sh for SECONDS [TARGET…]    the canary, then every or those targets for so long
#   Tests/Fuzzing/run.sh replay TARGET FILE…      those inputs, with a stack where they end the process
#
# What was found and what was reached are in .build-fuzz/found and .build-fuzz/corpus; the next run goes on from there.
# The exit code is 1 when a target broke, and when the planted fault of the canary was not found.
# `make test` has its own small run of the same targets, in FuzzTests.
set -euo pipefail
cd "$(dirname "$0")/../.."
mode=${1:-for}
[ $# -gt 0 ] && shift

scratch=$PWD/.build-fuzz
resources=$(swift -print-target-info |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["paths"]["runtimeResourcePath"])')
# libFuzzer without a `main`, of the compiler's own version.
fuzzer=$resources/clang/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a
[ -f "$fuzzer" ] || {
    echo "fuzz: this toolchain has no libFuzzer" >&2
    exit 1
}

options=(-c release --package-path Tests/Fuzzing --scratch-path "$scratch" -Xlinker "$fuzzer" -Xlinker -lstdc++)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build "${options[@]}" --product fuzz >"$log" 2>&1 || { cat "$log"; exit 1; }
program=$scratch/release/fuzz

# libFuzzer itself reports a trap; the runtime's own report would come in between.
export SWIFT_BACKTRACE=enable=no
export LSAN_OPTIONS=suppressions=$PWD/Tests/sanitizer-suppressions/leaks.txt:print_suppressions=0
mkdir -p "$scratch/found" "$scratch/corpus" "$scratch/log"

# A trap of the canary must be seen, and be the planted one.
canary() {
    local found
    found=$(mktemp -d)
    if "$program" canary -seed=1 -runs=5000000 -max_len=64 -artifact_prefix="$found/" >"$log" 2>&1; then
        echo "FAILED  canary: 5,000,000 inputs did not find the planted fault"
        return 1
    fi
    if ! head -qc 4 "$found"/crash-* 2>/dev/null | grep -q '^FUZZ'; then
        echo "FAILED  canary: it ended, and not by the planted fault"
        tail -n 20 "$log"
        return 1
    fi
    rm -rf "$found"
    echo "ok      canary: the planted fault was found"
}

# fuzz TARGET OPTION…: one line of what was done; the end of the log when something was found.
fuzz() {
    local target=$1 status=0 committed=Tests/Fuzzing/Corpus/$1 words=()
    shift
    [ ! -f "$committed.dict" ] || words=(-dict="$committed.dict")
    mkdir -p "$scratch/corpus/$target"
    local own=$scratch/log/$target.log
    "$program" "$target" "$scratch/corpus/$target" "$committed" -timeout=25 -rss_limit_mb=3000 -max_len=6144 \
        -print_final_stats=1 -artifact_prefix="$scratch/found/$target-" ${words[@]+"${words[@]}"} "$@" \
        >"$own" 2>&1 || status=$?
    local runs reached
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$own")
    reached=$(grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+/[0-9KMb]+' "$own" | tail -n 1)
    if [ $status = 0 ]; then
        printf 'ok      %-10s %9s inputs, %s\n' "$target" "$runs" "$reached"
    else
        printf 'FAILED  %-10s %9s inputs, %s\n' "$target" "$runs" "$reached"
        grep -vE '^#[0-9]+' "$own" | tail -n 40
        failed=1
    fi
}

failed=0
case "$mode" in
    replay)
        target=$1
        shift
        exec "$program" "$target" "$@"
        ;;
    smoke)
        canary || failed=1
        for target in $("$program" --list); do
            # Each input of `frames` has a TLS handshake of its own.
            runs=20000
            [ "$target" != frames ] || runs=2000
            fuzz "$target" -seed=1 -runs=$runs
        done
        ;;
    for)
        seconds=${1:-60}
        [ $# -eq 0 ] || shift
        canary || failed=1
        for target in ${@:-$("$program" --list)}; do fuzz "$target" -max_total_time="$seconds"; done
        ;;
    *)
        sed -n '2,9p' "$0" >&2
        exit 2
        ;;
esac
exit $failed
