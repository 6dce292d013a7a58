//! Checkpoints of the audit log: signed statements that the log has an event with a certain hash.

use crate::model::event::Head;
use crate::model::time::Timestamp;

/// A stored checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The event that the checkpoint names.
    pub head: Head,
    /// The signed statement: a compact JWS.
    pub jws: String,
    /// The time of the signature, by the clock of the database.
    pub signed_at: Timestamp,
    /// The time since which the log starts after this event, because earlier events are deleted.
    pub anchored_at: Option<Timestamp>,
}
