-- The source that a client or a resource is applied from (tokend apply); NULL for none.

ALTER TABLE client ADD COLUMN source TEXT;
ALTER TABLE resource ADD COLUMN source TEXT;

-- What a source holds, in the order in which it is compared and exported.
CREATE INDEX client_source ON client (source, client_id) WHERE source IS NOT NULL;
CREATE INDEX resource_source ON resource (source, resource) WHERE source IS NOT NULL;
