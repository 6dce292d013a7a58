-- Indexes for lists: the first page of each is found without a look at every row, in the order in
-- which it is printed.

CREATE INDEX client_state ON client (state, client_id);

-- Also for a name that is given in place of an id.
CREATE INDEX client_name ON client (name, client_id);

CREATE INDEX client_secret_expires_at ON client_secret (expires_at, secret_id)
WHERE expires_at IS NOT NULL;

-- The clients of a resource in the order of their ids: without the second column all of them would
-- be sorted for each page.
DROP INDEX client_grant_resource;
CREATE INDEX client_grant_resource ON client_grant (resource, client_id);

CREATE INDEX event_subject ON event (subject, sequence);

CREATE INDEX event_at ON event (at);

CREATE INDEX refusal_client_id ON refusal (client_id, at);
