-- "All tokens of this client" becomes an epoch in the sequence of events, independent of clocks.

-- The sequence of the revoking event: a token whose claim evt is smaller has been revoked. NULL in
-- rows of schema 3, which compare iat with revoked_until only.
ALTER TABLE revoked_client ADD COLUMN evt BIGINT;
-- Tokens issued before this second have been revoked whatever their evt says: a restored database
-- counts its events again from an earlier number.
ALTER TABLE revoked_client ADD COLUMN iat_before BIGINT;

-- The client that revoked its own token; NULL if an operator revoked it by jti.
ALTER TABLE revoked_token ADD COLUMN client_id TEXT;

CREATE INDEX revoked_token_client_id ON revoked_token (client_id, expires_at);
