#!/bin/sh
# The platform team makes an administrator for each team, which is limited to the objects of it.
set -eu
for team in shop billing; do
    tokend client create "$team-admin" --admin-of "$team" --secret-file "$team-admin.secret" \
        --grant urn:tokend=clients:read,clients:write,secrets:write,grants:write,resources:read,resources:write
done
