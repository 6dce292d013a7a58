-- Trusts of clients in SPIFFE trust domains, whose JWT-SVIDs authenticate them.

CREATE TABLE client_spiffe_trust (
    trust_id         TEXT   NOT NULL PRIMARY KEY,
    client_id        TEXT   NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    trust_domain     TEXT   NOT NULL,
    -- The https URL of the trust domain's bundle.
    bundle_endpoint  TEXT   NOT NULL,
    -- A SPIFFE ID, or a path prefix that ends with /*.
    subject          TEXT   NOT NULL,
    created_at       BIGINT NOT NULL
);

CREATE INDEX client_spiffe_trust_client_id ON client_spiffe_trust (client_id);
