-- What a running instance says of itself: where it runs, and which master keys it has.

-- The name of the machine and the number of the process. NULL: an instance of an earlier version.
ALTER TABLE usage_heartbeat ADD COLUMN place TEXT;
-- The fingerprints of its master keys, separated by commas. The first one seals, all of them open.
ALTER TABLE usage_heartbeat ADD COLUMN master_keys TEXT;
-- When it stopped, if it may start again from its snapshot without the database. Until expires_at
-- it may have used a secret that nobody has seen yet.
ALTER TABLE usage_heartbeat ADD COLUMN stopped_at BIGINT;
