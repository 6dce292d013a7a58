-- Other proofs than a secret, where a client may be used from, and how a token ends before its time.

-- From then on the key signs no more, because nobody wants its algorithm; NULL while it is wanted.
ALTER TABLE signing_key ADD COLUMN retired_at BIGINT;

-- What a resource's tokens are signed with until a key of its new algorithm signs: an algorithm, or
-- `default` for the server's; NULL if it has never had another one.
ALTER TABLE resource ADD COLUMN signed_before TEXT;

-- The public keys of a client: a JWK set, or where one is fetched; at most one of the two.
ALTER TABLE client ADD COLUMN key_set TEXT;
ALTER TABLE client ADD COLUMN jwks_uri TEXT;
-- The subject of its certificate, such as `san_dns:worker.example.com` (RFC 8705, section 2.1.2).
ALTER TABLE client ADD COLUMN tls_subject TEXT;
-- What its tokens must be bound to.
ALTER TABLE client ADD COLUMN dpop_bound BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE client ADD COLUMN certificate_bound BOOLEAN NOT NULL DEFAULT FALSE;
-- Where it may be used from: networks separated by spaces; NULL for anywhere.
ALTER TABLE client ADD COLUMN networks TEXT;
ALTER TABLE client_grant ADD COLUMN networks TEXT;

-- Foreign issuers whose tokens authenticate a client. Keys: a JWK set, or where one is fetched, or
-- neither for discovery. conditions is a JSON object from claim to pattern.
CREATE TABLE client_trust (
    trust_id    TEXT   NOT NULL PRIMARY KEY,
    client_id   TEXT   NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    issuer      TEXT   NOT NULL,
    key_set     TEXT,
    jwks_uri    TEXT,
    audience    TEXT   NOT NULL,
    conditions  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE INDEX client_trust_client_id ON client_trust (client_id);

-- Tokens that ended before their time. Rows go when the token would have expired.
CREATE TABLE revoked_token (
    jti         TEXT   NOT NULL PRIMARY KEY,
    expires_at  BIGINT NOT NULL
);

CREATE INDEX revoked_token_expires_at ON revoked_token (expires_at);

-- All tokens of a client that were issued until then have ended. Outlives the client itself.
CREATE TABLE revoked_client (
    client_id      TEXT   NOT NULL PRIMARY KEY,
    revoked_until  BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);

-- Client assertions that have been used, by a hash of client and jti. Rows go when the assertion
-- would have expired.
CREATE TABLE used_assertion (
    assertion   TEXT   NOT NULL PRIMARY KEY,
    expires_at  BIGINT NOT NULL
);

CREATE INDEX used_assertion_expires_at ON used_assertion (expires_at);

-- The longest life that any instance has ever been willing to give a token, in seconds: so long
-- a revocation must be kept, whatever the settings of the process that revokes.
CREATE TABLE longest_lifetime (
    one      BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seconds  BIGINT NOT NULL
);

-- The use of what is no secret: a client's keys, its certificate, its trusts. In the same batches
-- as secret_use.
CREATE TABLE client_use (
    client_id      TEXT   NOT NULL PRIMARY KEY REFERENCES client (client_id) ON DELETE CASCADE,
    first_used_at  BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    uses           BIGINT NOT NULL,
    last_address   TEXT   NOT NULL
);

-- Why requests were refused, for `tokend explain`: the last ones only, never a secret.
CREATE TABLE refusal (
    request_id  TEXT   NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    status      BIGINT NOT NULL,
    error       TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    client_id   TEXT,
    reason      TEXT   NOT NULL,
    remedy      TEXT,
    hint        TEXT
);

CREATE INDEX refusal_at ON refusal (at);

-- This server itself as a resource: whoever holds its scope may introspect every token. Somebody
-- may have made one of that name already.
INSERT INTO resource (resource, token_lifetime, signing_algorithm, created_at, updated_at)
VALUES ('urn:tokend', NULL, NULL, 0, 0)
ON CONFLICT (resource) DO NOTHING;
INSERT INTO resource_scope (resource, scope, description)
VALUES ('urn:tokend', 'introspect', 'Introspect every token of this server')
ON CONFLICT (resource, scope) DO NOTHING;
