#!/usr/bin/env bash
# Every test but the long ones (`long.sh`): `make test`. Quiet while all is well; any failure makes the exit code 1.
#
# Options of swift for all steps can be given in SWIFT_FLAGS, such as `--build-system native` or `-j 2`.
set -uo pipefail
cd "$(dirname "$0")/.."

Tests/install.sh test || exit 1
PATH=$PWD/.venv/bin:$PATH
export PATH PYTHONDONTWRITEBYTECODE=1
read -ra flags <<<"${SWIFT_FLAGS:-}"
failed=()
log=$(mktemp)
trap 'rm -f "$log" "$log.swift"' EXIT

# step NAME COMMAND…: one line when it goes well, the end of its output when it does not.
step() {
    local name=$1 start=$SECONDS
    shift
    if "$@" >"$log" 2>&1; then
        printf 'ok      %s (%d s)\n' "$name" $((SECONDS - start))
        return 0
    fi
    printf 'FAILED  %s (%d s)\n' "$name" $((SECONDS - start))
    tail -n 60 "$log"
    failed+=("$name")
    return 1
}

# A warning in code of ours is an error; those of dependencies are not.
build() {
    Tests/build.sh tests >"$log.swift" 2>&1
    local status=$?
    if [ $status != 0 ]; then
        grep -E 'error' "$log.swift" || cat "$log.swift"
    elif grep -E "^$PWD/(Sources|Tests|Package)[^:]*:[0-9]+:[0-9]+: warning:" "$log.swift"; then
        status=1
    fi
    return $status
}

# One after the other: some tests wait for clocks, and two cores are soon starved. Of thousands of lines, those of what
# failed and the summary.
swift_tests() {
    swift test --skip-build --disable-xctest --no-parallel ${flags[@]+"${flags[@]}"} >"$log.swift" 2>&1
    local status=$?
    if [ $status = 0 ]; then
        tail -n 1 "$log.swift"
    else
        grep -E '^(✘|↳|error)' "$log.swift"
        # Of a crash, where it was: what was running, the reason, and the thread that it was in.
        grep -n -m 1 -B 5 -A 60 -E 'Fatal error|Program crashed' "$log.swift"
        tail -n 5 "$log.swift"
    fi
    return $status
}

# The C readers of the wire tests, made again beside the committed ones.
generated_c() {
    local copy
    copy=$(mktemp -d)
    mkdir "$copy/Tests"
    cp -r Tests/CProtobufC "$copy/Tests/"
    ln -s "$PWD/Protos" "$copy/Protos"
    "$copy/Tests/CProtobufC/generate.sh" && diff -r Tests/CProtobufC "$copy/Tests/CProtobufC"
    local status=$?
    rm -rf "$copy"
    return $status
}

step "generated Swift equals the protos" Protos/generate.sh --check
step "generated C equals the protos" generated_c
step "buf lint" buf lint Protos
if step "build without warnings" build; then
    # The summary of the run stands on its own line.
    step "swift tests" swift_tests && tail -n 1 "$log"
    echo "end-to-end tests"
    python -m pytest -q Tests/EndToEnd || failed+=("end-to-end tests")
    # Where there is one.
    if Tests/postgres.sh </dev/null >/dev/null 2>&1; then
        echo "some of them on PostgreSQL"
        INSIGHTS_TEST_STORE=postgres python -m pytest -q \
            Tests/EndToEnd/test_{access,crash,ingest,partners,world_model}.py || failed+=("end-to-end tests on PostgreSQL")
    fi
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
