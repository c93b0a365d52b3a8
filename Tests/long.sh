#!/usr/bin/env bash
# The tests that take minutes or measure, and those of `insights sync` once more, as optimizers have their own faults:
# `make test-long`. They run on a release build, against real processes.
#
#   Tests/long.sh [options of pytest]        such as -k timing
#
#   INSIGHTSD=PATH        test this release build of the server, and the client beside it, instead of making them
#   INSIGHTS_WORLDS=N     random worlds against the second model, revision by revision (default 1000)
#   INSIGHTS_KILLS=N      kills of one of three servers on one PostgreSQL (default 1000)
#   INSIGHTS_FAILOVERS=N  kills of PostgreSQL's primary, its standby promoted (default 50)
#   INSIGHTS_DISABLES=N   principals disabled on one server that call another (default 1000)
set -euo pipefail
cd "$(dirname "$0")/.."

Tests/install.sh test
if [ -z "${INSIGHTSD:-}" ]; then
    # The folder of the benchmarks: one release build serves both.
    for product in insightsd insights; do
        swift build -c release --product "$product" --scratch-path .build-release
    done
    INSIGHTSD=$(swift build -c release --scratch-path .build-release --show-bin-path)/insightsd
fi
export INSIGHTSD PYTHONDONTWRITEBYTECODE=1
# What was measured is printed (-s), also when all is well.
exec .venv/bin/python -m pytest Tests/EndToEnd -q -s -m "long or optimized" "$@"
