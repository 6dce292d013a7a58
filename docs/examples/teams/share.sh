#!/bin/sh
# Two teams that share an API: `shop` runs it, `billing` calls it. Run operator.sh before.
set -eu
files=$(dirname "$0")
issuer=${ISSUER:-http://localhost:8080}
management=${ADMIN_API:-http://localhost:8081}

# token TEAM: a token of the administrator of a team.
token() {
    curl -sS --fail-with-body -u "$1-admin:$(cat "$1-admin.secret")" "$issuer/v1/oauth/token" \
        -d grant_type=client_credentials -d resource=urn:tokend |
        sed 's/.*"access_token":"\([^"]*\)".*/\1/'
}

# api TEAM METHOD PATH [curl's options for the body]: a call of the administrator of a team.
api() {
    bearer=$(token "$1") method=$2 path=$3
    shift 3
    curl -sS --fail-with-body -X "$method" "$management$path" \
        -H "Authorization: Bearer $bearer" -H "Content-Type: application/json" "$@"
    echo
}

# member NAME FILE: the value of a member.
member() { sed "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/" "$2"; }

# Each team applies its own file. A plan shows what would change, and changes nothing.
api shop POST "/v1/apply?dry_run=true" --data-binary "@$files/shop.json"
api shop POST /v1/apply --data-binary "@$files/shop.json"
umask 077
api billing POST /v1/apply --data-binary "@$files/billing.json" > applied.json
if grep -q '"client_secret":' applied.json; then
    member client_secret applied.json > invoices.secret
fi
rm applied.json

# The team of the client requests the grant.
api billing POST /v1/grant-requests --data-binary "@$files/request.json" > request-made.json
request=/v1/grant-requests/$(member request_id request-made.json)

# The team of the API reads the request, and approves the revision that it has read.
api shop GET "$request" > request-read.json
cat request-read.json
api shop POST "$request/approve" -d "{\"revision\": $(member revision request-read.json)}"

# From now on the file of the client has the grant, exactly as it was approved.
api billing POST /v1/apply --data-binary "@$files/billing-with-grant.json"
