-- Answers to requests of the admin API that carried an Idempotency-Key, for ten minutes. They may
-- hold a secret, so they are sealed under the master key. A backup leaves this table out.

CREATE TABLE idempotency_key (
    -- SHA-256 of the caller and the key, in base64url.
    key_hash TEXT NOT NULL PRIMARY KEY,
    -- The caller, as events name it.
    caller TEXT NOT NULL,
    -- SHA-256 of method, path, query and body, in base64url.
    request_hash TEXT NOT NULL,
    -- The sealed answer; NULL while the request runs.
    answer TEXT,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX idempotency_key_caller ON idempotency_key (caller);

CREATE INDEX idempotency_key_expires_at ON idempotency_key (expires_at);
