-- Writing a long row anew read all clients from the first one of the row to the last one of the
-- table, so a new client cost more the more clients there were. Now it reads those of the row.

-- A session keeps the plans of its first calls, when the tables may still be empty.
CREATE OR REPLACE FUNCTION client_search_add() RETURNS TRIGGER
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
        -- The last row needs an end too, so that the index of clients is searched with two limits.
        SELECT COALESCE(MIN(first_id), (SELECT MAX(client_id) || 'z' FROM client))
        INTO end_of_row
        FROM client_search
        WHERE first_id > first_of_row;

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
            WHERE client_id >= first_of_row AND client_id < end_of_row
        ) AS lines
        GROUP BY part;
    END IF;
    RETURN NULL;
END
$$;
