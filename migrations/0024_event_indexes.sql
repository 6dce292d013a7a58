-- Events by what was done and by who did it, in the order of their lists: a rare action or actor is
-- found without a look at every event.

CREATE INDEX event_action ON event (action, sequence);
CREATE INDEX event_actor ON event (actor, sequence);
