-- Clients as a large organization has them, for `benches/commands.rs`: one text for SQLite and
-- Postgres. {clients} is their number, {now} the present time in seconds since 1970.
--
-- Every number is made from `h`, which is spread evenly and the same in each run. A statement ends
-- with a semicolon at the end of a line.

CREATE TEMPORARY TABLE made AS
WITH RECURSIVE number (i) AS (
    SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM number WHERE i < {clients}
)
SELECT
    i,
    h,
    -- Half of the clients have ids without an order, as they are generated; the others have names
    -- of teams.
    CASE h % 2
        WHEN 0 THEN 'client-' || CAST(h * 48271 % 2147483647 AS TEXT) || '-' || CAST(i AS TEXT)
        ELSE 'team-' || CAST(h % 400 AS TEXT) || '-service-' || CAST(i AS TEXT)
    END AS client_id,
    -- Registered within the last three years.
    {now} - h % 94608000 AS created_at
FROM (SELECT i, i * 2654435761 % 4294967296 / 16 AS h FROM number) AS spread;

INSERT INTO resource (resource, created_at, updated_at, owner)
SELECT 'https://api-' || CAST(i AS TEXT) || '.example.com', {now}, {now},
    'team-' || CAST(i % 100 AS TEXT)
FROM made WHERE i <= 200;

INSERT INTO resource_scope (resource, scope, description)
SELECT 'https://api-' || CAST(i AS TEXT) || '.example.com', scope, ''
FROM made CROSS JOIN (
    SELECT 'read' AS scope UNION ALL SELECT 'write' UNION ALL SELECT 'export'
    UNION ALL SELECT 'admin' UNION ALL SELECT 'erase'
) AS offered
WHERE i <= 200;

-- One client in twenty is disabled, one in ten has no owner, the largest owner has a fifth of all.
INSERT INTO client (client_id, name, state, auth_methods, grant_types, created_at, updated_at,
    active_at, owner, description, labels)
SELECT client_id, 'Service ' || CAST(i AS TEXT) || ' of Team ' || CAST(h % 400 AS TEXT),
    CASE WHEN h / 7 % 20 = 0 THEN 'disabled' ELSE 'active' END,
    'client_secret_basic client_secret_post', 'client_credentials', created_at, created_at,
    -- The use of its secret, as below.
    CASE
        WHEN h / 59 % 4 = 0 THEN 0
        WHEN h / 47 % 100 = 0 THEN created_at
        ELSE {now} - h / 53 % 100000
    END,
    CASE
        WHEN h / 11 % 10 = 0 THEN NULL
        WHEN h / 11 % 10 < 3 THEN 'platform'
        ELSE 'team-' || CAST(h % 400 AS TEXT)
    END,
    'Reads and writes what service ' || CAST(i AS TEXT) || ' needs',
    CASE
        WHEN i % 20000 = 0 THEN '{"env":"prod","pilot":"yes"}'
        WHEN h / 13 % 4 = 0 THEN '{"env":"staging"}'
        ELSE '{"env":"prod"}'
    END
FROM made ORDER BY client_id;

INSERT INTO client_label (client_id, label)
SELECT client_id, CASE WHEN h / 13 % 4 = 0 AND i % 20000 <> 0 THEN 'env=staging' ELSE 'env=prod' END
FROM made ORDER BY client_id;

INSERT INTO client_label (client_id, label) SELECT client_id, 'pilot=yes' FROM made WHERE i % 20000 = 0;

-- Half of the secrets expire, at some time of the year; one client in ten has a second one.
INSERT INTO client_secret (secret_id, client_id, kind, hash, hint, label, created_at, expires_at)
SELECT 'sec_' || CAST(h * 48271 % 2147483647 AS TEXT) || 'x' || CAST(i AS TEXT), client_id, 'minted',
    '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$8vpP1Rw0VLe0GUqFxBsGNFEMdsQNbaQMgGU+3P2M0cE',
    CAST(100000 + i % 900000 AS TEXT), '', created_at,
    CASE WHEN h / 17 % 2 = 0 THEN {now} + h / 19 % 31536000 END
FROM made ORDER BY i;

INSERT INTO client_secret (secret_id, client_id, kind, hash, hint, label, created_at, expires_at)
SELECT 'sec_old' || CAST(i AS TEXT), client_id, 'minted',
    '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$8vpP1Rw0VLe0GUqFxBsGNFEMdsQNbaQMgGU+3P2M0cE',
    CAST(100000 + i % 900000 AS TEXT), 'old', created_at, {now} + h / 23 % 2592000
FROM made WHERE h / 29 % 10 = 0 ORDER BY i;

-- The first resource belongs to three clients in five, and few of them may erase.
INSERT INTO client_grant (client_id, resource, scopes)
SELECT client_id, 'https://api-1.example.com',
    CASE
        WHEN i % 20001 = 0 THEN 'erase'
        WHEN h / 31 % 10 < 6 THEN 'read'
        WHEN h / 31 % 10 < 8 THEN 'read write'
        ELSE 'export read'
    END
FROM made WHERE h / 37 % 5 < 3 OR i % 20001 = 0 ORDER BY client_id;

INSERT INTO client_grant (client_id, resource, scopes)
SELECT client_id, 'https://api-' || CAST(2 + h / 41 % 199 AS TEXT) || '.example.com',
    CASE WHEN h / 43 % 3 = 0 THEN NULL ELSE 'read write' END
FROM made ORDER BY client_id;

-- Three in four were used, most of them today; one in a hundred stopped long ago.
INSERT INTO secret_use (secret_id, first_used_at, last_used_at, uses, last_address)
SELECT 'sec_' || CAST(h * 48271 % 2147483647 AS TEXT) || 'x' || CAST(i AS TEXT), created_at,
    CASE WHEN h / 47 % 100 = 0 THEN created_at ELSE {now} - h / 53 % 100000 END, 1 + h % 100000,
    '10.0.0.1'
FROM made WHERE h / 59 % 4 <> 0 ORDER BY i;

INSERT INTO client_use (client_id, first_used_at, last_used_at, uses, last_address)
SELECT client_id, created_at, {now} - h / 53 % 5000000, 1 + h % 1000, '10.0.0.2'
FROM made WHERE h / 61 % 20 = 0 ORDER BY client_id;

-- An event for each client. The hashes follow one another, but are not those of the events.
INSERT INTO event (sequence, at, actor, action, subject, detail, previous_hash, hash)
SELECT (SELECT sequence FROM event_head) + i, {now} - {clients} + i, 'cli:admin',
    CASE WHEN h % 1000 = 0 THEN 'client.disabled' ELSE 'client.created' END, 'client/' || client_id,
    '{}',
    CASE i WHEN 1 THEN (SELECT hash FROM event_head) ELSE 'hash-' || CAST(i - 1 AS TEXT) END,
    'hash-' || CAST(i AS TEXT)
FROM made ORDER BY i;

UPDATE event_head SET sequence = sequence + {clients}, hash = 'hash-{clients}';

DROP TABLE made;

ANALYZE;
