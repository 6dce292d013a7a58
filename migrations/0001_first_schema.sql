-- Clients with their secrets and grants, resources with their scopes, signing keys, events.
-- One text for Postgres and SQLite: TEXT, BIGINT and BOOLEAN only; times are whole seconds
-- since 1970 in UTC; sets of words are separated by spaces.

CREATE TABLE sealed_key (
    name    TEXT NOT NULL PRIMARY KEY,
    sealed  TEXT NOT NULL
);

CREATE TABLE resource (
    resource           TEXT   NOT NULL PRIMARY KEY,
    token_lifetime     BIGINT,
    signing_algorithm  TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

CREATE TABLE resource_scope (
    resource     TEXT NOT NULL REFERENCES resource (resource) ON DELETE CASCADE,
    scope        TEXT NOT NULL,
    description  TEXT NOT NULL,
    PRIMARY KEY (resource, scope)
);

CREATE TABLE client (
    client_id       TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('active', 'disabled')),
    auth_methods    TEXT   NOT NULL,
    grant_types     TEXT   NOT NULL,
    token_lifetime  BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE TABLE client_secret (
    secret_id   TEXT   NOT NULL PRIMARY KEY,
    client_id   TEXT   NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    kind        TEXT   NOT NULL CHECK (kind IN ('minted', 'imported')),
    hash        TEXT   NOT NULL,
    hint        TEXT   NOT NULL,
    label       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT
);

CREATE INDEX client_secret_client_id ON client_secret (client_id);

-- scopes is NULL for a grant of every scope the resource has.
CREATE TABLE client_grant (
    client_id  TEXT NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    resource   TEXT NOT NULL REFERENCES resource (resource) ON DELETE CASCADE,
    scopes     TEXT,
    PRIMARY KEY (client_id, resource)
);

CREATE INDEX client_grant_resource ON client_grant (resource);

CREATE TABLE signing_key (
    kid         TEXT   NOT NULL PRIMARY KEY,
    algorithm   TEXT   NOT NULL,
    sealed      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    signs_from  BIGINT NOT NULL
);

CREATE TABLE event (
    sequence       BIGINT NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          TEXT   NOT NULL,
    action         TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    detail         TEXT   NOT NULL,
    previous_hash  TEXT   NOT NULL,
    hash           TEXT   NOT NULL
);

-- The end of the chain. A change takes this row's lock first, so that changes queue up and the
-- sequence has no gaps.
CREATE TABLE event_head (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence  BIGINT NOT NULL,
    hash      TEXT   NOT NULL
);

INSERT INTO event_head (id, sequence, hash) VALUES (1, 0, '');
