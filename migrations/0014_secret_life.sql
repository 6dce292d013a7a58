-- The life of a secret: registered by its digest, replaced, unused, leaked, about to expire.

-- SHA-256 of a secret that was generated offline, as sha256: and hexadecimal digits. The column hash
-- is empty then, and an earlier version accepts no such secret.
ALTER TABLE client_secret ADD COLUMN digest TEXT;
-- The secret of the same client that a rotation replaced it by.
ALTER TABLE client_secret ADD COLUMN replaced_by TEXT;
-- It ends before expires_at when the other secret was used and this one was not for so many seconds.
ALTER TABLE client_secret ADD COLUMN unused_window BIGINT;
-- When the event was written that says that it expires soon.
ALTER TABLE client_secret ADD COLUMN warned_at BIGINT;
-- When it was first reported as leaked.
ALTER TABLE client_secret ADD COLUMN leaked_at BIGINT;

-- What is done with a secret that is reported as leaked; NULL for the report alone.
ALTER TABLE client ADD COLUMN leak_policy TEXT;

-- How much of its usage statistics each running instance has written, by the clock of the database.
CREATE TABLE usage_heartbeat (
    instance       TEXT   NOT NULL PRIMARY KEY,
    -- Every use before this time has been written.
    written_until  BIGINT NOT NULL,
    -- An instance that is not heard from until then issues no more tokens.
    expires_at     BIGINT NOT NULL
);

-- Finds the secret that a text is, by its last characters or by its digest.
CREATE INDEX client_secret_hint ON client_secret (hint);
CREATE INDEX client_secret_digest ON client_secret (digest) WHERE digest IS NOT NULL;
-- Secrets that wait to be unused, and those without a warning.
CREATE INDEX client_secret_unused ON client_secret (expires_at) WHERE unused_window IS NOT NULL;
CREATE INDEX client_secret_unwarned ON client_secret (expires_at, secret_id)
WHERE expires_at IS NOT NULL AND warned_at IS NULL;
