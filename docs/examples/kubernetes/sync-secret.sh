#!/bin/sh
# Makes the first secret of a client or rotates it, and stores it as a Kubernetes Secret. A run that
# fails can be repeated: for ten minutes the same RUN gets the same secret.
#
# ISSUER             where tokens come from
# ADMIN_API          where the admin API is
# ADMIN_ID           the administrator that trusts the service account
# CLIENT_ID          the client
# OWNER              the owner of the client
# SECRET_NAME        the Kubernetes Secret
# OVERLAP            how long old secrets stay valid
# RUN                a name of this rotation, which its retries have too
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# member NAME: a text of the last answer.
member() { sed "s/.*\"$1\":\"\([^\"]*\).*/\1/" "$folder/answer"; }

# fail WHAT: ends the run with the last answer.
fail() {
    echo "$1: $(cat "$folder/answer")" >&2
    exit 1
}

# The token of the service account, which the kubelet renews, for a token of the administrator.
status=$(curl -sS "$ISSUER/v1/oauth/token" -o "$folder/answer" -w '%{http_code}' \
    -d grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer \
    --data-urlencode "assertion@${TOKEN_FILE:-/var/run/secrets/tokend/token}" \
    -d client_id="$ADMIN_ID" -d resource=urn:tokend)
[ "$status" = 200 ] || fail "cannot get a token for $ADMIN_ID"
printf 'Authorization: Bearer %s\n' "$(member access_token)" > "$folder/headers"
echo "Content-Type: application/json" >> "$folder/headers"

# api METHOD PATH [BODY [HEADER]]: calls the admin API, and prints the status.
api() {
    curl -sS -X "$1" "$ADMIN_API$2" -H "@$folder/headers" ${4:+-H "$4"} ${3:+-d "$3"} \
        -o "$folder/answer" -w '%{http_code}'
}

# An existing client is not changed. A client of another owner is not found, and cannot be created.
if [ "$(api GET "/v1/clients/$CLIENT_ID")" = 404 ]; then
    status=$(api PUT "/v1/clients/$CLIENT_ID" "{\"owner\": \"$OWNER\"}")
    [ "$status" = 201 ] || fail "cannot create $CLIENT_ID"
fi

body="{\"overlap\": \"$OVERLAP\", \"secret\": {\"label\": \"$RUN\"}}"
status=$(api POST "/v1/clients/$CLIENT_ID/secrets/rotate" "$body" "Idempotency-Key: $RUN")
[ "$status" = 201 ] || fail "cannot rotate the secret of $CLIENT_ID"

base64_of() { printf %s "$1" | base64 | tr -d '\n'; }

# Server-side apply leaves no copy of the secret in an annotation.
kubectl apply --server-side --field-manager=tokend -f - <<MANIFEST
apiVersion: v1
kind: Secret
metadata:
  name: $SECRET_NAME
data:
  TOKEND_CLIENT_ID: $(base64_of "$CLIENT_ID")
  TOKEND_CLIENT_SECRET: $(base64_of "$(member client_secret)")
MANIFEST
echo "stored the secret of $CLIENT_ID in $SECRET_NAME"
