-- The labels of clients, one a row: a list by a rare label does not look at every client.

CREATE TABLE client_label (
    client_id  TEXT NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    -- The key, an equals sign and the value.
    label      TEXT NOT NULL,
    PRIMARY KEY (client_id, label)
);

-- The clients with a label in the order in which they are listed.
CREATE INDEX client_label_label ON client_label (label, client_id);

-- client.labels is a JSON object of texts that have neither quotes nor commas. The two engines have
-- no function in common that splits it, so it is read character by character, up to each comma.
INSERT INTO client_label (client_id, label)
WITH RECURSIVE piece (client_id, rest, pair) AS (
    SELECT client_id, substr(labels, 2, length(labels) - 2) || ',', ''
    FROM client
    WHERE length(labels) > 2
    UNION ALL
    SELECT
        client_id,
        substr(rest, 2),
        CASE WHEN substr(rest, 1, 1) = ',' THEN '' ELSE pair || substr(rest, 1, 1) END
    FROM piece
    WHERE rest <> ''
)
SELECT client_id, replace(replace(pair, '":"', '='), '"', '')
FROM piece
WHERE substr(rest, 1, 1) = ',';
