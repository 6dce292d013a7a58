-- Signed checkpoints of the audit log, and leases for what one instance does at a time.

-- The public halves of the keys that have signed checkpoints. The private half of the newest one
-- is sealed in sealed_key.
CREATE TABLE audit_key (
    -- The thumbprint of the key.
    kid         TEXT   NOT NULL PRIMARY KEY,
    public_jwk  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE audit_checkpoint (
    -- The last event that the checkpoint covers, and the hash of that event.
    sequence     BIGINT NOT NULL PRIMARY KEY,
    hash         TEXT   NOT NULL,
    -- The signed checkpoint.
    jws          TEXT   NOT NULL,
    -- When it was signed last, by the clock of the database.
    signed_at    BIGINT NOT NULL,
    -- When all events until this one were given up; NULL if they were not.
    anchored_at  BIGINT
);

CREATE TABLE lease (
    -- What the instance does.
    name        TEXT   NOT NULL PRIMARY KEY,
    instance    TEXT   NOT NULL,
    -- Until when no other instance does it, by the clock of the database.
    expires_at  BIGINT NOT NULL
);
