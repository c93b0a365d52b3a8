#!/usr/bin/env bash
# A PostgreSQL of the tests' own in a temporary folder, until standard input ends: then it is stopped and removed, also
# when who started this was killed. Prints `ready SOCKET_FOLDER PORT`. Takes orders as lines on standard input, and
# answers each with `done`, or with `failed`, and its reason on standard error:
#
#   stop       as if the power went
#   start
#   kill       kill -9 of everything of the primary at once
#   standby    makes another one, from the primary as it is, and waits until commits wait for it: `done PORT`. After a
#              failover it is where the last primary was
#   promote    of the standby, for which nobody stands by then: `done PORT`
#   log        copies the servers' log to standard error
#
# Exit code 77 with one line where there is no PostgreSQL. POSTGRES_BIN names another folder of programs than the
# newest of Debian's.
set -uo pipefail

bin=${POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
    echo "there is no PostgreSQL: Tests/install.sh test" >&2
    exit 77
fi

# It refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi

# Not the terminal's to end: standard input is.
trap '' INT TERM HUP
folder=$(mktemp -d "/tmp/postgres-XXXXXX")
# Two places; either may be the primary's.
data=("$folder/data" "$folder/data1")
pids=("" "")
ports=("" "")
primary=0
# end PLACE: as if the power went.
end() {
    local pid=${pids[$1]}
    pids[$1]=
    [ -n "$pid" ] || return 0
    kill -QUIT "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    return 0
}
# Its children leave by themselves when it is gone; but a machine that dies leaves nobody a moment.
kill_all() {
    local pid=${pids[$primary]}
    pids[$primary]=
    [ -n "$pid" ] || return 0
    kill -STOP "$pid"
    kill -KILL $(pgrep -P "$pid") "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    return 0
}
trap 'end 0; end 1; rm -rf "$folder"' EXIT
[ ${#as[@]} = 0 ] || chown "$user" "$folder"
cd "$folder" || exit 1

"${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
# Who is asked for a password stands before everybody, who is not.
hba=$folder/data/pg_hba.conf
printf 'host all asked_for_password 127.0.0.1/32 scram-sha-256\n%s\n' "$(grep -v '^#' "$hba")" >"$folder/hba"
cat "$folder/hba" >"$hba"

# start PLACE
start() {
    local tries=${ports[$1]:+known} port
    for _ in 1 2 3 4 5; do
        port=${ports[$1]:-$((20000 + RANDOM % 20000))}
        setsid "${as[@]}" "$bin/postgres" -D "${data[$1]}" -k "$folder" -p "$port" \
            -c listen_addresses=127.0.0.1 -c max_connections=80 -c shared_buffers=32MB -c max_wal_size=256MB \
            -c wal_retrieve_retry_interval=100ms \
            >>"$folder/log" 2>&1 </dev/null &
        pids[$1]=$!
        for _ in $(seq 600); do
            if "$bin/pg_isready" -q -h "$folder" -p "$port"; then
                ports[$1]=$port
                return 0
            fi
            kill -0 "${pids[$1]}" 2>/dev/null || break
            sleep 0.05
        done
        # Another process had the port, or what is left of the one before has its memory.
        end "$1"
        [ -z "$tries" ] || sleep 0.5
    done
    cat "$folder/log" >&2
    return 1
}

sql() { "$bin/psql" -X -q -A -t -h "$folder" -p "${ports[$1]}" -U postgres "${@:2}" 2>>"$folder/log"; }
# wait_for WORDS COMMAND…: until it says them; a minute at most.
wait_for() {
    local words=$1
    shift
    for _ in $(seq 1200); do
        [ "$("$@")" = "$words" ] && return 0
        sleep 0.05
    done
    echo "$* never said $words" >&2
    return 1
}

make_standby() {
    local place=$((1 - primary))
    end "$place"
    rm -rf "${data[$place]}"
    "${as[@]}" "$bin/pg_basebackup" -h "$folder" -p "${ports[$primary]}" -U postgres -D "${data[$place]}" -R -X stream \
        -c fast --no-sync -d "application_name=standby" >>"$folder/log" 2>&1 || return 1
    start "$place" || return 1
    sql "$primary" -c "ALTER SYSTEM SET synchronous_standby_names = 'standby'" -c "SELECT pg_reload_conf()" >/dev/null
    wait_for sync sql "$primary" -c "SELECT sync_state FROM pg_stat_replication" || return 1
    answer="done ${ports[$place]}"
}

promote() {
    local place=$((1 - primary))
    "${as[@]}" "$bin/pg_ctl" promote -D "${data[$place]}" -s -t 60 >>"$folder/log" 2>&1 || return 1
    # Else commits would wait for itself by that name, where it was copied from one with a standby.
    sql "$place" -c "ALTER SYSTEM RESET synchronous_standby_names" -c "SELECT pg_reload_conf()" >/dev/null || return 1
    primary=$place
    answer="done ${ports[$place]}"
}

start 0 || exit 1
echo "ready $folder ${ports[0]}"
while read -r order; do
    answer=done
    case $order in
        stop) end "$primary" ;;
        start) start "$primary" ;;
        kill) kill_all ;;
        standby) make_standby ;;
        promote) promote ;;
        log) cat "$folder/log" >&2 ;;
        *) echo "unknown order $order" >&2 ;;
    esac || answer=failed
    echo "$answer"
done
