"""Gets a token with a private key by Authlib, once it is told the issuer as the audience."""

import json
import os
import sys

import httpx
import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import JWKRegistry

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
issuer, client_id, file, resource = sys.argv[1:]
with open(file) as opened:
    jwk = json.load(opened)
metadata = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").json()
assert metadata["issuer"] == issuer, metadata
endpoint = metadata["token_endpoint"]


def fetch(audience=None):
    """What Authlib calls the token endpoint is what it puts in `aud`."""
    method = PrivateKeyJWT(audience, headers={"kid": jwk["kid"]}, alg=jwk["alg"])
    with OAuth2Client(
        client_id, JWKRegistry.import_key(jwk), token_endpoint_auth_method=method
    ) as client:
        return client.fetch_token(endpoint, grant_type="client_credentials", resource=resource)


try:
    answer = fetch()
except OAuthError as error:
    assert error.error == "invalid_client", error
    # Every endpoint begins with the issuer: it must stand there by itself.
    words = [word.strip(".,;:()'\"`") for word in error.description.split()]
    assert issuer in words, error.description
    print("ok authlib default audience is told the right one")
else:
    sys.exit(f"authlib default audience was accepted: {answer}")

# Authlib sets an `exp` one hour ahead: the default of `assertions.lifetime_max`.
answer = fetch(issuer)
token = answer["access_token"]
key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
claims = jwt.decode(
    token,
    key.key,
    algorithms=[jwt.get_unverified_header(token)["alg"]],
    audience=resource,
    issuer=issuer,
    options={"require": ["exp", "iat", "jti", "sub", "client_id"]},
)
assert claims["client_id"] == client_id, claims
assert answer["token_type"].lower() == "bearer", answer
assert "cnf" not in claims, claims
print("ok authlib")
