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

-- A session keeps the plans of its first calls, when the tables may still be empty.
CREATE FUNCTION client_search_add() RETURNS TRIGGER
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    new_line TEXT := lower(NEW.client_id) || chr(9) || lower(NEW.name)
        || CASE WHEN lower(NEW.client_id) = NEW.client_id THEN '' ELSE chr(9) || NEW.client_id END
        || chr(10);
    first_of_row TEXT;
    end_of_row TEXT;
    bytes INT;
BEGIN
    SELECT first_id INTO first_of_row
    FROM client_search
    WHERE first_id <= NEW.client_id
    ORDER BY first_id DESC
    LIMIT 1;

    -- The line is there already if the same statement wrote many clients and the row was long.
    UPDATE client_search
    SET texts = texts || new_line
    WHERE first_id = first_of_row AND strpos(chr(10) || texts, chr(10) || new_line) = 0
    RETURNING octet_length(texts) INTO bytes;

    -- A row that has become long is written anew, as rows of twenty clients.
    IF bytes > 1600 THEN
        SELECT MIN(first_id) INTO end_of_row FROM client_search WHERE first_id > first_of_row;

        DELETE FROM client_search WHERE first_id = first_of_row;

        INSERT INTO client_search (first_id, texts)
        SELECT CASE WHEN part = 0 THEN first_of_row ELSE MIN(client_id) END, string_agg(line, '')
        FROM (
            SELECT
                client_id,
                lower(client_id) || chr(9) || lower(name)
                || CASE WHEN lower(client_id) = client_id THEN '' ELSE chr(9) || client_id END
                || chr(10) AS line,
                (row_number() OVER (ORDER BY client_id) - 1) / 20 AS part
            FROM client
            WHERE client_id >= first_of_row AND (end_of_row IS NULL OR client_id < end_of_row)
        ) AS lines
        GROUP BY part;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER client_search_created AFTER INSERT ON client
FOR EACH ROW EXECUTE FUNCTION client_search_add();

CREATE TRIGGER client_search_renamed AFTER UPDATE OF name ON client
FOR EACH ROW WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION client_search_add();
