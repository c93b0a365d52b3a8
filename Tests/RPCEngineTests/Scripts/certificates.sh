#!/usr/bin/env bash
# Certificates for the tests, made anew in the folder $1: a CA, a server, clients good and bad, revocation lists.
set -euo pipefail
cd "$1"
export OPENSSL_CONF=/dev/null

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null; }

# authority NAME: a self-signed CA with an index for its revocation list.
authority() {
    key "$1"
    openssl req -x509 -new -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -key "$1.key" -out "$1.pem" \
        -days 30 -subj "/CN=$1" -addext "basicConstraints=critical,CA:TRUE" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
}

# issue NAME CA EXTENSIONS [DAYS]
issue() {
    key "$1"
    openssl req -new -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -key "$1.key" -subj "/CN=$1" \
        -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -out "$1.pem" -days "${4:-30}" \
        -extfile <(printf "%b" "$3") 2>/dev/null
}

spiffe='subjectAltName=URI:spiffe://insights.local/partner/p1/principal'
client='extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n'
authority ca
authority other
issue server ca 'subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:foo.test.google.fr\nextendedKeyUsage=serverAuth\n'
issue good ca "$client$spiffe/good\n"
issue revoked ca "$client$spiffe/revoked\n"
issue late ca "$client$spiffe/late\n"
issue stranger other "$client$spiffe/stranger\n"
issue wrongeku ca "extendedKeyUsage=serverAuth\n$spiffe/wrongeku\n"
issue two ca "$client$spiffe/a,URI:spiffe://b/c\n"
# good is no CA, so what it signs must not count.
issue bynoca good "$client$spiffe/bynoca\n"
cat good.pem >> bynoca.pem
# Expired: a certificate of two days in the past.
key expired
openssl req -new -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -key expired.key -subj "/CN=expired" \
    -out expired.csr 2>/dev/null
cat > ca.cnf <<END
[ca]
default_ca=d
[d]
database=index.txt
serial=serial.txt
new_certs_dir=.
default_md=sha256
policy=p
default_crl_days=30
[p]
commonName=supplied
END
: > index.txt
echo 77000000 > serial.txt
openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in expired.csr -out expired.pem -notext \
    -startdate 20200101000000Z -enddate 20200201000000Z -extfile <(printf "%b" "$client$spiffe/expired\n") 2>/dev/null
openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out empty.crl 2>/dev/null
openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -revoke revoked.pem 2>/dev/null
openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out revoked.crl 2>/dev/null
openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -revoke late.pem 2>/dev/null
openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out late.crl 2>/dev/null
rm -f ./*.csr
