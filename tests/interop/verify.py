"""Verifies tokens with PyJWT, knowing only the issuer: a line of input is LABEL<TAB>TOKEN."""

import json
import sys
import urllib.request

import jwt

issuer, audience = sys.argv[1:]
with urllib.request.urlopen(f"{issuer}/.well-known/oauth-authorization-server") as response:
    keys = jwt.PyJWKClient(json.load(response)["jwks_uri"])

for line in filter(str.strip, sys.stdin):
    label, _, token = line.rstrip().partition("\t")
    try:
        jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["ES256", "RS256", "PS256", "EdDSA"],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat", "jti", "sub", "client_id"]},
        )
        typ = jwt.get_unverified_header(token).get("typ")
        if typ != "at+jwt":
            raise jwt.InvalidTokenError(f"typ is {typ}")
    except jwt.PyJWTError as error:
        sys.exit(f"{label}: {error!r}")
    print("ok", label)
