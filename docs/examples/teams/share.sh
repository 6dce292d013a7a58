#!/bin/sh
# Two teams that share an API: `shop` runs it, `billing` calls it. Run operator.sh before.
set -eu
files=$(dirname "$0")
export TOKEND_SERVER="${TOKEND_SERVER:-http://localhost:8081}"

# as TEAM: the commands after it are those of the administrator of a team.
as() { export TOKEND_ADMIN_CLIENT_ID="$1-admin" TOKEND_ADMIN_CLIENT_SECRET_FILE="$1-admin.secret"; }

# Each team applies its own file. A diff shows what would change, and changes nothing.
as shop
tokend diff -f "$files/shop.json"
tokend apply -f "$files/shop.json"
as billing
tokend apply -f "$files/billing.json" --secrets-dir secrets

# The team of the client requests the grant.
request=$(tokend grant-request create --client invoices --resource https://api.shop.example \
    --scope orders:read --claim tenant=acme --message "Monthly invoices" -o id)

# The team of the API reads the request, and approves the revision that it has read.
as shop
tokend grant-request show "$request" -o json > request.json
cat request.json
revision=$(sed -n 's/.*"revision": *\([0-9]*\).*/\1/p' request.json)
tokend grant-request approve "$request" --revision "$revision"

# From now on the file of the client has the grant, exactly as it was approved.
as billing
tokend apply -f "$files/billing-with-grant.json"
