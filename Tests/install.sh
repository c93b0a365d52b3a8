#!/usr/bin/env bash
# Installs what is missing on Debian 12 with Swift 6.3; says nothing and takes no time when nothing is.
#
#   Tests/install.sh build   what `swift build` needs
#   Tests/install.sh demo    and what the demo needs
#   Tests/install.sh cluster and what the demonstration of several servers needs
#   Tests/install.sh test    and what the tests need (default)
#
# Debian packages come by apt-get, as root or with sudo. Python packages go into .venv, which git ignores.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(build-essential git pkg-config libssl-dev libnghttp2-dev libcurl4-openssl-dev zlib1g-dev libsqlite3-dev libpq-dev)
demo=(openssl python3 curl)
tests=(libprotobuf-c-dev libprotobuf-dev protobuf-compiler protobuf-c-compiler python3-venv ruby-grpc nghttp2-client
    postgresql chromium chromium-driver libnss3-tools)

case "${1:-test}" in
    build) packages=("${build[@]}") ;;
    demo) packages=("${build[@]}" "${demo[@]}") ;;
    cluster) packages=("${build[@]}" "${demo[@]}" postgresql) ;;
    test) packages=("${build[@]}" "${demo[@]}" "${tests[@]}") ;;
    *)
        echo "usage: Tests/install.sh [build|demo|cluster|test]" >&2
        exit 2
        ;;
esac

fail() {
    echo "install: $*" >&2
    exit 1
}

command -v swift >/dev/null || fail "swift is not on the PATH: install Swift 6.3 or later from swift.org"

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "${packages[@]}"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing+=("$package")
    done
else
    echo "install: this is no Debian; make sure of: ${packages[*]}" >&2
fi
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "run as root or install sudo; missing: ${missing[*]}"
        as_root=(sudo)
    fi
    echo "installing ${missing[*]}"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    # The tests start a PostgreSQL of their own; Debian's package would leave one running.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' |
            "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    install_missing() { "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
    # The package lists of a fresh machine are empty or old.
    "${as_root[@]}" apt-get update >"$log" 2>&1 || true
    if ! install_missing; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install ${missing[*]}"
    fi
    rm -f "$log"
fi

[ "${1:-test}" = test ] || exit 0

# The Python side of the tests. The copy of the requirements is written last, so a broken run is repeated.
wanted=Tests/EndToEnd/requirements.txt
if ! cmp -s "$wanted" .venv/requirements.txt || ! .venv/bin/python -c 'import grpc' 2>/dev/null; then
    echo "installing Python packages into .venv"
    rm -rf .venv
    if python3 -m venv .venv >/dev/null 2>&1; then
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$wanted"
    else
        # Without python3-venv: a folder of packages and a launcher that looks there.
        rm -rf .venv
        mkdir -p .venv/bin .venv/packages
        python3 -m pip install --quiet --disable-pip-version-check --target .venv/packages -r "$wanted"
        printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")/.." && pwd)\nPYTHONPATH="$here/packages" exec python3 "$@"\n' \
            >.venv/bin/python
        chmod +x .venv/bin/python
        [ ! -x .venv/packages/bin/buf ] || ln -s ../packages/bin/buf .venv/bin/buf
    fi
    cp "$wanted" .venv/requirements.txt
fi
