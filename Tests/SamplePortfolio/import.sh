#!/usr/bin/env bash
# Imports the sample portfolio into a running server, the way a partner would, and prints every command before it runs.
#
#   INSIGHTS   the client           (default: insights)
#   SERVER     host:port            (default: localhost:8443)
#   CERTS      folder of Certs/generate.sh (default: Certs/out)
#   FOLDER     where the files go   (default: a temporary folder)
#   END        last day             (default: yesterday)
#
# Running it again changes nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
insights=${INSIGHTS:-insights}
certs=$(cd "${CERTS:-$here/../../Certs/out}" && pwd)
if [ -n "${FOLDER:-}" ]; then
    mkdir -p "$FOLDER"
    folder=$(cd "$FOLDER" && pwd)
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi

end=${END:-$(date -u -d yesterday +%F)}
python3 "$here/make.py" "$folder" --end "$end"

profile() {
    printf '    "%s": {"server": "%s", "ca": "%s/ca.pem", "cert": "%s/%s.pem", "key": "%s/%s.key"}' \
        "$1" "${SERVER:-localhost:8443}" "$certs" "$certs" "$1" "$certs" "$1"
}
{
    printf '{\n  "default_profile": "alice",\n  "profiles": {\n'
    for who in operator alice bob carol dave; do
        profile "$who"
        [ "$who" = dave ] && printf '\n' || printf ',\n'
    done
    printf '  }\n}\n'
} > "$folder/config.json"
export INSIGHTS_PROFILES=$folder/config.json
cd "$folder"

run() {
    local word line='$ insights'
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9._/=-]*) line+=" '$word'" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '\n%s\n' "$line"
    "$insights" "$@"
}
feed() { run --profile operator import "$@"; }
tenant() { sed -n "s/^$1 //p" tenants; }

# The two partners, and who may do what.
if ! "$insights" --profile alice whoami > /dev/null 2>&1; then
    run --profile operator partners create contoso-reseller --name "Contoso Reseller" --principal alice \
        --principal-name "Alice Archer"
    run --profile operator partners create fabrikam-cloud --name "Fabrikam Cloud" --principal dave \
        --principal-name "Dave Drummer" --role admin-agent
    run --profile alice principals create bob --name "Bob Builder" --role admin-agent
    run --profile alice principals create carol --name "Carol Carver" --role sales-agent
fi

feed sku-table catalog.csv
feed facts facts.jsonl

sellers=(--partner-tenant "$(tenant contoso)=contoso-reseller" --partner-tenant "$(tenant fabrikam)=fabrikam-cloud")
for path in */; do
    customer=${path%/}
    whose=(--customer "$customer" --customer-tenant "$(tenant "$customer")")
    first=--since-creation
    for file in "$customer"/subscriptions-*.json; do
        day=${file##*subscriptions-}
        feed graph-subscriptions "$file" "${whose[@]}" --date "${day%.json}" ${first:+"$first"} "${sellers[@]}"
        first=
    done
    for file in "$customer"/users-*.json; do
        [ -e "$file" ] || continue
        day=${file##*users-}
        # Before a rollout begins nobody has a license, which is refused unless it is said to be so.
        drop=
        grep -q skuId "$file" || drop=--accept-drop
        feed graph-users "$file" "${whose[@]}" --date "${day%.json}" ${drop:+"$drop"} \
            --all-skus-from "$customer/subscribed-skus.json"
    done
    if [ -e "$customer/activity-history.csv" ]; then
        feed graph-active-users "$customer"/activity-*.csv --customer "$customer"
    fi
    if [ -e "$customer/partner-center-subscriptions.json" ]; then
        feed partner-subscriptions "$customer/partner-center-subscriptions.json" "${whose[@]}" \
            --partner contoso-reseller --date "$end" --offer-map "$customer/offers.csv" --no-coverage
    fi
done

run --profile operator ingest-status
