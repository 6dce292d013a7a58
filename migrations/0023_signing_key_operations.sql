-- What operators do with signing keys, and who reads the key set.

-- When a key was revoked; NULL if it was not.
ALTER TABLE signing_key ADD COLUMN revoked_at BIGINT;

-- When the first signature of a key was postponed, because verifiers did not know the key yet.
ALTER TABLE signing_key ADD COLUMN postponed_at BIGINT;

-- Readers of the key set that have been seen, of all instances together.
CREATE TABLE key_set_reader (
    -- The network of the address: /24 of IPv4, /48 of IPv6.
    network        TEXT   NOT NULL,
    -- The first product of the User-Agent header.
    user_agent     TEXT   NOT NULL,
    first_seen_at  BIGINT NOT NULL,
    last_seen_at   BIGINT NOT NULL,
    -- On how many days of UTC it has been seen.
    days           BIGINT NOT NULL,
    -- When the newest key was made that it has fetched.
    newest_key_at  BIGINT NOT NULL,
    PRIMARY KEY (network, user_agent)
);
