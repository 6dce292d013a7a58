-- Sessions of the console, and the one-time links that open one.

CREATE TABLE console_link (
    -- SHA-256 of the secret of the link, in base64url.
    link_hash   TEXT   NOT NULL PRIMARY KEY,
    -- The id of the session that the link opens.
    session_id  TEXT   NOT NULL UNIQUE,
    -- The name of the operator who made the link.
    operator    TEXT   NOT NULL,
    -- The scopes of urn:tokend, with spaces between them; NULL: no limit.
    scopes      TEXT,
    -- The owners, with spaces between them; NULL: no limit.
    owners      TEXT,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);

CREATE TABLE console_session (
    -- SHA-256 of the secret in the cookie, in base64url.
    session_hash  TEXT   NOT NULL PRIMARY KEY,
    session_id    TEXT   NOT NULL UNIQUE,
    -- The operator of the link, with its limits; NULL for a client.
    operator      TEXT,
    scopes        TEXT,
    owners        TEXT,
    -- The administrator that signed in by its own credentials; NULL for an operator.
    client_id     TEXT,
    -- The secret by which it signed in, as far as that is known.
    secret_id     TEXT,
    -- The event after which it was authenticated: revoked tokens end sessions too.
    sequence      BIGINT NOT NULL,
    -- When it signed in, was last seen and ends at the latest, by the clock of the database.
    signed_in_at  BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    ends_at       BIGINT NOT NULL,
    address       TEXT   NOT NULL,
    user_agent    TEXT   NOT NULL
);

CREATE INDEX console_link_expiry ON console_link (expires_at);
CREATE INDEX console_session_end ON console_session (ends_at);
