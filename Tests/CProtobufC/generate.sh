#!/usr/bin/env bash
# Generates the C code that reads replies back in tests: protobuf-c knows nothing of the encoders under test.
#
# Needs protoc-c 1.4 (Debian: protobuf-c-compiler). It does not know `optional` of proto3, which is a oneof of one field
# on the wire, and no services are wanted; both are rewritten first.
set -euo pipefail
cd "$(dirname "$0")"
protos=../../Protos/partner/insights/v1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in figures insights_service; do
    sed -E -e '/^service /,/^}/d' -e '/permission\.proto/d' -e '/annotations\.proto/d' -e 's#partner/insights/v1/##' \
        -e 's/^( *)optional ([a-z0-9]+) ([a-z_]+) = ([0-9]+);/\1oneof maybe_\3 { \2 \3 = \4; }/' \
        "$protos/$file.proto" >"$work/$file.proto"
done
protoc-c -I "$work" --c_out="$work" "$work/figures.proto" "$work/insights_service.proto"
cp "$work"/*.pb-c.c .
cp "$work"/*.pb-c.h include/
cat >include/module.modulemap <<'MAP'
module CProtobufC {
    header "figures.pb-c.h"
    header "insights_service.pb-c.h"
    link "protobuf-c"
    export *
}
MAP
