-- Facts of clients and resources for people and policies, and the scopes of administrators.

-- The team that the client belongs to.
ALTER TABLE client ADD COLUMN owner TEXT;
ALTER TABLE client ADD COLUMN description TEXT;
ALTER TABLE client ADD COLUMN contact TEXT;
-- A JSON object of texts without spaces, its keys in alphabetical order; NULL for none.
ALTER TABLE client ADD COLUMN labels TEXT;
-- An administrator is limited to objects of these owners: a JSON array of texts; NULL for all.
ALTER TABLE client ADD COLUMN admin_of TEXT;

ALTER TABLE resource ADD COLUMN owner TEXT;
ALTER TABLE resource ADD COLUMN description TEXT;
ALTER TABLE resource ADD COLUMN contact TEXT;
ALTER TABLE resource ADD COLUMN labels TEXT;

-- The clients of an owner in the order in which they are listed.
CREATE INDEX client_owner ON client (owner, client_id) WHERE owner IS NOT NULL;

-- The owner of the subject at the time of the event.
ALTER TABLE event ADD COLUMN owner TEXT;
-- The owner of the other side: of the resource of a grant, or the one before a change of owner.
ALTER TABLE event ADD COLUMN other_owner TEXT;

CREATE INDEX event_owner ON event (owner, sequence) WHERE owner IS NOT NULL;
CREATE INDEX event_other_owner ON event (other_owner, sequence) WHERE other_owner IS NOT NULL;

-- The scopes of this server are a closed list. Others that were added by hand are removed.
DELETE FROM resource_scope WHERE resource = 'urn:tokend';
INSERT INTO resource_scope (resource, scope, description) VALUES
    ('urn:tokend', 'introspect', 'Introspect every token of this server'),
    ('urn:tokend', 'clients:read', 'Read clients'),
    ('urn:tokend', 'clients:write', 'Register, change, disable and delete clients'),
    ('urn:tokend', 'secrets:write', 'Generate, rotate and end client secrets'),
    ('urn:tokend', 'grants:write', 'Give grants and claims to clients'),
    ('urn:tokend', 'resources:read', 'Read resources'),
    ('urn:tokend', 'resources:write', 'Register, change and delete resources'),
    ('urn:tokend', 'keys:read', 'Read signing keys'),
    ('urn:tokend', 'keys:write', 'Rotate, retire and revoke signing keys'),
    ('urn:tokend', 'tokens:issue', 'Issue tokens in the name of a client'),
    ('urn:tokend', 'tokens:revoke', 'Revoke tokens'),
    ('urn:tokend', 'audit:read', 'Read and verify the audit log'),
    ('urn:tokend', 'stats:read', 'Read usage statistics'),
    ('urn:tokend', 'server:read', 'Read the settings and the state of the server'),
    ('urn:tokend', 'admins:write', 'Make administrators and limit them to owners');

-- No client becomes an administrator by this migration: a grant of all scopes becomes a grant of
-- the one scope that this server had, and scopes that were added by hand are removed.
UPDATE client_grant
SET scopes = CASE
    WHEN scopes IS NULL THEN 'introspect'
    WHEN replace(' ' || scopes || ' ', ' introspect ', '') <> ' ' || scopes || ' ' THEN 'introspect'
    ELSE ''
END
WHERE resource = 'urn:tokend';
