-- Which grants came from an approved grant request: their tokens have the approved claims alone.

ALTER TABLE client_grant ADD COLUMN is_approved BOOLEAN NOT NULL DEFAULT FALSE;

UPDATE client_grant
SET is_approved = TRUE
WHERE EXISTS (
    SELECT 1
    FROM grant_request
    WHERE grant_request.client_id = client_grant.client_id
        AND grant_request.resource = client_grant.resource
        AND grant_request.state = 'approved'
);
