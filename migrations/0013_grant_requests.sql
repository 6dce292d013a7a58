-- Requests for a grant of a resource of another owner. They outlive the client and the resource, so
-- they refer to neither.
CREATE TABLE grant_request (
    request_id TEXT NOT NULL PRIMARY KEY,
    -- The sequence of the event of its creation: the order of lists.
    sequence BIGINT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    -- Scopes with spaces between them; never all of the resource.
    scopes TEXT NOT NULL,
    -- NULL for anywhere.
    networks TEXT,
    -- A JSON object of names and values; NULL for none.
    claims TEXT,
    -- 1, and 1 more with each change of what is requested.
    revision BIGINT NOT NULL,
    -- 'pending', 'approved', 'rejected', 'cancelled' or 'expired'.
    state TEXT NOT NULL,
    -- What the requester says about it.
    message TEXT,
    -- Why it ended.
    reason TEXT,
    -- The owners of the client and of the resource at the time of the request.
    client_owner TEXT,
    resource_owner TEXT,
    -- The actor of the last change of what is requested.
    requested_by TEXT NOT NULL,
    -- The actor that ended it; NULL while it is pending.
    ended_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- A client has one pending request for a resource.
CREATE UNIQUE INDEX grant_request_pending ON grant_request (client_id, resource)
    WHERE state = 'pending';
CREATE INDEX grant_request_resource ON grant_request (resource, sequence);
CREATE INDEX grant_request_client_owner ON grant_request (client_owner, sequence)
    WHERE client_owner IS NOT NULL;
CREATE INDEX grant_request_resource_owner ON grant_request (resource_owner, sequence)
    WHERE resource_owner IS NOT NULL;
-- Pending requests that expire, and ended ones that are deleted.
CREATE INDEX grant_request_expiry ON grant_request (state, expires_at);
CREATE INDEX grant_request_end ON grant_request (updated_at) WHERE state <> 'pending';
