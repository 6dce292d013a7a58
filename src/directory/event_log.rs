//! Each event that an instance follows is a line of its log, so that a change is visible where all
//! other lines of the server are.

use crate::model::event::Event;

/// Writes a line for each event. Events that are older than the instance are not among them, and
/// neither are those that it read with everything else, because its database was replaced.
pub(super) fn note(events: &[Event]) {
    for event in events {
        let Event { sequence, at, actor, action, subject, .. } = event;
        tracing::info!(sequence, %at, actor, action, subject, "event");
    }
}
