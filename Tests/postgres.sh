#!/usr/bin/env bash
# A PostgreSQL of the tests' own in a temporary folder, until standard input ends: then it is stopped and removed, also
# when who started this was killed. Prints `ready SOCKET_FOLDER PORT`. Takes orders as lines on standard input, and
# answers each with `done`: `stop` (as if the power went), `start`, `log` (copies the server's log to standard error).
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
pid=
stop() {
    [ -z "$pid" ] || kill -QUIT "$pid" 2>/dev/null
    [ -z "$pid" ] || wait "$pid" 2>/dev/null
    pid=
}
trap 'stop; rm -rf "$folder"' EXIT
[ ${#as[@]} = 0 ] || chown "$user" "$folder"
cd "$folder" || exit 1

"${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
# Who is asked for a password stands before everybody, who is not.
hba=$folder/data/pg_hba.conf
printf 'host all asked_for_password 127.0.0.1/32 scram-sha-256\n%s\n' "$(grep -v '^#' "$hba")" >"$folder/hba"
cat "$folder/hba" >"$hba"

start() {
    for _ in 1 2 3 4 5; do
        [ -n "${port:-}" ] || port=$((20000 + RANDOM % 20000))
        setsid "${as[@]}" "$bin/postgres" -D "$folder/data" -k "$folder" -p "$port" \
            -c listen_addresses=127.0.0.1 -c max_connections=80 -c shared_buffers=32MB -c max_wal_size=256MB \
            >>"$folder/log" 2>&1 </dev/null &
        pid=$!
        for _ in $(seq 300); do
            "$bin/pg_isready" -q -h "$folder" -p "$port" && return 0
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        # Another process had the port.
        stop
        [ -z "${ready:-}" ] && port=
    done
    cat "$folder/log" >&2
    return 1
}

start || exit 1
ready=yes
echo "ready $folder $port"
while read -r order; do
    case $order in
        stop) stop ;;
        start) start ;;
        log) cat "$folder/log" >&2 ;;
        *) echo "unknown order $order" >&2 ;;
    esac
    echo done
done
