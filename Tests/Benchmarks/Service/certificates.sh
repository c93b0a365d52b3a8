#!/usr/bin/env bash
# Makes the benchmark's certificates in FOLDER: an authority, a server, the operator and two principals. P-256.
set -euo pipefail
cd "$1"

issue() { # name, subject alternative names, extended key usage
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out "$1.pem" -extfile <(
        printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
        printf 'extendedKeyUsage=%s\nsubjectAltName=%s\n' "$3" "$2"
    )
}

{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 \
        -subj "/CN=Benchmark authority" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    issue server DNS:localhost,IP:127.0.0.1 serverAuth
    issue operator URI:spiffe://insights.local/operator/benchmark clientAuth
    issue sales URI:spiffe://insights.local/partner/contoso/principal/sales clientAuth
    issue portfolio URI:spiffe://insights.local/partner/fabrikam/principal/portfolio clientAuth
} 2> certificates.log || { cat certificates.log >&2; exit 1; }
