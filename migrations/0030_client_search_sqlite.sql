-- The texts that clients are searched by, close together: a search reads them all in the order of
-- the ids of clients. Triggers keep them, so every program that writes clients does.

CREATE TABLE client_search (
    -- The row is about the clients from this id up to the first one of the next row.
    first_id  TEXT NOT NULL PRIMARY KEY,
    -- A line for each of them: id and name in lower case, and the id itself if that is another
    -- text, with tabs between them. Lines of clients that were deleted or renamed stay until the
    -- row is written anew: a search looks at the clients themselves too.
    texts     TEXT NOT NULL
);

-- The first row is there for clients of any id.
INSERT INTO client_search (first_id, texts) VALUES ('', '');

INSERT INTO client_search (first_id, texts)
SELECT MIN(client_id), group_concat(line, '')
FROM (
    SELECT
        client_id,
        lower(client_id) || char(9) || lower(name)
        || CASE WHEN lower(client_id) = client_id THEN '' ELSE char(9) || client_id END
        || char(10) AS line,
        (row_number() OVER (ORDER BY client_id) - 1) / 25 AS part
    FROM client
) AS lines
GROUP BY part;

CREATE TRIGGER client_search_created AFTER INSERT ON client
BEGIN
    UPDATE client_search
    SET texts = texts || lower(NEW.client_id) || char(9) || lower(NEW.name)
        || CASE WHEN lower(NEW.client_id) = NEW.client_id THEN '' ELSE char(9) || NEW.client_id END
        || char(10)
    WHERE first_id = (SELECT MAX(first_id) FROM client_search WHERE first_id <= NEW.client_id);
END;

CREATE TRIGGER client_search_renamed AFTER UPDATE OF name ON client
WHEN NEW.name <> OLD.name
BEGIN
    UPDATE client_search
    SET texts = texts || lower(NEW.client_id) || char(9) || lower(NEW.name)
        || CASE WHEN lower(NEW.client_id) = NEW.client_id THEN '' ELSE char(9) || NEW.client_id END
        || char(10)
    WHERE first_id = (SELECT MAX(first_id) FROM client_search WHERE first_id <= NEW.client_id);
END;

-- A row that has become long is written anew, as two of half of its clients each. What a trigger
-- does here does not run it again. char(1114111) follows every id.
CREATE TRIGGER client_search_split AFTER UPDATE OF texts ON client_search
WHEN length(NEW.texts) > 1600
BEGIN
    INSERT INTO client_search (first_id, texts)
    SELECT client_id, ''
    FROM (
        SELECT client_id, row_number() OVER (ORDER BY client_id) AS place, COUNT(*) OVER () AS clients
        FROM client
        WHERE client_id >= NEW.first_id
            AND client_id < COALESCE(
                (SELECT MIN(first_id) FROM client_search WHERE first_id > NEW.first_id),
                char(1114111)
            )
    ) AS own
    WHERE place = clients / 2 + 1 AND client_id > NEW.first_id;

    UPDATE client_search
    SET texts = COALESCE((
        SELECT group_concat(lower(client.client_id) || char(9) || lower(client.name)
        || CASE WHEN lower(client.client_id) = client.client_id THEN '' ELSE char(9) || client.client_id END
        || char(10), '')
        FROM client
        WHERE client.client_id >= client_search.first_id
            AND client.client_id < COALESCE(
                (SELECT MIN(later.first_id) FROM client_search AS later
                WHERE later.first_id > client_search.first_id),
                char(1114111)
            )
    ), '')
    WHERE first_id = NEW.first_id
        OR first_id = (SELECT MIN(first_id) FROM client_search WHERE first_id > NEW.first_id);
END;
