#!/usr/bin/env bash
# The tests of credentials and transport with the server on other versions of OpenSSL than the installed one: what has to
# be refused is refused whatever the library makes of it.
#
#   Tests/openssl.sh                    with the installed version and every one that apt-get can download
#   Tests/openssl.sh VERSION…           with these, such as 3.0.17-1~deb12u2
#
# Packages are unpacked in a temporary folder and nothing is installed. The tests' own tools stay on the installed one.
# It takes the debug build of `make test`, and two minutes for each version.
set -euo pipefail
cd "$(dirname "$0")/.."

package=libssl3
Tests/install.sh test
Tests/build.sh >/dev/null
read -ra flags <<<"${SWIFT_FLAGS:-}"
swift build ${flags[@]+"${flags[@]}"} --product InteropServer >/dev/null
interop=$(swift build ${flags[@]+"${flags[@]}"} --show-bin-path)/InteropServer
python=$PWD/.venv/bin/python
export PYTHONDONTWRITEBYTECODE=1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# apt-get downloads as a user of its own.
chmod 755 "$folder"
mkdir "$folder/certificates"
Tests/RPCEngineTests/Scripts/certificates.sh "$folder/certificates"

# loaded LIBCRYPTO: what the library calls itself.
loaded() {
    "$python" -c 'import ctypes, sys
name = ctypes.CDLL(sys.argv[1]).OpenSSL_version
name.restype = ctypes.c_char_p
print(name(0).decode())' "$1"
}

failed=()
# try NAME FOLDER-OF-LIBRARIES
try() {
    local name=$1 path=$2 script case
    printf '\n== %s: %s\n' "$name" "$(loaded "${path:+$path/}libcrypto.so.3")"
    if [ -n "$path" ]; then
        export INSIGHTSD_LIBRARY_PATH=$path
        LD_LIBRARY_PATH=$path ldd "$interop" | grep -q "$path/libssl.so.3" || {
            echo "openssl: the server does not take its libraries from $path" >&2
            failed+=("$name")
            return
        }
    else
        unset INSIGHTSD_LIBRARY_PATH
    fi
    for script in trust; do
        # Every function of a script that takes nothing and has no class around it is a case.
        for case in $(sed -n 's/^def \([a-z_]*\)():$/\1/p' "Tests/RPCEngineTests/Scripts/$script.py"); do
            "$python" "Tests/RPCEngineTests/Scripts/$script.py" "$interop" "$folder/certificates" "$case" \
                >"$folder/log" 2>&1 || { cat "$folder/log"; failed+=("$name: $script $case"); }
        done
    done
    "$python" -m pytest -q Tests/EndToEnd -k 'credentials or transport or tokens' || failed+=("$name: end-to-end")
}

if [ $# -gt 0 ]; then
    versions=("$@")
else
    try installed ""
    mapfile -t versions < <(apt-cache madison "$package" | awk '{print $3}' | sort -uV)
fi
for version in ${versions[@]+"${versions[@]}"}; do
    mkdir "$folder/$version"
    if ! (cd "$folder/$version" && apt-get download "$package=$version" >"$folder/log" 2>&1); then
        tail -n 3 "$folder/log" >&2
        failed+=("$version: no download")
        continue
    fi
    dpkg-deb -x "$folder/$version/"*.deb "$folder/$version"
    try "$version" "$(dirname "$(find "$folder/$version" -name libcrypto.so.3)")"
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
