-- How far the events have been sent to each receiver of notifications.

CREATE TABLE notification_cursor (
    -- SHA-256 of the URL of the receiver, in base64url.
    receiver         TEXT   NOT NULL PRIMARY KEY,
    -- Every event up to this one has been delivered, was given up, or is not one to send.
    sequence         BIGINT NOT NULL,
    -- How often in a row the next event could not be delivered.
    failures         BIGINT NOT NULL DEFAULT 0,
    -- How often the receiver has rejected the next event.
    rejections       BIGINT NOT NULL DEFAULT 0,
    -- When the next event is sent again, by the clock of the database.
    next_attempt_at  BIGINT NOT NULL DEFAULT 0,
    -- The instance that sends now, and until when no other one does, by the clock of the database.
    instance         TEXT   NOT NULL DEFAULT '',
    leased_until     BIGINT NOT NULL DEFAULT 0
);
