#!/usr/bin/env bash
# The official interoperability client of Debian's ruby-grpc against the test server: SERVER CERTS CASE…
set -u
server=$1 certs=$2
shift 2
client=$(dpkg -L ruby-grpc 2>/dev/null | grep '/pb/test/client.rb$') || { echo "ruby-grpc is not installed"; exit 2; }
ruby=${client%/pb/test/client.rb}
input=$(mktemp -u)
mkfifo "$input"
output=$(mktemp)
"$server" --cert "$certs/server.pem" --key "$certs/server.key" --ca "$certs/ca.pem" < "$input" > "$output" &
exec 3> "$input"
trap 'exec 3>&-; rm -f "$input" "$output"; wait' EXIT
for _ in $(seq 100); do grep -q ready "$output" && break; sleep 0.05; done
port=$(awk '/ready/ {print $2}' "$output")
failed=0
export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=$certs/ca.pem SSL_CERT_FILE=$certs/ca.pem
for name in "$@"; do
    if timeout 30 ruby -I"$ruby/lib" -I"$ruby/pb" "$client" --server_host 127.0.0.1 --server_port "$port" --use_tls true \
        --use_test_ca false --server_host_override foo.test.google.fr --test_case "$name" > "$output.log" 2>&1; then
        echo "$name: ok"
    else
        failed=1
        echo "$name: failed"
        tail -5 "$output.log"
    fi
done
rm -f "$output.log"
exit $failed
