#!/bin/sh
# The CI job: `ci.sh review` for a merge request, `ci.sh main` after the merge, and `ci.sh drift` on
# a schedule. TOKEND_SERVER and TOKEND_ADMIN_CLIENT_… name the server and the administrator.
set -eu
files=$(dirname "$0")/clients.yaml

case "${1:-}" in
review)
    # The plan is in the log of the job. Exit code 9 says that a merge would change something.
    code=0
    tokend diff -f "$files" --prune --exit-code || code=$?
    [ "$code" -eq 9 ] || exit "$code"
    ;;
main)
    tokend apply -f "$files" --prune --secrets-dir "${SECRETS_DIR:-secrets}"
    ;;
drift)
    # Fails with exit code 9 if the server differs from the files.
    tokend diff -f "$files" --prune --exit-code
    ;;
*)
    echo "usage: ci.sh review|main|drift" >&2
    exit 2
    ;;
esac
