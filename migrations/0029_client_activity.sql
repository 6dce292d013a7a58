-- Lists of clients by their last use, and by several conditions at once.

-- A time at which the client had authenticated, at most a day before the last one; 0 if it is not
-- known. The last use itself is in secret_use and client_use. A list by the last use looks there
-- only at clients whose time here is old enough.
ALTER TABLE client ADD COLUMN active_at BIGINT NOT NULL DEFAULT 0;

UPDATE client
SET active_at = used.last_used_at
FROM (
    SELECT client_id, MAX(last_used_at) AS last_used_at
    FROM (
        SELECT client_id, last_used_at FROM client_use
        UNION ALL
        SELECT client_secret.client_id, secret_use.last_used_at
        FROM secret_use
        JOIN client_secret ON client_secret.secret_id = secret_use.secret_id
    ) AS uses
    GROUP BY client_id
) AS used
WHERE client.client_id = used.client_id;

-- What lists choose by, in the order in which they are printed: a walk over all clients reads this
-- index alone.
CREATE INDEX client_walk ON client (client_id, active_at, created_at, state, owner);

-- Secrets by their expiry, with the client: a list looks at other columns only of what it lists.
DROP INDEX client_secret_expires_at;
CREATE INDEX client_secret_expires_at ON client_secret (expires_at, secret_id, client_id)
WHERE expires_at IS NOT NULL;

-- The clients of a resource by the text of their scopes: a scope that few of them have is found
-- without a look at each grant.
CREATE INDEX client_grant_scopes ON client_grant (resource, scopes, client_id);
