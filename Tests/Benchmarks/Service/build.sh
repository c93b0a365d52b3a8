#!/usr/bin/env bash
# Builds the load generator and the C++ gRPC peer into FOLDER. Run in the repository's root.
#
#   build.sh FOLDER [load]      load: the load generator alone
set -euo pipefail
out=$1
source=Tests/Benchmarks/Service
generated=$out/generated
mkdir -p "$generated"

gcc -O2 -std=c11 -Wall -Wextra -o "$out/load" "$source/load.c" -lnghttp2 -lssl -lcrypto
gcc -O2 -std=gnu11 -Wall -Wextra -shared -fPIC -o "$out/sigsuspend.so" "$source/sigsuspend.c"
[ "${2:-}" != load ] || exit 0

files=()
for name in figures permission insights_service; do files+=("partner/insights/v1/$name.proto"); done
protoc -I Protos -I Protos/upstream --cpp_out="$generated" "${files[@]}" google/api/{annotations,http}.proto
protoc -I Protos -I Protos/upstream --grpc_out="$generated" --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" \
    partner/insights/v1/insights_service.proto

# An object is compiled again only when its source is newer: generated code is slow to compile.
objects=()
for file in "$generated"/partner/insights/v1/*.cc "$generated"/google/api/*.cc "$source"/peer.cc "$source"/peer_rows.cc; do
    object=$out/$(basename "$file" .cc).o
    objects+=("$object")
    sum=$(cat "$file" "$generated"/partner/insights/v1/*.h "$source"/*.h | cksum)
    [ -f "$object" ] && [ "$(cat "$object.sum" 2> /dev/null)" = "$sum" ] && continue
    g++ -O2 -std=c++17 -Wall -Wno-deprecated-declarations -I "$generated" -I "$source" -c "$file" -o "$object"
    echo "$sum" > "$object.sum"
done
g++ -O2 -o "$out/peer" "${objects[@]}" $(pkg-config --libs grpc++ protobuf) -pthread
