-- The texts that clients are searched by, close together: a search reads them all in the order of
-- the ids of clients. A trigger keeps them, so every program that writes clients does.

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
SELECT MIN(client_id), string_agg(line, '')
FROM (
    SELECT
        client_id,
        lower(client_id) || chr(9) || lower(name)
        || CASE WHEN lower(client_id) = client_id THEN '' ELSE chr(9) || client_id END
        || chr(10) AS line,
        (row_number() OVER (ORDER BY client_id) - 1) / 25 AS part
    FROM client
) AS lines
GROUP BY part;

-- The lines of the clients from one id up to another one; up to the last client if that is NULL.
CREATE FUNCTION client_search_lines(first_of_row TEXT, end_of_row TEXT) RETURNS TEXT
LANGUAGE plpgsql AS $$
BEGIN
    IF end_of_row IS NULL THEN
        RETURN (
            SELECT COALESCE(string_agg(lower(client_id) || chr(9) || lower(name)
        || CASE WHEN lower(client_id) = client_id THEN '' ELSE chr(9) || client_id END
        || chr(10), ''), '')
            FROM client
            WHERE client_id >= first_of_row
        );
    END IF;
    RETURN (
        SELECT COALESCE(string_agg(lower(client_id) || chr(9) || lower(name)
        || CASE WHEN lower(client_id) = client_id THEN '' ELSE chr(9) || client_id END
        || chr(10), ''), '')
        FROM client
        WHERE client_id >= first_of_row AND client_id < end_of_row
    );
END
$$;

CREATE FUNCTION client_search_add() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    first_of_row TEXT;
    middle TEXT;
    end_of_row TEXT;
    bytes INT;
BEGIN
    SELECT first_id INTO first_of_row
    FROM client_search
    WHERE first_id <= NEW.client_id
    ORDER BY first_id DESC
    LIMIT 1;

    UPDATE client_search
    SET texts = texts || lower(NEW.client_id) || chr(9) || lower(NEW.name)
        || CASE WHEN lower(NEW.client_id) = NEW.client_id THEN '' ELSE chr(9) || NEW.client_id END
        || chr(10)
    WHERE first_id = first_of_row
    RETURNING octet_length(texts) INTO bytes;

    -- A row that has become long is written anew, as two of half of its clients each.
    IF bytes > 1600 THEN
        SELECT MIN(first_id) INTO end_of_row FROM client_search WHERE first_id > first_of_row;

        SELECT client_id INTO middle
        FROM (
            SELECT client_id, row_number() OVER (ORDER BY client_id) AS place, COUNT(*) OVER () AS clients
            FROM client
            WHERE client_id >= first_of_row AND (end_of_row IS NULL OR client_id < end_of_row)
        ) AS own
        WHERE place = clients / 2 + 1 AND client_id > first_of_row;

        IF middle IS NOT NULL THEN
            INSERT INTO client_search (first_id, texts)
            VALUES (middle, client_search_lines(middle, end_of_row));
        END IF;
        UPDATE client_search
        SET texts = client_search_lines(first_of_row, COALESCE(middle, end_of_row))
        WHERE first_id = first_of_row;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER client_search_created AFTER INSERT ON client
FOR EACH ROW EXECUTE FUNCTION client_search_add();

CREATE TRIGGER client_search_renamed AFTER UPDATE OF name ON client
FOR EACH ROW WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION client_search_add();
