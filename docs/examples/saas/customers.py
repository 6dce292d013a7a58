#!/usr/bin/env python3
"""Gives each customer of a SaaS a client of tokend. Each token of it names the tenant.

usage: customers.py CUSTOMERS SECRETS

CUSTOMERS has one tenant a line. SECRETS is the folder for the secrets, one file a tenant. The
script can be stopped at any time and repeated: it does what is missing, and nothing else. It needs
Python 3.8 or newer, and these variables:

    ISSUER               where tokens come from, https://id.example.com
    ADMIN_API            where the admin API is, https://tokend.internal
    ADMIN_ID             a client with the scopes clients:read, clients:write, secrets:write and
                         grants:write of urn:tokend
    ADMIN_SECRET_FILE    the file with its secret
"""

import base64
import collections
import concurrent.futures
import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

RESOURCE = "https://api.example.com"
CONNECTIONS = 8
ATTEMPTS = 5


def client_of(tenant):
    """What the client of a tenant should be like. A change here reaches all of them."""
    return {
        "owner": "saas",
        "labels": {"kind": "customer"},
        "claims": {"tenant": tenant},
        "grants": [{"resource": RESOURCE, "scopes": ["reports:read"]}],
    }


def server(url):
    """A URL that secrets may be sent to: https, or this machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        sys.exit(f"{url} is not https")
    return url.rstrip("/")


class Refused(Exception):
    """An answer that is not a success."""

    def __init__(self, status, problem):
        super().__init__(problem.get("detail") or problem.get("error_description") or status)
        self.status = status


def send(method, url, headers, body=None):
    """Sends a request; gives the status, the headers and the object of the answer."""
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            problem = json.load(error)
        except ValueError:  # a proxy has answered
            problem = {}
        raise Refused(error.code, problem) from None


class Admin:
    """The admin API, with a token of the administrator."""

    def __init__(self, issuer, management, client_id, secret):
        pair = ":".join(urllib.parse.quote(part, safe="") for part in (client_id, secret))
        basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        form = {"grant_type": "client_credentials", "resource": "urn:tokend"}
        body = urllib.parse.urlencode(form).encode()
        _, _, answer = send("POST", issuer + "/v1/oauth/token", basic, body)
        self.management, self.token = management, answer["access_token"]

    def call(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = "Bearer " + self.token
        headers["Content-Type"] = "application/json"
        body = None if body is None else json.dumps(body).encode()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return send(method, self.management + path, headers, body)
            except Refused as refused:
                # The server is busy. Each request of this script may be sent again.
                if refused.status != 503 or attempt == ATTEMPTS:
                    raise
                time.sleep(attempt)


def put_client(admin, path, body):
    """Makes the client what it should be; gives what that was."""
    try:
        status, _, _ = admin.call("PUT", path, body)
        return "created" if status == 201 else "unchanged"
    except Refused as refused:
        # It exists, and something would differ. The tag refuses what changes meanwhile.
        if refused.status != 428:
            raise
    _, headers, _ = admin.call("GET", path)
    admin.call("PUT", path, body, If_Match=headers["ETag"])
    return "changed"


def put_secret(admin, path, file, is_new):
    """Makes the first secret of a client, and stores it in the file; true if it made one."""
    if file.exists():
        return False
    # If the answer is lost, the next run sends the same key, and gets the same secret for ten
    # minutes. Later it gets a new one, and the one that this folder never had ends.
    key_file = file.with_name(file.name + "%key")
    if not key_file.exists():
        if not is_new and admin.call("GET", path + "/secrets")[2]["data"]:
            raise RuntimeError(f"it has a secret that is not in {file}")
        store(key_file, str(uuid.uuid4()))
    key, body = key_file.read_text(), {"overlap": "0s"}
    _, _, answer = admin.call("POST", path + "/secrets/rotate", body, Idempotency_Key=key)
    store(file, answer["client_secret"])
    key_file.unlink()
    return True


def store(file, text):
    """Writes a file that only its owner can read: all of it, or nothing."""
    draft = file.with_name(file.name + "%new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)


def main(customers, secrets):
    environment = os.environ
    secret = pathlib.Path(environment["ADMIN_SECRET_FILE"]).read_text().strip()
    issuer, management = map(server, (environment["ISSUER"], environment["ADMIN_API"]))
    try:
        admin = Admin(issuer, management, environment["ADMIN_ID"], secret)
    except Refused as refused:
        sys.exit(f"no token for {environment['ADMIN_ID']}: {refused}")
    folder = pathlib.Path(secrets)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    done, failed = collections.Counter(), 0

    def work(tenant):
        # No encoded id ends in %key or %new.
        name = urllib.parse.quote(tenant, safe="")
        path = "/v1/clients/" + name
        result = put_client(admin, path, client_of(tenant))
        return result, put_secret(admin, path, folder / name, result == "created")

    tenants = pathlib.Path(customers).read_text().split()
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        for tenant, job in [(tenant, pool.submit(work, tenant)) for tenant in tenants]:
            try:
                result, has_new_secret = job.result()
                done[result] += 1
                done["secrets"] += has_new_secret
            except (Refused, RuntimeError, OSError) as error:
                failed += 1
                print(f"{tenant}: {error}", file=sys.stderr)
    print("{created} created, {changed} changed, {unchanged} unchanged, {secrets} new secrets"
          .format_map(collections.defaultdict(int, done)))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
