#!/usr/bin/env bash
# Generates the Swift code of the protos into Sources/, where it is committed.
#
#   Protos/generate.sh          write the generated files
#   Protos/generate.sh --check  exit 1 when the committed files are not what the protos give
#
# Needs protoc and the protos that come with it (Debian: protobuf-compiler, libprotobuf-dev) and python3. The plug-ins are
# built from the versions that Package.swift resolves, unless PLUGINS names a folder that has them.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/.."

if [ -z "${PLUGINS:-}" ]; then
    scratch=${SCRATCH:-.build}
    swift build --scratch-path "$scratch" --product protoc-gen-swift >&2
    swift build --scratch-path "$scratch" --product protoc-gen-grpc-swift-2 >&2
    PLUGINS=$(swift build --scratch-path "$scratch" --show-bin-path)
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir "$out/messages" "$out/client"

upstream=(google/rpc/status.proto google/rpc/error_details.proto grpc/health/v1/health.proto
    grpc/reflection/v1/reflection.proto grpc/reflection/v1alpha/reflection.proto)
own=($(cd Protos && ls partner/insights/v1/*.proto))

protoc -I Protos -I Protos/upstream \
    --plugin=protoc-gen-swift="$PLUGINS/protoc-gen-swift" \
    --swift_out="$out/messages" --swift_opt=Visibility=Public,FileNaming=DropPath \
    "${own[@]}" "${upstream[@]:0:3}"
# The two reflection versions have files of one name; they keep their paths.
protoc -I Protos/upstream \
    --plugin=protoc-gen-swift="$PLUGINS/protoc-gen-swift" \
    --swift_out="$out/messages" --swift_opt=Visibility=Public,FileNaming=PathToUnderscores \
    "${upstream[@]:3}"
protoc -I Protos -I Protos/upstream \
    --plugin=protoc-gen-grpc-swift-2="$PLUGINS/protoc-gen-grpc-swift-2" \
    --grpc-swift-2_out="$out/client" \
    --grpc-swift-2_opt=Visibility=Public,Server=false,FileNaming=DropPath,UseAccessLevelOnImports=false \
    --grpc-swift-2_opt=ExtraModuleImports=InsightsAPI \
    "${own[@]}" grpc/health/v1/health.proto
# Files without a service give stubs without content.
find "$out/client" -name '*.grpc.swift' -print0 | xargs -0 grep -L 'struct Client' | xargs -r rm
# Descriptors of everything served, for reflection and for tests.
protoc -I Protos -I Protos/upstream --include_imports --descriptor_set_out="$out/descriptors.binpb" \
    "${own[@]}" "${upstream[@]:2}"
python3 Protos/methods.py "$out/descriptors.binpb" >"$out/messages/Methods.swift"
python3 Protos/methods.py --messages "$out/descriptors.binpb" >"$out/messages/MethodMessages.swift"
# With the comments, for the document of OpenAPI.
protoc -I Protos -I Protos/upstream --include_imports --include_source_info \
    --descriptor_set_out="$out/commented.binpb" "${own[@]}"
python3 Protos/openapi.py "$out/commented.binpb" >"$out/openapi.json"
python3 Protos/routes.py "$out/descriptors.binpb" >"$out/messages/HTTPRoutes.swift"

targets=("messages:Sources/InsightsAPI/Generated" "client:Sources/InsightsClient/Generated")
if [ "${1:-}" = --check ]; then
    status=0
    for pair in "${targets[@]}"; do
        diff -r "$out/${pair%%:*}" "${pair#*:}" >&2 || status=1
    done
    cmp "$out/descriptors.binpb" Sources/InsightsServer/Reflection/descriptors.binpb >&2 || status=1
    diff "$out/openapi.json" Sources/InsightsWeb/OpenAPI/openapi.json >&2 || status=1
    [ $status = 0 ] && echo "generated code is current" || echo "generated code is not current: run Protos/generate.sh" >&2
    exit $status
fi
for pair in "${targets[@]}"; do
    rm -rf "${pair#*:}"
    mkdir -p "$(dirname "${pair#*:}")"
    cp -r "$out/${pair%%:*}" "${pair#*:}"
done
mkdir -p Sources/InsightsServer/Reflection Sources/InsightsWeb/OpenAPI
cp "$out/descriptors.binpb" Sources/InsightsServer/Reflection/
cp "$out/openapi.json" Sources/InsightsWeb/OpenAPI/
