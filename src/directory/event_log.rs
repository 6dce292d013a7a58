//! Logs each event that an instance follows, so that changes appear in the log of the server.

use crate::model::event::Event;

/// Logs each event. Events before the start of the instance are not logged. Neither are those of a
/// full reload, after the database was replaced.
pub(super) fn note(events: &[Event]) {
    for event in events {
        let Event { sequence, at, actor, action, subject, .. } = event;
        tracing::info!(sequence, %at, actor, action, subject, "event");
    }
}
