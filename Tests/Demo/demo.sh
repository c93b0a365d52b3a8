#!/usr/bin/env bash
# Shows the product: `make demo`. Builds it, starts a server with certificates and a sample portfolio of its own in
# .demo/, calls it as each role, as another partner and as nobody, has three more customers feed themselves from a
# simulator of the vendor's APIs, and stops what it started.
#
#   DEMO_KEEP=1             leaves the server running, to go on alone
#   DEMO_LISTEN=HOST:PORT   where it listens (default 127.0.0.1:0, a free port)
#   BIN=FOLDER              takes insightsd and insights from there instead of building them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
demo=$root/.demo
certs=$root/Certs/out

bold=
plain=
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
heading() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '   %s\n' "$*"; }
fail() {
    echo "demo: $*" >&2
    exit 1
}

# stop NAME PROGRAM: ends what NAME.pid tells, also of the last run, when that is still the program.
stop() {
    local pid
    pid=$(cat "$demo/$1.pid" 2>/dev/null || true)
    rm -f "$demo/$1.pid"
    [ -n "$pid" ] && [[ "$(cat "/proc/$pid/comm" 2>/dev/null)" == "$2"* ]] || return 0
    kill "$pid"
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}
stop_all() {
    stop simulator python
    [ -z "${DEMO_KEEP:-}" ] || return 0
    stop insightsd insightsd
    stop provider python
}
# first_line NAME: waits for the line that a program writes to NAME.out when it is ready; nothing if it ended first.
first_line() {
    for _ in $(seq 300); do
        [ ! -s "$demo/$1.out" ] || break
        kill -0 "$(cat "$demo/$1.pid")" 2>/dev/null || break
        sleep 0.1
    done
    cat "$demo/$1.out"
}

if [ -z "${BIN:-}" ]; then
    Tests/install.sh demo
    heading "Building (minutes the first time, seconds after that)"
    Tests/build.sh 2>&1 | grep -E 'error|^Build of'
    BIN=$(swift build ${SWIFT_FLAGS:-} --show-bin-path)
fi
BIN=$(cd "$BIN" && pwd)
PATH=$BIN:$PATH
[ -x "$BIN/insightsd" ] && [ -x "$BIN/insights" ] || fail "$BIN has no insightsd and insights"

heading "Certificates of a throw-away authority, in Certs/out"
Certs/generate.sh | tail -n 1

heading "The server, with its embedded store in .demo/data"
stop insightsd insightsd
stop provider python
stop simulator python
rm -rf "$demo"
mkdir -p "$demo"
# Where browsers find it has to be known before it starts.
free_port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
listen=${DEMO_LISTEN:-127.0.0.1:0}
[ "${listen##*:}" != 0 ] || listen=${listen%:*}:$(python3 -c "$free_port")
home=https://localhost:${listen##*:}
# Signs in whoever follows a link that works once.
: >"$demo/provider.out"
nohup python3 Tests/Demo/provider.py "$demo" "$certs/server.pem" "$certs/server.key" "$home" partner-insights contoso \
    >"$demo/provider.out" 2>"$demo/provider.log" </dev/null &
echo $! >"$demo/provider.pid"
trap stop_all EXIT
ready=$(first_line provider)
[ -n "$ready" ] || fail "the provider did not start: $(tail -n 3 "$demo/provider.log")"
link=${ready##*link=}
command=(insightsd serve --listen "$listen" --admin-listen 127.0.0.1:0 --data "$demo/data" --web all
    --tls-cert "$certs/server.pem" --tls-key "$certs/server.key" --client-ca "$certs/ca.pem"
    --public-url "$home" --token-issuer "$demo/issuer.json" --token-ca "$certs/ca.pem")
echo "\$ ${command[*]//$root\//}"
# Before the background shell opens it: it is read at once.
: >"$demo/insightsd.out"
nohup "${command[@]}" >"$demo/insightsd.out" 2>"$demo/insightsd.log" </dev/null &
echo $! >"$demo/insightsd.pid"
ready=$(first_line insightsd)
[ -n "$ready" ] || fail "the server did not start: $(tail -n 3 "$demo/insightsd.log")"
echo "$ready"
server=${ready#ready listen=}
server=${server%% *}
admin=${ready##*admin=}

heading "Two partners, their people, and eleven customers from the files that partners have"
note "Run them in .demo/portfolio, with INSIGHTS_PROFILES=config.json."
INSIGHTS=$BIN/insights SERVER=$server CERTS=$certs FOLDER=$demo/portfolio Tests/SamplePortfolio/import.sh |
    grep -vE '^($|  )'

# One profile per caller; `anonymous` shows no certificate.
{
    printf '{\n  "default_profile": "carol",\n  "profiles": {\n'
    for who in operator alice bob carol dave nobody; do
        printf '    "%s": {"server": "%s", "ca": "%s/ca.pem", "cert": "%s/%s.pem", "key": "%s/%s.key"},\n' \
            "$who" "$server" "$certs" "$certs" "$who" "$certs" "$who"
    done
    printf '    "anonymous": {"server": "%s", "ca": "%s/ca.pem"}\n  }\n}\n' "$server" "$certs"
} >"$demo/config.json"
export INSIGHTS_PROFILES=$demo/config.json

show() {
    printf '\n$ insights'
    printf ' %q' "$@"
    printf '\n'
}
# as WHO COMMAND…: must be answered.
as() {
    local who=$1
    shift
    show --profile "$who" "$@"
    insights --profile "$who" "$@" </dev/null
}
# refused WHO COMMAND…: must be refused, with one line that says why.
refused() {
    local who=$1
    shift
    show --profile "$who" "$@"
    if insights --profile "$who" "$@" </dev/null 2>"$demo/refusal"; then
        fail "$who was let through"
    fi
    cat "$demo/refusal"
    [ "$(wc -l <"$demo/refusal")" = 1 ] || fail "a refusal is one line"
}

heading "carol sells: every figure, no names"
as carol whoami
as carol customers
as carol customer coho-vineyard
note "Own licenses beside those of all partners. Others are only ever a sum."
as carol compare coho-vineyard
note "Usage above 100 %: why?"
as carol explain adatum --product office-365
as carol portfolio
as carol trend northwind --interval week --product office-365 --chart
as carol advice margies-travel
as carol advice margies-travel --language nl --product office-365
refused carol users coho-vineyard
refused carol principals list

note "The same as JSON for every tool: each read has an address."
printf '\n$ curl … https://%s/v1/customers/coho-vineyard\n' "$server"
curl --silent --show-error --fail --cacert "$certs/ca.pem" --cert "$certs/carol.pem" --key "$certs/carol.key" \
    "https://$server/v1/customers/coho-vineyard" | python3 -m json.tool

heading "bob administers customers: named users and own subscriptions too"
as bob subscriptions coho-vineyard
as bob users coho-vineyard --activity inactive
refused bob principals list

heading "alice manages who may do what; a change counts on the next call"
as alice principals list
as alice principals update carol --role sales-agent --role admin-agent
as carol users coho-vineyard --activity inactive
as alice principals update carol --role sales-agent
refused carol users coho-vineyard --activity inactive

heading "dave is another partner's: other customers, other own figures of the shared ones"
as dave customers
as dave compare coho-vineyard
note "Another partner's customer answers exactly like one that does not exist."
refused dave customer litware
refused dave customer no-such-customer
[ "$(insights --profile dave customer litware 2>&1)" = "$(insights --profile dave customer no-such-customer 2>&1)" ] ||
    fail "the two answers differ"

heading "Nobody, no certificate, and the operator"
refused nobody portfolio
refused anonymous portfolio
note "The operator feeds the system and reads no partner's figures."
refused operator portfolio

heading "What was asked is on record"
as alice audit --limit 8

heading "The figures feed themselves: three more customers, read from the vendor's APIs"
note "A simulator stands in for Microsoft Graph. docs/sync.md tells how to register with the real one."
: >"$demo/simulator.out"
nohup python3 Tests/EndToEnd/graph_simulator.py --folder "$demo/graph" --customers 3 --users 20 \
    >"$demo/simulator.out" 2>"$demo/simulator.log" </dev/null &
echo $! >"$demo/simulator.pid"
ready=$(first_line simulator)
[ -n "$ready" ] || fail "the simulator did not start: $(tail -n 3 "$demo/simulator.log")"
address=${ready#ready api=https://}
echo "simulator at ${address%% *}"
synchronize() {
    show --profile operator sync .demo/graph/sync.json "$@"
    insights --profile operator sync "$demo/graph/sync.json" "$@" </dev/null 2>&1
}
note "Which customers may be read? Nothing is, yet."
synchronize --check
synchronize
note "Running again changes nothing: no source is told twice, and no day of activity that is known is asked for."
synchronize
note "Who holds what is known from today on; reports of activity are some two days late."
today=$(date -u +%F)
as carol customers --filter 'customer_id:c0ffee' --as-of "$today"
as carol customer c0ffee00-0000-4000-8000-000000000000 --as-of "$today"
stop simulator python

heading "In the browser: $home"
note "A link that signs a newcomer in, once, at the demo's own OpenID provider (the browser warns of both certificates,"
note "which are of the throw-away authority Certs/out/ca.pem):"
echo "$link"
# With a pass phrase, which is no secret: browsers take no file without one.
openssl pkcs12 -export -name "carol of the demo" -in "$certs/carol.pem" -inkey "$certs/carol.key" -passout pass:demo \
    -out "$demo/carol.p12"
note "Or show carol's certificate: load .demo/carol.p12 (pass phrase demo) and trust Certs/out/ca.pem"
note "  Firefox: Settings, Privacy & Security, View Certificates: Your Certificates, Import; Authorities, Import"
note "  Chrome, Edge: Settings, Privacy and security, Security, Manage certificates; on Linux also by"
note "    pk12util -d sql:\$HOME/.pki/nssdb -i .demo/carol.p12 -W demo"
note "    certutil -d sql:\$HOME/.pki/nssdb -A -n partner-insights-demo -t C,, -i Certs/out/ca.pem"

if [ -n "${DEMO_KEEP:-}" ]; then
    heading "The server goes on at $server (health and metrics: http://$admin/metrics)"
    cat <<END
export PATH=$BIN:\$PATH INSIGHTS_PROFILES=$demo/config.json
insights --profile alice portfolio
kill \$(cat $demo/insightsd.pid $demo/provider.pid)      # stops it
END
else
    heading "Done. DEMO_KEEP=1 make demo leaves the server running, to go on alone."
fi
