#!/usr/bin/env bash
# Shows several servers on one PostgreSQL: `make cluster`. Starts a PostgreSQL with a synchronous standby and three
# servers, in folders of its own; a caller writes and reads through all three while one server, then PostgreSQL's
# primary, is killed. Prints what the caller saw, and stops what it started.
#
#   BIN=FOLDER              takes insightsd and insights from there instead of building them
#   CLUSTER_SECONDS=6       how long each part lasts
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
certs=$root/Certs/out
seconds=${CLUSTER_SECONDS:-6}

bold=
plain=
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
heading() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '   %s\n' "$*"; }
fail() {
    echo "cluster: $*" >&2
    exit 1
}

if [ -z "${BIN:-}" ]; then
    Tests/install.sh cluster
    heading "Building (minutes the first time, seconds after that)"
    Tests/build.sh 2>&1 | grep -E 'error|^Build of'
    BIN=$(swift build ${SWIFT_FLAGS:-} --show-bin-path)
fi
BIN=$(cd "$BIN" && pwd)
PATH=$BIN:$PATH
[ -x "$BIN/insightsd" ] && [ -x "$BIN/insights" ] || fail "$BIN has no insightsd and insights"
postgres=${POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
[ -n "$postgres" ] && [ -x "$postgres/initdb" ] || fail "there is no PostgreSQL: Tests/install.sh cluster"

# PostgreSQL refuses to run as root, and its user must reach the folder.
as=()
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi
work=$(mktemp -d /tmp/insights-cluster-XXXXXX)
chmod 755 "$work"
declare -A pids=()
# end NAME SIGNAL: and waits for it.
end() {
    local pid=${pids[$1]:-}
    [ -n "$pid" ] || return 0
    unset "pids[$1]"
    kill "-$2" "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}
finish() {
    end caller TERM
    local name
    for name in "${!pids[@]}"; do
        case $name in primary | standby) ;; *) end "$name" TERM ;; esac
    done
    end standby INT
    end primary INT
    rm -rf "$work"
}
trap finish EXIT
# wait_for WHAT COMMAND…: half a minute at most.
wait_for() {
    local what=$1
    shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    fail "$what took too long"
}

heading "PostgreSQL with a synchronous standby, in $work"
ports=($(python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PYTHON
))
primary=${ports[0]} standby=${ports[1]}
# start NAME PORT: a PostgreSQL whose data folder has that name.
start() {
    "${as[@]}" "$postgres/postgres" -D "$work/db/$1" -k "$work/db" -p "$2" -c listen_addresses=127.0.0.1 \
        >>"$work/$1.log" 2>&1 </dev/null &
    pids[$1]=$!
    wait_for "$1" "$postgres/pg_isready" -q -h 127.0.0.1 -p "$2"
}
sql() { "${as[@]}" "$postgres/psql" -X -q -A -t -h 127.0.0.1 -p "$1" -U postgres "${@:2}"; }
mkdir "$work/db"
[ ${#as[@]} = 0 ] || chown "$user" "$work/db"
(
    cd "$work/db"
    "${as[@]}" "$postgres/initdb" -D "$work/db/primary" -U postgres -A trust -E UTF8 --locale=C --no-instructions
) >"$work/initdb.log" 2>&1 || fail "initdb: $(tail -n 1 "$work/initdb.log")"
start primary "$primary"
(
    cd "$work/db"
    "${as[@]}" "$postgres/pg_basebackup" -h 127.0.0.1 -p "$primary" -U postgres -D "$work/db/standby" -R -X stream \
        -d "application_name=standby"
) >"$work/basebackup.log" 2>&1 || fail "pg_basebackup: $(tail -n 1 "$work/basebackup.log")"
start standby "$standby"
sql "$primary" -c "ALTER SYSTEM SET synchronous_standby_names = 'standby'" -c "SELECT pg_reload_conf()" >/dev/null
is_synchronous() { [ "$(sql "$primary" -c "SELECT sync_state FROM pg_stat_replication")" = sync ]; }
wait_for "the standby" is_synchronous
sql "$primary" -c "CREATE DATABASE insights" \
    -c "CREATE ROLE server LOGIN" >/dev/null
note "primary on port $primary, standby on port $standby: a commit returns when both have it"

heading "The schema, and the right to serve from it"
both="host=127.0.0.1,127.0.0.1 port=$primary,$standby dbname=insights"
echo "\$ insightsd migrate --store '$both user=postgres'"
insightsd migrate --store "$both user=postgres"
sql "$primary" -c "GRANT insights_server TO server" >/dev/null

heading "Certificates of a throw-away authority, and three servers"
Certs/generate.sh | tail -n 1
mkdir -m 700 "$work/keys"
# serve N: starts the N-th server, on the port that it had.
serve() {
    : >"$work/server$1.out"
    insightsd serve --listen "127.0.0.1:${listen[$1]:-0}" --admin-listen 127.0.0.1:0 --data "$work/server$1" \
        --keys "$work/keys" --store "$both user=server" \
        --tls-cert "$certs/server.pem" --tls-key "$certs/server.key" --client-ca "$certs/ca.pem" \
        >"$work/server$1.out" 2>>"$work/server$1.log" </dev/null &
    pids[server$1]=$!
    wait_for "server $1" test -s "$work/server$1.out"
    local ready
    ready=$(cat "$work/server$1.out")
    listen[$1]=$(sed -E 's/.* listen=[^ ]*:([0-9]+) .*/\1/' <<<"$ready")
    echo "server $1: $ready"
}
declare -A listen=()
for number in 1 2 3; do serve "$number"; done
addresses=127.0.0.1:${listen[1]},127.0.0.1:${listen[2]},127.0.0.1:${listen[3]}
# insights_as WHO SERVERS COMMAND…
insights_as() {
    insights --server "$2" --ca "$certs/ca.pem" --cert "$certs/$1.pem" --key "$certs/$1.key" "${@:3}" </dev/null
}
insights_as operator "$addresses" partners create contoso-reseller --name "Contoso Reseller" --principal alice \
    --principal-name "Alice Archer" >/dev/null
insights_as alice "$addresses" principals create carol --role sales-agent >/dev/null
note "A partner made through one of them is known to all:"
for number in 1 2 3; do
    printf '   server %s: ' "$number"
    insights_as carol "127.0.0.1:${listen[$number]}" whoami | head -n 1
done

heading "A caller writes a customer and reads the list, again and again, through whichever server answers"
note "\$ insights --server $addresses …"
# A line a call: seconds since the start, what, how it ended, milliseconds. Written customers go to `written`.
caller() {
    local count=0 began ended outcome
    while :; do
        count=$((count + 1))
        printf '{"customer":{"customerId":"customer-%d","name":"Customer %d","market":"NL"}}\n' "$count" "$count" \
            >"$work/facts.jsonl"
        printf '{"relationship":{"partnerId":"contoso-reseller","customerId":"customer-%d","startDate":"2024-01-01"}}\n' \
            "$count" >>"$work/facts.jsonl"
        for what in write read; do
            began=$(date +%s%3N)
            outcome=ok
            if [ $what = write ]; then
                insights_as operator "$addresses" import facts "$work/facts.jsonl" >/dev/null 2>"$work/error" || outcome=failed
                [ $outcome = failed ] || echo "customer-$count" >>"$work/written"
            else
                insights_as carol "$addresses" customers --names --output csv >/dev/null 2>"$work/error" || outcome=failed
            fi
            ended=$(date +%s%3N)
            echo "$((began - start)) $what $outcome $((ended - began)) $(head -n 1 "$work/error")" >>"$work/calls"
        done
    done
}
: >"$work/written"
: >"$work/calls"
start=$(date +%s%3N)
caller &
pids[caller]=$!
declare -a parts=() begins=()
# part TEXT: what follows is seen under this name.
part() {
    parts+=("$1")
    begins+=($(($(date +%s%3N) - start)))
    note "$(printf '%6.1f s  %s' "$(($(date +%s%3N) - start))e-3" "$1")"
}
part "three servers"
sleep "$seconds"
part "server 2 is killed (kill -9)"
end server2 KILL
sleep "$seconds"
part "server 2 is started again"
serve 2 >/dev/null
sleep "$seconds"
part "PostgreSQL's primary is killed (kill -9)"
end primary KILL
sleep 1
part "the standby is promoted"
"${as[@]}" "$postgres/pg_ctl" promote -D "$work/db/standby" -s
# Nobody stands by it now: commits wait for nobody until the operator has made another standby.
sql "$standby" -c "ALTER SYSTEM RESET synchronous_standby_names" -c "SELECT pg_reload_conf()" >/dev/null
sleep $((2 * seconds))
end caller TERM
begins+=($(($(date +%s%3N) - start)))

heading "What the caller saw"
printf '   %-44s %6s %7s %14s\n' "" calls failed "longest (ms)"
for index in "${!parts[@]}"; do
    awk -v from="${begins[$index]}" -v to="${begins[$((index + 1))]}" -v name="${parts[$index]}" '
        $1 >= from && $1 < to { calls++; if ($3 != "ok") failed++; if ($4 > longest) longest = $4 }
        END { printf "   %-44s %6d %7d %14d\n", name, calls, failed, longest }' "$work/calls"
done
if grep -q ' failed ' "$work/calls"; then
    note "The failures, in their own words:"
    sed -n 's/^[0-9]* \([a-z]*\) failed [0-9]* /   \1: /p' "$work/calls" | sort | uniq -c | sort -rn | head -n 5
fi

heading "What was acknowledged is there, on every server"
acknowledged=$(wc -l <"$work/written")
for number in 1 2 3; do
    insights_as carol "127.0.0.1:${listen[$number]}" customers --names --output csv >"$work/list$number"
    missing=$({ grep -vxFf <(cut -d, -f1 "$work/list$number") "$work/written" || true; } | wc -l)
    echo "   server $number: $(($(wc -l <"$work/list$number") - 1)) customers; of $acknowledged acknowledged $missing missing"
    [ "$missing" = 0 ] || fail "server $number lost what was acknowledged"
    cmp -s "$work/list1" "$work/list$number" || fail "servers 1 and $number differ"
done
heading "Done. docs/scale-out.md tells how to run it on real machines."
