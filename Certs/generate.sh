#!/usr/bin/env bash
# Development certificates: an authority, a server, an operator and clients. For machines of developers and tests only.
#
#   Certs/generate.sh                                    the demo set, in Certs/out
#   Certs/generate.sh contoso-reseller/erin fabrikam-cloud/frank    these clients as well
#   Certs/generate.sh --out FOLDER --trust-domain NAME --host NAME --days N …
#
# What exists stays as it is, so that running it twice changes nothing; a certificate that ends within a week, or that
# another authority signed, is made again.
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$here/out
trust_domain=insights.local
days=825
hosts=()
clients=()

fail() { echo "generate.sh: $1" >&2; exit 1; }
value() { [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value"; }

while [ $# -gt 0 ]; do
    case $1 in
        --out) value "$@"; out=$2; shift 2 ;;
        --trust-domain) value "$@"; trust_domain=$2; shift 2 ;;
        --days) value "$@"; days=$2; shift 2 ;;
        --host) value "$@"; hosts+=("$2"); shift 2 ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) fail "unknown option $1" ;;
        *) clients+=("$1"); shift ;;
    esac
done

[[ $trust_domain =~ ^[a-z0-9._-]{1,128}$ ]] || fail "a trust domain is of a-z 0-9 . _ -"
[[ $days =~ ^[1-9][0-9]{0,3}$ ]] || fail "--days must be a number of days"
for host in ${hosts[@]+"${hosts[@]}"}; do
    [[ $host =~ ^[A-Za-z0-9._:-]{1,253}$ ]] || fail "“$host” is no host name or address"
done
command -v openssl > /dev/null || fail "openssl is not installed"

mkdir -p "$out"
chmod 700 "$out"
cd "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The key NAME.key, unless it exists.
key() {
    [ -s "$1.key" ] || openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
    chmod 600 "$1.key"
}

# True when NAME.pem is signed by this authority, fits NAME.key and does not end within a week.
is_good() {
    [ -s "$1.pem" ] && [ -s "$1.key" ] \
        && openssl x509 -in "$1.pem" -noout -checkend 604800 > /dev/null \
        && openssl verify -CAfile ca.pem "$1.pem" > /dev/null 2>&1 \
        && [ "$(openssl x509 -in "$1.pem" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout)" ] \
        && openssl x509 -in "$1.pem" -noout -ext subjectAltName | tail -n +2 | tr -d ' \n' | grep -qxF -- "$2"
}

authority() {
    if [ -s ca.pem ] && [ -s ca.key ] && openssl x509 -in ca.pem -noout -checkend 604800 > /dev/null; then return; fi
    key ca
    openssl req -x509 -new -key ca.key -days 3650 -sha256 -out ca.pem \
        -subj "/CN=Partner Insights development authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -addext "subjectKeyIdentifier=hash"
    echo "made  ca.pem"
}

# leaf NAME COMMON_NAME EXTENDED_KEY_USAGE SUBJECT_ALT_NAME SUBJECT_ALT_NAME_AS_OPENSSL_PRINTS_IT
leaf() {
    local name=$1 common_name=$2 usage=$3 names=$4 printed=$5
    if is_good "$name" "$printed"; then
        echo "kept  $name.pem"
        return
    fi
    key "$name"
    printf '%s\n' \
        "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "extendedKeyUsage=$usage" \
        "subjectAltName=$names" "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" > "$scratch/extensions"
    openssl req -new -key "$name.key" -subj "/CN=$common_name" -out "$scratch/request"
    openssl x509 -req -in "$scratch/request" -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" \
        -days "$days" -sha256 -extfile "$scratch/extensions" -out "$name.pem" 2> "$scratch/log" \
        || fail "$(cat "$scratch/log")"
    chmod 644 "$name.pem"
    echo "made  $name.pem"
}

# client FILE PARTNER PRINCIPAL
client() {
    local uri="spiffe://$trust_domain/partner/$2/principal/$3"
    leaf "$1" "$3" clientAuth "URI:$uri" "URI:$uri"
}

authority
chmod 644 ca.pem

names="DNS:localhost,IP:127.0.0.1,IP:::1"
printed="DNS:localhost,IPAddress:127.0.0.1,IPAddress:0:0:0:0:0:0:0:1"
for host in ${hosts[@]+"${hosts[@]}"}; do
    if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then
        names+=",IP:$host"
        printed+=",IPAddress:$host"
    else
        names+=",DNS:$host"
        printed+=",DNS:$host"
    fi
done
leaf server localhost serverAuth "$names" "$printed"

operator="spiffe://$trust_domain/operator/feeder"
leaf operator feeder clientAuth "URI:$operator" "URI:$operator"

client alice contoso-reseller alice
client bob contoso-reseller bob
client carol contoso-reseller carol
client dave fabrikam-cloud dave
# Well signed, but registered nowhere.
client nobody contoso-reseller nobody

for pair in ${clients[@]+"${clients[@]}"}; do
    [[ $pair =~ ^([A-Za-z0-9._-]{1,128})/([A-Za-z0-9._-]{1,128})$ ]] || fail "“$pair” is not PARTNER/PRINCIPAL"
    [[ ${BASH_REMATCH[1]} != .* && ${BASH_REMATCH[2]} != .* ]] || fail "“$pair” must not start with a dot"
    client "${BASH_REMATCH[1]}-${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
done
echo "certificates are in $out"
