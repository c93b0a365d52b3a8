#!/usr/bin/env bash
# The tests that take minutes or measure: `make test-long`. They run on a release build, against a real server process.
#
#   Tests/long.sh [options of pytest]        such as -k timing
#
#   INSIGHTSD=PATH        test this release build instead of making one
#   INSIGHTS_WORLDS=N     random worlds against the second model, revision by revision (default 1000)
set -euo pipefail
cd "$(dirname "$0")/.."

Tests/install.sh test
if [ -z "${INSIGHTSD:-}" ]; then
    # The folder of the benchmarks: one release build serves both.
    swift build -c release --product insightsd --scratch-path .build-release
    INSIGHTSD=$(swift build -c release --scratch-path .build-release --show-bin-path)/insightsd
fi
export INSIGHTSD PYTHONDONTWRITEBYTECODE=1
# What was measured is printed (-s), also when all is well.
exec .venv/bin/python -m pytest Tests/EndToEnd -q -s -m long "$@"
