-- The use of each secret (the ledger), and a client's own rate of tokens.

-- NULL for the server's default, `off`, or a rate such as 60/m.
ALTER TABLE client ADD COLUMN token_rate TEXT;

-- Written in batches, at most some seconds after the use; no event.
CREATE TABLE secret_use (
    secret_id      TEXT   NOT NULL PRIMARY KEY REFERENCES client_secret (secret_id) ON DELETE CASCADE,
    first_used_at  BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    uses           BIGINT NOT NULL,
    last_address   TEXT   NOT NULL
);
