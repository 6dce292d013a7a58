-- The public half of each signing key in the clear, and the issuer of the server.

-- The public half (a JWK). It stays published when no master key opens the private half any more;
-- then `sealed` is empty, and the key never signs again. NULL until a server has stored it.
ALTER TABLE signing_key ADD COLUMN public_jwk TEXT;

-- The issuer of the server that started last, by which a start with another issuer is noticed.
CREATE TABLE server_issuer (
    one     BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    issuer  TEXT   NOT NULL,
    since   BIGINT NOT NULL
);
