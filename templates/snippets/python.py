# pip install authlib httpx
import os
from authlib.integrations.httpx_client import OAuth2Client

@LOCAL@os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # for plain HTTP on this machine only
api = OAuth2Client(@CLIENT_ID@, os.environ["CLIENT_SECRET"],
                   token_endpoint=@TOKEN_URL@,
                   token_endpoint_auth_method="client_secret_post",
                   grant_type="client_credentials", scope=@SCOPE@)
# api.get(…) sends the token and renews it.
print(api.fetch_token(resource=@RESOURCE@)["access_token"])
