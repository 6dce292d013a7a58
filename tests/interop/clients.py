"""Gets a token with each Python library and verifies it with PyJWT, knowing only the issuer."""

import os
import sys

import httpx
import jwt
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
issuer, client_id, secret, audience = sys.argv[1:]
metadata = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").json()
assert metadata["issuer"] == issuer, metadata
endpoint = metadata["token_endpoint"]


def check(name, answer):
    token = answer["access_token"]
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key.key,
        algorithms=[jwt.get_unverified_header(token)["alg"]],
        audience=audience,
        issuer=issuer,
        options={"require": ["exp", "iat", "jti", "sub", "client_id"]},
    )
    assert claims["client_id"] == client_id == claims["sub"], claims
    assert claims["scope"] == answer["scope"] == "orders:read", claims
    assert claims["exp"] - claims["iat"] == answer["expires_in"], claims
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    print("ok", name)


for method in ("client_secret_basic", "client_secret_post"):
    with OAuth2Client(client_id, secret, token_endpoint_auth_method=method) as client:
        check(
            f"authlib httpx {method}",
            client.fetch_token(endpoint, grant_type="client_credentials", scope="orders:read"),
        )
    session = AuthlibSession(client_id, secret, token_endpoint_auth_method=method)
    check(
        f"authlib requests {method}",
        session.fetch_token(endpoint, grant_type="client_credentials", scope="orders:read"),
    )
for in_body in (False, True):
    session = OAuth2Session(client=BackendApplicationClient(client_id, scope=["orders:read"]))
    token = session.fetch_token(
        endpoint, client_id=client_id, client_secret=secret, include_client_id=in_body
    )
    token["scope"] = " ".join(token["scope"])
    check(f"requests-oauthlib include_client_id={in_body}", token)
