#!/usr/bin/env bash
# Runs the benchmarks and prints Markdown tables; README.md says what is compared and how.
#
#   Tests/Benchmarks/run.sh [service] [instructions] [core] [imports] [sync] [stores] [web]      default: all seven
#
#   ROUNDS=6 REQUESTS=20000   rounds and calls a round of `service`
#   TOP=25                    functions listed by `instructions`
#   LOG_LEVEL=warning         of insightsd in `service` and `instructions`; its default is info
#   FORMER_CUSTOMERS=20000    portfolio of `core` for what customers that left cost
#   CUSTOMERS=2000            portfolio of `core`; 200 for a machine with little memory
#   INSIGHTSD=PATH            measure this release build instead of making one
#   INSIGHTS=PATH             the same for the client, in `imports` and `sync`
#   IMPORT_ROWS='10000 …'     sizes of the files of `imports`
#   SYNC='2000 200'           customers and users of each in `sync`
#   STORES='writing …'        subjects of `stores`: writing, following, starting, instructions, reading
#   STORE_ROUNDS=3 STORE_SECONDS=2   its rounds, and seconds of each measurement in them
#   START_DAYS=5000000        activity days of `starting`; 100000000 for the full figure
#   STORES_FOLDER=/tmp        where its databases are made, on the disk that is meant
#   WEB_REQUESTS=4000 WEB_SECONDS=10 WEB_CUSTOMERS=2000   of `web`
#   OUT=FOLDER                working folder, default .build-bench
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-.build-bench}
parts=${*:-service instructions core imports sync stores web}
mkdir -p "$out"

missing=()
need() { # package, file or command that it brings
    command -v "$2" > /dev/null || [ -e "$2" ] || missing+=("$1")
}
need protobuf-compiler protoc
need binutils objcopy
for part in $parts; do
    case $part in
        service | instructions | web)
            need g++ g++
            need pkg-config pkg-config
            need openssl openssl
            need libgrpc++-dev /usr/include/grpcpp/grpcpp.h
            need libprotobuf-dev /usr/include/google/protobuf/descriptor.proto
            need protobuf-compiler-grpc grpc_cpp_plugin
            need libnghttp2-dev /usr/include/nghttp2/nghttp2.h
            need libssl-dev /usr/include/openssl/ssl.h
            need nghttp2-server nghttpd
            ;;&
        instructions) need valgrind valgrind ;;
        core) need python3-venv /usr/share/python-wheels ;;
        sync) need curl curl ;;
        stores)
            need gcc gcc
            need openssl openssl
            need libnghttp2-dev /usr/include/nghttp2/nghttp2.h
            need libssl-dev /usr/include/openssl/ssl.h
            need valgrind valgrind
            ;;
        service | imports | web) ;;
        *) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}" >&2
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq >&2
    $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

build_server() { # insightsd in release mode
    [ -z "${INSIGHTSD:-}" ] || return 0
    swift build -c release --product insightsd --scratch-path .build-release >&2
    INSIGHTSD=$(swift build -c release --scratch-path .build-release --show-bin-path)/insightsd
}

build_client() { # insights in release mode
    [ -z "${INSIGHTS:-}" ] || return 0
    swift build -c release --product insights --scratch-path .build-release >&2
    INSIGHTS=$(swift build -c release --scratch-path .build-release --show-bin-path)/insights
}

build() { # insightsd, the peers and the load generator
    build_server
    Tests/Benchmarks/Service/build.sh "$out/service" >&2
}

heading() {
    printf '\n### %s\n\n' "$1"
}

printf '%s, %s cores, %s GiB, %s, Linux %s, %s\n' \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)" \
    "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
    "$(. /etc/os-release && echo "$PRETTY_NAME")" "$(uname -r | cut -d- -f1)" \
    "$(swift --version 2> /dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/Swift \1/p' | head -1)"
printf 'load average at the start %s; commit %s; reproduce with `%s`\n' \
    "$(cut -d' ' -f1 /proc/loadavg)" "$(git rev-parse --short HEAD 2> /dev/null || echo unknown)" \
    "Tests/Benchmarks/run.sh $parts"

for part in $parts; do
    case $part in
        service)
            build
            heading "Server CPU per call (TLS 1.3, mutual TLS)"
            python3 Tests/Benchmarks/Service/service.py "$out/service" "$INSIGHTSD"
            ;;
        instructions)
            build
            heading "Instructions per call"
            python3 Tests/Benchmarks/Service/instructions.py "$out/service" "$INSIGHTSD"
            ;;
        core)
            swift build -c release --package-path Tests/Benchmarks/Core --scratch-path "$out/core-build" >&2
            mkdir -p "$out/core"
            [ -x "$out/venv/bin/python" ] || python3 -m venv "$out/venv"
            "$out/venv/bin/python" -c 'import duckdb' 2> /dev/null || "$out/venv/bin/pip" install -q duckdb >&2
            heading "The core against SQL engines"
            bench=$(swift build -c release --package-path Tests/Benchmarks/Core --scratch-path "$out/core-build" \
                --show-bin-path)/core-bench
            "$bench" "$out/core" "${CUSTOMERS:-2000}"
            "$out/venv/bin/python" Tests/Benchmarks/Core/peers.py "$out/core"
            heading "Customers that left"
            "$bench" former "${FORMER_CUSTOMERS:-20000}"
            ;;
        imports)
            build_client
            heading "Reading import files"
            # shellcheck disable=SC2086
            python3 Tests/Benchmarks/Imports/imports.py "$out/imports" "$INSIGHTS" ${IMPORT_ROWS:-}
            ;;
        sync)
            build_client
            build_server
            heading "Synchronizing a portfolio"
            # shellcheck disable=SC2086
            python3 Tests/Benchmarks/Sync/sync.py "$out/sync" "$INSIGHTS" "$INSIGHTSD" ${SYNC:-}
            ;;
        web)
            build
            Tests/install.sh test >&2
            heading "JSON and pages"
            .venv/bin/python Tests/Benchmarks/Web/web.py "$out/service" "$INSIGHTSD"
            ;;
        stores)
            build_server
            Tests/install.sh test >&2
            mkdir -p "$out/service"
            Tests/Benchmarks/Service/build.sh "$out/service" load >&2
            heading "PostgreSQL against the embedded store"
            .venv/bin/python Tests/Benchmarks/Stores/stores.py "$out/service" "$INSIGHTSD"
            ;;
    esac
done
