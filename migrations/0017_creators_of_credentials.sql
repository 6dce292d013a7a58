-- The rights of the caller that made a credential: scopes of urn:tokend, separated by spaces; NULL
-- for an operator. A credential of a caller with fewer rights ends when its client gets more.

ALTER TABLE client_secret ADD COLUMN creator TEXT;
ALTER TABLE client_trust ADD COLUMN creator TEXT;
ALTER TABLE client_spiffe_trust ADD COLUMN creator TEXT;

-- Of the keys or the jwks_uri, and of the subject of the certificate.
ALTER TABLE client ADD COLUMN keys_creator TEXT;
ALTER TABLE client ADD COLUMN tls_subject_creator TEXT;
