-- People who signed in to the console at an identity provider (OpenID Connect).

-- Issuer and subject of the person; NULL for an operator and a client. A row of a person has no
-- operator and no client, and its scopes and owners are empty, so that a version before this one
-- gives it no right.
ALTER TABLE console_session ADD COLUMN issuer TEXT;
ALTER TABLE console_session ADD COLUMN subject TEXT;
-- The groups of the person at the sign-in, as a JSON list of texts.
ALTER TABLE console_session ADD COLUMN person_groups TEXT;
-- When the provider authenticated the person, if it said so.
ALTER TABLE console_session ADD COLUMN authenticated_at BIGINT;
