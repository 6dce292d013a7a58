-- What the platform team requires of the clients of an owner.

CREATE TABLE owner_policy (
    -- An owner, or * for every owner without a policy of its own.
    owner                   TEXT    NOT NULL PRIMARY KEY,
    -- Whether each secret must have an expiry.
    secret_expiry_required  BOOLEAN NOT NULL,
    -- The longest time from the creation of a secret to its expiry, in seconds; NULL for any.
    secret_max_age          BIGINT,
    -- The authentication methods that clients may have, separated by spaces; NULL for all.
    auth_methods            TEXT,
    -- The maximum number of clients; NULL for any.
    max_clients             BIGINT,
    updated_at              BIGINT  NOT NULL
);
