"""What happens to each database: the commands and requests that dump.py runs with old programs."""

import base64
import contextlib
import hashlib
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ISSUER = "https://id.example.com"
ORDERS, INVOICES = "https://orders.example.com", "https://invoices.example.com"
REPORTS = "https://reports.example.com"
SETTINGS = {
    "TOKEND_ISSUER": ISSUER,
    # 32 bytes that exist for tests only.
    "TOKEND_MASTER_KEY": "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=",
    # Cheap, so that the tests are fast.
    "TOKEND_SECRETS_ARGON2_MEMORY": "64KiB",
    "TOKEND_SECRETS_ARGON2_ITERATIONS": "1",
    "TOKEND_SHUTDOWN_DELAY": "0s",
    # A new key signs after a second instead of a day.
    "TOKEND_KEYS_PUBLISH_BEFORE": "1s",
}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Of "password", from the tests of the reference implementation of argon2.
HASH = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
EXTERNAL_ISSUER = "https://ci.example"


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    """An Ed25519 key of a client or of an external issuer."""

    def __init__(self, folder, name):
        self.pem = folder / f"{name}.pem"
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.pem)
        self.pkcs8 = openssl("pkey", "-in", self.pem, "-outform", "DER")
        public = openssl("pkey", "-in", self.pem, "-pubout", "-outform", "DER")[-32:]
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": base64url(public)}
        canonical = json.dumps(jwk, separators=(",", ":")).encode()
        kid = base64url(hashlib.sha256(canonical).digest())
        self.jwk = jwk | {"alg": "EdDSA", "kid": kid, "use": "sig"}

    def sign(self, claims):
        header = {"alg": "EdDSA", "kid": self.jwk["kid"]}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        with tempfile.NamedTemporaryFile() as message:
            message.write(text.encode())
            message.flush()
            command = ("pkeyutl", "-sign", "-rawin", "-inkey", self.pem, "-in", message.name)
            return f"{text}.{base64url(openssl(*command))}"


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


class Tokend:
    """An old program on one database."""

    def __init__(self, program, database_url, folder, free_port):
        self.program, self.folder, self.free_port = program, folder, free_port
        places = {"TOKEND_DATABASE_URL": database_url, "TOKEND_DATA_DIR": str(folder)}
        self.settings = SETTINGS | places
        self.base = None
        self.rejections = []

    def run(self, command, *more, input=""):
        """Runs a command, which must succeed, and returns its JSON."""
        arguments = [self.program, *command.split(), *more, "-o", "json"]
        options = {"env": self.settings, "cwd": self.folder, "capture_output": True, "text": True}
        done = subprocess.run(arguments, input=input, **options)
        assert done.returncode == 0, (arguments, done)
        return json.loads(done.stdout) if done.stdout else None

    @contextlib.contextmanager
    def serving(self, **settings):
        """Runs the server until the end of the block; its last act is to write the statistics."""
        listen, management = self.free_port(), self.free_port()
        settings |= {
            "TOKEND_LISTEN": f"127.0.0.1:{listen}",
            "TOKEND_MANAGEMENT_LISTEN": f"127.0.0.1:{management}",
        }
        settings = self.settings | settings
        server = subprocess.Popen(
            [self.program, "serve"], env=settings, cwd=self.folder, stderr=subprocess.DEVNULL
        )
        self.base = f"http://127.0.0.1:{listen}"
        try:
            for _ in range(100):
                time.sleep(0.1)
                with contextlib.suppress(OSError):
                    if urllib.request.urlopen(f"{self.base}/readyz").status == 200:
                        break
            yield
        finally:
            # What it follows arrives within a second, what it counts is written at its end.
            time.sleep(2)
            server.terminate()
            assert server.wait() == 0

    def post(self, path, form, basic=None):
        """A form; the status and the body of the answer."""
        body = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.base + path, body)
        if basic:
            pair = ":".join(urllib.parse.quote_plus(part) for part in basic)
            credentials = base64.b64encode(pair.encode()).decode()
            request.add_header("Authorization", f"Basic {credentials}")
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
            self.rejections.append(error.headers["x-request-id"])
        return answer.status, answer.read().decode()

    def token(self, form, basic=None):
        """A token of a request that must succeed."""
        form = {"grant_type": "client_credentials"} | form
        status, body = self.post("/v1/oauth/token", form, basic)
        assert status == 200, (form, body)
        return json.loads(body)["access_token"]


def play(schema, program, database_url, free_port):
    """Fills a new database. Returns what the tests must know of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tokend = Tokend(program, database_url, folder, free_port)
        tokend.run("migrate")
        play_resources(tokend)
        secrets, tokens, keys = play_clients(tokend), {}, {}
        if schema >= 2:
            tokend.run("client update shop --token-rate 60/m")
            tokend.run("client update basic-only --token-rate off")
        if schema >= 3:
            keys = play_keys(tokend, secrets)
        with tokend.serving():
            for client in ("shop", "imported", "billing", "disabled", "deleted"):
                tokens[client] = tokend.token({"resource": ORDERS}, (client, secrets[client]))
            tokend.token({"resource": INVOICES}, ("shop", secrets["shop"]))
            # A wrong secret, and that of another client.
            form = {"grant_type": "client_credentials"}
            for wrong in ("wrong", secrets["billing"]):
                tokend.post("/v1/oauth/token", form, ("shop", wrong))
            if schema >= 3:
                play_tokens(tokend, secrets, tokens, keys)
            rotate = ("client rotate-secret billing --overlap 24h --label", "second of two")
            secrets["billing second"] = tokend.run(*rotate)["client_secret"]
            tokend.run("client disable disabled --reason", "moved; see SEC-12")
            tokend.run("client delete deleted")
            if schema >= 3:
                tokend.run("resource update", REPORTS, "--signing-alg", "EdDSA")
        # The start retires the key of RS256, which no resource needs now.
        with tokend.serving():
            pass
        # The first key of a second algorithm of the server, which does not sign yet.
        with tokend.serving(TOKEND_TOKEN_ALGORITHM="PS256", TOKEND_KEYS_PUBLISH_BEFORE="24h"):
            pass
        return {
            "issuer": ISSUER,
            "master_key": SETTINGS["TOKEND_MASTER_KEY"],
            "at": int(time.time()),
            "secrets": secrets,
            "tokens": tokens,
            "keys": {name: base64.b64encode(key.pkcs8).decode() for name, key in keys.items()},
            "printed": printed(tokend, schema),
        }


def play_resources(tokend):
    tokend.run(
        "resource create", ORDERS, "--scope", "orders:read=Read orders, old and new",
        "--scope", "orders:write", "--token-ttl", "30m",
    )
    tokend.run("resource create", INVOICES, "--scope", "invoices:read", "--scope", "invoices:draft")
    tokend.run("resource create https://gone.example.com --scope gone:read")
    tokend.run("resource delete https://gone.example.com")
    tokend.run("resource update", INVOICES, "--remove-scope", "invoices:draft")


def play_clients(tokend):
    """Clients with secrets: by id, the first secret of each."""
    made = {}

    def create(client, *more):
        name = f"The {client} client"
        made[client] = tokend.run("client create", name, "--id", client, *more)["client_secret"]

    orders = ("--grant", ORDERS)
    create("billing", *orders, "--token-ttl", "10m", "--label", "first of two")
    create("shop", "--grant", f"{ORDERS}=orders:read", "--grant", INVOICES)
    create("basic-only", *orders, "--auth-method", "client_secret_basic")
    create("disabled", *orders)
    create("deleted", *orders)
    create("expired", *orders, "--secret-ttl", "1s")
    create("ended", *orders)
    spare = tokend.run("client add-secret ended --label spare --secret-ttl 90d")
    made["ended second"] = spare["client_secret"]
    secrets = tokend.run("client show ended")["secrets"]
    first = next(secret for secret in secrets if secret["label"] == "")
    tokend.run("client expire-secret ended", first["secret_id"])
    # Of another system, with a short secret of its own form, and with a hash.
    made["imported"] = "as-it-was~(2019)"
    made["hashed"] = "password"
    lines = [
        {
            "client_id": "imported",
            "client_secret": made["imported"],
            "name": "Größe \"S\", 'quoted'",
            "grants": [{"resource": ORDERS, "scopes": ["orders:read"]}],
        },
        {
            "client_id": "hashed",
            "secret_hash": HASH,
            "auth_methods": ["client_secret_post"],
            "token_lifetime": 120,
            "grants": [{"resource": ORDERS}],
        },
    ]
    tokend.run("client import -", input="\n".join(json.dumps(line) for line in lines))
    tokend.run("client grant basic-only --resource", INVOICES, "--scope", "invoices:read")
    tokend.run("client revoke-grant basic-only --resource", INVOICES)
    tokend.run("client update basic-only --name", "Renamed")
    tokend.run("client disable basic-only")
    tokend.run("client enable basic-only")
    return made


def play_keys(tokend, secrets):
    """What schema 3 adds: other methods than a secret, bound tokens, networks, trusts."""
    keys = {name: Key(tokend.folder, name) for name in ("keyed", "foreign issuer")}
    orders = ("--grant", ORDERS)

    def create(client, *more, input=""):
        name = f"The {client} client"
        made = tokend.run("client create", name, "--id", client, *more, input=input)
        if "client_secret" in made:
            secrets[client] = made["client_secret"]

    def without_secret(client, *more, input=""):
        create(client, *orders, "--no-secret", *more, input=input)

    tokend.run("resource create", REPORTS, "--scope", "reports:read", "--signing-alg", "RS256")
    public = json.dumps(keys["keyed"].jwk)
    without_secret("keyed", "--auth-method", "private_key_jwt", "--jwks", "-", input=public)
    without_secret("fetched", "--jwks-uri", "https://keys.example.com/jwks.json")
    subject = ("--tls-subject", "subject_dn=CN=worker 1,O=Acme\\, Inc.,C=DE")
    without_secret("of-a-root", "--auth-method", "tls_client_auth", *subject)
    certificate, key = tokend.folder / "certificate.pem", tokend.folder / "certificate.key"
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=worker", "-days", "3650", "-keyout", key, "-out", certificate,
    )
    method = ("--auth-method", "self_signed_tls_client_auth")
    without_secret("self-signed", *method, "--certificate", certificate, "--certificate-bound")
    create("bound", *orders, "--dpop-bound")
    create("near", *orders, "--network", "127.0.0.0/8", "--network", "2001:db8::/32")
    create("far", *orders, "--network", "10.0.0.0/8")
    create("partly-near", *orders, "--grant", INVOICES)
    tokend.run("client grant partly-near --resource", INVOICES, "--network", "10.0.0.0/8")
    create("reports", "--grant", REPORTS)
    create("introspector", "--grant", "urn:tokend=introspect")
    create("revoked", *orders)
    without_secret("federated", "--grant-type", "client_credentials", "--grant-type", JWT_BEARER)
    trust = ("client trust add federated --audience", ISSUER, "--issuer")
    external = ("--claim", "ref=refs/heads/main", "--jwks", "-")
    public = json.dumps(keys["foreign issuer"].jwk)
    tokend.run(*trust, EXTERNAL_ISSUER, "--subject", "repo:acme/api:*", *external, input=public)
    fetched = ("--jwks-uri", "https://spire.example/keys", "--subject", "spiffe://example/worker")
    tokend.run(*trust, "https://spire.example", *fetched)
    claim = ("--claim", "/kubernetes.io/namespace=billing")
    tokend.run(*trust, "https://k8s.example", "--subject", "system:serviceaccount:a:b", *claim)
    return keys


def play_tokens(tokend, secrets, tokens, keys):
    """Tokens by an assertion and by a trust, revocations of both kinds."""
    now = int(time.time())
    times = {"iat": now, "exp": now + 200}
    claims = {"iss": "keyed", "sub": "keyed", "aud": ISSUER, "jti": "first"} | times
    proof = {"client_assertion_type": ASSERTION, "client_assertion": keys["keyed"].sign(claims)}
    tokens["keyed"] = tokend.token(proof)
    tokend.post("/v1/oauth/token", {"grant_type": "client_credentials"} | proof)
    claims = {"iss": EXTERNAL_ISSUER, "sub": "repo:acme/api:42", "aud": ISSUER} | times
    claims["ref"] = "refs/heads/main"
    external = {"grant_type": JWT_BEARER, "assertion": keys["foreign issuer"].sign(claims)}
    tokens["federated"] = tokend.token(external)
    for client in ("near", "reports", "revoked", "partly-near"):
        resource = {"resource": REPORTS if client == "reports" else ORDERS}
        tokens[client] = tokend.token(resource, (client, secrets[client]))
    # One by the client itself, one by its operator.
    tokens["revoked alone"] = tokend.token({}, ("near", secrets["near"]))
    tokens["revoked by jti"] = tokend.token({}, ("near", secrets["near"]))
    form = {"token": tokens["revoked alone"]}
    status, _ = tokend.post("/v1/oauth/revoke", form, ("near", secrets["near"]))
    assert status == 200
    tokend.run("token revoke -", input=tokens["revoked by jti"])
    tokend.run("client revoke-tokens revoked")
    tokend.post("/v1/oauth/token", {"grant_type": "client_credentials"}, ("far", secrets["far"]))


def printed(tokend, schema):
    """What the program prints of its database."""
    commands = ["client list", "resource list", "key list", "audit list"]
    if schema >= 3:
        commands += [f"explain {rejection}" for rejection in tokend.rejections]
    return {command: tokend.run(command) for command in commands}
